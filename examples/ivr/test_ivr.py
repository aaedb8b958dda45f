"""A walk through the reception, with simulated phones."""

from callflow.protocol.events import ChannelEnded, RecordingFinished
from callflow.protocol.outcomes import Recorded
from callflow.testing import Simulation


async def test_one_tells_what_this_is_and_the_menu_comes_again(simulation: Simulation) -> None:
    carol = simulation.phone("carol")
    carol.call("1000")
    await carol.heard("welcome.wav")
    await carol.hears("menu.wav")
    carol.press("1")
    await carol.heard("about.wav")
    await carol.hears("menu.wav")
    assert simulation.now < 15


async def test_a_caller_who_keys_nothing_is_asked_three_times_and_hears_goodbye(simulation: Simulation) -> None:
    carol = simulation.phone("carol")
    carol.call("1000")
    for _ in range(3):
        await carol.heard("menu.wav")
    await carol.heard("goodbye.wav")
    await carol.ended()
    assert [ended.cause_name for ended in simulation.happened(ChannelEnded)] == ["normal_clearing"]


async def test_what_is_not_on_the_menu_is_said_to_be(simulation: Simulation) -> None:
    carol = simulation.phone("carol")
    carol.call("1000")
    await carol.hears("menu.wav")
    carol.press("7")
    await carol.heard("invalid.wav")
    await carol.hears("menu.wav")


async def test_two_records_a_message_and_plays_it_back(simulation: Simulation) -> None:
    carol = simulation.phone("carol")
    carol.call("1000")
    await carol.hears("menu.wav")
    carol.press("2")
    await carol.heard("record.wav")
    await simulation.wait(3)
    carol.press("#")
    await carol.heard("yours.wav")
    (recording,) = simulation.happened(RecordingFinished)
    assert isinstance(recording.outcome, Recorded)
    assert recording.outcome.reason == "terminator"
    await carol.heard(recording.outcome.path)
    await carol.hears("menu.wav")


async def test_three_puts_through_to_alice(simulation: Simulation) -> None:
    carol = simulation.phone("carol")
    alice = simulation.phone("alice", answers_after=3)
    carol.call("1000")
    await carol.hears("menu.wav")
    carol.press("3")
    await carol.heard("alice.wav")
    await carol.connected_to(alice)
    alice.hang_up()
    await carol.ended()


async def test_the_menu_comes_again_when_alice_is_busy_or_away(simulation: Simulation) -> None:
    carol = simulation.phone("carol")
    simulation.phone("alice", rejects=486)
    carol.call("1000")
    await carol.hears("menu.wav")
    carol.press("3")
    await carol.heard("nobody.wav")
    await carol.hears("menu.wav")


async def test_the_echo_goes_on_until_the_caller_hangs_up(simulation: Simulation) -> None:
    carol = simulation.phone("carol")
    carol.call("1001")
    await carol.heard("echo.wav")
    await simulation.wait(600)
    carol.hang_up()
    await carol.ended()


async def test_the_tone_has_440_hz(simulation: Simulation) -> None:
    carol = simulation.phone("carol")
    carol.call("1002")
    await carol.hears(440.0)
