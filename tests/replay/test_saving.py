"""What an engine still knows of a call, made a saved call; and what it does not know any more."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from callflow.errors import NotFound
from callflow.protocol.queries import Decision, Decisions, PastEvent
from callflow.replay.saving import NotKept, save_all, save_call
from tests.trio_tests import run_trio

PARTY = {"uri": "sip:alice@127.0.0.1", "number": "alice"}


class FakeEngine:
    """Knows these events, and commands by channel; of one that is not there it keeps none."""

    def __init__(self, *events: PastEvent, missing: int = 0, **commands: int) -> None:
        self.welcome = SimpleNamespace(engine="callflow/test")
        self._events = events
        self._commands = commands
        self._missing = missing

    async def recent(self, *patterns: str, last: int, channel: str | None = None) -> list[PastEvent]:
        assert last > 100_000
        return [it for it in self._events if {"*", it.name} & set(patterns) and channel in (None, it.channel)]

    async def decisions(self, channel: str) -> Decisions:
        if channel not in self._commands:
            raise NotFound(channel)
        count = self._commands[channel]
        given = [Decision(seq=number, at=100.0, id=f"x{number}", name="answer") for number in range(count)]
        return Decisions(tuple(given), missing=self._missing, total=count + self._missing)


def created(seq: int, channel: str, *, parent: str | None = None, direction: str = "inbound") -> PastEvent:
    data = {"direction": direction, "caller": PARTY, "callee": PARTY, "to": "1000", "app": "ivr", "parent": parent}
    return PastEvent(seq, 100.0 + seq, "channel.created", channel, None, data)


def a_family() -> list[PastEvent]:
    legs = [
        created(5, "leg1", parent="abc1", direction="outbound"),
        created(6, "leg2", parent="leg1", direction="outbound"),
    ]
    return [created(1, "abc1"), created(2, "abd2"), *legs, PastEvent(7, 107.0, "channel.answered", "leg2")]


@run_trio
async def test_a_call_comes_with_the_legs_that_it_and_they_dialled():
    saved = await save_call(FakeEngine(*a_family(), abc1=2, leg2=1), "abc1")
    assert {entry.leg for entry in saved.log} == {"abc1", "leg1", "leg2"}
    assert [entry.command for entry in saved.log if entry.leg == "abc1"] == ["answer", "", "answer"]
    assert saved.engine == "callflow/test"


@run_trio
async def test_the_beginning_of_an_id_will_do_if_there_is_one_such_call():
    engine = FakeEngine(*a_family(), abc1=1)
    assert (await save_call(engine, "abc")).call == "abc1"
    with pytest.raises(NotKept, match="2 calls begin with 'ab'"):
        await save_call(engine, "ab")


@run_trio
async def test_a_leg_stands_for_its_call():
    for leg in ("leg1", "leg2"):
        assert (await save_call(FakeEngine(*a_family(), abc1=1), leg)).call == "abc1"


@run_trio
async def test_what_the_engine_does_not_know_is_said():
    with pytest.raises(NotKept, match="knows no call 'zzz'"):
        await save_call(FakeEngine(*a_family()), "zzz")
    with pytest.raises(NotKept, match="keeps no command that was given to it"):
        await save_call(FakeEngine(*a_family()), "abc1")
    with pytest.raises(NotKept, match="no longer keeps the first 3 of its 5 commands"):
        await save_call(FakeEngine(*a_family(), missing=3, abc1=2), "abc1")


@run_trio
async def test_a_call_that_the_engine_placed_cannot_be_made_again():
    with pytest.raises(NotKept, match="did not come in"):
        await save_call(FakeEngine(created(1, "out1", direction="outbound")), "out1")


@run_trio
async def test_of_all_calls_those_are_saved_that_can_be():
    saved, failed = await save_all(FakeEngine(*a_family(), abc1=1))
    assert [call.call for call in saved] == ["abc1"]
    assert [str(error).partition(":")[0] for error in failed] == ["abd2"]
