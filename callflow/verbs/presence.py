"""What phones show of users: that has nothing to do with any call, also not with the one that is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from callflow.protocol.commands import SetLamp, SetMailbox, SetPresence

if TYPE_CHECKING:
    from callflow.call import Call


async def set_mailbox(
    call: Call, user: str, *, new: int = 0, saved: int = 0, urgent_new: int = 0, urgent_saved: int = 0
) -> None:
    """Tell how many voice messages wait for a user, as his phones' lamps show it; also when the call has ended.

    The urgent ones are among the others. Raises NotFound when there is no such user.
    """
    command = SetMailbox(user=user, new=new, saved=saved, urgent_new=urgent_new, urgent_saved=urgent_saved)
    await call._leg.link.request(command, channel=None)


async def set_lamp(call: Call, lamp: str, state: Literal["off", "ringing", "busy"]) -> None:
    """Light the lamps of phones that watch a user, or a number; also when the call has ended."""
    await call._leg.link.request(SetLamp(lamp=lamp, state=state), channel=None)


async def set_presence(
    call: Call, user: str, status: Literal["open", "closed", "auto"], *, note: str = "", activity: str = ""
) -> None:
    """Say how a user is reached, over what his phones say of that; `auto` takes it back. Also when the call has ended.

    `activity`: a word of RFC 4480, such as `away` or `meeting`. Raises NotFound when there is no such user.
    """
    await call._leg.link.request(SetPresence(user=user, status=status, note=note, activity=activity), channel=None)
