"""A recording by interval: when it ends is computed, what it holds is drawn once, at the end."""

from __future__ import annotations

import enum
import hashlib
import math
import os
import wave
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..session import RecordingFinished, ToneSource
from .chorus import Sound
from .network import FakeMediaNetwork, Timer
from .sound import RATE
from .timeline import Timeline
from .voice import FRAME_SECONDS, Heard, Piece, whole_frames
from .watch import Quiet

_LOUD = 140  # the peak of a sine that is just no silence
_MARGIN = 10  # frames of silence that stay around the sound of a trimmed recording
_FULL_SCALE_DBM0 = 3.17  # a sine at full scale of G.711 (table 1)


class Sides(enum.Enum):
    """What a recording holds."""

    RECEIVED = "received"
    MIXED = "mixed"  # and what is sent
    STEREO = "stereo"  # received left, sent right


@dataclass(slots=True)
class Recording:
    """A recording that runs, or is paused."""

    name: str
    path: Path
    max_ms: int
    silence_ms: int
    sides: Sides
    running_since: float | None  # None: it is paused
    quiet: Quiet
    is_trimmed: bool = False
    timer: Timer | None = None
    spans: list[tuple[float, float]] = field(default_factory=list)  # what was recorded before the last pause

    @property
    def part(self) -> Path:
        """Where it is until it is complete."""
        return self.path.with_name(self.path.name + ".part")

    def ends_at(self) -> float:
        """When it will end by itself if nothing changes."""
        if self.running_since is None:
            return math.inf
        by_silence = self.quiet.reached_at(self.silence_ms / 1000) if self.silence_ms else math.inf
        return min(self._full_at(self.running_since), by_silence)

    def is_full(self, now: float) -> bool:
        """Has it reached its maximum?"""
        return self.running_since is not None and now >= self._full_at(self.running_since)

    def pause(self, *, now: float) -> None:
        """What comes now is not in it."""
        if self.running_since is not None:
            self.spans.append((self.running_since, now))
            self.running_since = None

    def go_on(self, voice: Sound | None, *, now: float) -> None:
        """What comes now is in it again."""
        if self.running_since is None:
            self.running_since, self.quiet = now, Quiet(voice, now=now)

    def open(self) -> None:
        """Make the file that stands there meanwhile. Raises OSError."""
        self.part.open("wb").close()

    def finish(self, received: Timeline, sent: Timeline, *, now: float) -> tuple[int, str]:
        """Write what was heard; returns how long it is in ms, and its SHA-256. Raises OSError."""
        self.pause(now=now)
        frames = whole_frames(self._recorded())
        samples = self._draw(received, frames * 160)
        if self.is_trimmed:
            first, end = _sounding(samples)
            samples, frames = samples[first * 160 : end * 160], end - first
            self._cut(first * FRAME_SECONDS, end * FRAME_SECONDS)
        if self.sides is not Sides.RECEIVED:
            samples = _join(samples, self._draw(sent, frames * 160), is_stereo=self.sides is Sides.STEREO)
        with wave.open(str(self.part), "wb") as file:
            file.setnchannels(2 if self.sides is Sides.STEREO else 1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(samples.tobytes())
        os.replace(self.part, self.path)
        return frames * 20, hashlib.sha256(self.path.read_bytes()).hexdigest()

    def content(self, received: Timeline, sent: Timeline) -> tuple[Heard, ...]:
        """What is in it: which source, made where, in seconds from its beginning."""
        timelines = (received,) if self.sides is Sides.RECEIVED else (received, sent)
        found, position = list[Heard](), 0.0
        for start, end in self.spans:
            for voice, begin, finish in (span for timeline in timelines for span in timeline.spans(start, end)):
                for piece, offset, first, last in voice.heard(begin, min(finish, end)):
                    at, until = position + first - start, position + last - start
                    found.append(Heard(piece.source, voice.origin, at, until, round(offset * 1000), piece.seconds))
            position += end - start
        return tuple(sorted(found, key=lambda heard: heard.started_at))

    def _cut(self, first: float, end: float) -> None:
        """Leave what was recorded between these two, in seconds from the beginning."""
        spans, position = [], 0.0
        for start, finish in self.spans:
            low, high = max(first - position, 0.0), min(end - position, finish - start)
            if low < high:
                spans.append((start + low, start + high))
            position += finish - start
        self.spans = spans

    def _full_at(self, running_since: float) -> float:
        return running_since + self.max_ms / 1000 - self._recorded()

    def _recorded(self) -> float:
        return sum(end - start for start, end in self.spans)

    def _draw(self, timeline: Timeline, count: int) -> array[int]:
        drawn = array("h")
        for start, end in self.spans:
            drawn += render(timeline, start, min(round((end - start) * RATE), count - len(drawn)))
        return drawn + array("h", bytes(2 * (count - len(drawn))))


class Recorder:
    """The recordings of a session, by name."""

    def __init__(
        self,
        network: FakeMediaNetwork,
        received: Timeline,
        sent: Timeline,
        report: Callable[[RecordingFinished], None],
    ) -> None:
        self._network = network
        self._received = received
        self._sent = sent
        self._report = report
        self._recordings: dict[str, Recording] = {}

    def start(
        self,
        name: str,
        path: Path,
        voice: Sound | None,
        *,
        max_ms: int,
        silence_ms: int,
        sides: Sides = Sides.RECEIVED,
        is_trimmed: bool = False,
    ) -> None:
        """Record from now on, hearing `voice` at first. One of that name that runs is stopped."""
        self.stop(name)
        now = self._network.now
        recording = Recording(name, path, max_ms, silence_ms, sides, now, Quiet(voice, now=now), is_trimmed)
        try:
            recording.open()
        except OSError as error:
            self._report(_failed(recording, error))
            return
        self._recordings[name] = recording
        self._set_timer(recording)

    def change(self, voice: Sound | None) -> None:
        """Another voice is heard from now on."""
        for recording in self._recordings.values():
            recording.quiet.change(voice, now=self._network.now)
            self._set_timer(recording)

    def pause(self, name: str, voice: Sound | None, *, is_paused: bool) -> None:
        """Pause that one, or let it go on, hearing `voice` at first."""
        recording = self._recordings.get(name)
        if recording is None:
            return
        if is_paused:
            recording.pause(now=self._network.now)
        else:
            recording.go_on(voice, now=self._network.now)
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
        if (at := recording.ends_at()) < math.inf:
            recording.timer = self._network.call_at(max(at, self._network.now), lambda: self._end(recording))

    def _end(self, recording: Recording) -> None:
        self._finish(recording, "max" if recording.is_full(self._network.now) else "silence")

    def _finish(self, recording: Recording, reason: Literal["max", "silence", "stopped"] | None) -> None:
        del self._recordings[recording.name]
        if recording.timer is not None:
            recording.timer.cancel()
        try:
            duration_ms, sha256 = recording.finish(self._received, self._sent, now=self._network.now)
            content = recording.content(self._received, self._sent)
            self._network.recorded[recording.path] = duration_ms / 1000, content
        except OSError as error:
            self._report(_failed(recording, error))
            return
        if reason is not None:
            self._report(RecordingFinished(recording.name, recording.path, duration_ms, reason, sha256))


def _sounding(samples: array[int]) -> tuple[int, int]:
    """From which frame to which there is sound, and 200 ms around it."""
    count = len(samples) // 160
    loud = [frame for frame in range(count) if max(map(abs, samples[frame * 160 : frame * 160 + 160])) > _LOUD]
    return (max(loud[0] - _MARGIN, 0), min(loud[-1] + 1 + _MARGIN, count)) if loud else (0, 0)


def _failed(recording: Recording, error: OSError) -> RecordingFinished:
    return RecordingFinished(recording.name, recording.path, 0, "failed", error=f"{recording.path}: {error.strerror}")


def _join(left: array[int], right: array[int], *, is_stereo: bool) -> array[int]:
    if is_stereo:
        return array("h", [sample for pair in zip(left, right, strict=True) for sample in pair])
    return array("h", [_clip(one + other) for one, other in zip(left, right, strict=True)])


def render(timeline: Timeline, start: float, count: int) -> array[int]:
    """`count` samples of what was heard from `start` on, silence where nothing was."""
    canvas = array("h", bytes(2 * count))
    end = start + count / RATE
    for voice, begin, finish in timeline.spans(start, end):
        gain = 10 ** (voice.program.gain_db / 20)
        for piece, offset, first, last in voice.heard(begin, min(finish, end)):
            at, until = round((first - start) * RATE), min(round((last - start) * RATE), count)
            drawn = _amplify(_draw(piece, round(offset * RATE), until - at), gain)
            for index, sample in enumerate(drawn, start=at):
                canvas[index] = _clip(canvas[index] + sample)
    return canvas


def _draw(piece: Piece, offset: int, count: int) -> array[int]:
    if piece.file is not None:
        return piece.file.samples()[offset : offset + count]
    if isinstance(piece.source, ToneSource):
        return _draw_tone(piece.source, offset, count)
    return array("h", bytes(2 * count))


def _draw_tone(tone: ToneSource, offset: int, count: int) -> array[int]:
    """Whole frequencies repeat, every second at the latest: one period is computed and laid side by side."""
    peak = 32767 * 10 ** ((tone.level_dbm0 - _FULL_SCALE_DBM0) / 20)
    steps = [2 * math.pi * frequency / RATE for frequency in tone.frequencies]

    def sample(index: int) -> int:
        return _clip(peak * sum(math.sin(step * index) for step in steps))

    if all(float(frequency).is_integer() for frequency in tone.frequencies):
        period = RATE // math.gcd(RATE, *map(int, tone.frequencies))
        turn = array("h", map(sample, range(min(period, offset + count))))
        turns = turn * ((offset + count) // period + 1)
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
