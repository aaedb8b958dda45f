"""What a subscriber that never reads costs the engine: the CPU of the path of an event, without one and with it."""

from __future__ import annotations

import time
from functools import partial

import trio

from callflow.protocol.connection import AppConnection, prefixed
from callflow.protocol.events import DigitStarted
from callflow.protocol.frames import Hello
from engine.eventsocket.eventsocket import EventSocket
from engine.eventsocket.link import StreamLink
from engine.eventsocket.log import EventLog
from engine.eventsocket.ownership import Sessions
from engine.eventsocket.tokens import Token

from .bench import Bench
from .figure import Figure

EVENTS = 200_000  # per run: far more than are sent before the link is full
READERS = 10  # that do not read
_AT_ONCE = 100  # events between two looks of other tasks
_TOKEN = Token("reader", "secret", frozenset({"read"}))


class _NoCalls:
    """Channels are no part of this."""

    channels: dict[str, object] = {}  # noqa: RUF012 - stays empty

    def states(self) -> list[object]:
        return []

    bridge_states = states


async def measure(bench: Bench) -> list[Figure]:
    """Runs without and with readers that do not read, in turn; the ratio of each pair."""
    bench.say(f"events beside {READERS} subscribers that never read")
    await _run(0)  # everything is touched once
    pairs = [(await _run(0), await _run(READERS)) for _ in range(bench.sizes.repetitions)]
    return [
        Figure(
            name=f"events with {READERS} subscribers that never read",
            unit="x",
            values=tuple(beside / alone for alone, beside in pairs),
            how=f"CPU of {EVENTS} events put in the log, beside {READERS} TCP connections that subscribed to all "
            "of them and read nothing, by the CPU of the same without a connection.",
            beside={"alone": f"{min(alone for alone, _ in pairs) / EVENTS * 1e6:.1f} CPU-us/event"},
        )
    ]


async def _run(readers: int) -> float:
    """CPU seconds of the events."""
    async with trio.open_nursery() as nursery:
        log, sessions = EventLog("epoch", time.time), Sessions()
        ids = iter(range(1, 1000))
        sockets = EventSocket(
            log,
            _NoCalls(),  # type: ignore[arg-type]
            sessions,
            engine="benchmark",
            new_id=lambda: f"session-{next(ids)}",
            epoch=time.time,
        )
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, partial(_serve, sockets), [listener])
        port = listener.socket.getsockname()[1]
        streams = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(readers)]
        for stream in streams:
            await stream.send_all(prefixed(AppConnection().send(Hello(app="reader", subscribe=("*",)))))
        while len(sessions) < readers:  # noqa: ASYNC110 - a look is cheap, and this is once
            await trio.sleep(0.01)
        seconds = await _emit(log)
        nursery.cancel_scope.cancel()
    for stream in streams:
        await trio.aclose_forcefully(stream)
    return seconds


async def _emit(log: EventLog) -> float:
    event = DigitStarted(digit="5")
    started_at = time.process_time()
    for at in range(EVENTS):
        log.emit(event, channel="channel", call_seq=at)
        if at % _AT_ONCE == 0:
            await trio.lowlevel.checkpoint()
    return time.process_time() - started_at


async def _serve(sockets: EventSocket, stream: trio.SocketStream) -> None:
    await sockets.serve(StreamLink(stream, "reader"), token=_TOKEN)
