"""The command that listens: for talk, for tones, for who answers. See commands."""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

import msgspec

from .command import Command
from .outcomes import Detected, Outcome, Stopped, Undetected

Tone: TypeAlias = Literal["busy", "congestion", "sit", "cng", "ced", "beep"]
Detectable: TypeAlias = Literal["talk", "silence", "answerer", "busy", "congestion", "sit", "cng", "ced", "beep"]


class AnswererRules(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What tells a person who answers from a machine, in seconds.

    A greeting longer than `greeting`, or of more than `words` spurts of talk, is a machine's, and so is whatever a tone
    follows; a shorter one with a `pause` after it is a person's. Who says nothing for `silence`, or has not decided it
    after `total`, is unknown.
    """

    greeting: float = 1.7
    pause: float = 0.8
    words: int = 6
    silence: float = 3.0
    total: float = 6.0


class Detect(Command, frozen=True, kw_only=True):
    """Listen to the peer until the first of `what` is heard, for `timeout` seconds at most; 0 is without end.

    `talk` is talk for so many seconds (`talk`), `silence` none for so many (`silence`); softer than `level_dbov` is
    silent. `answerer` is whether a person answered or a machine, by the `rules`. `busy`, `congestion` and `sit` are the
    tones of networks, `cng` and `ced` those of a fax that calls and answers, `beep` an answering machine's. Tones are
    no talk. With `events`, whatever is heard meanwhile is told: `channel.talking`, `channel.silent`, `channel.tone`.
    A channel has one at a time. It answers nobody, and goes on in a bridge.
    """

    name: ClassVar[str] = "detect"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Detected, Undetected, Stopped)
    ended_by: ClassVar[str] = "detect.finished"
    what: tuple[Detectable, ...] = ()
    timeout: float = 30.0
    talk: float = 0.2
    silence: float = 1.0
    level_dbov: float = -42.0
    rules: AnswererRules = AnswererRules()
    events: bool = False
