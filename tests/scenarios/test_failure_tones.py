"""A carrier that plays busy in place of saying so, and what dial makes of it."""

from __future__ import annotations

import pytest

from callflow import Answered, App, Call, Confirmation
from callflow.protocol.events import ChannelEnded
from callflow.testing import BUSY, CONGESTION, HUMAN, SIT, SilenceSource, ToneSource

app = App("tones")
outcomes: list[object] = []
pytestmark = pytest.mark.callflow(app)

RINGBACK = (ToneSource((440.0, 480.0), (2000, 4000)),)
ONE_BEAT = (ToneSource((425.0,), duration_ms=480),)


@pytest.fixture(autouse=True)
def no_outcomes():
    outcomes.clear()


@app.route("100")
async def carrier_then_mobile(call: Call) -> None:
    outcomes.append(await call.dial("1@carrier", "mobile", timeout=20))
    await connect(call)


@app.route("101")
async def carrier_only(call: Call) -> None:
    outcomes.append(await call.dial("1@carrier", timeout=20))


@app.route("102")
async def to_the_end(call: Call) -> None:
    outcomes.append(await call.dial("1@carrier", timeout=20, early_media=True, tones=False))


@app.route("103")
async def heard_by_the_caller(call: Call) -> None:
    outcomes.append(await call.dial("1@carrier", timeout=20, early_media=True))
    await call.play("prompt.wav")


@app.route("104")
async def confirmed_by_key(call: Call) -> None:
    outcomes.append(await call.dial("1@carrier", timeout=20, confirm=Confirmation(prompt=("prompt.wav",), key="1")))
    await connect(call)


@app.route("105")
async def listened_to_after_the_answer(call: Call) -> None:
    async def is_busy(callee: Call) -> bool:
        outcomes.append(await callee.detect("busy", timeout=9))
        return True

    outcomes.append(await call.dial("1@carrier", timeout=20, confirm=is_busy))


@app.route("106")
async def together(call: Call) -> None:
    outcomes.append(await call.dial(["1@carrier", "mobile"], timeout=20))
    await connect(call)


async def connect(call: Call) -> None:
    won = outcomes[-1]
    if isinstance(won, Answered):
        await call.bridge(won.leg)


def failures():
    return [(branch.reason, branch.sip_status, branch.q850) for branch in outcomes[-1].branches]


def carrier(simulation, *plays):
    trunk = simulation.trunk("carrier", answers_after=None)
    trunk.play(*plays)
    return trunk


@pytest.mark.parametrize(
    ("plays", "failure"),
    [
        (BUSY, ("busy", 486, 17)),
        ((SilenceSource(3000), *BUSY), ("busy", 486, 17)),
        (CONGESTION, ("failed", 503, 34)),
        (SIT, ("unavailable", 480, 4)),
    ],
)
async def test_a_tone_before_the_answer_is_a_refusal(simulation, plays, failure):
    trunk, alice = carrier(simulation, *plays), simulation.phone("alice")
    alice.call("101")
    there = await trunk.called()
    await there.ended()
    await alice.ended()
    assert failures() == [failure]
    assert simulation.now < 10
    assert {(e.cause, e.ended_by) for e in simulation.happened(ChannelEnded)} >= {(failure[2], "engine")}
    assert simulation.leaks() == []


@pytest.mark.parametrize("plays", [RINGBACK, HUMAN, ONE_BEAT, (*ONE_BEAT, SilenceSource(480), *ONE_BEAT)])
async def test_what_is_no_whole_cadence_of_a_refusal_is_none(simulation, plays):
    trunk, alice = carrier(simulation, *plays), simulation.phone("alice")
    alice.call("101")
    await trunk.called()
    await alice.ended()
    assert failures() == [("no_answer", 0, 19)]


async def test_dial_goes_on_to_the_next_stage(simulation):
    carrier(simulation, *BUSY)
    alice, mobile = simulation.phone("alice"), simulation.phone("mobile", answers_after=2)
    alice.call("100")
    await alice.connected_to(mobile)
    assert simulation.now < 10


async def test_a_user_s_phone_that_plays_busy_is_busy(simulation):
    trunk, alice, mobile = carrier(simulation, *BUSY), simulation.phone("alice"), simulation.phone("mobile")
    mobile.behaves(plays=BUSY)
    alice.call("100")
    await trunk.called()
    await alice.ended()
    assert failures() == [("busy", 486, 17), ("busy", 486, 17)]


async def test_the_other_branches_ring_on(simulation):
    trunk, alice, mobile = carrier(simulation, *BUSY), simulation.phone("alice"), simulation.phone("mobile")
    alice.call("106")
    there = await trunk.called()
    await there.ended()
    mobile.answer()
    await alice.connected_to(mobile)


async def test_the_caller_may_hear_it_to_the_end(simulation):
    trunk, alice = carrier(simulation, *BUSY), simulation.phone("alice")
    alice.call("102")
    there = await trunk.called()
    await there.ended()
    await alice.ended()
    assert failures() == [("no_answer", 0, 19)]
    assert alice.seconds_of(425.0) > 15


async def test_a_caller_that_hears_early_media_hears_the_next_thing_after_the_tone(simulation):
    trunk, alice = carrier(simulation, *BUSY), simulation.phone("alice")
    alice.call("103")
    await trunk.called()
    await alice.hears(425.0)
    await alice.heard("prompt.wav")
    assert failures() == [("busy", 486, 17)]


async def test_after_the_answer_a_tone_refuses_nothing(simulation):
    trunk, alice = carrier(simulation, *RINGBACK), simulation.phone("alice")
    alice.call("104")
    there = await trunk.called()
    there.answer()
    await there.answered()
    there.speak(*BUSY)
    await simulation.wait(8)
    there.press("1")
    await alice.connected_to(there)


async def test_a_script_detects_after_the_answer_what_it_likes(simulation):
    trunk, alice = carrier(simulation, *RINGBACK), simulation.phone("alice")
    alice.call("105")
    there = await trunk.called()
    there.answer()
    await there.answered()
    there.speak(*BUSY)
    await there.ended()
    found, won = outcomes
    assert found.what == "busy"
    assert isinstance(won, Answered)
