"""Sound and silence at a place: where it is quiet since when, and the report of it to those who watch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from ..session import AudioHeard
from .chorus import Sound
from .network import FakeMediaNetwork, Timer


class Quiet:
    """Since when it is quiet, and when it will have been so for long enough."""

    def __init__(self, voice: Sound | None, *, now: float) -> None:
        self._voice = voice
        self._at = now
        self._quiet_since: float | None = now

    def change(self, voice: Sound | None, *, now: float) -> None:
        """Another voice from now on."""
        self._quiet_since = self._since(now)
        self._voice, self._at = voice, now

    def reached_at(self, patience: float) -> float:
        """When it will have been quiet for `patience` seconds if the voice stays; infinity: never."""
        since, far = self._quiet_since, self._at + patience
        if self._voice is not None:
            far += 2 * self._voice.horizon
        for is_loud, start, end in _runs(self._voice, self._at):
            if is_loud:
                since = None
                continue
            since = start if since is None else since
            if end - since >= patience:
                return max(since + patience, self._at)
            if start > far:
                break
        return math.inf

    def _since(self, now: float) -> float | None:
        since = self._quiet_since
        for is_loud, start, _ in _runs(self._voice, self._at):
            if start >= now:
                break
            since = None if is_loud else start if since is None else since
        return since


class AudioWatch:
    """Reports when sound begins and ends, while it is on."""

    def __init__(self, network: FakeMediaNetwork, report: Callable[[AudioHeard], None]) -> None:
        self._network = network
        self._report = report
        self._is_on = False
        self._is_sound = False
        self._voice: Sound | None = None
        self._timer: Timer | None = None

    def switch(self, voice: Sound | None, *, is_on: bool) -> None:
        """Watch from now on, beginning in silence, or no more."""
        self._is_on, self._is_sound = is_on, False
        self.change(voice)

    def change(self, voice: Sound | None) -> None:
        """Another voice from now on."""
        self._voice = voice
        self._look()

    def _look(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._is_on:
            return
        is_sound, _, until = next(_runs(self._voice, self._network.now))
        if until < math.inf:
            self._timer = self._network.call_at(until, self._look)
        if is_sound is not self._is_sound:
            self._is_sound = is_sound
            self._report(AudioHeard(is_sound))


def _runs(voice: Sound | None, start: float) -> Iterator[tuple[bool, float, float]]:
    return iter([(False, start, math.inf)]) if voice is None else voice.runs(start)
