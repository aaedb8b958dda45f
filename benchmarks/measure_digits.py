"""How soon a key is known: from the first packet of its event (RFC 4733) to `channel.digit_started` at a subscriber."""

from __future__ import annotations

import random
import time

import trio

from callflow.client import Engine, connect
from callflow.protocol.events import DigitStarted

from .bench import Bench
from .engine import RunningEngine, running_engine
from .figure import Figure, at_share
from .keypad import Keypad, keypad_in_call
from .load_media import running_phones
from .script import ANSWER, PLAY

SHARES = (50, 99)
LONGEST_PAUSE = 0.02  # seconds between keys, at random, so that no turn of the media thread is favoured
KEY_WITHIN = 10.0


async def measure(bench: Bench) -> list[Figure]:
    """Keys pressed on an engine that does nothing else, and on one that plays to many."""
    sizes = bench.sizes
    bench.say(f"{sizes.keys} keys, then among {sizes.playing_legs} playing legs")
    async with running_engine(bench) as engine, running_phones(bench, legs=sizes.playing_legs) as phones:
        alone = await _press(bench, engine)
        calls = await phones.call(engine.server, PLAY, count=sizes.playing_legs, rate=sizes.setup_rate)
        among = await _press(bench, engine)
        await phones.hang_up(calls)
    return [*_figures("", alone, bench), *_figures(f" among {sizes.playing_legs} playing legs", among, bench)]


async def _press(bench: Bench, engine: RunningEngine) -> list[list[float]]:
    """Seconds from packet to event, by repetition."""
    async with (
        connect(engine.socket, token=engine.token, subscribe=[DigitStarted.name]) as client,
        keypad_in_call(engine.server, ANSWER) as keypad,
    ):
        return [await _press_keys(keypad, client, bench.sizes.keys) for _ in range(bench.sizes.repetitions)]


async def _press_keys(keypad: Keypad, client: Engine, count: int) -> list[float]:
    taken, chance = [], random.Random(1)
    events = client.events()
    for number in range(count):
        code = number % 10
        sent_at = keypad.press(code)
        with trio.fail_after(KEY_WITHIN):
            await anext(events)
        taken.append(time.perf_counter() - sent_at)
        keypad.release(code)
        await trio.sleep(chance.uniform(0, LONGEST_PAUSE))
    return taken


def _figures(where: str, runs: list[list[float]], bench: Bench) -> list[Figure]:
    how = (
        f"{bench.sizes.keys} keys by RFC 4733, one after another, from a plain socket: from before the first packet's "
        "`sendto` to the `channel.digit_started` read by a WebSocket subscriber in the same process."
    )
    return [
        Figure(
            name=f"key to its event{where}, p{share}", unit="ms",
            values=tuple(at_share(run, share) * 1e3 for run in runs), how=how,
            beside={"longest": f"{max(map(max, runs)) * 1e3:.1f} ms"},
        )
        for share in SHARES
    ]  # fmt: skip
