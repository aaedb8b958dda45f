"""What is known of a call when it ends: when things happened, how long it is billed, what its media came to."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import trio

from callflow.protocol.causes import cause_name
from callflow.protocol.events import ChannelEnded, MediaStatistics
from engine.media.session import Statistics

from .ending import Ending
from .state import PHASES, State


class Account:
    """The times of one channel. Those told are by the wall clock, billing is by the clock that never jumps."""

    __slots__ = ("_answered", "_epoch", "answered_at", "created_at", "progress_at")

    def __init__(self, epoch: Callable[[], float]) -> None:
        self._epoch = epoch
        self.created_at = epoch()
        self.progress_at: float | None = None
        self.answered_at: float | None = None
        self._answered = 0.0

    def note_progress(self) -> None:
        if self.progress_at is None:
            self.progress_at = self._epoch()

    def note_answer(self) -> None:
        self.answered_at = self._epoch()
        self._answered = trio.current_time()

    def close(self, ending: Ending, state: State) -> ChannelEnded:
        """The last event, but for the statistics."""
        is_answered = state is State.ANSWERED
        return ChannelEnded(
            cause=ending.cause,
            cause_name=cause_name(ending.cause),
            sip_status=200 if is_answered else ending.status,
            sip_reason="OK" if is_answered else ending.reason,
            ended_by=ending.by,
            phase=PHASES[state],
            created_at=self.created_at,
            progress_at=self.progress_at,
            answered_at=self.answered_at,
            ended_at=self._epoch(),
            billable=round(trio.current_time() - self._answered, 3) if is_answered else 0.0,
        )


def with_statistics(ended: ChannelEnded, heard: Statistics) -> ChannelEnded:
    return msgspec.structs.replace(ended, received=received_of(heard), sent=sent_of(heard))


def received_of(heard: Statistics) -> MediaStatistics:
    """What came in, as it is told."""
    return MediaStatistics(
        packets=heard.packets_received,
        lost=heard.packets_lost,
        jitter_ms=heard.jitter_ms,
        mos=_rounded(heard.mos_received),
        round_trip_ms=_rounded(heard.round_trip_ms),
        late=heard.packets_late,
        depth_ms=heard.deepest_playout_ms,
    )


def sent_of(heard: Statistics) -> MediaStatistics:
    """What went out, as the peer reported."""
    return MediaStatistics(
        packets=heard.packets_sent,
        lost=heard.remote_packets_lost,
        jitter_ms=heard.remote_jitter_ms,
        mos=_rounded(heard.mos_sent),
        round_trip_ms=_rounded(heard.round_trip_ms),
    )


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, 2)
