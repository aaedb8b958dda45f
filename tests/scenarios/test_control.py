"""Calls steered from the middle: hold, star codes, limits, redirects, confirmed dials, originates, lost apps."""

from __future__ import annotations

import anyio
import pytest

from callflow import Answered, App, Call
from callflow.protocol.commands import Confirmation, Unbridge
from callflow.protocol.events import ChannelCreated, ChannelEnded, DigitsMatched, OwnerChanged, OwnerLost
from callflow.simulation.simulation import HOST, PORT
from callflow.testing import ToneSource
from engine.sip.events import Flow
from engine.sip.messages import Uri
from engine.sip.registration import Contact

app, fallback = App("control"), App("fallback")
outcomes: list[object] = []
pytestmark = pytest.mark.callflow(app, fallback)


@pytest.fixture(autouse=True)
def no_outcomes():
    outcomes.clear()


async def bob_of(call: Call) -> Call:
    won = await call.dial("bob")
    assert isinstance(won, Answered)
    return won.leg


@app.route("600")
@app.route("690")
async def holds(call: Call) -> None:
    won = await call.dial("bob" if call.to == "600" else "dave")
    assert isinstance(won, Answered)
    leg = won.leg
    async with call.bridging(leg) as talk:
        await anyio.sleep(2)
        async with call.holding("music.wav"):
            await anyio.sleep(3)
        await talk.wait()


@app.route("601")
async def star(call: Call) -> None:
    leg = await bob_of(call)
    await call.bind_digits("*1", Unbridge())
    outcomes.append(await call.bridge(leg, hangup_after=False))
    await call.play("prompt.wav")


@app.route("602")
async def redirects(call: Call) -> None:
    await call.redirect("bob", "sip:bob@example.com")


@app.route("603")
async def confirmed(call: Call) -> None:
    confirm = Confirmation(prompt=("prompt.wav",), key="1", timeout=6)
    won = await call.dial(["bob"], ["carol"], confirm=confirm)
    assert isinstance(won, Answered)
    outcomes.append(won.target)
    await call.bridge(won.leg)


@app.route("604")
async def screened(call: Call) -> None:
    async def wants(callee: Call) -> bool:
        await callee.play("prompt.wav")
        return callee.to == "carol"

    won = await call.dial(["bob", "carol"], confirm=wants)
    assert isinstance(won, Answered)
    outcomes.append(won.target)
    await call.bridge(won.leg)


@app.route("605")
async def protected(call: Call) -> None:
    await call.answer()
    await call.policy(wait=1, music="music.wav", route="699")
    await call.gather("prompt.wav", timeout=60)


@fallback.route("699")
async def rescues(call: Call) -> None:
    outcomes.append(call.to)
    await call.tone("440", seconds=3)


@app.route("606")
async def comes_back(call: Call) -> None:
    await call.answer()
    await call.policy(wait=10, music="music.wav")
    await call.play("prompt.wav", repeat=0)


@app.on_reattach
async def again(call: Call) -> None:
    await call.tone("880", seconds=2)


@app.route("607")
async def places_a_call(call: Call) -> None:
    await call.answer()
    outcomes.append(await app.originate("bob", route="699", caller_id="Shop <77>"))


@app.route("620")
async def places_a_call_for_a_script(call: Call) -> None:
    await call.answer()
    outcomes.append(await app.originate("bob", script=greet))


async def greet(call: Call) -> None:
    outcomes.append((call.is_answered, call.callee.number))
    await call.play("prompt.wav")
    await call.wait_hangup()


@app.route("608")
async def ends_in_time(call: Call) -> None:
    await call.answer()
    await call.hangup_at(after=5)
    await call.play("music.wav", repeat=0)


@app.route("609")
async def limited(call: Call) -> None:
    await call.limit("seats", 1)
    await call.answer()
    await call.play("music.wav", repeat=0)


@app.route("610")
async def controlled(call: Call) -> None:
    await call.answer()
    async with call.playing("prompt.wav") as playing:
        await anyio.sleep(0.5)
        await playing.pause()
        await anyio.sleep(5)
        await playing.resume()
        outcomes.append(await playing.wait())


async def test_hold_has_music_and_the_bridge_goes_on_afterwards(simulation):
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    alice.call("600")
    await alice.connected_to(bob)
    await alice.hears("music.wav")
    bob.speak(ToneSource((900.0,), duration_ms=500))
    await simulation.wait(1)
    assert not alice.listens_to(bob)
    await simulation.wait(3)
    await alice.connected_to(bob)


async def test_all_who_are_held_hear_the_same_music_at_once(simulation):
    alice, carol, dave = simulation.phone("alice"), simulation.phone("carol"), simulation.phone("dave", answers_after=1)
    simulation.phone("bob", answers_after=1)
    alice.call("600")
    await simulation.wait(1.37)
    carol.call("690")
    await carol.connected_to(dave)
    await carol.hears("music.wav")
    one, other = alice.session.hearing, carol.session.hearing
    apart = (one.started_at - other.started_at) / one.program.cycle
    assert one.started_at != other.started_at
    assert abs(apart - round(apart)) * one.program.cycle < 0.03


async def test_a_star_code_parts_a_conversation(simulation):
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    alice.call("601")
    await alice.connected_to(bob)
    alice.press("*1")
    await alice.heard("prompt.wav")
    assert outcomes[0].reason == "unbridged"
    assert simulation.happened(DigitsMatched)[0].digits == "*1"


async def test_a_caller_is_sent_elsewhere(simulation):
    alice = simulation.phone("alice")
    alice.call("602")
    assert (await alice.ended()).status == 302


async def test_a_mailbox_that_answers_does_not_win(simulation):
    alice = simulation.phone("alice")
    simulation.phone("bob", answers_after=1)
    carol = simulation.phone("carol", answers_after=1)
    alice.call("603")
    await carol.heard("prompt.wav")
    carol.press("1")
    await alice.connected_to(carol)
    assert outcomes == ["carol"]


async def test_a_script_on_the_callees_leg_decides(simulation):
    alice = simulation.phone("alice")
    simulation.phone("bob", answers_after=1)
    carol = simulation.phone("carol", answers_after=4)
    alice.call("604")
    await alice.connected_to(carol)
    assert outcomes == ["carol"]


async def test_killed_in_the_middle_of_a_menu_the_caller_hears_the_fallback_within_two_seconds(simulation):
    alice = simulation.phone("alice")
    alice.call("605")
    await alice.hears("prompt.wav")
    killed_at = simulation.now
    simulation.kill("control")
    simulation.hosts["control"].app = App("control")  # and what comes back does not want it
    await alice.hears(440.0, within=2.0)
    assert simulation.now - killed_at < 2.0
    assert outcomes == ["699"]
    assert [lost.wait for lost in simulation.happened(OwnerLost)] == [1.0]
    await alice.ended()


async def test_an_app_that_comes_back_has_its_call_again(simulation):
    alice = simulation.phone("alice")
    alice.call("606")
    await alice.hears("prompt.wav")
    simulation.kill("control")
    await alice.hears("music.wav", within=1.0)
    await alice.hears(880.0, within=3.0)
    assert simulation.happened(OwnerChanged)[-1].app == "control"
    await alice.ended()


async def test_a_call_is_placed_and_taken_by_the_app_of_a_route(simulation):
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    alice.call("607")
    await bob.heard(440.0)
    assert "699" in outcomes
    assert any(isinstance(outcome, Answered) for outcome in outcomes)
    placed = simulation.happened(ChannelCreated)[1]
    assert (placed.caller.number, placed.caller.name, placed.caller.uri) == ("77", "Shop", "sip:77@10.0.0.1")


async def test_a_call_ends_when_its_time_is_over(simulation):
    alice = simulation.phone("alice")
    alice.call("608")
    await alice.ended()
    assert simulation.happened(ChannelEnded)[0].billable == pytest.approx(5, abs=0.2)


async def test_a_second_caller_finds_no_seat(simulation):
    alice, carol = simulation.phone("alice"), simulation.phone("carol")
    alice.call("609")
    await alice.hears("music.wav")
    carol.call("609")
    await carol.ended()
    alice.hang_up()
    await simulation.wait(1)
    carol.call("609")
    await carol.hears("music.wav")


async def test_a_paused_prompt_goes_on_where_it_was(simulation):
    alice = simulation.phone("alice")
    alice.call("610")
    await simulation.wait(10)
    assert (outcomes[0].reason, outcomes[0].heard_ms) == ("completed", 2000)


@pytest.mark.parametrize("answering", [0, 1])
async def test_whichever_phone_of_a_user_answers_an_originate_has_the_script(simulation, answering):
    alice = simulation.phone("alice")
    phones = [
        simulation.phone(f"phone{number}", registers=False, answers_after=2 if number == answering else None)
        for number in range(2)
    ]
    flows = [Flow("udp", (HOST, PORT), (phone.host, PORT)) for phone in phones]
    contacts = [
        Contact(uri=Uri(user="bob", host=flow.remote[0]), flow=flow, call_id=flow.remote[0], cseq=1, expires_at=1e9)
        for flow in flows
    ]
    simulation.switch.locations.store("bob", contacts)
    alice.call("620")
    phone = phones[answering]
    await phone.heard("prompt.wav")
    assert not phones[1 - answering].is_in_call
    assert (True, "bob") in outcomes
    assert [outcome.target for outcome in outcomes if isinstance(outcome, Answered)] == ["bob"]
    phone.hang_up()
    await phone.ended()
