"""An app whose connection is lost and replaced while its scripts go on."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import pytest

from callflow import App, Call, CallEnded, Digits, Played, Unreachable, link
from callflow.protocol import commands, events
from callflow.protocol.frames import CaughtUp, Gap, Resume
from callflow.session import run_app
from callflow.transport import StreamTransport, Transport
from tests.sdk.backends import on_both_backends
from tests.sdk.scripted_engine import SESSION, ScriptedEngine, app_of, memory_streams
from tests.trio_tests import run_virtual

COMPLETED = Played(heard_ms=1000, reason="completed")


class Engines:
    """Connections to an engine in the test's hands: `next` is the one that the app opens next."""

    def __init__(self) -> None:
        self._send, self._receive = anyio.create_memory_object_stream[ScriptedEngine](10)
        self.are_there = True
        self._all: list[ScriptedEngine] = []

    async def dial(self) -> Transport:
        if not self.are_there:
            raise Unreachable("no engine answers")
        ours, theirs = memory_streams()
        self._all.append(ScriptedEngine(ours))
        await self._send.send(self._all[-1])
        return StreamTransport(theirs)

    async def next(self) -> ScriptedEngine:
        return await self._receive.receive()

    async def close(self) -> None:
        for engine in self._all:
            await engine.close()
        self._send.close()
        self._receive.close()


@asynccontextmanager
async def joined(app: App) -> AsyncGenerator[Engines, None]:
    """The app, over connections that are replaced when they are lost."""
    engines = Engines()
    async with anyio.create_task_group() as tasks:

        async def run() -> None:
            await run_app(app, await engines.dial(), reconnect=engines.dial)

        tasks.start_soon(run)
        yield engines
        tasks.cancel_scope.cancel()
    await engines.close()


@on_both_backends
async def test_a_script_goes_on_over_another_connection():
    ends: list[object] = []

    async def script(call: Call) -> None:
        ends.append(await call.play("long.wav"))
        ends.append(await call.gather())

    async with joined(app_of(script)) as engines:
        one = await engines.next()
        await one.greet()
        await one.call()
        play, _ = await one.accept(commands.Play)
        await one.close()
        two = await engines.next()
        hello = await two.greet(owns=["call-1"], session="session-2")
        assert hello.resume == Resume(epoch="e", seq=1, session=SESSION)
        two.skip_to(2)
        await two.finish(play, COMPLETED)
        await two.end(commands.Gather, Digits("1"))
        await two.expect_hangup()
    assert ends == [COMPLETED, Digits("1")]


@on_both_backends
async def test_a_command_that_was_not_answered_is_sent_again_under_its_id():
    async def script(call: Call) -> None:
        await call.answer()
        await call.set(done="yes")

    async with joined(app_of(script)) as engines:
        one = await engines.next()
        await one.greet()
        await one.call()
        sent, _ = await one.take(commands.Answer)
        await one.close()
        two = await engines.next()
        await two.greet(owns=["call-1"], session="session-2")
        again, _ = await two.accept(commands.Answer)
        assert again.id == sent.id
        await two.accept(commands.Set)
        await two.expect_hangup()


@on_both_backends
async def test_what_happened_meanwhile_is_told_again_and_calls_of_then_are_begun():
    steps: list[str] = []

    async def script(call: Call) -> None:
        steps.append(f"{call.id} begins")
        try:
            await call.play("long.wav")
        finally:
            steps.append(f"{call.id} ends")

    async with joined(app_of(script)) as engines:
        one = await engines.next()
        await one.greet()
        await one.call()
        await one.accept(commands.Play)
        await one.close()
        two = await engines.next()
        await two.greet(session="session-2")
        two.skip_to(2)
        await two.emit(events.OwnerLost(session=SESSION), "call-1")
        await two.hang_up()
        await two.call("call-2")  # it came while nobody knew that the connection was lost
        await two.accept(commands.Play)
        await two.hang_up("call-2")
        await two.call("call-3")
        await two.accept(commands.Play)
    assert steps[:4] == ["call-1 begins", "call-1 ends", "call-2 begins", "call-2 ends"]


@on_both_backends
async def test_a_call_that_waited_is_had_again_and_one_whose_script_is_over_is_not():
    async def script(call: Call) -> None:
        assert not call.is_reattached
        if call.id == "call-2":
            await call.wait_hangup()

    async with joined(app_of(script)) as engines:
        one = await engines.next()
        await one.greet()
        await one.call("call-2")
        await one.call("call-1")
        hangup, _ = await one.take(commands.Hangup)
        await one.close()
        two = await engines.next()
        await two.greet(owns=["call-1", "call-2"], session="session-2")
        again, _ = await two.accept(commands.Hangup)
        assert again.id == hangup.id
        two.skip_to(3)
        for id in ("call-1", "call-2"):
            await two.emit(events.OwnerChanged(app="test", owner="session-2"), id)
        await two.send(two.ended("call-1", by="app"))
        await two.hang_up("call-2")
        await two.call("call-3")
        frame, _ = await two.take(commands.Hangup)
        assert frame.channel == "call-3"


@on_both_backends
async def test_a_session_of_ours_that_we_never_heard_of_takes_nothing_away_and_another_does():
    ends: dict[str, object] = {}

    async def script(call: Call) -> None:
        @call.after_hangup
        async def keep(ended: events.ChannelEnded) -> None:
            ends[call.id] = ended.cause

        await call.wait_hangup()

    async with joined(app_of(script)) as engines:
        one = await engines.next()
        await one.greet()
        for id in ("kept", "over", "taken"):
            await one.call(id)
        await one.close()
        two = await engines.next()
        await two.greet(owns=["kept"], session="session-3", seq=9)
        two.skip_to(4)
        for id in ("kept", "over", "taken"):
            await two.emit(events.OwnerChanged(app="test", owner="session-2"), id)
        await two.hang_up("over")
        await two.emit(events.OwnerChanged(app="test", owner="session-3"), "kept")
        await two.send(CaughtUp(seq=9))
        await two.hang_up("kept")
        await two.call("later")
        await two.hang_up("later")
        while len(ends) < 3:
            await anyio.lowlevel.checkpoint()
    assert ends == {"kept": 16, "over": 16, "later": 16}


async def fails_at_the_end(script: Callable[[Call], Awaitable[None]], *, epoch: str, gap: bool) -> None:
    """The app returns when what it had is gone."""
    engines = Engines()
    async with anyio.create_task_group() as tasks:

        async def run() -> None:
            await run_app(app_of(script), await engines.dial(), reconnect=engines.dial)

        tasks.start_soon(run)
        one = await engines.next()
        await one.greet()
        await one.call()
        await one.accept(commands.Play)
        await one.close()
        two = await engines.next()
        await two.greet(epoch=epoch)
        if gap:
            await two.send(Gap(from_=2, to=9))
    await engines.close()


@pytest.mark.parametrize(("epoch", "gap"), [("another", False), ("e", True)])
def test_what_nobody_knows_of_any_more_is_over(epoch, gap):
    over: list[str] = []

    async def script(call: Call) -> None:
        try:
            await call.play("long.wav")
        finally:
            over.append(call.id)

    for backend in ("asyncio", "trio"):
        anyio.run(lambda: fails_at_the_end(script, epoch=epoch, gap=gap), backend=backend)
    assert over == ["call-1", "call-1"]


@run_virtual
async def test_an_engine_that_does_not_come_back_is_waited_for_a_minute():
    over: list[float] = []

    async def script(call: Call) -> None:
        try:
            await call.play("long.wav")
        finally:
            over.append(anyio.current_time())
            with pytest.raises(CallEnded):
                raise CallEnded("reached")

    engines = Engines()
    async with anyio.create_task_group() as tasks:

        async def run() -> None:
            await run_app(app_of(script), await engines.dial(), reconnect=engines.dial)

        tasks.start_soon(run)
        one = await engines.next()
        await one.greet()
        await one.call()
        await one.accept(commands.Play)
        engines.are_there = False
        began = anyio.current_time()
        await one.close()
    assert over == [began + link.RESUME_WITHIN]
    await engines.close()
