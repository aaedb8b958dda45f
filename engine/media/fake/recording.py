"""A recording by interval: when it ends is computed, what it holds is drawn once, at the end."""

from __future__ import annotations

import hashlib
import math
import os
import wave
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..session import RecordingFinished, ToneSource
from .network import FakeMediaNetwork, Timer
from .voice import Piece, Timeline, Voice, whole_frames
from .watch import Quiet
from .wav import RATE

_FULL_SCALE_DBM0 = 3.17  # a sine at full scale of G.711 (table 1)


@dataclass(slots=True)
class Recording:
    """A recording that runs."""

    name: str
    path: Path
    max_ms: int
    silence_ms: int
    started_at: float
    quiet: Quiet
    timer: Timer | None = None

    @property
    def part(self) -> Path:
        """Where it is until it is complete."""
        return self.path.with_name(self.path.name + ".part")

    def ends_at(self) -> float:
        """When it will end by itself if nothing changes."""
        by_silence = self.quiet.reached_at(self.silence_ms / 1000) if self.silence_ms else math.inf
        return min(self.started_at + self.max_ms / 1000, by_silence)

    def is_full(self, now: float) -> bool:
        """Has it reached its maximum?"""
        return now >= self.started_at + self.max_ms / 1000

    def open(self) -> None:
        """Make the file that stands there meanwhile. Raises OSError."""
        self.part.open("wb").close()

    def finish(self, timeline: Timeline, *, now: float) -> tuple[int, str]:
        """Write what was heard; returns how long it is in ms, and its SHA-256. Raises OSError."""
        frames = whole_frames(now - self.started_at)
        samples = render(timeline, self.started_at, frames * 160)
        with wave.open(str(self.part), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(samples.tobytes())
        os.replace(self.part, self.path)
        return frames * 20, hashlib.sha256(self.path.read_bytes()).hexdigest()


class Recorder:
    """The recordings of a session, by name."""

    def __init__(
        self, network: FakeMediaNetwork, timeline: Timeline, report: Callable[[RecordingFinished], None]
    ) -> None:
        self._network = network
        self._timeline = timeline
        self._report = report
        self._recordings: dict[str, Recording] = {}

    def start(self, name: str, path: Path, voice: Voice | None, *, max_ms: int, silence_ms: int) -> None:
        """Record from now on, hearing `voice` at first. One of that name that runs is stopped."""
        self.stop(name)
        now = self._network.now
        recording = Recording(name, path, max_ms, silence_ms, now, Quiet(voice, now=now))
        try:
            recording.open()
        except OSError as error:
            self._report(_failed(recording, error))
            return
        self._recordings[name] = recording
        self._set_timer(recording)

    def change(self, voice: Voice | None) -> None:
        """Another voice is heard from now on."""
        for recording in self._recordings.values():
            recording.quiet.change(voice, now=self._network.now)
            self._set_timer(recording)

    def stop(self, name: str) -> None:
        """Stop that one."""
        if name in self._recordings:
            self._finish(self._recordings[name], "stopped")

    def close(self) -> None:
        """Close all properly, without a report."""
        for recording in list(self._recordings.values()):
            self._finish(recording, None)

    def _set_timer(self, recording: Recording) -> None:
        if recording.timer is not None:
            recording.timer.cancel()
        at = max(recording.ends_at(), self._network.now)
        recording.timer = self._network.call_at(at, lambda: self._end(recording))

    def _end(self, recording: Recording) -> None:
        self._finish(recording, "max" if recording.is_full(self._network.now) else "silence")

    def _finish(self, recording: Recording, reason: Literal["max", "silence", "stopped"] | None) -> None:
        del self._recordings[recording.name]
        if recording.timer is not None:
            recording.timer.cancel()
        try:
            duration_ms, sha256 = recording.finish(self._timeline, now=self._network.now)
        except OSError as error:
            self._report(_failed(recording, error))
            return
        if reason is not None:
            self._report(RecordingFinished(recording.name, recording.path, duration_ms, reason, sha256))


def _failed(recording: Recording, error: OSError) -> RecordingFinished:
    return RecordingFinished(recording.name, recording.path, 0, "failed", error=f"{recording.path}: {error.strerror}")


def render(timeline: Timeline, start: float, count: int) -> array[int]:
    """`count` samples of what was heard from `start` on, silence where nothing was."""
    canvas = array("h", bytes(2 * count))
    end = start + count / RATE
    for voice, begin, finish in timeline.spans(start, end):
        gain = 10 ** (voice.program.gain_db / 20)
        for piece, offset, first, last in voice.heard(begin, min(finish, end)):
            at, until = round((first - start) * RATE), min(round((last - start) * RATE), count)
            drawn = _amplify(_draw(piece, round(offset * RATE), until - at), gain)
            canvas[at : at + len(drawn)] = drawn
    return canvas


def _draw(piece: Piece, offset: int, count: int) -> array[int]:
    if piece.wav is not None:
        return piece.wav.samples()[offset : offset + count]
    if isinstance(piece.source, ToneSource):
        return _draw_tone(piece.source, offset, count)
    return array("h", bytes(2 * count))


def _draw_tone(tone: ToneSource, offset: int, count: int) -> array[int]:
    """Whole frequencies repeat every second: one second is computed and laid side by side."""
    peak = 32767 * 10 ** ((tone.level_dbm0 - _FULL_SCALE_DBM0) / 20)
    steps = [2 * math.pi * frequency / RATE for frequency in tone.frequencies]

    def sample(index: int) -> int:
        return _clip(peak * sum(math.sin(step * index) for step in steps))

    if all(float(frequency).is_integer() for frequency in tone.frequencies):
        second = array("h", map(sample, range(min(RATE, offset + count))))
        turns = second * ((offset + count) // RATE + 1)
        drawn = turns[offset : offset + count]
    else:
        drawn = array("h", map(sample, range(offset, offset + count)))
    _silence_pauses(drawn, tone.cadence_ms, offset)
    return drawn


def _silence_pauses(drawn: array[int], cadence_ms: tuple[int, ...], offset: int) -> None:
    period = sum(cadence_ms) * RATE // 1000
    if not period:
        return
    at = offset // period * period
    while at < offset + len(drawn):
        for index, on_or_off in enumerate(cadence_ms):
            until = at + on_or_off * RATE // 1000
            low, high = max(at - offset, 0), min(until - offset, len(drawn))
            if index % 2 and high > low:
                drawn[low:high] = array("h", bytes(2 * (high - low)))
            at = until


def _amplify(samples: array[int], gain: float) -> array[int]:
    return samples if gain == 1.0 else array("h", [_clip(sample * gain) for sample in samples])


def _clip(value: float) -> int:
    return max(-32768, min(32767, round(value)))
