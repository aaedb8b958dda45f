"""Talk, its pauses, and tones, of what comes in: the native data plane's hearing, by interval.

A file or a chorus is talk where it is loud, and so are sines that no network sends; one sine, or a pair that networks
send, is a tone. What has lasted long enough is told at the same times as there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..session import SoundDetected, ToneSource
from .chorus import Chorus, Sound
from .network import FakeMediaNetwork, Timer
from .voice import Piece

_Frequencies: TypeAlias = tuple[float, ...]
_Signal: TypeAlias = Literal["busy", "congestion", "sit", "cng", "ced", "beep"]

_TALK_AFTER = 0.12
_PAUSE_AFTER = 0.1
_LOOKS = (0.06, _PAUSE_AFTER, _TALK_AFTER, 0.2, 0.7, 0.9, 1.2)  # when something may be sure that was not before
_CED = 0.9  # seconds after which an answering fax is sure
_BUSY = (480.0, 620.0)
_PAIRS = (_BUSY, (440.0, 480.0), (350.0, 440.0))
_TALK: _Frequencies = ()
_KEPT = 4
_SPEECH_DBOV = -20
_DBOV_OF_DBM0 = -6.2  # G.711: a sine of 0 dBm0
_SURE = 0.001  # a clock's last digits do not matter


@dataclass(slots=True)
class _Segment:
    """Talk, a tone (its frequencies), or nothing (None), since when."""

    frequencies: _Frequencies | None
    started_at: float
    ended_at: float = math.inf

    @property
    def seconds(self) -> float:
        return self.ended_at - self.started_at

    @property
    def is_tone(self) -> bool:
        return bool(self.frequencies)

    @property
    def is_progress(self) -> bool:
        return self.frequencies == _BUSY or self.is_in(380, 460)

    def is_in(self, low: float, high: float) -> bool:
        """It is one sine of a frequency between these."""
        return self.frequencies is not None and len(self.frequencies) == 1 and low <= self.frequencies[0] <= high


class Hearing:
    """Reports what is heard, while somebody asks."""

    def __init__(self, network: FakeMediaNetwork, report: Callable[[SoundDetected], None]) -> None:
        self._network = network
        self._report = report
        self._level: float | None = None
        self._voice: Sound | None = None
        self._timer: Timer | None = None
        self._begun_at = 0.0
        self._now = _Segment(None, 0.0)
        self._past: list[_Segment] = []
        self._spurt_at: float | None = None
        self._told: set[str] = set()  # of the segment that goes on
        self._is_cadence_told = False

    def switch(self, voice: Sound | None, *, level_dbov: float | None) -> None:
        """Listen from now on, or no more."""
        self._level, self._begun_at = level_dbov, self._network.now
        self._now, self._past, self._spurt_at = _Segment(None, self._begun_at), [], None
        self._told, self._is_cadence_told = set(), False
        self.change(voice)

    def change(self, voice: Sound | None) -> None:
        """Another voice from now on."""
        self._voice = voice
        self._look()

    def _look(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._level is None:
            return
        now = self._network.now
        stretches = _stretches(self._voice, now, self._level)
        frequencies, until = next(stretch for stretch in stretches if stretch[1] > now + _SURE)
        if frequencies != self._now.frequencies:
            self._enter(frequencies, now)
        self._check(now - self._now.started_at + _SURE)
        due = min([until, *(at for each in _LOOKS if (at := self._now.started_at + each) > now + _SURE)])
        if due < math.inf and self._level is not None:
            self._timer = self._network.call_at(due, self._look)

    def _enter(self, frequencies: _Frequencies | None, now: float) -> None:
        self._now.ended_at = now
        self._past = [*self._past, self._now][-_KEPT:]
        self._now, self._told = _Segment(frequencies, now), set()
        if frequencies == _TALK:
            self._is_cadence_told = False
        elif self._now.is_progress and not self._is_cadence_told and (signal := self._cadence()) is not None:
            self._is_cadence_told = True
            self._tell(signal)

    def _check(self, seconds: float) -> None:
        """So long it has been the same: what is sure?"""
        now = self._now
        if now.frequencies == _TALK:
            if self._spurt_at is None and seconds >= _TALK_AFTER:
                self._spurt_at = now.started_at
                self._report(SoundDetected("talk_started", self._ms(now.started_at), 0, _SPEECH_DBOV))
            return
        if self._spurt_at is not None and seconds >= _PAUSE_AFTER:
            lasted, self._spurt_at = round((now.started_at - self._spurt_at) * 1000), None
            self._report(SoundDetected("talk_stopped", self._ms(now.started_at), lasted, _SPEECH_DBOV))
        if now.frequencies is None and seconds >= 1.2:
            self._is_cadence_told = False
        signal = self._after_tone(seconds) if now.frequencies is None else self._during_tone(seconds)
        if signal is not None and signal not in self._told:
            self._told.add(signal)
            self._tell(signal)

    def _during_tone(self, seconds: float) -> _Signal | None:
        middle, low = self._joined()
        if self._now.is_in(2080, 2120) and seconds >= _CED:
            return "ced"
        is_sit = self._now.is_in(1730, 1830) and middle.is_in(1330, 1470) and low.is_in(880, 1020)
        return "sit" if is_sit and seconds >= 0.2 else None

    def _after_tone(self, seconds: float) -> _Signal | None:
        tone, earlier = self._joined()
        if not tone.is_tone or seconds < (0.7 if tone.is_progress else 0.06):
            return None
        if tone.is_in(1060, 1140) and 0.42 <= tone.seconds <= 0.64:
            return "cng"
        is_ced = tone.is_in(2080, 2120) and tone.seconds >= _CED
        is_beep = tone.is_in(380, 2300) and not is_ced and not earlier.is_tone and 0.1 <= tone.seconds <= 2.5
        return "beep" if is_beep and not self._is_cadence_told else None

    def _cadence(self) -> _Signal | None:
        """On, off, on, off, and on again: all alike."""
        if len(self._past) < _KEPT:
            return None
        on, off, again, pause = self._past
        is_one = (
            on.frequencies == again.frequencies == self._now.frequencies
            and off.frequencies is None
            and pause.frequencies is None
            and abs(on.seconds - again.seconds) <= 0.04
            and abs(off.seconds - pause.seconds) <= 0.04
            and abs(again.seconds - pause.seconds) <= 0.04 + again.seconds / 5
        )
        if not is_one:
            return None
        return "busy" if 0.3 <= again.seconds <= 0.65 else "congestion" if 0.16 <= again.seconds < 0.3 else None

    def _joined(self) -> tuple[_Segment, _Segment]:
        """The last two segments, the newest first; short pauses do not count."""
        nothing = _Segment(None, 0.0)
        found = [it for it in reversed(self._past) if it.frequencies is not None or it.seconds > 0.08]
        tone, earlier, *_ = [*found, nothing, nothing]
        return tone, earlier

    def _tell(self, signal: _Signal) -> None:
        self._report(SoundDetected(signal, self._ms(self._network.now), 0, _SPEECH_DBOV))

    def _ms(self, at: float) -> int:
        return round((at - self._begun_at) * 1000)


def _stretches(voice: Sound | None, start: float, level: float) -> Iterator[tuple[_Frequencies | None, float]]:
    """What it is from `start` on: `(talk, a tone's frequencies or None, until)`."""
    if isinstance(voice, Chorus):
        for is_loud, _, until in voice.runs(start):
            yield (_TALK if is_loud else None), until
    elif voice is not None:
        for piece, offset, begin, _ in voice.heard(start, math.inf):
            if begin > start:
                yield None, begin
            for is_loud, until in piece.runs(offset):
                yield (_heard(piece, level) if is_loud else None), begin + until - offset
    yield None, math.inf


def _heard(piece: Piece, level: float) -> _Frequencies | None:
    source = piece.source
    if not isinstance(source, ToneSource):
        return _TALK
    if source.level_dbm0 + _DBOV_OF_DBM0 < level:
        return None
    is_tone = len(source.frequencies) == 1 or tuple(sorted(source.frequencies)) in _PAIRS
    return tuple(sorted(source.frequencies)) if is_tone else _TALK
