"""Commands that place calls. See commands."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from .command import Command
from .outcomes import Answered, Failed, Outcome
from .source import Source


class Target(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Whom to dial: a user's name, a SIP URI or `NUMBER@TRUNK`, the id its channel shall have, and after what delay.

    `NUMBER@*` goes by the cheapest trunk, `enum:+NUMBER` to the addresses that DNS has of it. `trunk` names the trunk
    by which the target, then a number, is called. The delay counts from its stage's beginning.
    `username` and `password` answer a callee, or a proxy on the way, that asks who we are (401, 407).
    """

    target: str
    leg: str = ""
    delay: float = 0.0
    timeout: float | None = None
    headers: dict[str, str] = {}
    trunk: str = ""
    username: str = ""
    password: str = ""


class Confirmation(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Whoever picks up must take the call: by keying `key` while or after `prompt` plays, else it is another's turn.

    Without a key the app decides: it owns the answered leg, and gives it the command `confirm`. `timeout` is for all.
    """

    prompt: tuple[Source, ...] = ()
    key: str = ""
    timeout: float = 15.0


class Dial(Command, frozen=True, kw_only=True):
    """Dial stages in turn, the targets of a stage together; the first to answer wins and the others are cancelled.

    The callee is told of `caller_id`, or of who calls; `withheld` hides that, or not, whatever the caller wished.
    `timeout` is per stage. The caller hears `ringback` meanwhile, if one is named (`us`, `eu`, or a source), and with
    `early_media` what the first callee's side plays before it answers. With `confirm`, answering alone does not win.
    Of the targets that a callee redirects to (3xx) so many are tried in its place, one after another, as `redirects`
    says; without, the branch fails and names them in `contacts`. With `tones` a callee's side that plays busy,
    congestion or special information before it answers has refused: its branch fails.
    """

    name: ClassVar[str] = "dial"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Answered, Failed)
    ended_by: ClassVar[str] = "dial.finished"
    stages: tuple[tuple[Target, ...], ...]
    timeout: float = 30.0
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    caller_id: str | None = None
    withheld: bool | None = None
    ringback: Source | None = None
    early_media: bool = False
    confirm: Confirmation | None = None
    redirects: int = 0
    tones: bool = True


class Confirm(Command, frozen=True, kw_only=True):
    """On the answered leg of a dial that wants to be confirmed: take the call, or leave it to another."""

    name: ClassVar[str] = "confirm"
    accept: bool = True


class Originate(Command, frozen=True, kw_only=True):
    """Dial without a caller, as `dial` does. The leg that answers is this session's, or goes where it is said to.

    `app`: that app takes it; `route`: as if it had called that number; `bridge`: it is bridged with that channel, which
    is this session's. The events `dial.branch` and `dial.finished` are the session's and of no channel.
    """

    name: ClassVar[str] = "originate"
    of: ClassVar[Literal["channel", "engine"]] = "engine"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Answered, Failed)
    ended_by: ClassVar[str] = "dial.finished"
    never: ClassVar[tuple[str, ...]] = ("hangup",)
    stages: tuple[tuple[Target, ...], ...]
    timeout: float = 30.0
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    caller_id: str | None = None
    withheld: bool = False
    app: str | None = None
    route: str | None = None
    bridge: str | None = None
    tones: bool = True
