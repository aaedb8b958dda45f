"""detect: what the peer sends, until something of what was asked for is heard.

The media says when talk begins and pauses, and names tones (`SoundDetected`), by a clock that what is heard moves on;
how long talk or silence must last, and who answered, is decided here. What lasts is due by our clock, a moment later
than the media can have reported that it did not last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import trio

from callflow.protocol import commands
from callflow.protocol.events import ChannelSilent, ChannelTalking, ChannelTone, DetectFinished
from callflow.protocol.outcomes import Detected, Outcome, Stopped, Undetected
from engine.media import session as media

from .answerer import Answerer, Verdict
from .argument import within
from .deadline import Deadline
from .errors import CommandError
from .verb import Why

if TYPE_CHECKING:
    from .channel import Channel
    from .timer import Timer

_LONGEST = 86400.0  # seconds
_MOST_WORDS = 100
_REPORTED_AFTER_MS = 160  # talk is reported 120 ms after it began, and packets have some way to go

_Found: TypeAlias = Literal[
    "talk", "silence", "human", "machine", "unknown", "busy", "congestion", "sit", "cng", "ced", "beep"
]
_Tone: TypeAlias = Literal["busy", "congestion", "sit", "cng", "ced", "beep"]


def detect(channel: Channel, command_id: str, command: commands.Detect) -> None:
    if not command.what and not command.events:
        raise CommandError("bad_argument", "detect: expected something to listen for in `what`, or `events`")
    within("timeout", command.timeout, 0, _LONGEST)
    within("talk", command.talk, 0.02, _LONGEST)
    within("silence", command.silence, 0.02, _LONGEST)
    within("level_dbov", command.level_dbov, -80, 0)
    rules = command.rules
    within("words", rules.words, 1, _MOST_WORDS)
    for name in ("greeting", "pause", "silence", "total"):
        within(f"{name} of the rules", getattr(rules, name), 0.1, _LONGEST)
    for verb in channel.running:
        if isinstance(verb, Detecting):
            channel.stop(verb, Why.REPLACED)
    Detecting(channel, command_id, command).start()


def note_sound(channel: Channel, sound: media.SoundDetected) -> None:
    """The media has noticed something: for the detect that runs, or for who dials this leg."""
    for verb in channel.running:
        if isinstance(verb, Detecting):
            verb.receive(sound)
            return
    if channel.watcher is not None:
        channel.watcher.leg_heard(channel, sound)


def is_detecting(channel: Channel) -> bool:
    """Its app listens there."""
    return any(isinstance(verb, Detecting) for verb in channel.running)


class Detecting:
    """A detect that runs."""

    def __init__(self, channel: Channel, command_id: str, command: commands.Detect) -> None:
        self.command_id = command_id
        self._channel = channel
        self._command = command
        self._answerer = Answerer(command.rules) if "answerer" in command.what else None
        self._began_at = trio.current_time()
        self._is_over = False
        self._talking_since: int | None = None  # a spurt that goes on, ms
        self._is_talk = False  # it was told
        self._level = 0
        self._lasting: Deadline | None = None  # until talk, or silence, has lasted
        self._deciding: Deadline | None = None  # until the answerer's patience is at an end
        self._patience: Timer | None = None

    def start(self) -> None:
        self._channel.run(self)
        self._channel.media.detect(level_dbov=self._command.level_dbov)
        if self._command.timeout > 0:
            self._patience = self._channel.table.timers.after(self._command.timeout, self._time_out)
        self._await_silence(0)
        self._await_decision()

    # Verb

    def press(self, digit: str) -> bool:
        return False

    def receive(self, event: media.MediaEvent) -> None:
        if not isinstance(event, media.SoundDetected):
            return
        match event.noticed:
            case "talk_started":
                self._start_talk(event)
            case "talk_stopped":
                self._stop_talk(event)
            case tone:
                self._hear_tone(tone, event)
        if not self._is_over:
            self._await_decision()

    def stop(self, why: Why) -> None:
        self._finish(Stopped(why.value))

    def give_up(self) -> None:
        self._finish(Stopped())

    # Talk and silence

    def _start_talk(self, sound: media.SoundDetected) -> None:
        self._talking_since, self._level = sound.at_ms, sound.level_dbov
        if not self._is_talk:
            self._set_lasting(sound.at_ms + 1000 * self._command.talk, self._have_talk)
        elif self._lasting is not None:
            self._lasting.cancel()
        if self._answerer is not None:
            self._decide(self._answerer.start_talk(sound.at_ms))

    def _stop_talk(self, sound: media.SoundDetected) -> None:
        since, self._talking_since, self._level = self._talking_since, None, sound.level_dbov
        if not self._is_talk and since is not None and sound.at_ms - since >= 1000 * self._command.talk:
            self._have_talk()
        if not self._is_over and self._answerer is not None:
            self._decide(self._answerer.stop_talk(sound.at_ms))
        self._await_silence(sound.at_ms)

    def _have_talk(self) -> None:
        self._is_talk = True
        if self._command.events:
            self._channel.emit(ChannelTalking(level_dbov=self._level))
        self._hear("talk")

    def _await_silence(self, since_ms: int) -> None:
        self._set_lasting(since_ms + 1000 * self._command.silence, self._have_silence)

    def _have_silence(self) -> None:
        if self._is_talk and self._command.events:
            self._channel.emit(ChannelSilent())
        self._is_talk = False
        self._hear("silence")

    # Tones, and who answered

    def _hear_tone(self, tone: _Tone, sound: media.SoundDetected) -> None:
        self._level = sound.level_dbov
        if self._command.events:
            self._channel.emit(ChannelTone(tone=tone))
        self._hear(tone)
        if not self._is_over and self._answerer is not None:
            self._decide(self._answerer.hear_tone(tone, sound.at_ms))

    def _await_decision(self) -> None:
        if self._answerer is None:
            return
        if self._deciding is not None:
            self._deciding.cancel()
        self._deciding = self._after(self._answerer.due_ms + _REPORTED_AFTER_MS, self._decide_by_time)

    def _decide_by_time(self) -> None:
        assert self._answerer is not None
        self._decide(self._answerer.pass_time(self._answerer.due_ms))

    def _decide(self, verdict: Verdict | None) -> None:
        if verdict is not None:
            self._finish(Detected(verdict.who, self._now_ms(), self._level, verdict.greeting))

    # Inside

    def _hear(self, found: _Found) -> None:
        if found in self._command.what:
            self._finish(Detected(found, self._now_ms(), self._level))

    def _time_out(self) -> None:
        self._finish(Undetected())

    def _now_ms(self) -> int:
        return round((trio.current_time() - self._began_at) * 1000)

    def _set_lasting(self, at_ms: float, then: Callable[[], None]) -> None:
        """Wait until it has lasted, and until it would have been reported that it has not."""
        if self._lasting is not None:
            self._lasting.cancel()
        if not self._is_over:
            self._lasting = self._after(at_ms + _REPORTED_AFTER_MS, then)

    def _after(self, at_ms: float, then: Callable[[], None]) -> Deadline:
        return Deadline(self._channel.table.timers, (at_ms - self._now_ms()) / 1000, then)

    def _finish(self, outcome: Outcome) -> None:
        if self._is_over:
            return
        self._is_over = True
        for timer in (self._lasting, self._deciding, self._patience):
            if timer is not None:
                timer.cancel()
        self._channel.media.detect(level_dbov=None)
        event = DetectFinished(command=self.command_id, outcome=cast("Detected | Undetected | Stopped", outcome))
        self._channel.finish(self, event)
