"""Every way that following somebody can go."""

from callflow.protocol.events import ChannelEnded
from callflow.testing import Simulation


async def test_the_desk_answers(simulation: Simulation) -> None:
    carol, desk, mobile = (simulation.phone(name) for name in ("carol", "desk", "mobile"))
    carol.call("2000")
    await desk.rings()
    desk.answer()
    await carol.connected_to(desk)
    assert not mobile.is_in_call
    carol.hang_up()
    await desk.ended()


async def test_the_mobile_rings_after_the_desk_and_answers(simulation: Simulation) -> None:
    carol, desk = simulation.phone("carol"), simulation.phone("desk")
    mobile = simulation.phone("mobile", answers_after=5)
    carol.call("2000")
    await desk.rings()
    await carol.hears(440.0)  # it rings
    await desk.ended()
    await carol.connected_to(mobile)
    assert 15 < simulation.now < 25
    mobile.hang_up()
    await carol.ended()


async def test_a_desk_that_is_busy_is_not_waited_for(simulation: Simulation) -> None:
    carol, _ = simulation.phone("carol"), simulation.phone("desk", rejects=486)
    mobile = simulation.phone("mobile", answers_after=1)
    carol.call("2000")
    await carol.connected_to(mobile)
    assert simulation.now < 5


async def test_nobody_answers_and_the_caller_hears_an_apology(simulation: Simulation) -> None:
    carol, *_ = (simulation.phone(name) for name in ("carol", "desk", "mobile"))
    carol.call("2000")
    await carol.heard("sorry.wav")
    await carol.ended()
    assert simulation.now < 40
    assert all(ended.answered_at is None for ended in simulation.happened(ChannelEnded))


async def test_nobody_is_there_at_all(simulation: Simulation) -> None:
    carol = simulation.phone("carol")
    carol.call("2000")
    await carol.heard("sorry.wav")
    assert simulation.now < 10


async def test_a_caller_who_gives_up_stops_the_ringing(simulation: Simulation) -> None:
    carol, desk = simulation.phone("carol"), simulation.phone("desk")
    carol.call("2000")
    await desk.rings()
    carol.hang_up()
    await desk.ended()
