"""What every command has: its name, what it is given to, and how it ends."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from .outcomes import Outcome


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The arguments of one command."""

    name: ClassVar[str]
    of: ClassVar[Literal["channel", "engine"]] = "channel"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = ()  # empty: the reply is all there is
    ended_by: ClassVar[str] = ""  # the event that carries the outcome
    replies_with: ClassVar[object] = None  # the type of the reply's data
    never: ClassVar[tuple[str, ...]] = ()  # reasons of its outcomes' that it cannot end with
