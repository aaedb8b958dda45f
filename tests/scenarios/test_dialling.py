"""Calls of several phones: stages, losers, refusals, bridges, hold."""

from __future__ import annotations

import anyio
import pytest

from callflow import Answered, App, Call, Target
from callflow.phone import Ended
from callflow.phone.events import Held, Resumed
from callflow.protocol.events import ChannelEnded, ChannelHeld, ChannelResumed, DialBranch
from callflow.simulation.simulation import HOST, PORT
from callflow.testing import ToneSource
from engine.sip.events import Flow
from engine.sip.messages import Uri
from engine.sip.registration import Contact

app = App("dialling")
outcomes: list[object] = []
pytestmark = pytest.mark.callflow(app)


@pytest.fixture(autouse=True)
def no_outcomes():
    outcomes.clear()


async def connect(call: Call, result: object) -> None:
    outcomes.append(result)
    if isinstance(result, Answered):
        outcomes.append(await call.bridge(result.leg))


@app.route("200")
async def stages(call: Call) -> None:
    await connect(call, await call.dial("desk", ["mobile", "home"], timeout=10, ringback="us"))


@app.route("201")
async def one(call: Call) -> None:
    await connect(call, await call.dial("bob"))


@app.route("202")
async def together(call: Call) -> None:
    await connect(call, await call.dial(["bob", Target(target="carol", delay=3)]))


@app.route("203")
async def back_from_the_bridge(call: Call) -> None:
    result = await call.dial("bob")
    assert isinstance(result, Answered)
    outcomes.append(await call.bridge(result.leg, hangup_after=False))
    await call.play("prompt.wav")


@app.route("204")
async def interrupted(call: Call) -> None:
    result = await call.dial("bob")
    assert isinstance(result, Answered)
    async with call.bridging(result.leg, hangup_after=False):
        await anyio.sleep(5)
    await call.play("prompt.wav")
    await result.leg.play("music.wav")


@app.route(r"sip-.*")
async def uri(call: Call) -> None:
    await connect(call, await call.dial("sip:" + call.to.removeprefix("sip-").replace("-at-", "@")))


def reasons():
    return [(branch.target, branch.reason) for branch in outcomes[0].branches]


async def test_the_second_stage_answers_when_the_first_does_not(simulation):
    alice, desk = simulation.phone("alice"), simulation.phone("desk")
    mobile, home = simulation.phone("mobile", answers_after=4), simulation.phone("home")
    alice.call("200")
    await alice.hears(440.0)
    await desk.rings()
    await mobile.answered()
    await alice.connected_to(mobile)
    assert simulation.now == pytest.approx(14.5, abs=0.5)
    assert [(phone.events[-1].by, phone.events[-1].status) for phone in (desk, home)] == [("peer", 487), ("peer", 487)]
    assert simulation.leaks() == []
    mobile.hang_up()
    assert await alice.ended() == Ended("peer", True, 0, "normal_clearing")


async def test_nobody_answers_and_every_branch_is_told(simulation):
    alice, _ = simulation.phone("alice"), simulation.phone("desk")
    simulation.phone("mobile", rejects=486)
    alice.call("200")
    await alice.ended()
    assert reasons() == [("desk", "no_answer"), ("mobile", "busy"), ("home", "unavailable")]
    last = {branch.target: branch.state for branch in simulation.happened(DialBranch)}
    assert last == {"desk": "failed", "mobile": "failed", "home": "failed"}


async def test_the_first_to_answer_wins_and_the_losers_are_cancelled(simulation):
    alice = simulation.phone("alice")
    bob, carol = simulation.phone("bob", answers_after=6), simulation.phone("carol", answers_after=1)
    alice.call("202")
    await alice.connected_to(carol)
    assert simulation.now == pytest.approx(4.3, abs=0.3)
    assert not bob.is_in_call
    await simulation.wait(10)
    assert alice.listens_to(carol)


@pytest.mark.parametrize(
    ("status", "reason"), [(486, "busy"), (600, "busy"), (603, "declined"), (404, "not_found"), (480, "unavailable")]
)
async def test_a_refusal_is_told_by_its_reason(simulation, status, reason):
    alice = simulation.phone("alice")
    simulation.phone("bob", rejects=status)
    alice.call("201")
    await alice.ended()
    assert reasons() == [("bob", reason)]
    assert outcomes[0].branches[0].sip_status == status


async def test_a_caller_who_hangs_up_while_it_rings_cancels_the_leg(simulation):
    alice, bob = simulation.phone("alice"), simulation.phone("bob")
    alice.call("201")
    await bob.rings()
    alice.hang_up()
    assert (await bob.ended()).status == 487
    assert {ended.phase for ended in simulation.happened(ChannelEnded)} <= {"setup", "ringing", "answered"}


@pytest.mark.parametrize("who", [0, 1])
async def test_whoever_hangs_up_ends_the_bridge_for_both(simulation, who):
    phones = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    phones[0].call("201")
    await phones[0].connected_to(phones[1])
    await simulation.wait(60)
    phones[who].hang_up()
    assert await phones[1 - who].ended() == Ended("peer", True, 0, "normal_clearing")
    assert simulation.leaks() == []


async def test_each_hears_the_other_and_digits_pass(simulation):
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    alice.call("201")
    await alice.connected_to(bob)
    alice.speak(ToneSource((600.0,), duration_ms=1000))
    bob.speak(ToneSource((900.0,), duration_ms=1000))
    await alice.heard(900.0)
    await bob.heard(600.0)
    bob.press("5")
    await simulation.wait(1)
    assert alice.digits == "5"


async def test_after_the_bridge_the_script_goes_on_with_the_caller(simulation):
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    alice.call("203")
    await alice.connected_to(bob)
    bob.hang_up()
    await alice.heard("prompt.wav")
    await alice.ended()
    assert (outcomes[0].reason, outcomes[0].by is not None) == ("hangup", True)


async def test_a_script_that_parts_its_legs_keeps_both(simulation):
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    alice.call("204")
    await alice.connected_to(bob)
    await alice.heard("prompt.wav")
    await bob.heard("music.wav")


async def test_hold_and_resume_are_told_and_heard(simulation):
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    alice.call("201")
    await alice.connected_to(bob)
    bob.hold()
    await simulation.wait(1)
    assert not bob.listens_to(alice)
    bob.resume()
    await simulation.wait(1)
    await alice.connected_to(bob)
    assert (len(simulation.happened(ChannelHeld)), len(simulation.happened(ChannelResumed))) == (1, 1)
    assert not [event for event in alice.events if isinstance(event, Held | Resumed)]


async def test_a_uri_is_called_without_registration(simulation):
    alice, door = simulation.phone("alice"), simulation.phone("door", answers_after=1, registers=False)
    alice.call(f"sip-{door.uri.removeprefix('sip:').replace('@', '-at-')}")
    await alice.connected_to(door)


async def test_a_dead_address_ends_by_time(simulation):
    alice = simulation.phone("alice")
    alice.call("sip-nobody-at-10.9.9.9")
    await alice.ended(within=90)
    assert reasons()[0][1] in ("no_answer", "unreachable")
    assert simulation.now == pytest.approx(32, abs=3)


async def test_a_phone_that_is_in_a_call_is_busy(simulation):
    alice, carol = simulation.phone("alice"), simulation.phone("carol")
    bob = simulation.phone("bob", answers_after=1)
    alice.call("201")
    await alice.connected_to(bob)
    carol.call("201")
    await carol.ended()
    assert outcomes[-1].branches[0].reason == "busy"
    assert alice.listens_to(bob)


async def test_the_second_phone_of_a_user_is_bridged_when_it_answers(simulation):
    alice = simulation.phone("alice")
    phones = [simulation.phone("here", registers=False), simulation.phone("there", registers=False, answers_after=2)]
    flows = [Flow("udp", (HOST, PORT), (phone.host, PORT)) for phone in phones]
    contacts = [
        Contact(uri=Uri(user="bob", host=flow.remote[0]), flow=flow, call_id=flow.remote[0], cseq=1, expires_at=1e9)
        for flow in flows
    ]
    simulation.switch.locations.store("bob", contacts)
    alice.call("201")
    await alice.connected_to(phones[1])
    assert not phones[0].is_in_call


async def test_a_phone_that_is_less_wanted_rings_when_the_other_gives_way(simulation):
    alice = simulation.phone("alice")
    desk = simulation.phone("here", registers=False)
    mobile = simulation.phone("there", registers=False, answers_after=2)
    simulation.switch.locations.store("bob", [at(mobile, q=0.5), at(desk, q=1.0)])
    alice.call("201")
    await desk.rings()
    assert not mobile.is_in_call
    await alice.connected_to(mobile)
    assert not desk.is_in_call


def at(phone, **options) -> Contact:
    flow = Flow("udp", (HOST, PORT), (phone.host, PORT))
    uri = Uri(user="bob", host=phone.host)
    return Contact(uri=uri, flow=flow, call_id=phone.host, cseq=1, expires_at=1e9, **options)
