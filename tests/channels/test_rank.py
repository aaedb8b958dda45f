"""The phones of a user in the order that he prefers."""

from __future__ import annotations

import trio

from engine.channels.rank import ranks_of
from engine.sip.messages import Uri
from tests.trio_tests import run_virtual

from .switch import FLOW, Contact, open_switch
from .test_dial import dial
from .test_spot import hosts, leg


def contact(host: str, q: float, *, instance: str = "", reg_id: int = 0) -> Contact:
    return Contact(Uri.parse(f"sip:u@{host}"), FLOW, (), instance, reg_id, q)


def names(ranks) -> list[list[str]]:
    return [[spot.uri.host for spot in rank] for rank in ranks]


def test_phones_of_one_q_ring_together_and_before_those_below():
    contacts = [contact("a", 1.0), contact("b", 1.0), contact("c", 0.5), contact("d", 0.0)]
    assert names(ranks_of([("u", contacts)], most=10)) == [["a", "b"], ["c"], ["d"]]
    assert names(ranks_of([("u", contacts)], most=3)) == [["a", "b"], ["c"]]
    assert names(ranks_of([("u", [])], most=3)) == []


def test_the_flows_of_a_phone_are_in_the_rank_of_the_best():
    contacts = [contact("a", 1.0, instance="x", reg_id=1), contact("b", 0.7), contact("c", 0.2, instance="x", reg_id=2)]
    assert names(ranks_of([("u", contacts)], most=10)) == [["a"], ["b"]]


def test_of_a_group_each_user_s_first_choice_rings_first():
    alice, bob = [contact("a", 0.3), contact("b", 0.2)], [contact("c", 1.0)]
    assert names(ranks_of([("alice", alice), ("bob", bob)], most=10)) == [["a", "c"], ["b"]]


@run_virtual
async def test_who_is_less_wanted_rings_when_all_before_have_failed():
    async with open_switch() as switch:
        call = switch.call()
        switch.users["bob"] = [contact("a", 1.0), contact("b", 1.0), contact("c", 0.5), contact("d", 0.1)]
        call.do(dial(["bob"]), "d")
        assert hosts(switch) == ["a", "b"]
        leg(switch, "a").fails(486)
        assert hosts(switch) == ["a", "b"]
        leg(switch, "b").fails(480)
        assert hosts(switch) == ["a", "b", "c"]
        leg(switch, "c").fails(486)
        leg(switch, "d").fails(404)
        [branch] = switch.log.outcome("d").branches
        assert branch.reason == "busy"


@run_virtual
async def test_phones_that_only_ring_give_way_when_their_share_of_the_time_is_over():
    async with open_switch() as switch:
        call = switch.call()
        switch.users["bob"] = [contact("a", 1.0), contact("b", 0.5), contact("c", 0.1)]
        call.do(dial(["bob"], timeout=30.0), "d")
        leg(switch, "a").rings()
        await trio.sleep(9.9)
        assert hosts(switch) == ["a"]
        await trio.sleep(0.2)
        assert hosts(switch) == ["a", "b"]
        leg(switch, "b").fails(486)
        assert hosts(switch) == ["a", "b", "c"]
        await trio.sleep(19.8)
        assert switch.log.outcomes("d") == []
        await trio.sleep(0.2)
        [branch] = switch.log.outcome("d").branches
        assert branch.reason == "no_answer"


@run_virtual
async def test_a_refusal_for_all_phones_is_for_those_below_too():
    async with open_switch() as switch:
        call = switch.call()
        switch.users["bob"] = [contact("a", 1.0), contact("b", 0.5)]
        call.do(dial(["bob"]), "d")
        leg(switch, "a").fails(603)
        assert hosts(switch) == ["a"]
        assert switch.log.outcome("d").branches[0].reason == "declined"


@run_virtual
async def test_who_has_answered_is_not_rung_over():
    async with open_switch() as switch:
        call = switch.call()
        switch.users["bob"] = [contact("a", 1.0), contact("b", 0.5)]
        call.do(dial(["bob"], timeout=20.0), "d")
        leg(switch, "a").answers()
        await trio.sleep(30)
        assert hosts(switch) == ["a"]
