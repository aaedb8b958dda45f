"""What a second of a stream costs, and how late sound is that goes to a program and back; how soon a clear is heard."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median

import trio
from websockets.exceptions import ConnectionClosed
from websockets.trio.server import ServerConnection, serve

from .bench import Bench
from .caller import Caller, caller_in_call
from .engine import RunningEngine, running_engine
from .figure import Figure, at_share, percent
from .load_media import running_phones
from .measure_media import NO_LIMIT
from .script import PLAY, STREAM

KINDS = {  # by the digit that the script is called with
    "send": (0, "l16 at 8 kHz to a program that reads"),
    "both ways": (1, "l16 at 8 kHz to a program that sends it back"),
    "both ways, 24 kHz": (2, "the same at 24 kHz, resampled each way"),
    "both ways, twilio": (3, "the same in the dialect of Twilio's Media Streams"),
    "send, mixed": (4, "both sides mixed into one, l16 at 8 kHz in the dialect raw, to a program that reads"),
}
SHARES = (50, 99)


class Bots:
    """Programs at a WebSocket of this process."""

    def __init__(self) -> None:
        self.talking: list[ServerConnection] = []

    async def serve(self, connection: ServerConnection) -> None:
        """Read; send back what is sound, unless the path says that nobody wants it."""
        path = connection.request.path if connection.request is not None else ""
        self.talking.append(connection)
        try:
            while True:
                message = await connection.recv()
                if path == "/echo":
                    await _send_back(connection, message)
        except ConnectionClosed:
            return
        finally:
            self.talking.remove(connection)


async def _send_back(connection: ServerConnection, message: bytes | str) -> None:
    if isinstance(message, bytes):
        await connection.send(message[8:])
    elif '"media"' in message:
        payload = json.loads(message)["media"]
        await connection.send(json.dumps({"event": "media", "media": {"payload": payload["payload"]}}))


@asynccontextmanager
async def running_bots() -> AsyncIterator[tuple[Bots, int]]:
    """The bots, and their port."""
    bots = Bots()
    async with trio.open_nursery() as nursery:
        starting = functools.partial(serve, bots.serve, 0, host="127.0.0.1", compression=None)
        [listener] = (await nursery.start(starting)).listeners
        yield bots, int(listener.socket.getsockname()[1])
        nursery.cancel_scope.cancel()


async def measure(bench: Bench) -> list[Figure]:
    """Streams of each kind beside plain playback; the echo; the clear."""
    async with running_bots() as (bots, port), running_engine(bench, more=NO_LIMIT) as engine:
        idle = await engine.idle_cpu(bench.sizes.idle_time)
        playing = await _cost(bench, engine, PLAY, idle)
        figures = [
            _cost_figure(
                bench, name, how, await _cost(bench, engine, STREAM.format(kind=kind, port=port), idle), playing
            )
            for name, (kind, how) in KINDS.items()
        ]
        return [*figures, *await _measure_delays(bench, engine, bots, port)]


async def _cost(bench: Bench, engine: RunningEngine, number: str, idle: float) -> list[tuple[float, float]]:
    """Per repetition: CPU seconds a second of the engine above its idle, and of this process."""
    sizes = bench.sizes
    count = sizes.streams
    bench.say(f"{count} calls to {number}")
    async with running_phones(bench, legs=count) as phones:
        calls = await phones.call(engine.server, number, count=count, rate=sizes.setup_rate)
        phones.play(calls)
        await trio.sleep(sizes.settle_time)
        taken = []
        for _ in range(sizes.repetitions):
            before, own, began_at = engine.cpu(), time.process_time(), time.perf_counter()
            await trio.sleep(sizes.media_time)
            seconds = time.perf_counter() - began_at
            taken.append(((engine.cpu() - before) / seconds - idle, (time.process_time() - own) / seconds))
        await phones.hang_up(calls)
    return taken


def _cost_figure(
    bench: Bench, name: str, how: str, taken: list[tuple[float, float]], playing: list[tuple[float, float]]
) -> Figure:
    count = bench.sizes.streams
    values = tuple(used / count * 1e6 for used, _ in taken)
    beside = median(used for used, _ in playing) / count * 1e6
    load = max(own for _, own in taken)
    return Figure(
        name=f"stream, {name}",
        unit="CPU-us/stream-second",
        values=values,
        how=f"{count} callers who speak all the time (PCMU, 20 ms): {how}. CPU of the engine process, less that of an "
        "idle one, by stream-seconds; it includes receiving what the callers say.",
        beside={
            "playback": f"{beside:.0f} us/leg-second, to callers who speak as well",
            "engine core": percent(max(used for used, _ in taken)),
            "load core": percent(load),
        },
        warning="the load core was full" if load >= 0.9 else "",
    )


async def _measure_delays(bench: Bench, engine: RunningEngine, bots: Bots, port: int) -> list[Figure]:
    bench.say(f"{bench.sizes.stream_delays} sounds there and back, and as many clears")
    echoes = await _echoes(bench, engine, port)
    while bots.talking:  # noqa: ASYNC110
        await trio.sleep(0.01)
    clears = await _clears(bench, engine, bots, port)
    return [
        *_delays("sound to a program and back", echoes, "from a loud packet's `sendto` to the first that comes back, "
                 "by way of a jitter buffer, the program, and 60 ms that what comes piece by piece waits"),
        *_delays("clear of a stream", clears, "from the program's `clear` to the last loud packet that the caller has"),
    ]  # fmt: skip


async def _echoes(bench: Bench, engine: RunningEngine, port: int) -> list[float]:
    taken = []
    async with caller_in_call(engine.server, STREAM.format(kind=1, port=port)) as caller:
        await trio.sleep(bench.sizes.settle_time)
        for _ in range(bench.sizes.stream_delays):
            caller.begin()
            await _heard(caller)
            taken.append(caller.loud_at[0] - caller.said_at)
            caller.is_loud = False
            await _quiet(caller)
    return taken


async def _clears(bench: Bench, engine: RunningEngine, bots: Bots, port: int) -> list[float]:
    taken = []
    async with caller_in_call(engine.server, STREAM.format(kind=0, port=port)) as caller:
        while not bots.talking:  # noqa: ASYNC110
            await trio.sleep(0.01)
        [bot] = bots.talking
        loud = b"\x00\x40\x00\xc0" * 40_000  # ten seconds
        for _ in range(bench.sizes.stream_delays):
            caller.loud_at.clear()
            await bot.send(loud)
            await _heard(caller)
            await trio.sleep(0.1)
            cleared_at = time.perf_counter()
            await bot.send('{"event": "clear"}')
            await _quiet(caller)
            taken.append(max(caller.loud_at[-1] - cleared_at, 0.0))
    return taken


async def _heard(caller: Caller) -> None:
    with trio.fail_after(10):
        while not caller.loud_at:  # noqa: ASYNC110
            await trio.sleep(0.005)


async def _quiet(caller: Caller) -> None:
    """Until nothing loud has come for a while."""
    with trio.fail_after(10):
        while not caller.loud_at or time.perf_counter() - caller.loud_at[-1] < 0.3:  # noqa: ASYNC110
            await trio.sleep(0.02)


def _delays(name: str, taken: list[float], how: str) -> list[Figure]:
    ordered = sorted(taken)
    return [
        Figure(
            name=f"{name}, p{share}", unit="ms", values=(at_share(ordered, share) * 1e3,),
            how=f"{len(taken)} of them, {how}.", beside={"longest": f"{ordered[-1] * 1e3:.1f} ms"},
        )
        for share in SHARES
    ]  # fmt: skip
