"""Commands about what is heard, keyed and recorded. See commands."""

from __future__ import annotations

from typing import ClassVar, Literal

from .command import Command
from .outcomes import Digits, Invalid, Outcome, Played, Recorded, Sent, Stopped, TimedOut
from .source import SayKind, Source


class Play(Command, frozen=True, kw_only=True):
    """Play sources one after another; `repeat` 0 is for ever. To an unanswered caller it is early media.

    Files are WAV, MP3, FLAC, Ogg with Vorbis or Opus, or raw. It grows louder for `fade_in_ms`, and softer for
    `fade_out_ms`: before its end, and once it is stopped.
    """

    name: ClassVar[str] = "play"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Played,)
    ended_by: ClassVar[str] = "playback.finished"
    sources: tuple[Source, ...]
    repeat: int = 1
    stop_on: str = ""
    offset_ms: int = 0
    gain_db: float = 0.0
    fade_in_ms: int = 0
    fade_out_ms: int = 0


class SayCommand(Command, frozen=True, kw_only=True):
    """Say a text from recorded prompts, see Say."""

    name: ClassVar[str] = "say"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Played,)
    ended_by: ClassVar[str] = "playback.finished"
    text: str
    language: str = ""
    kind: SayKind = "words"
    stop_on: str = ""
    gain_db: float = 0.0


class ToneCommand(Command, frozen=True, kw_only=True):
    """Sound a tone, see Tone; without `seconds`, until it is cancelled or replaced."""

    name: ClassVar[str] = "tone"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Played,)
    ended_by: ClassVar[str] = "playback.finished"
    never: ClassVar[tuple[str, ...]] = ("failed",)
    plan: str
    seconds: float | None = None
    stop_on: str = ""


class Control(Command, frozen=True, kw_only=True):
    """Steer a running playback, recording or stream: `pause` or `resume` it; playbacks also seek and change their gain.

    The peer of a stream that pauses hears nothing, and is heard.

    `seek_ms` is how far to go, back if negative. `gain_db` is the gain from now on. What has ended is `not_found`.
    """

    name: ClassVar[str] = "control"
    command: str
    action: Literal["pause", "resume"] | None = None
    seek_ms: int = 0
    gain_db: float | None = None


class Gather(Command, frozen=True, kw_only=True):
    """Collect digits, playing `prompt` until the first. Time-outs count from the end of the prompt.

    `valid` is a regular expression over the whole entry; `type_ahead` keeps digits keyed before the command.
    """

    name: ClassVar[str] = "gather"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Digits, TimedOut, Invalid, Stopped)
    ended_by: ClassVar[str] = "gather.finished"
    prompt: tuple[Source, ...] = ()
    min: int = 1
    max: int = 1
    terminators: str = "#"
    timeout: float = 5.0
    digit_timeout: float = 3.0
    valid: str = ""
    type_ahead: bool = True
    retries: int = 0
    invalid: tuple[Source, ...] = ()


class Record(Command, frozen=True, kw_only=True):
    """Record what the caller says to a WAV file below the app's recordings. Answers an unanswered call.

    `trim`: the silence before the first sound and after the last is left out, but for 200 ms.
    """

    name: ClassVar[str] = "record"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Recorded,)
    ended_by: ClassVar[str] = "recording.finished"
    path: str
    max: float = 3600.0
    silence: float = 0.0
    terminators: str = "#"
    beep: bool = False
    trim: bool = False


class RecordCall(Command, frozen=True, kw_only=True):
    """Record both directions of the call to a WAV file, whatever it does meanwhile; `control` pauses and resumes it.

    `stereo`: the caller's voice left, what the caller hears right; else mixed. Answers an unanswered call.
    """

    name: ClassVar[str] = "record_call"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Recorded,)
    ended_by: ClassVar[str] = "recording.finished"
    never: ClassVar[tuple[str, ...]] = ("silence", "terminator")
    path: str
    stereo: bool = True
    max: float = 14400.0


class Echo(Command, frozen=True, kw_only=True):
    """Send the caller's voice back, `delay_ms` later (at most 10,000). A caller who has not been answered is."""

    name: ClassVar[str] = "echo"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Stopped,)
    ended_by: ClassVar[str] = "echo.finished"
    delay_ms: int = 0


class Press(Command, frozen=True, kw_only=True):
    """Have keys count as if the peer had pressed them: they are told, and are for whatever asks for keys, or kept."""

    name: ClassVar[str] = "press"
    digits: str


class SendDigits(Command, frozen=True, kw_only=True):
    """Send digits as events in RTP (RFC 4733), by INFO (`application/dtmf-relay`, one for each) or in band, as tones.

    Without `via` they go as events where those were agreed on, and else in band. By `rtp` none is sent without that.
    """

    name: ClassVar[str] = "send_digits"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Sent,)
    ended_by: ClassVar[str] = "digits.sent"
    never: ClassVar[tuple[str, ...]] = ("kept",)
    digits: str
    duration_ms: int = 120
    gap_ms: int = 80
    via: Literal["rtp", "info", "inband"] | None = None
