"""The twin of test_calls.py on real sockets: whatever phones do to an engine process, afterwards it holds what it held.

What it holds is asked of the kernel (descriptors, threads, children) and of itself (tasks, timers, transactions).
A course of events comes from a seed, which a failure names; CALLFLOW_SEED adds one.
"""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
import trio

from callflow.phone import CallState, Phone, PhoneCall
from tests.interop.engine import RunningEngine, engine
from tests.interop.places import CALLS
from tests.interop.process import children, descriptors, name_of, sockets, spares, threads, until
from tests.interop.tasks import tasks
from tests.interop.terminal import terminal
from tests.interop.watch import Watch, watch
from tests.trio_tests import run_trio

SEEDS = sorted({1, 2, 3, *map(int, os.environ.get("CALLFLOW_SEED", "").split())})
STEPS = 60
LOOKS = 10  # in a row that see the same
SUMS = ("calls_refused", "calls_rejected", "sip_datagrams_dropped", "sip_malformed")  # of what was; nobody holds it
OF_CALLS = ("channels", "media_sessions", "sip_transactions", "sip_invites")
ANSWERED = ["3000", "3001", "3002", "3003", "3005", "3006", "3007", "3007", "3008"]
NUMBERS = [*ANSWERED, "2000", "2001", "2002", "3004", "nobody"]
GARBAGE = [path.read_bytes() for path in sorted((Path(__file__).parents[1] / "sip" / "malformed").glob("*.sip"))]
ENDLESS_INVITE = """\
INVITE sip:{number}@127.0.0.1 SIP/2.0\r
Via: SIP/2.0/{transport} 127.0.0.1:9;branch=z9hG4bK{token};rport\r
From: <sip:nobody@127.0.0.1>;tag={token}\r
To: <sip:{number}@127.0.0.1>\r
Call-ID: {token}\r
CSeq: 1 INVITE\r
Max-Forwards: 70\r
Contact: <sip:nobody@127.0.0.1:9>\r
Content-Length: 0\r
\r
"""


@dataclass(frozen=True, slots=True)
class Holdings:
    """What an engine process holds."""

    descriptors: Counter[str]
    sockets: Counter[str]
    threads: Counter[str]
    children: Counter[str]
    tasks: Counter[str]
    counters: Counter[str]

    def differences(self, other: Holdings) -> str:
        """What is more or less than before, in words."""
        return "; ".join(
            f"{kind} {name}: {before[name]} became {after[name]}"
            for kind, before, after in self._pairs(other)
            for name in sorted(before | after)
            if before[name] != after[name]
        )

    def _pairs(self, other: Holdings) -> Iterator[tuple[str, Counter[str], Counter[str]]]:
        for field in fields(self):
            yield field.name, getattr(self, field.name), getattr(other, field.name)


async def look(running: RunningEngine, seen: Watch) -> Holdings:
    pid = running.process.pid
    counters = Counter((await seen.client.status()).counters)
    for name in SUMS:
        del counters[name]
    del counters["tasks"]  # told by name
    return Holdings(
        descriptors(pid),
        sockets(pid),
        threads(pid),
        Counter(map(name_of, children(pid))),
        await tasks(pid, running.data),
        counters,
    )


class Course:
    """Things that happen, one after another."""

    def __init__(self, seed: int, running: RunningEngine, phones: list[Phone]) -> None:
        self._random = random.Random(seed)
        self._running, self._phones = running, phones
        self._kills = 2  # a worker that dies again and again is replaced more and more slowly

    async def step(self) -> None:
        [act] = self._random.choices(
            [self.call, self.answer, self.hang_up, self.press, self.hold, self.resume, self.register,
             self.send_garbage, self.send_garbage_by_tcp, self.vanish, self.vanish_by_tcp, self.kill_worker],
            weights=[6, 4, 4, 2, 2, 1, 1, 1, 1, 1, 1, 1],
        )  # fmt: skip
        await act()
        await trio.sleep(self._random.choice([0, 0, 0.005, 0.02, 0.1, 0.3]))

    async def call(self) -> None:
        phone = self._random.choice(self._phones)
        transport = self._random.choice(["", ";transport=tcp"])
        port = self._running.tcp[1] if transport else self._running.udp[1]
        await phone.call(f"sip:{self._random.choice(NUMBERS)}@127.0.0.1:{port}{transport}")

    async def answer(self) -> None:
        for call in self._some(CallState.OFFERED):
            self._random.choice([call.answer, call.answer, call.reject])()

    async def hang_up(self) -> None:
        for call in self._some():
            call.hang_up()

    async def press(self) -> None:
        for call in self._some(CallState.ANSWERED):
            call.press(self._random.choice("0123456789*#"))

    async def hold(self) -> None:
        for call in self._some(CallState.ANSWERED):
            call.hold()

    async def resume(self) -> None:
        for call in self._some(CallState.ANSWERED):
            call.resume()

    async def register(self) -> None:
        phone = self._random.choice(self._phones)
        if phone.name != "guest":
            await phone.register(f"sip:127.0.0.1:{self._running.udp[1]}", expires=self._random.choice([0, 60, 300]))

    async def send_garbage(self) -> None:
        await self._send([self._random.choice(GARBAGE) for _ in range(5)])

    async def send_garbage_by_tcp(self) -> None:
        with suppress(trio.BrokenResourceError):
            async with await trio.open_tcp_stream(*self._running.tcp) as stream:
                await stream.send_all(self._random.choice(GARBAGE)[: self._random.randrange(1, 400)])

    async def vanish(self) -> None:
        """A caller that is never heard of again: nobody acknowledges our answer."""
        await self._send([self._endless_invite("UDP")])

    async def vanish_by_tcp(self) -> None:
        async with await trio.open_tcp_stream(*self._running.tcp) as stream:
            await stream.send_all(self._endless_invite("TCP"))
            await stream.receive_some()

    async def kill_worker(self) -> None:
        if self._kills:
            self._kills -= 1
            for pid in children(self._running.process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _some(self, *states: CallState) -> list[PhoneCall]:
        """One of the calls in those states, if there is one."""
        calls = [call for phone in self._phones for call in phone.calls if not states or call.state in states]
        return [self._random.choice(calls)] if calls else []

    def _endless_invite(self, transport: str) -> bytes:
        token = f"{self._random.getrandbits(64):x}"
        number = self._random.choice(ANSWERED)  # what is not, may ring for ever
        return ENDLESS_INVITE.format(number=number, transport=transport, token=token).encode()

    async def _send(self, messages: list[bytes]) -> None:
        with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as sender:
            for message in messages:
                await sender.sendto(message, self._running.udp)


async def hang_up_all(phones: list[Phone]) -> None:
    """Until there is nothing to hang up; a call may come in meanwhile."""
    while any(phone.calls for phone in phones):
        for phone in phones:
            phone.hang_up_all()
        await trio.sleep(0.05)


async def wait_same(before: Holdings, running: RunningEngine, seen: Watch, seed: int) -> None:
    """Wait until the engine holds what it held before; transactions have their time (here 2 seconds)."""
    differences = ""
    with trio.move_on_after(60):
        while True:
            differences = before.differences(await look(running, seen))
            if not differences:
                return
            await trio.sleep(0.1)
    pytest.fail(f"after the course of seed {seed}: {differences}\n{running.log[-4000:]}")


@run_trio
async def test_nothing_is_left_of_any_course_of_events(tmp_path: Path):
    """The courses go on at the same time, for what takes most of it are pauses. Each has an engine of its own."""
    async with trio.open_nursery() as nursery:
        for seed in SEEDS:
            nursery.start_soon(go_through, tmp_path / f"seed-{seed}", seed)


async def go_through(tmp_path: Path, seed: int) -> None:
    async with engine(tmp_path / "engine", CALLS, is_impatient=True) as running, watch(running) as seen:
        async with terminal() as guest:
            await call_once(guest, running)  # what is made at the first call, and kept
        await until(lambda: spares(running.process.pid))
        before = await look_when_idle(running, seen)

        async with AsyncExitStack() as stack:
            names = ("guest", "alice", "desk", "mobile")
            phones = [await stack.enter_async_context(terminal(name)) for name in names]
            for phone in phones[1:]:
                await phone.register(f"sip:127.0.0.1:{running.udp[1]}")
            course = Course(seed, running, phones)
            for _ in range(STEPS):
                await course.step()
            await hang_up_all(phones)
        await wait_same(before, running, seen, seed)
    assert seen.names().count("channel.created") > 5


async def call_once(guest: Phone, running: RunningEngine) -> None:
    call = await guest.call(running.sip("3003"))
    assert await call.wait_sound()
    call.hang_up()
    await call.wait_ended()


async def look_when_idle(running: RunningEngine, seen: Watch) -> Holdings:
    """What the engine holds when the first call is forgotten, and nothing has come or gone for a while: ports are bound
    anew and tasks end a little later than counters tell.
    """
    holdings, same = await look(running, seen), 0
    while same < LOOKS or any(holdings.counters[name] for name in OF_CALLS):
        await trio.sleep(0.1)
        before, holdings = holdings, await look(running, seen)
        same = same + 1 if holdings == before else 0
    return holdings
