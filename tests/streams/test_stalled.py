"""An exchange with a peer over TCP that never reads: nobody waits, nothing grows, and what is lost is counted."""

from __future__ import annotations

import tracemalloc

import trio

from engine.streams.exchange import MOST_FRAMES, Exchange
from engine.streams.message import Frame
from engine.streams.own import OwnDialect
from tests.trio_tests import run_trio

from .opening import opening
from .stalled import real_dialer, stalled_peer

_OCTETS = 960  # 20 ms of L16 at 24 kHz
_MANY = 20_000  # frames: 19 MB, six minutes of a call
_GROWTH = 1 << 20  # octets, at most: what may wait is a quarter of that


@run_trio
async def test_a_peer_that_never_reads_costs_no_time_and_no_memory_and_every_lost_frame_is_counted():
    told: list[int] = []
    exchange = Exchange(OwnDialect(opening()), on_said=lambda said: None, on_dropped=told.append)
    async with stalled_peer() as url, trio.open_nursery() as nursery:
        socket = await real_dialer().dial(url, headers={}, subprotocol=None, on_pending=exchange.wake)
        nursery.start_soon(exchange.run, socket)
        count = 0

        def tell() -> None:
            nonlocal count
            count += 1
            exchange.tell(Frame(True, count * 20, bytes(_OCTETS)))

        while not exchange.frames_dropped:  # what the kernel takes is taken
            tell()
            await trio.lowlevel.checkpoint()
        assert told == [1]
        tracemalloc.start()
        try:
            for _ in range(_MANY):
                tell()  # without a checkpoint: it cannot wait
            grown, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert grown < _GROWTH
        assert exchange.frames_dropped == 1 + _MANY
        assert count - exchange.frames_sent - exchange.frames_dropped == MOST_FRAMES
        nursery.cancel_scope.cancel()
