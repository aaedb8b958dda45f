"""What was heard and recorded: for how long, whose voice; also on networks that begin to lose."""

from __future__ import annotations

import pytest

from callflow import App, BadArgument, Call, Digits, Say, Text, Unsupported
from callflow.testing import Simulation
from tests.scenarios.conftest import prompts

__all__ = ["prompts"]

app = App("world")


@app.route("1")
async def plays(call: Call) -> None:
    await call.answer()
    async with call.playing("prompt.wav", repeat=0):
        await call.wait_hangup()


@app.route("2")
async def records(call: Call) -> None:
    await call.answer()
    async with call.recording_call("both.wav"):
        await call.play("prompt.wav")
        await call.record("message.wav", silence=2)
    await call.play("message.wav")


@app.route("3")
async def speaks(call: Call) -> None:
    keyed = await call.gather(Text("Press 1, please."), Text("Bitte die 1.", language="de"), valid="1", max=1)
    await call.play(Text("Thank you." if keyed == Digits("1") else "Sorry."))


german = App("german", language="de")


@german.route("1")
async def says_in_german(call: Call) -> None:
    await call.say("1", kind="number")
    await call.set_language("en")
    await call.gather(Say("2", kind="number"), Say("3", kind="number", language="de"), timeout=0.1)
    with pytest.raises(BadArgument, match="expected a language such as en, got 'English'"):
        await call.set_language("English")
    with pytest.raises(Unsupported, match="expected a language among de, en"):
        await call.say("4", language="fr")
    await call.set_language("de")
    await call.say("10:00", kind="time")


@pytest.fixture
def world(tmp_path):
    return Simulation(app, folder=tmp_path)


def test_music_is_heard_for_longer_than_its_file(world):
    async def main():
        alice = world.phone("alice")
        alice.call("1")
        await alice.answered()
        began = world.now
        await alice.heard_for("prompt.wav", 20)
        assert world.now - began == pytest.approx(20, abs=0.5)
        assert alice.seconds_of("prompt.wav") == pytest.approx(20, abs=0.1)
        assert alice.seconds_of("other.wav") == 0
        with pytest.raises(AssertionError, match=r"alice did not hear 5 s of other\.wav within 10 s"):
            await alice.heard_for("other.wav", 5, within=10)

    world.run(main)


def test_a_recording_holds_who_spoke_and_for_how_long(world):
    async def main():
        alice, bob = world.phone("alice"), world.phone("bob")
        alice.call("2")
        await alice.heard("prompt.wav")
        await world.wait(0.5)
        alice.speak(3)
        await alice.heard("message.wav")
        message = world.recorded("message.wav")
        assert message.seconds_of(alice) == pytest.approx(3, abs=0.1)
        assert message.seconds_of(bob) == 0
        assert message.seconds_of("prompt.wav") == 0
        assert message.seconds == pytest.approx(0.5 + 3 + 2, abs=0.2)
        both = world.recorded(world.recordings / "world" / "both.wav")
        assert both.seconds_of(alice) == pytest.approx(3, abs=0.1)
        assert both.seconds_of("prompt.wav") == pytest.approx(alice.seconds_of("prompt.wav"), abs=0.1)
        with pytest.raises(AssertionError, match=r"no recording other\.wav; there are: message\.wav, both\.wav"):
            world.recorded("other.wav")

    world.run(main)


def test_packets_get_lost_from_a_moment_on(world):
    async def main():
        alice = world.phone("alice")
        alice.call("1")
        await alice.answered()
        await world.wait(10)
        world.media_network.loss = 0.5
        await world.wait(10)
        world.media_network.loss = 0.0
        await world.wait(10)
        assert alice.session is not None
        assert alice.session.statistics().packets_lost == pytest.approx(250, abs=5)
        world.network.loss = 1.0
        alice.hang_up()
        await world.wait(5)
        assert world.switch.table.counts().channels == 1
        world.network.loss = 0.0
        await world.wait(5)
        assert world.switch.table.counts().channels == 0

    world.run(main)


def test_a_text_that_is_spoken_is_heard_by_its_words(world):
    async def main():
        alice = world.phone("alice")
        alice.call("3")
        began = world.now
        await alice.heard("Press 1, please.")
        assert world.now - began > 1
        await alice.hears("Bitte die 1.")
        alice.press("1")
        await alice.heard("Thank you.")
        assert 'heard "Bitte die 1." until' in alice.describe()
        await alice.ended()

    world.run(main)


def test_an_app_has_a_language_and_so_has_a_call(tmp_path):
    simulation = Simulation(german, folder=tmp_path)

    async def main():
        alice = simulation.phone("alice")
        alice.call("1")
        for what in ("de/1.wav", "en/2.wav", "de/3.wav", "de/10.wav", "de/uhr.wav"):
            await alice.heard(what)
        await alice.ended()

    simulation.run(main)


def test_an_app_in_lua_has_a_language_and_so_has_a_call(tmp_path):
    script = tmp_path / "german.lua"
    script.write_text("""
    local app = callflow.app("german", { language = "de" })
    app:route("1", function(call)
      call:say{ "1", kind = "number" }
      call:set_language("en")
      call:play(callflow.say("2", { kind = "number" }))
    end)
    """)
    simulation = Simulation(script, folder=tmp_path)

    async def main():
        alice = simulation.phone("alice")
        alice.call("1")
        await alice.heard("de/1.wav")
        await alice.heard("en/2.wav")
        await alice.ended()

    simulation.run(main)
