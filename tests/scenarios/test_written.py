"""Texts outside of calls (RFC 3428): between users, to scripts and from them, at once or later."""

from __future__ import annotations

import logging

import pytest

from callflow import App, BadArgument, Call, NotFound, Sent, TextMessage
from callflow.protocol.events import TextReceived
from callflow.testing import Simulation
from tests.scenarios.subscriber import subscriber

app = App("desk")
pytestmark = pytest.mark.callflow(app)
replies: list[Sent] = []


@app.route("100")
async def desk(call: Call) -> None:
    await call.answer()


@app.on_message
async def answer(text: TextMessage) -> None:
    if text.body == "trouble":
        raise RuntimeError("in trouble")
    replies[:] = [await text.reply(f"{text.sender} wrote {text.body} to {text.to}")]


BOB = "sip:bob@10.0.0.1"
PLAIN = ("Content-Type", "text/plain")


async def test_users_write_to_each_other(simulation: Simulation):
    alice, bob = simulation.phone("alice"), simulation.phone("bob")
    await bob.registered()
    assert await alice.write_to("bob", "Grüße") == 200
    assert bob.written == [("alice", "Grüße")]


async def test_all_phones_of_a_user_get_it_and_one_that_takes_it_is_enough(simulation: Simulation):
    bob = simulation.phone("bob")
    await bob.registered()
    async with subscriber(simulation, "bob") as second, subscriber(simulation, "alice", "10.0.9.2") as alice:
        await second.register()
        second.answer = lambda request: 480
        assert (await alice.ask("MESSAGE", PLAIN, to=BOB, body=b"both")).status == 200
        assert (await second.take()).body == b"both"
        await bob.reads("both")


async def test_who_has_no_phone_gets_it_when_he_registers_in_order_and_with_its_date(simulation: Simulation):
    async with subscriber(simulation, "bob") as bob, subscriber(simulation, "alice", "10.0.9.2") as alice:
        for text in (b"one", b"two"):
            assert (await alice.ask("MESSAGE", PLAIN, to=BOB, body=text)).status == 202
        await simulation.wait(3600)
        await bob.register()
        first, second = await bob.take(), await bob.take()
        assert [first.body, second.body] == [b"one", b"two"]
        assert first.from_.uri.user == "alice"
        assert (first.header("Date") or "").endswith(" GMT")
        await simulation.wait(1)
        assert len(simulation.switch.texting.kept) == 0


async def test_a_phone_that_does_not_answer_gets_it_later_and_only_once(simulation: Simulation):
    async with subscriber(simulation, "bob") as bob, subscriber(simulation, "alice", "10.0.9.2") as alice:
        await bob.register()
        bob.answer = lambda request: None
        assert (await alice.ask("MESSAGE", PLAIN, to=BOB, body=b"hello")).status == 202
        await bob.take()
        bob.answer = lambda request: 200  # it comes to, and takes what was sent again
        await simulation.wait(10)
        assert len(simulation.switch.texting.kept) == 0
        await bob.register()
        await simulation.wait(10)
        assert len(bob.requests) == 1


async def test_what_a_phone_cannot_read_is_refused_and_not_kept(simulation: Simulation):
    async with subscriber(simulation, "bob") as bob, subscriber(simulation, "alice", "10.0.9.2") as alice:
        await bob.register()
        bob.answer = lambda request: 415
        assert (await alice.ask("MESSAGE", PLAIN, to=BOB, body=b"hello")).status == 415


async def test_what_is_no_text_is_not_kept(simulation: Simulation):
    async with subscriber(simulation, "bob"), subscriber(simulation, "alice", "10.0.9.2") as alice:
        typing = ("Content-Type", "application/im-iscomposing+xml")
        assert (await alice.ask("MESSAGE", typing, to=BOB, body=b"<x/>")).status == 480


async def test_fifty_texts_wait_for_a_user_at_most_and_nobody_writes_without_end(simulation: Simulation):
    async with subscriber(simulation, "bob"), subscriber(simulation, "alice", "10.0.9.2") as alice:
        for number in range(50):
            assert (await alice.ask("MESSAGE", PLAIN, to=BOB, body=b"%d" % number)).status == 202
            await simulation.wait(0.2)
        assert (await alice.ask("MESSAGE", PLAIN, to=BOB, body=b"51")).status == 480
        statuses = [(await alice.ask("MESSAGE", PLAIN, to=BOB, body=b"x")).status for _ in range(50)]
        assert 503 in statuses


async def test_what_cannot_be_sent_is_refused(simulation: Simulation):
    async with subscriber(simulation, "alice") as alice:
        assert (await alice.ask("MESSAGE", PLAIN, to="sip:nobody@10.0.0.1", body=b"x")).status == 404
        assert (await alice.ask("MESSAGE", PLAIN, to=BOB, body=b"x", is_known=False)).status == 401
        assert (await alice.ask("MESSAGE", PLAIN, to=BOB, body=b"x" * 17_000)).status == 413


async def test_nobody_writes_in_the_name_of_another(simulation: Simulation):
    async with subscriber(simulation, "alice") as alice:
        alice.uri = BOB
        assert (await alice.ask("MESSAGE", PLAIN, body=b"x")).status == 403


async def test_a_script_answers_a_text(simulation: Simulation):
    alice = simulation.phone("alice")
    assert await alice.write_to("100", "hello") == 202
    await alice.reads("alice wrote hello to 100")
    assert alice.written[0][0] == "100"
    await simulation.wait(1)
    assert replies == [Sent(reason="completed", sip_status=200)]
    assert [(event.sender, event.to) for event in simulation.happened(TextReceived)] == [("alice", "100")]


async def test_a_script_that_raises_goes_on(simulation: Simulation, caplog: pytest.LogCaptureFixture):
    alice = simulation.phone("alice")
    with caplog.at_level(logging.ERROR):
        await alice.write_to("100", "trouble")
        await simulation.wait(1)
    assert "the function for texts raised" in caplog.text
    await alice.write_to("100", "again")
    await alice.reads("again")


async def test_a_script_writes_to_users_only(simulation: Simulation):
    simulation.phone("bob")
    with pytest.raises(NotFound):
        await app.send_text("nobody", "hello")
    for wrong in ({"sender": "two words"}, {"content_type": ""}, {"content_type": "a\r\nb"}):
        with pytest.raises(BadArgument):
            await app.send_text("bob", "hello", **wrong)
    with pytest.raises(BadArgument):
        await app.send_text("bob", "")
