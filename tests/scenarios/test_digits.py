"""Keys by all three ways: events in RTP, tones in band, INFO; each of them one key, however it came."""

from __future__ import annotations

import anyio
import pytest

from callflow import App, Call
from callflow.protocol.events import DigitEnded, DigitStarted
from callflow.protocol.outcomes import Digits, Sent

app = App("keys")
pytestmark = pytest.mark.callflow(app)
outcomes: list[object] = []


@pytest.fixture(autouse=True)
def forgotten() -> None:
    outcomes.clear()


@app.route("100")
async def asks(call: Call) -> None:
    await call.answer()
    outcomes.append(await call.gather(max=4, timeout=20, digit_timeout=3))
    await anyio.sleep(1)


@app.route("2..")
async def sends(call: Call) -> None:
    await call.answer()
    via = {"200": None, "201": "rtp", "202": "info", "203": "inband"}[call.to]
    outcomes.append(await call.send_digits("12#", via=via))  # type: ignore[arg-type]
    await anyio.sleep(1)


@app.route("300")
async def bridges(call: Call) -> None:
    won = await call.dial("bob")
    await call.bridge(won.leg)  # type: ignore[union-attr]


async def gathers(simulation, *, pressing):
    alice = simulation.phone("alice")
    alice.call("100")
    await alice.answered()
    await simulation.wait(1)
    pressing(alice)
    await alice.ended()
    return alice


@pytest.mark.parametrize("via", [None, "rtp", "info"])
async def test_keys_are_gathered_whichever_way_they_come(simulation, via):
    await gathers(simulation, pressing=lambda alice: alice.press("12#", via=via))
    assert outcomes == [Digits("12", "#")]
    assert [event.digit for event in simulation.happened(DigitStarted)] == list("12#")
    assert [event.duration_ms for event in simulation.happened(DigitEnded)] == [120] * 3


async def test_keys_that_come_both_ways_are_one_each(simulation):
    def press_both(alice):
        alice.press("55", duration_ms=60, gap_ms=60)
        alice.press("55", via="info")

    await gathers(simulation, pressing=press_both)
    assert outcomes == [Digits("55", None)]
    assert len(simulation.happened(DigitStarted)) == len(simulation.happened(DigitEnded)) == 2


async def test_the_same_key_a_while_later_is_another_one(simulation):
    alice = simulation.phone("alice")
    alice.call("100")
    await alice.answered()
    alice.press("7")
    await simulation.wait(2)
    alice.press("7", via="info")
    await alice.ended()
    assert outcomes == [Digits("77", None)]


@pytest.mark.parametrize(("number", "heard"), [("200", "12#"), ("201", "12#"), ("202", "12#"), ("203", "")])
async def test_a_script_presses_keys_whichever_way_it_wants(simulation, number, heard):
    alice = simulation.phone("alice")
    alice.call(number)
    await alice.ended()
    assert outcomes == [Sent("12#")]
    assert alice.digits == heard  # alice agreed on events, and takes tones for sound


async def test_keys_by_info_stop_at_the_one_that_is_refused(simulation):
    alice = simulation.phone("alice")
    alice.takes_info = False
    alice.call("202")
    await alice.ended()
    assert outcomes == [Sent("", "refused")]
