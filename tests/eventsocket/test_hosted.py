"""A program inside the engine: a session like any other, whose commands and events are no frames."""

from __future__ import annotations

import pytest
import trio

from callflow.protocol import commands
from callflow.protocol.frames import CloseCode, Hello
from engine.channels.errors import CommandError
from engine.eventsocket.hello import Refused
from engine.eventsocket.tokens import Token
from tests.trio_tests import run_virtual

from .engine import running_engine

TOKEN = Token("script", "script-secret", frozenset({"calls:own"}), app="ivr")


class Hosted:
    """A program that does what the test says, in its session."""

    def __init__(self, engine):
        self.engine = engine
        self.reason = ""
        self.is_over = trio.Event()

    async def run(self, *, task_status):
        async def serve(session, owns):
            task_status.started((session, owns))
            while not session.is_closing:
                await session.wait(float("inf"))

        hello = Hello(app="ivr", routes=("1000",))
        self.reason = await self.engine.sockets.host(hello, TOKEN, "inside", serve)
        self.is_over.set()


async def hosted(engine):
    program = Hosted(engine)
    session, owns = await engine.nursery.start(program.run)
    return program, session, owns


def names(session):
    return [entry.name for entry in session.take()]


@run_virtual
async def test_it_takes_calls_and_their_events_and_is_listed_as_an_app():
    async with running_engine() as engine:
        _, session, owns = await hosted(engine)
        assert owns == ()
        engine.call("c1")
        assert names(session) == ["channel.created"]
        assert session.perform("1", commands.Set(variables={"a": "1"}), "c1") is None
        assert session.perform("2", commands.Get(), "c1") == {"a": "1"}
        assert names(session) == []
        session.perform("3", commands.Hangup(), "c1")
        assert names(session) == ["channel.ended"]
        watcher = await engine.app("watcher")
        reply = await watcher.do(commands.Apps())
        assert b"inside" in bytes(reply.data)


@run_virtual
async def test_calls_that_waited_for_it_are_its_from_their_beginning():
    async with running_engine() as engine:
        engine.call("early")
        _, session, owns = await hosted(engine)
        assert owns == ("early",)
        assert names(session) == ["channel.created", "channel.owner_changed"]


@run_virtual
async def test_what_is_refused_raises_and_so_does_a_fault_of_the_engine_s():
    async with running_engine() as engine:
        _, session, _ = await hosted(engine)
        engine.call("c1")
        for command, channel, code in (
            (commands.Play(sources=("missing.wav",)), "c1", "bad_argument"),
            (commands.Play(sources=("bug.wav",)), "c1", "internal"),
            (commands.Answer(), "nothing", "not_found"),
            (commands.Answer(), None, "bad_argument"),
        ):
            with pytest.raises(CommandError) as refused:
                session.perform("id", command, channel)
            assert refused.value.code == code


@run_virtual
async def test_it_ends_when_it_is_closed_and_its_calls_have_what_their_policies_say():
    async with running_engine() as engine:
        program, session, _ = await hosted(engine)
        engine.call("c1")
        session.close(CloseCode.NORMAL, "its version is retired")
        await program.is_over.wait()
        assert program.reason == "its version is retired"
        assert engine.sessions.of("ivr") == ()
        assert not engine.table.channels


@run_virtual
async def test_it_waits_until_a_time_if_nothing_comes():
    async with running_engine() as engine:
        _, session, _ = await hosted(engine)
        await session.wait(trio.current_time() + 5)
        assert trio.current_time() == 5


@run_virtual
async def test_an_engine_that_stops_lets_none_in():
    async with running_engine() as engine:
        await engine.sockets.close()
        with pytest.raises(Refused, match="the engine stops"):
            await Hosted(engine).run(task_status=trio.TASK_STATUS_IGNORED)
