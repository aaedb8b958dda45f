"""What phones show of users: that has nothing to do with any call, also not with the one that is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callflow.protocol.commands import SetMailbox

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
