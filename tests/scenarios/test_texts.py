"""Texts beside the talk (RFC 3428)."""

from __future__ import annotations

import pytest

from callflow import App, Call
from callflow.protocol.events import MessageReceived
from callflow.protocol.outcomes import Sent
from callflow.testing import Simulation

app = App("texts")
pytestmark = pytest.mark.callflow(app)
answers: list[Sent] = []


@app.route("100")
async def writes(call: Call) -> None:
    await call.answer()
    answers[:] = [await call.send_message("Grüße", headers={"X-Mood": "good"})]
    await call.play("music.wav", repeat=0)


async def test_both_ends_write_and_read(simulation: Simulation):
    alice = simulation.phone("alice")
    alice.call("100")
    await alice.hears("music.wav")
    assert alice.texts == ["Grüße"]
    assert answers == [Sent(reason="completed", sip_status=200)]
    alice.write("thank you")
    await simulation.wait(1)
    assert [(event.body, event.content_type) for event in simulation.happened(MessageReceived)] == [
        ("thank you", "text/plain")
    ]
