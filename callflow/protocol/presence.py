"""Commands that change what phones show of users, outside of any call."""

from __future__ import annotations

from typing import ClassVar, Literal

from .command import Command


class SetMailbox(Command, frozen=True, kw_only=True):
    """Tell how many voice messages wait for a user, as the lamps of his phones show it (RFC 3842).

    The urgent ones are among the others. `not_found`: there is no such user.
    """

    name: ClassVar[str] = "set_mailbox"
    of: ClassVar[Literal["channel", "engine"]] = "engine"
    user: str
    new: int = 0
    saved: int = 0
    urgent_new: int = 0
    urgent_saved: int = 0


class SetLamp(Command, frozen=True, kw_only=True):
    """Light the lamps of phones that watch a name, a user's or a number's such as that of a parking place (RFC 4235).

    It stays so until it is said otherwise. The calls of a user are shown besides, by themselves.
    """

    name: ClassVar[str] = "set_lamp"
    of: ClassVar[Literal["channel", "engine"]] = "engine"
    lamp: str
    state: Literal["off", "ringing", "busy"]


class SetPresence(Command, frozen=True, kw_only=True):
    """Say how a user is reached, over what his phones and the engine say of that; `auto` takes it back (RFC 3863).

    `activity`: a word of RFC 4480, such as `away`, `busy`, `meeting`, `vacation`. `not_found`: there is no such user.
    """

    name: ClassVar[str] = "set_presence"
    of: ClassVar[Literal["channel", "engine"]] = "engine"
    user: str
    status: Literal["open", "closed", "auto"]
    note: str = ""
    activity: str = ""
