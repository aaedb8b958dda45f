"""Random people use every example for simulated minutes: does anything raise, stay behind, or leave somebody in quiet?

    python -m tests.soak.random_use --minutes 60 --seed 1

Callers dial the numbers of an example at random, key digits, talk and hang up at random; those whom it dials answer,
are busy, do not answer, key something or hang up at random; the network loses SIP and RTP. Nobody who is answered may
hear nothing for more than three seconds, unless asked for something, recorded, listened to, or connected with somebody.
"""

from __future__ import annotations

import argparse
import logging
import random
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import anyio
import structlog

from callflow import App
from callflow.protocol.events import ChannelCreated
from callflow.runtime.loader import load_script
from callflow.simulation.raised import taken_by
from callflow.testing import SilenceSource, SimulatedPhone, Simulation
from engine.channels.channel import Channel
from engine.channels.detect import Detecting
from engine.channels.echo import Echoing
from engine.channels.gather import Gathering
from engine.channels.recording import Recording
from engine.channels.state import State

EXAMPLES = Path(__file__).parents[2] / "examples"
NUMBERS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "ivr": ("1000", "1001", "1002", "1003", "1003", "1004", "1999"),
    "followme": ("2000", "2001"),
    "conference": ("3000", "3001", "3002"),
    "screening": ("2100", "*97", "*77030123", "*770900123", "030123", "0190123"),
    "callcenter": ("5100", "5100", "5100", "*20", "*21", "*22", "*23", "*24", "*9alice", "*9caller1"),
    "campaign": ("7000",),
    "features": (
        "201", "202", "203", "300", "400", "+4930555201", "+4930555300", "*8", "*9201", "*9202", "701", "702", "703",
    ),
})  # fmt: skip
CALLERS = ("caller1", "caller2", "caller3", "mallory")
CALLEES = ("alice", "bob", "carol", "desk", "mobile", "home")
KEYS = (
    "1",
    "2",
    "3",
    "4",
    "9",
    "0",
    "#",
    "*",
    "*1",
    "*2202",
    "*2999",
    "*3203",
    "*4",
    "*6",
    "*7",
    "*51",
    "4711",
    "8822",
)
LONGEST_SILENCE = 3.0  # seconds
LOOK_EVERY = 0.5  # seconds
ENGAGING = (Gathering, Recording, Echoing, Detecting)


@dataclass
class Use:
    """What came of it."""

    calls: int = 0
    minutes: float = 0.0
    troubles: list[str] = field(default_factory=list)


@dataclass
class Attention:
    """Since when each caller hears nothing."""

    simulation: Simulation
    use: Use
    quiet_since: dict[str, float] = field(default_factory=dict)

    async def watch(self) -> None:
        while True:
            await anyio.sleep(LOOK_EVERY)
            for channel in tuple(self.simulation.switch.table.channels.values()):
                self._look(channel)

    def _look(self, channel: Channel) -> None:
        phone = self.simulation.phones.get(channel.facts.caller.number) if channel.is_inbound else None
        now = self.simulation.now
        if phone is None or not phone.is_in_call or is_engaged(channel) or hears_something(phone):
            self.quiet_since.pop(channel.id, None)
            return
        since = self.quiet_since.setdefault(channel.id, now)
        if LONGEST_SILENCE < now - since <= LONGEST_SILENCE + LOOK_EVERY:
            self.use.troubles.append(f"{phone.name} hears nothing since {since:.1f} s:\n{phone.describe()}")


def is_engaged(channel: Channel) -> bool:
    """Somebody is at the other end, or waits for the caller to do something; or it is not answered."""
    if channel.state is not State.ANSWERED or channel.bridge is not None or channel.member is not None:
        return True
    return any(isinstance(verb, ENGAGING) for verb in channel.running)


def hears_something(phone: SimulatedPhone) -> bool:
    """There is a sound now."""
    return any(
        heard.ended_at is None or heard.ended_at >= anyio.current_time() - LOOK_EVERY
        for heard in phone.sounds[-3:]
        if not isinstance(heard.what, SilenceSource)
    )


async def live_as_caller(phone: SimulatedPhone, numbers: Sequence[str], rng: random.Random) -> None:
    """Call, do this and that, hang up, and again."""
    await phone.registered(within=300)
    while True:
        await anyio.sleep(rng.expovariate(1 / 8))
        if phone.is_in_call:  # somebody calls back
            await anyio.sleep(rng.uniform(1, 30))
            phone.hang_up()
            continue
        phone.call(rng.choice(numbers))
        for _ in range(rng.randrange(12)):
            await anyio.sleep(rng.expovariate(1 / 4))
            await do_something(phone, rng)
        if rng.random() < 0.5:
            await anyio.sleep(rng.expovariate(1 / 30))
        phone.hang_up()
        while phone.is_in_call:  # noqa: ASYNC110 - on virtual time
            await anyio.sleep(0.5)


async def live_as_callee(phone: SimulatedPhone, rng: random.Random) -> None:
    """Answer, or not; key this and that, and hang up."""
    while True:
        phone.behaves(
            answers_after=rng.choice((None, 1.0, 3.0, 8.0)), rejects=rng.choice((None, None, None, 486, 603, 480))
        )
        for _ in range(rng.randrange(1, 8)):
            await anyio.sleep(rng.expovariate(1 / 5))
            await do_something(phone, rng)
        if rng.random() < 0.3 and phone.has_line:
            phone.hang_up()


async def do_something(phone: SimulatedPhone, rng: random.Random) -> None:
    if not (phone.is_in_call and phone.has_line):
        return
    if rng.random() < 0.6:
        phone.press(rng.choice(KEYS))
    else:
        phone.speak(rng.uniform(0.3, 6))


def use(example: str, *, minutes: float, seed: int) -> Use:
    """Use an example for so many simulated minutes."""
    return use_script(EXAMPLES / example / f"{example}.py", NUMBERS[example], minutes=minutes, seed=seed)


def use_script(script: Path | App, numbers: Sequence[str], *, minutes: float, seed: int) -> Use:
    """Use a script's numbers."""
    outcome = Use()
    with tempfile.TemporaryDirectory() as folder, taken_by(_Handler(outcome)):
        lossy = {"loss": 0.02, "rtp_loss": 0.03} if seed % 2 else {}
        simulation = Simulation(script, folder=Path(folder), seed=seed, **lossy)

        async def live() -> None:
            callees = [simulation.phone(name) for name in CALLEES]
            callers = [simulation.phone(name) for name in CALLERS]
            simulation.trunk("carrier")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(Attention(simulation, outcome).watch)
                for phone in callees:
                    tasks.start_soon(live_as_callee, phone, random.Random(f"{seed} {phone.name}"))
                    tasks.start_soon(live_as_caller, phone, numbers, random.Random(f"{seed} calls {phone.name}"))
                for phone in callers:
                    tasks.start_soon(live_as_caller, phone, numbers, random.Random(f"{seed} {phone.name}"))
                await anyio.sleep(minutes * 60)
                tasks.cancel_scope.cancel()
            outcome.calls, outcome.minutes = len(simulation.happened(ChannelCreated)), simulation.now / 60
            for phone in (*callees, *callers):
                phone.behaves(answers_after=None, rejects=486)

        try:
            simulation.run(live)
        except AssertionError as error:
            outcome.troubles.append(f"left: {error}")
    return outcome


class _Handler(logging.Handler):
    def __init__(self, outcome: Use) -> None:
        super().__init__(logging.ERROR)
        self._outcome = outcome
        self.setFormatter(logging.Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        self._outcome.troubles.append(f"raised: {self.format(record)}")


def patterns_without_number(example: str) -> list[str]:
    """The routes of an example that no number here leads to."""
    app = load_script(EXAMPLES / example / f"{example}.py", example)
    numbers = NUMBERS[example]
    return [each for each in app.patterns if not any(re.fullmatch(each, number) for number in numbers)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--examples", nargs="*", default=sorted(NUMBERS))
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    bad = 0
    for name in given.examples:
        used = use(name, minutes=given.minutes, seed=given.seed)
        print(f"{name:<12} {used.calls:>6} channels in {used.minutes:.0f} minutes, {len(used.troubles)} troubles")
        print("\n\n".join(used.troubles[:5]))
        bad += len(used.troubles)
    raise SystemExit(bad > 0)
