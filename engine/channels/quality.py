"""How good the sound of each call is while it goes on: looked at every few seconds, told when it has changed.

A call that sounds as good as it did costs no event, and hardly a look: the media says whether there is anything to see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import trio

from callflow.protocol.events import ChannelMediaQuality
from engine.media.session import Statistics

from .account import received_of, sent_of
from .state import State

if TYPE_CHECKING:
    from .channel import Channel

LOOK_EVERY = 5.0  # seconds between two looks at a call: the least in which RTCP reports (RFC 3550 6.2)
STEPS = 10  # in which all calls are looked at, so that no moment has much to do
NOTICED = 0.3  # MOS: a change that people hear
POOR = 3.6  # MOS below which many are dissatisfied (G.107 Annex B)
FEW = 10  # packets: of so few of silence, the share that was lost says nothing of how anything sounds


class Quality:
    """That of one call: as it was when somebody looked last, and as it was told."""

    __slots__ = ("_at", "_is_told", "_told")

    def __init__(self) -> None:
        self._at: float | None = None
        self._is_told = False
        self._told: tuple[float | None, float | None] = (None, None)

    @property
    def mos(self) -> float | None:
        """The worse of both directions, as it was told."""
        return min((mos for mos in self._told if mos is not None), default=None)

    def look(self, looked: tuple[Statistics, Statistics] | None, *, now: float) -> ChannelMediaQuality | None:
        """What came of the media since the last look, if that is worth telling: the figures then, and those now.

        None: it sounds as it did.
        """
        since, self._at = self._at, now
        if since is None or looked is None:
            return None
        part = _between(*looked)
        found = part.mos_received, self._mos_sent(part)
        if self._is_told and not any(map(_differ, found, self._told)):
            return None
        self._is_told, self._told = True, found
        return ChannelMediaQuality(seconds=round(now - since, 3), received=received_of(part), sent=sent_of(part))

    def _mos_sent(self, part: Statistics) -> float | None:
        """That of what we sent, which is a packet every 2 s while we are silent: it sounds as it did."""
        if not part.packets_sent:
            return self._told[1]
        return part.mos_sent if part.packets_sent >= FEW else replace(part, remote_packets_lost=0).mos_sent


class QualityWatch:
    """Looks at all answered calls, a few at a time."""

    def __init__(self, channels: Mapping[str, Channel], *, clock: Callable[[], float] = trio.current_time) -> None:
        self._channels = channels
        self._clock = clock

    async def run(self) -> None:
        """Look, until cancelled."""
        while True:
            for ids in _parts(list(self._channels)):
                for id in ids:
                    self._look(id)
                await trio.sleep(LOOK_EVERY / STEPS)

    def look(self) -> None:
        """Look at all of them now."""
        for id in list(self._channels):
            self._look(id)

    def _look(self, id: str) -> None:
        channel = self._channels.get(id)
        if channel is None or channel.state is not State.ANSWERED:
            return
        event = channel.quality.look(channel.media.look(), now=self._clock())
        if event is not None:
            channel.emit(event)


def _parts(ids: list[str]) -> Iterator[list[str]]:
    """Always as many, so that each look at a call is as long after the one before."""
    for step in range(STEPS):
        yield ids[step * len(ids) // STEPS : (step + 1) * len(ids) // STEPS]


def _between(before: Statistics, after: Statistics) -> Statistics:
    """What was counted in between. A packet that came late after all was lost before, and is not now: never below 0."""
    return replace(
        after,
        packets_sent=after.packets_sent - before.packets_sent,
        packets_received=after.packets_received - before.packets_received,
        packets_lost=max(after.packets_lost - before.packets_lost, 0),
        packets_late=max(after.packets_late - before.packets_late, 0),
        remote_packets_lost=max(after.remote_packets_lost - before.remote_packets_lost, 0),
    )


def _differ(found: float | None, told: float | None) -> bool:
    if found is None or told is None:
        return found is not told
    return abs(found - told) >= NOTICED
