"""The round trip of a command while many calls are up."""

from __future__ import annotations

from functools import partial

import trio

from callflow import Call
from callflow.client import join

from .bench import Bench
from .engine import running_engine
from .figure import Figure, at_share
from .load_media import running_phones
from .measure_socket import PROBE, Prober
from .script import ANSWER

SHARES = (50, 99)


async def measure(bench: Bench) -> list[Figure]:
    """The calls and the commands are of one app."""
    sizes, count = bench.sizes, bench.sizes.bridged_calls
    bench.say(f"round trips of commands among {count} calls")
    prober = Prober(sizes)
    prober.app.route(ANSWER)(_stand)
    async with (
        running_engine(bench, "none") as engine,
        running_phones(bench, legs=count + 1) as phones,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(partial(join, engine.socket, prober.app, token=engine.token))
        await engine.wait_app(prober.app.name)
        calls = await phones.call(engine.server, ANSWER, count=count, rate=sizes.setup_rate)
        calls += await phones.call(engine.server, PROBE, count=1, rate=1000)
        await prober.done.wait()
        await phones.hang_up(calls)
        nursery.cancel_scope.cancel()
    how = f"As the round trip on an idle engine, by an app that has {count} more calls, which only stand."
    return [
        Figure(
            name=f"command round trip among {count} calls, p{share}", unit="us",
            values=tuple(at_share(run, share) * 1e6 for run in prober.runs), how=how,
        )
        for share in SHARES
    ]  # fmt: skip


async def _stand(call: Call) -> None:
    await call.answer()
    await call.wait_hangup()
