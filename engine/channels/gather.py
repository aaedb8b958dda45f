"""gather: a prompt, then digits, until there are enough, a terminator, or too long a pause.

Time-outs count from the end of the prompt. The first key stops the prompt. An entry is checked as a whole: when it has
`max` digits, when a terminator or a pause closes it, or as soon as it matches and no longer entry could.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from callflow.protocol import commands
from callflow.protocol.events import GatherFinished
from callflow.protocol.outcomes import Digits, Invalid, Stopped, TimedOut
from engine.media import session as media

from .argument import digits_only, within
from .errors import CommandError
from .pattern import DigitPattern, digit_pattern
from .source import resolve_for
from .verb import Why

if TYPE_CHECKING:
    from .channel import Channel
    from .timer import Timer

_LONGEST_PAUSE = 86400.0  # seconds
_MOST_RETRIES = 100


def gather(channel: Channel, command_id: str, command: commands.Gather) -> None:
    limits = channel.table.limits
    within("max", command.max, 1, limits.entry)
    within("min", command.min, 0, command.max)
    within("timeout", command.timeout, 0, _LONGEST_PAUSE)
    within("digit_timeout", command.digit_timeout, 0, _LONGEST_PAUSE)
    within("retries", command.retries, 0, _MOST_RETRIES)
    digits_only("terminators", command.terminators, 16)
    pattern = digit_pattern(command.valid) if command.valid else None
    prompt = resolve_for(channel, command.prompt)
    invalid = resolve_for(channel, command.invalid)
    if len(prompt) + len(invalid) > limits.sources:
        raise CommandError("bad_argument", f"expected at most {limits.sources} sources in prompt and invalid")
    channel.open_audio("gather")
    for verb in channel.running:
        if isinstance(verb, Gathering):
            channel.stop(verb, Why.REPLACED)
    Gathering(channel, command_id, command, pattern, prompt, invalid).start()


class Gathering:
    """A gather that runs: one entry after another, at most `retries` more than one."""

    def __init__(
        self,
        channel: Channel,
        command_id: str,
        command: commands.Gather,
        pattern: DigitPattern | None,
        prompt: tuple[media.Source, ...],
        invalid: tuple[media.Source, ...],
    ) -> None:
        self.command_id = command_id
        self._channel = channel
        self._command = command
        self._pattern = pattern
        self._prompt = prompt
        self._invalid = invalid
        self._retries = command.retries
        self._entry = ""
        self._playing: str | None = None  # the media's name of the prompt that runs
        self._timer: Timer | None = None
        self._is_over = False
        channel.run(self)

    def start(self) -> None:
        """Take what was keyed ahead; without any, play the prompt."""
        ahead, self._channel.digits_ahead = self._channel.digits_ahead, []
        if not self._command.type_ahead:
            ahead = []
        while ahead and self._command.min and ahead[0] in self._command.terminators:
            ahead.pop(0)  # closed an entry that was complete without it
        if not ahead:
            self._play(self._prompt)
        while ahead and not self._is_over:
            self.press(ahead.pop(0))
        self._channel.digits_ahead += ahead

    def press(self, digit: str) -> bool:
        self._quiet()
        if digit in self._command.terminators:
            self._close(digit)
            return True
        self._entry += digit
        if len(self._entry) >= self._command.max or self._is_complete():
            self._close(None)
        else:
            self._wait(self._command.digit_timeout)
        return True

    def receive(self, event: media.MediaEvent) -> None:
        if isinstance(event, media.PlaybackFinished) and event.playback == self._playing:
            self._playing = None
            self._wait(self._command.timeout)

    def stop(self, why: Why) -> None:
        self._finish(Stopped(why.value))

    def give_up(self) -> None:
        self._finish(Stopped())

    def _is_complete(self) -> bool:
        is_enough = len(self._entry) >= self._command.min
        return is_enough and self._pattern is not None and self._pattern.is_complete(self._entry)

    def _close(self, terminator: str | None) -> None:
        """The entry is over, not by time."""
        is_long_enough = len(self._entry) >= self._command.min
        if is_long_enough and (self._pattern is None or self._pattern.matches(self._entry)):
            self._finish(Digits(self._entry, terminator))
        elif not self._retry((*self._invalid, *self._prompt)):
            self._finish(Invalid(self._entry))

    def _time_out(self) -> None:
        self._timer = None
        if self._entry and len(self._entry) >= self._command.min:
            self._close(None)
        elif not self._retry(self._prompt):
            self._finish(TimedOut(self._entry))

    def _retry(self, prompt: tuple[media.Source, ...]) -> bool:
        if not self._retries:
            return False
        self._retries -= 1
        self._entry = ""
        self._play(prompt)
        return True

    def _play(self, prompt: tuple[media.Source, ...]) -> None:
        if not prompt:
            self._wait(self._command.timeout)
            return
        self._playing = self._channel.name_for(self)
        self._channel.audio.play(self._playing, prompt)

    def _wait(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._channel.table.timers.after(seconds, self._time_out)

    def _quiet(self) -> None:
        """No prompt and no time-out any more."""
        if self._playing is not None:
            playing, self._playing = self._playing, None
            self._channel.media.stop(playing)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _finish(self, outcome: Digits | TimedOut | Invalid | Stopped) -> None:
        self._is_over = True
        self._quiet()
        self._channel.finish(self, GatherFinished(command=self.command_id, outcome=outcome))
