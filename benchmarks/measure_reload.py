"""How long it takes from saving a script until its new version takes calls."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import trio

from callflow.client import Happening, connect

from .bench import Bench
from .engine import running_engine
from .figure import Figure

PAUSE = 1.0  # seconds between two saves
WITHIN = 15.0


async def measure(bench: Bench) -> list[Figure]:
    """Save the script again and again."""
    bench.say(f"{bench.sizes.reloads} reloads")
    async with (
        running_engine(bench) as engine,
        connect(engine.socket, token=engine.token, subscribe=["script.loaded"]) as client,
    ):
        [loaded] = await client.recent("script.loaded")
        script, events = trio.Path(loaded.data["script"]), client.events()
        taken = [await _reload(script, events, number) for number in range(bench.sizes.reloads)]
    return [
        Figure(
            name="save to new version", unit="s", values=tuple(taken),
            how="from writing the script, which is watched, to the version that takes calls: its folder copied, its "
            "worker up, the script imported.",
        )
    ]  # fmt: skip


async def _reload(script: trio.Path, events: AsyncIterator[Happening], number: int) -> float:
    await trio.sleep(PAUSE)
    draft = script.with_name(".draft")
    await draft.write_text(f"{await script.read_text()}# {number}\n")
    saved_at = time.time()
    await draft.replace(script)
    with trio.fail_after(WITHIN):
        async for happening in events:
            return happening.frame.at - saved_at
    raise ConnectionError("the engine is gone")
