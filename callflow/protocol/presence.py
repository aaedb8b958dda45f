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
