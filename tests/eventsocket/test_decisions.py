"""The commands that channels were given: kept for whoever asks, and bounded."""

from __future__ import annotations

import msgspec

from callflow.protocol import commands
from callflow.protocol.connection import Spelling
from callflow.protocol.queries import Decisions
from engine.eventsocket.decisions import DecisionLog, Given
from tests.trio_tests import run_trio

from .engine import READER, running_engine


def given(number: int, *, padding: int = 0) -> Given:
    return Given(number, 0.0, "ivr", f"c{number}", "play", b"\x80" + bytes(padding), Spelling.MSGPACK)


def ids(found: Decisions | None) -> list[str]:
    assert found is not None
    return [decision.id for decision in found.decisions]


async def ask(app, channel: str, **arguments) -> Decisions:
    reply = await app.do(commands.DecisionsCommand(channel=channel, **arguments))
    assert reply.ok, reply.error
    return app.connection.data(reply, Decisions)


@run_trio
async def test_what_an_app_tells_its_channel_is_kept_with_its_arguments_and_refusals():
    async with running_engine() as engine:
        app = await engine.app()
        engine.call("a")
        await app.do(commands.Play(sources=("welcome.wav",)), channel="a", id="p")
        await app.do(commands.Play(sources=("missing.wav",)), channel="a", id="q")
        found = await ask(app, "a")
        assert [(it.id, it.name, it.app, it.error) for it in found.decisions] == [
            ("p", "play", "ivr", ""),
            ("q", "play", "ivr", "bad_argument"),
        ]
        assert found.decisions[0].args == {"sources": ["welcome.wav"]}


@run_trio
async def test_a_command_stands_behind_the_event_before_it_and_before_those_that_it_causes():
    async with running_engine() as engine:
        app = await engine.app()
        engine.call("a")
        before = engine.log.last_seq
        await app.do(commands.Hangup(), channel="a")
        found = await ask(app, "a")
        assert [it.seq for it in found.decisions] == [before]
        assert engine.log.last_seq > before


@run_trio
async def test_questions_and_what_strangers_say_are_no_decisions():
    async with running_engine() as engine:
        app, other = await engine.app(), await engine.app("other")
        engine.call("a")
        await app.do(commands.Set(variables={"x": "1"}), channel="a", id="s")
        await app.do(commands.Get(), channel="a")
        await other.do(commands.Answer(), channel="a")
        assert ids(await ask(app, "a")) == ["s"]


@run_trio
async def test_the_same_command_id_again_is_not_another_decision():
    async with running_engine() as engine:
        app = await engine.app()
        engine.call("a")
        for _ in range(2):
            await app.do(commands.Answer(), channel="a", id="same")
        assert ids(await ask(app, "a")) == ["same"]


@run_trio
async def test_a_channel_that_nobody_steered_is_not_found():
    async with running_engine() as engine:
        app = await engine.app()
        reply = await app.do(commands.DecisionsCommand(channel="nobody"))
        assert reply.error is not None
        assert reply.error.code == "not_found"


@run_trio
async def test_asking_takes_the_scope_read():
    async with running_engine() as engine:
        app = await engine.app()
        engine.call("a")
        await app.do(commands.Answer(), channel="a", id="c")
        reader = await engine.app("reader", token=READER)
        assert ids(await ask(reader, "a")) == ["c"]


def test_the_channels_that_ended_first_are_forgotten_first():
    log = DecisionLog(max_octets=1000)
    for number, channel in enumerate(("live", "old", "new")):
        log.note(channel, given(number))
    log.end("old")
    log.end("new")
    for number in range(3, 6):
        log.note("live", given(number))
    assert log.find("old", after=0) is None
    assert log.find("new", after=0) is None
    assert ids(log.find("live", after=0)) == ["c0", "c3", "c4", "c5"]
    assert log.octets <= 1000


def test_a_live_channel_that_lost_its_first_commands_says_how_many():
    log = DecisionLog(max_octets=1000)
    for number in range(6):
        log.note("a", given(number))
    found = log.find("a", after=0)
    assert found is not None
    assert found.missing + len(found.decisions) == found.total == 6
    assert found.missing > 0
    assert log.octets <= 1000


def test_so_many_ended_channels_are_kept():
    log = DecisionLog(max_ended=2)
    for number in range(3):
        log.note(f"channel {number}", given(number))
        log.end(f"channel {number}")
    assert log.find("channel 0", after=0) is None
    assert ids(log.find("channel 1", after=0)) == ["c1"]


def test_a_long_list_comes_in_parts_that_fit_a_message():
    log = DecisionLog()
    for number in range(10):
        log.note("a", given(number, padding=100_000))
    first = ids(log.find("a", after=0))
    assert 0 < len(first) < 10
    assert ids(log.find("a", after=len(first)))[0] == f"c{len(first)}"


def test_arguments_that_are_no_map_are_none():
    log = DecisionLog()
    log.note("a", Given(0, 0.0, "ivr", "c", "play", msgspec.msgpack.encode([1]), Spelling.MSGPACK))
    found = log.find("a", after=0)
    assert found is not None
    assert found.decisions[0].args == {}


def test_a_watcher_is_told_of_each_command():
    log = DecisionLog()
    told: list[tuple[str, str]] = []
    log.watch(lambda channel, command: told.append((channel, command.id)))
    log.note("a", given(1))
    assert told == [("a", "c1")]
