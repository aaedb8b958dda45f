"""We as a user of a carrier's registrar: digest, refreshes, back-off, another registrar."""

from __future__ import annotations

import itertools

import pytest
import trio

from callflow.protocol.events import TrunkRegistered, TrunkUnregistered
from engine.sip.events import Flow
from engine.trunks.registration import back_off
from tests.trio_tests import run_virtual

from .peer import HOSTS, OURS, running

CONTACT = f"sip:4930999@{OURS}:5060"


@run_virtual
async def test_a_trunk_registers_by_password_and_tells_it_once():
    async with running(expires=600) as world:
        await trio.sleep(3600)
        assert world.first.contacts() == [CONTACT]
        assert world.told(TrunkRegistered) == [TrunkRegistered(trunk="carrier", expires_after=600.0)]
        assert world.trunk.registration == "registered"
        assert world.second.requests == []


@run_virtual
async def test_a_registration_is_refreshed_before_it_ends_though_its_nonce_has_changed():
    async with running(expires=600) as world:
        for _ in range(100):
            await trio.sleep(60)
            assert world.first.contacts() == [CONTACT]
        numbers = [event.request.cseq for _, event in world.first.requests]
        assert numbers == sorted(set(numbers))
        assert len({event.request.call_id for _, event in world.first.requests}) == 1


@run_virtual
async def test_a_registrar_that_wants_longer_registrations_gets_them():
    async with running(expires=60, limits={"min_expires": 120}) as world:
        await trio.sleep(1)
        assert world.told(TrunkRegistered) == [TrunkRegistered(trunk="carrier", expires_after=120.0)]


@run_virtual
async def test_the_next_target_registers_when_the_first_is_overloaded():
    async with running() as world:
        world.first.status = 503
        await trio.sleep(1)
        assert world.second.contacts() == [CONTACT]
        assert world.told(TrunkUnregistered) == []


@run_virtual
async def test_the_next_target_registers_when_the_first_is_silent():
    async with running() as world:
        world.network.cut(HOSTS["first.example.net"])
        await trio.sleep(40)
        assert world.second.contacts() == [CONTACT]


@run_virtual
async def test_a_refusal_is_told_and_the_pauses_grow_until_it_is_over():
    async with running() as world:
        world.first.status = 403
        await trio.sleep(4 * 3600)
        times = [at for at, _ in world.first.requests]
        pauses = [after - before for before, after in itertools.pairwise(times)]
        assert 15 <= pauses[0] <= 31
        assert all(pause <= 1801 for pause in pauses)
        assert pauses[-1] >= 900
        first = world.told(TrunkUnregistered)[0]
        assert isinstance(first, TrunkUnregistered)
        assert (first.trunk, first.reason) == ("carrier", "403 Forbidden")
        assert first.retry_after == pytest.approx(pauses[0], abs=0.1)
        assert world.trunk.registration == "failed"
        world.first.status = None
        await trio.sleep(1801)
        assert world.first.contacts() == [CONTACT]
        assert world.trunk.registration == "registered"


@run_virtual
async def test_a_wrong_password_is_not_tried_twice_in_one_go():
    async with running(password="wrong") as world:
        await trio.sleep(10)
        assert len(world.first.requests) == 2
        assert world.trunk.registration == "failed"


@run_virtual
async def test_a_registrar_that_says_when_to_come_again_is_heeded():
    async with running() as world:
        world.first.status, world.first.headers = 500, [("Retry-After", "600 (maintenance)")]
        await trio.sleep(590)
        assert len(world.first.requests) == 1


@run_virtual
async def test_the_registration_is_taken_back_at_the_end():
    async with running() as world:
        await trio.sleep(1)
        assert world.first.contacts() == [CONTACT]
        await world.trunks.close()
        assert world.first.contacts() == []
        await trio.sleep(7200)
        assert world.first.contacts() == []


@run_virtual
async def test_calls_come_from_where_the_targets_are_and_from_nowhere_else():
    async with running() as world:
        await trio.sleep(1)
        ours = ("10.0.0.1", 5060)
        assert world.trunks.find_source(Flow("udp", ours, ("10.0.2.1", 40000))) is world.trunk
        assert world.trunks.find_source(Flow("udp", ours, ("10.0.2.9", 5060))) is None


def test_the_pause_doubles_up_to_half_an_hour_and_chance_takes_up_to_half_of_it():
    assert [back_off(n, 1.0) for n in range(8)] == [30, 60, 120, 240, 480, 960, 1800, 1800]
    assert back_off(0, 0.0) == 15
    assert back_off(1000, 0.0) == 900
