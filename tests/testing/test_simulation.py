"""The simulated world itself: what its waits say when they are in vain, and that it finds what leaks."""

from __future__ import annotations

import pytest
import trio

from callflow import App, Call
from callflow.protocol.events import ChannelEnded, RegistrationAdded
from callflow.testing import FileSource, Simulation
from tests.scenarios.conftest import prompts

__all__ = ["prompts"]

app = App("world")


@app.route("1")
async def plays(call: Call) -> None:
    await call.answer()
    await call.play("prompt.wav", "music.wav")


@app.route("2")
async def answers(call: Call) -> None:
    await call.answer()
    await call.wait_hangup()


@pytest.fixture
def world(tmp_path):
    return Simulation(app, folder=tmp_path)


def fails(world, test):
    with pytest.raises(AssertionError) as caught:
        world.run(test)
    return str(caught.value)


def test_a_wait_in_vain_says_what_happened_instead(world):
    async def main():
        alice = world.phone("alice")
        alice.call("1")
        await alice.heard("other.wav")

    message = fails(world, main)
    assert "alice did not hear all of other.wav" in message
    assert "alice heard prompt.wav until" in message
    assert "Ended(by='peer'" in message
    assert "ChannelEnded" in world.report


def test_patience_ends_in_virtual_time(world):
    async def main():
        alice = world.phone("alice")
        alice.call("2")
        await alice.hears("prompt.wav", within=500)

    assert "alice did not hear prompt.wav within 500 s" in fails(world, main)


def test_a_call_that_is_refused_does_not_get_through(world):
    async def main():
        alice = world.phone("alice")
        alice.call("77")
        await alice.answered()

    assert "alice did not get through" in fails(world, main)
    assert "status=404" in world.report


def test_two_phones_that_do_not_hear_each_other_are_not_connected(world):
    async def main():
        alice, bob = world.phone("alice"), world.phone("bob")
        alice.call("2")
        bob.call("2")
        await alice.connected_to(bob, within=20)

    assert "alice did not get connected to bob within 20 s" in fails(world, main)


def test_what_was_heard_is_asked_for_in_order_and_once(world):
    async def main():
        alice = world.phone("alice")
        alice.call("1")
        await alice.ended()
        await alice.hears("prompt.wav")
        await alice.heard("prompt.wav")
        await alice.hears("music.wav")
        await alice.heard("music.wav")
        assert [type(heard.what) for heard in alice.sounds] == [FileSource, FileSource]
        with pytest.raises(AssertionError, match="did not hear"):
            await alice.heard("prompt.wav")
        alice.call("1")
        await alice.heard("prompt.wav")

    world.run(main)


def test_a_registration_is_kept_up_for_hours(world):
    async def main():
        alice, bob = world.phone("alice"), world.phone("bob", answers_after=1)
        await world.wait(3 * 3600)
        alice.call("2")
        await alice.answered()
        assert len(world.happened(RegistrationAdded)) == 2 * 6
        assert bob.uri == "sip:bob@10.0.1.2:5060"

    world.run(main)


def test_a_leak_fails_the_test_by_name(world):
    async def main():
        world.switch.media.open(lambda event: None)
        assert world.leaks() == ["1 media session"]

    assert fails(world, main) == "left when all had hung up: 1 media session"


def test_a_task_that_goes_on_fails_the_test_too(world):
    async def main():
        world.switch.table.start(trio.sleep_forever)

    assert fails(world, main) == "left when all had hung up: 1 channel task, 1 task"


def test_a_test_that_ends_in_the_middle_of_a_call_leaves_nothing(world):
    async def main():
        alice = world.phone("alice")
        alice.call("2")
        await alice.answered()

    world.run(main)


def test_the_error_of_a_test_comes_out_as_itself(world):
    async def main():
        world.phone("alice")
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        world.run(main)


def test_the_history_tells_when_and_of_which_channel(world):
    async def main():
        alice = world.phone("alice")
        await world.wait(10)
        alice.call("1")
        await alice.ended()
        [ended] = [happened for happened in world.history if isinstance(happened.event, ChannelEnded)]
        assert ended.at == pytest.approx(13.1, abs=0.1)
        assert ended.channel is not None
        assert world.log

    world.run(main)
