"""Commands about conferences and listening in. See commands.

A conference is a bridge of any number of channels, by a name within the app: whichever of the app's sessions joins
first makes it, and all of them may steer it. It is gone when the last member leaves.
"""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

import msgspec

from .command import Command
from .outcomes import Left, Outcome, Played, Recorded
from .source import Source

ConferenceAction: TypeAlias = Literal[
    "list",
    "mute",
    "unmute",
    "deafen",
    "undeafen",
    "kick",
    "volume",
    "whisper",
    "lock",
    "unlock",
    "pause",
    "resume",
    "end",
]


class ConferenceSounds(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is heard of a member: by all when it comes (`enter`) and goes (`leave`); by itself while it waits (`music`).

    It waits while it is alone, and, if it is to, until a moderator is there.
    """

    enter: tuple[Source, ...] = ()
    leave: tuple[Source, ...] = ()
    music: tuple[Source, ...] = ()


class Join(Command, frozen=True, kw_only=True):
    """Take part in the app's conference of that name. An unanswered caller is answered; a bridge or a join ends first.

    Who makes the conference sets its `pin`; who shows another is `refused`. With `wait`, a member hears and says
    nothing until a moderator is there; when a moderator leaves that joined with `end`, the conference is over. `volume`
    is in dB, to the others. `record`: from now on all that is said goes to that file, below the app's recordings.
    """

    name: ClassVar[str] = "join"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Left,)
    ended_by: ClassVar[str] = "bridge.left"
    conference: str
    pin: str = ""
    muted: bool = False
    deaf: bool = False
    moderator: bool = False
    wait: bool = False
    end: bool = False
    volume: float = 0.0
    record: str = ""
    sounds: ConferenceSounds = ConferenceSounds()


class Listen(Command, frozen=True, kw_only=True):
    """Hear the two ends of another channel of the app's, as long as it stays in its bridge or conference.

    `listen`: nobody notices; `whisper`: only `other` hears the listener; `barge`: everybody does. The bridge, and what
    runs on it, go on as they were. An unanswered caller is answered; a bridge, join or listen of its own ends first.
    """

    name: ClassVar[str] = "listen"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Left,)
    ended_by: ClassVar[str] = "bridge.left"
    never: ClassVar[tuple[str, ...]] = ("kicked", "locked", "refused")
    other: str
    mode: Literal["listen", "whisper", "barge"] = "listen"


class MemberState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A member of a conference, by its channel."""

    id: str
    joined_at: float  # seconds since the epoch
    muted: bool = False
    deaf: bool = False
    moderator: bool = False
    waiting: bool = False
    talking: bool = False
    volume: float = 0.0
    whispers_to: str | None = None


class ConferenceState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A conference. `id` is that of its bridge; members stand in the order in which they came."""

    id: str
    name: str
    members: tuple[MemberState, ...] = ()
    locked: bool = False


class ConferenceCommand(Command, frozen=True, kw_only=True):
    """Steer the app's conference of that name; the reply says what is then.

    `list` changes nothing. `mute`, `unmute`, `deafen`, `undeafen` are about a `member`, or about all but moderators;
    `kick`, `volume` (`gain_db`, to the others) and `whisper` are about a `member`, whose voice `whisper` gives to the
    member `to` alone, or without one to all again. `lock`: nobody more may join; `unlock`. `pause`: what is
    recorded of it skips the time until `resume`. `end`: all leave.
    """

    name: ClassVar[str] = "conference"
    of: ClassVar[Literal["channel", "engine"]] = "engine"
    replies_with: ClassVar[object] = ConferenceState
    conference: str
    action: ConferenceAction = "list"
    member: str | None = None
    gain_db: float = 0.0
    to: str | None = None


class ConferencePlay(Command, frozen=True, kw_only=True):
    """Play sources to the app's conference of that name: to all, besides what they say, or to one `member` instead.

    `repeat` 0 is for ever. What is played to all stops what was. Cancelled without a channel, as `originate` is.
    """

    name: ClassVar[str] = "conference_play"
    of: ClassVar[Literal["channel", "engine"]] = "engine"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Played,)
    ended_by: ClassVar[str] = "playback.finished"
    never: ClassVar[tuple[str, ...]] = ("digit",)
    conference: str
    sources: tuple[Source, ...]
    member: str | None = None
    repeat: int = 1
    gain_db: float = 0.0


class ConferenceRecord(Command, frozen=True, kw_only=True):
    """Record all that is said in, and played to, the app's conference of that name, until it ends."""

    name: ClassVar[str] = "conference_record"
    of: ClassVar[Literal["channel", "engine"]] = "engine"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Recorded,)
    ended_by: ClassVar[str] = "recording.finished"
    never: ClassVar[tuple[str, ...]] = ("silence", "terminator", "hangup")
    conference: str
    path: str
    max: float = 14400.0
