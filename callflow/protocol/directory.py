"""Commands about users: those of the database are added, changed and removed; those of the file stay as they are."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from .command import Command
from .security import SrtpPolicy


class AddUser(Command, frozen=True, kw_only=True):
    """Let somebody register and call, from now on and after a restart. Of the password only digest hashes are kept.

    `caller_id` is who calls, in place of what the phone says; `variables` are on each call
    that the user makes; `srtp` says whether his media is encrypted, without it the listener does. Scope `admin`.
    """

    name: ClassVar[str] = "add_user"
    of: ClassVar[Literal["channel", "engine"]] = "engine"
    user: str
    password: str
    context: str = "internal"
    classes: tuple[str, ...] = ()
    caller_id: str = ""
    groups: tuple[str, ...] = ()
    variables: dict[str, str] = msgspec.field(default_factory=dict)
    srtp: SrtpPolicy = ""


class ChangeUser(Command, frozen=True, kw_only=True):
    """Change what is given of a user of the database. Calls that are up stay as they are. Scope `admin`.

    `not_found`: there is no such user.
    """

    name: ClassVar[str] = "change_user"
    of: ClassVar[Literal["channel", "engine"]] = "engine"
    user: str
    password: str | None = None
    context: str | None = None
    classes: tuple[str, ...] | None = None
    caller_id: str | None = None
    groups: tuple[str, ...] | None = None
    variables: dict[str, str] | None = None
    srtp: SrtpPolicy | None = None


class RemoveUser(Command, frozen=True, kw_only=True):
    """Know a user of the database no more; his phones are no longer registered. Scope `admin`.

    `not_found`: there is no such user.
    """

    name: ClassVar[str] = "remove_user"
    of: ClassVar[Literal["channel", "engine"]] = "engine"
    user: str
