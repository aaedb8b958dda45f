"""What goes wrong around a call: numbers, codecs, ports, processes, networks."""

from __future__ import annotations

import anyio
import pytest

from callflow import Answered, App, Call
from callflow.phone import Ended
from callflow.protocol.events import AppConnected, AppLost, ChannelCreated, ChannelEnded
from engine.sip.events import InviteFailed
from engine.sip.messages import Address, Uri

app, other = App("one"), App("two")
pytestmark = pytest.mark.callflow(app, other)


@app.route("300")
async def music(call: Call) -> None:
    await call.answer()
    await call.play("music.wav", repeat=0)


@app.route("301")
async def to_bob(call: Call) -> None:
    result = await call.dial("bob")
    if isinstance(result, Answered):
        await call.bridge(result.leg)
    else:
        await call.reject(result.branches[0].sip_status)


@other.route("400")
async def waits(call: Call) -> None:
    await call.answer()
    await anyio.sleep_forever()


async def test_an_unknown_number_is_not_found(simulation):
    alice = simulation.phone("alice")
    alice.call("999")
    assert await alice.ended() == Ended("peer", False, 404, "Not Found")
    assert not simulation.happened(ChannelCreated)


async def test_an_offer_without_a_common_codec_is_not_acceptable(simulation):
    alice = simulation.phone("alice")
    await alice.registered()
    failures = []
    endpoint = simulation._endpoint("raw", "10.0.2.1", 5060, failures.append)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(endpoint.run)
        uri = Uri.parse("sip:300@10.0.0.1")
        offer = (
            b"v=0\r\no=- 1 1 IN IP4 10.0.2.1\r\ns=-\r\nc=IN IP4 10.0.2.1\r\nt=0 0\r\n"
            b"m=audio 40000 RTP/AVP 4\r\na=rtpmap:4 G723/8000\r\n"
        )
        endpoint.invite(uri, flow=await endpoint.resolve(uri), from_=Address.parse("<sip:raw@10.0.2.1>"), body=offer)
        await simulation.wait(1)
        tasks.cancel_scope.cancel()
    assert [(type(failure), failure.status) for failure in failures] == [(InviteFailed, 488)]
    assert simulation.leaks() == []


@pytest.mark.callflow(app, ports=(16384, 16387))
async def test_without_a_free_port_the_caller_is_told_to_come_back(simulation):
    alice, bob, carol = (simulation.phone(name) for name in ("alice", "bob", "carol"))
    for phone in (alice, bob):
        phone.call("300")
        await phone.hears("music.wav")
    carol.call("300")
    assert (await carol.ended()).status == 503
    assert simulation.leaks() == []
    bob.hang_up()
    await simulation.wait(1)
    carol.call("300")
    await carol.hears("music.wav")


@pytest.mark.callflow(app, ports=(16384, 16385))
async def test_without_a_port_for_the_other_leg_the_branch_fails(simulation):
    alice, _ = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    alice.call("301")
    assert not (await alice.ended()).was_answered
    assert simulation.leaks() == []


async def test_an_app_that_dies_takes_its_calls_with_it_and_no_others_and_comes_back(simulation):
    alice, bob, carol = (simulation.phone(name) for name in ("alice", "bob", "carol"))
    alice.call("300")
    bob.call("400")
    await alice.hears("music.wav")
    await bob.answered()
    simulation.kill("one")
    assert await alice.ended() == Ended("peer", True, 0, "temporary_failure")
    assert bob.is_in_call
    assert [lost.app for lost in simulation.happened(AppLost)] == ["one"]
    assert simulation.leaks() == []
    await simulation.wait(2)
    assert [connected.app for connected in simulation.happened(AppConnected)].count("one") == 2
    carol.call("300")
    await carol.hears("music.wav")


async def test_a_call_to_an_app_that_is_being_restarted_waits_for_it(simulation):
    alice = simulation.phone("alice")
    alice.call("300")
    await alice.hears("music.wav")
    simulation.kill("one")
    await alice.ended()
    killed_at = simulation.now
    alice.call("300")
    await alice.hears("music.wav")
    assert simulation.now - killed_at == pytest.approx(1.1, abs=0.2)


async def test_an_app_that_died_before_its_first_call_is_waited_for_too(simulation):
    alice = simulation.phone("alice")
    await alice.registered()
    simulation.kill("one")
    await simulation.wait(0.1)
    alice.call("300")
    await alice.hears("music.wav")


async def test_a_bridge_whose_script_dies_is_over_for_both(simulation):
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    alice.call("301")
    await alice.connected_to(bob)
    simulation.kill("one")
    assert (await alice.ended()).reason == "temporary_failure"
    assert (await bob.ended()).was_answered
    assert simulation.leaks() == []


async def test_many_calls_at_once_leave_nothing(simulation):
    callers = [simulation.phone(f"caller{number}") for number in range(30)]
    for number in ("300", "999", "400"):
        for caller in callers:
            caller.call(number)
        await simulation.wait(3)
        for caller in callers:
            caller.hang_up()
        await simulation.wait(1)
    assert len(simulation.happened(ChannelEnded)) == 60
    assert simulation.leaks() == []
