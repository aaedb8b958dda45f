"""Message lamps: subscribed to, refreshed, expired, and told by scripts (RFC 6665, RFC 3842)."""

from __future__ import annotations

import pytest
import trio

from callflow import App, Call, NotFound
from callflow.protocol.events import MailboxChanged
from callflow.testing import Simulation
from engine.sip.messages import Request
from tests.scenarios.subscriber import subscriber

app = App("lamps")
pytestmark = pytest.mark.callflow(app)


@app.route("100")
async def leaves_a_message(call: Call) -> None:
    await call.answer()

    @call.after_hangup
    async def light(ended: object) -> None:
        await call.set_mailbox("alice", new=1)


@app.route("101")
async def knows_no_such_user(call: Call) -> None:
    with pytest.raises(NotFound):
        await call.set_mailbox("nobody", new=1)
    await call.answer()


def told(notify: Request) -> tuple[str | None, str]:
    assert notify.method == "NOTIFY"
    return notify.header("Subscription-State"), notify.body.decode()


def lamp(notify: Request) -> str:
    return notify.body.decode().splitlines()[2]


async def test_a_subscription_is_told_what_there_is_and_what_changes(simulation: Simulation):
    async with subscriber(simulation, "alice") as phone:
        accepted = await phone.subscribe("message-summary")
        assert (accepted.status, accepted.header("Expires")) == (200, "600")
        first = await phone.take()
        assert told(first) == (
            "active;expires=600",
            "Messages-Waiting: no\r\nMessage-Account: sip:alice@10.0.0.1\r\nVoice-Message: 0/0\r\n",
        )
        assert (first.header("Event"), first.body_type) == (
            "message-summary",
            "application/simple-message-summary",
        )
        await app.set_mailbox("alice", new=2, saved=1, urgent_new=1)
        changed = await phone.take()
        assert lamp(changed) == "Voice-Message: 2/1 (1/0)"
        assert (changed.call_id, changed.cseq) == (accepted.call_id, first.cseq + 1)
        await app.set_mailbox("alice", new=2, saved=1, urgent_new=1)  # nothing new
        assert [(event.new, event.saved) for event in simulation.happened(MailboxChanged)] == [(2, 1)]


async def test_a_script_lights_the_lamp_when_its_call_has_ended(simulation: Simulation):
    async with subscriber(simulation, "alice") as phone:
        await phone.subscribe("message-summary")
        await phone.take()
        caller = simulation.phone("bob")
        caller.call("100")
        await caller.answered()
        caller.hang_up()
        assert lamp(await phone.take()) == "Voice-Message: 1/0"


async def test_a_mailbox_of_nobody_s_is_refused(simulation: Simulation):
    caller = simulation.phone("bob")
    caller.call("101")
    await caller.answered()


async def test_a_refresh_is_answered_by_a_notify_and_without_one_it_expires(simulation: Simulation):
    async with subscriber(simulation, "alice") as phone:
        accepted = await phone.subscribe("message-summary", expires=100)
        await phone.take()
        await simulation.wait(60)
        began = trio.current_time()
        assert (await phone.subscribe("message-summary", expires=100, after=accepted)).status == 200
        assert told(await phone.take())[0] == "active;expires=100"
        last = await phone.take()
        assert told(last)[0] == "terminated;reason=timeout"
        assert 99 < trio.current_time() - began < 102
        await simulation.wait(1)
        assert len(simulation.switch.display.subscriptions) == 0
        assert (await phone.subscribe("message-summary", after=accepted)).status == 481


async def test_expires_0_ends_a_subscription_or_asks_just_once(simulation: Simulation):
    async with subscriber(simulation, "alice") as phone:
        accepted = await phone.subscribe("message-summary")
        await phone.take()
        assert (await phone.subscribe("message-summary", expires=0, after=accepted)).status == 200
        assert told(await phone.take())[0] == "terminated;reason=timeout"
        assert (await phone.subscribe("message-summary", expires=0)).status == 200
        assert told(await phone.take())[0] == "terminated;reason=timeout"
        await simulation.wait(1)
        assert len(simulation.switch.display.subscriptions) == 0


async def test_what_cannot_be_subscribed_to_is_refused(simulation: Simulation):
    async with subscriber(simulation, "alice") as phone, subscriber(simulation, "bob", "10.0.9.2") as other:
        unknown = await phone.subscribe("winfo-of-no-kind")
        assert (unknown.status, "message-summary" in (unknown.header("Allow-Events") or "")) == (489, True)
        assert (await phone.ask("SUBSCRIBE", ("Expires", "600"))).status == 400
        brief = await phone.subscribe("message-summary", expires=10)
        assert (brief.status, brief.header("Min-Expires")) == (423, "60")
        assert (await other.subscribe("message-summary", to="sip:alice@10.0.0.1")).status == 403
        assert (await phone.subscribe("message-summary", to="sip:nobody@10.0.0.1")).status == 403
        unproved = await phone.ask("SUBSCRIBE", ("Event", "message-summary"), is_known=False)
        assert unproved.status == 401
        html = await phone.ask("SUBSCRIBE", ("Event", "message-summary"), ("Accept", "text/html"))
        assert html.status == 406


async def test_somebody_else_cannot_refresh_a_subscription(simulation: Simulation):
    async with subscriber(simulation, "alice") as phone, subscriber(simulation, "bob", "10.0.9.2") as other:
        accepted = await phone.subscribe("message-summary")
        assert (await other.subscribe("message-summary", expires=0, after=accepted)).status == 403
        assert len(simulation.switch.display.subscriptions) == 1


@pytest.mark.parametrize("status", [481, None])
async def test_who_does_not_know_or_hear_its_notify_is_forgotten(simulation: Simulation, status: int | None):
    async with subscriber(simulation, "alice") as phone:
        await phone.subscribe("message-summary")
        await phone.take()
        await simulation.wait(1)
        phone.answer = lambda request: status
        await app.set_mailbox("alice", new=1)
        await phone.take()
        await simulation.wait(40)
        assert len(simulation.switch.display.subscriptions) == 0


async def test_news_while_a_notify_is_lost_are_told_once_it_was_answered(simulation: Simulation):
    async with subscriber(simulation, "alice") as phone:
        await phone.subscribe("message-summary")
        await phone.take()
        await simulation.wait(1)
        phone.answer = lambda request: None
        await app.set_mailbox("alice", new=1)
        await app.set_mailbox("alice", new=2)
        await app.set_mailbox("alice", new=3)
        assert lamp(await phone.take()) == "Voice-Message: 1/0"
        phone.answer = lambda request: 200
        assert lamp(await phone.take()) == "Voice-Message: 3/0"


async def test_the_engine_that_stops_ends_the_subscriptions(simulation: Simulation):
    async with subscriber(simulation, "alice") as phone:
        await phone.subscribe("message-summary")
        await phone.take()
        await simulation.wait(1)
        simulation.switch.display.subscriptions.close()
        assert told(await phone.take())[0] == "terminated;reason=deactivated"


async def test_who_refreshes_what_the_engine_does_not_know_is_told_so_and_subscribes_again(simulation: Simulation):
    """As after a restart. RFC 6665 4.1.2.2: after a 481 it is over, and a new one begins with the state as it is."""
    async with subscriber(simulation, "alice") as phone:
        await app.set_mailbox("alice", new=2)
        before = await phone.subscribe("message-summary", expires=0)
        await phone.take()
        assert (await phone.subscribe("message-summary", after=before)).status == 481
        assert (await phone.subscribe("message-summary")).status == 200
        assert lamp(await phone.take()) == "Voice-Message: 2/0"
