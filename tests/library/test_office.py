"""Parking, pickup, supervision, directory, paging and schedules, with simulated phones."""

from __future__ import annotations

import pytest

from callflow.testing import SimulatedPhone, Simulation

pytestmark = pytest.mark.callflow("office.py")


async def test_a_parked_call_hears_its_slot_and_music_and_is_picked_up(simulation: Simulation) -> None:
    caller, desk = simulation.phone("caller"), simulation.phone("desk")
    caller.call("70")
    await caller.heard("park.wav")
    await caller.hears(440.0)
    desk.call("701")
    await caller.connected_to(desk)
    desk.hang_up()
    await caller.ended()


async def test_nobody_is_in_a_slot_whose_caller_has_hung_up(simulation: Simulation) -> None:
    caller, desk = simulation.phone("caller"), simulation.phone("desk")
    caller.call("70")
    await caller.hears(440.0)
    caller.hang_up()
    await caller.ended()
    await simulation.wait(1)
    desk.call("701")
    await desk.heard(480.0)


async def test_a_call_that_nobody_picks_up_comes_back(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("70")
    await caller.heard(620.0, within=70)
    assert 60 < simulation.now < 65


async def one_has_it_and_the_other_is_told(
    simulation: Simulation, caller: SimulatedPhone, one: SimulatedPhone, two: SimulatedPhone
) -> None:
    await simulation.wait(5)
    connected = [phone for phone in (one, two) if caller.listens_to(phone)]
    assert len(connected) == 1
    other = two if connected == [one] else one
    await other.heard(480.0)
    await other.ended()


async def test_of_two_who_fetch_a_call_one_has_it(simulation: Simulation) -> None:
    caller, one, two = (simulation.phone(name) for name in ("caller", "one", "two"))
    caller.call("70")
    await caller.hears(440.0)
    one.call("701")
    two.call("701")
    await one_has_it_and_the_other_is_told(simulation, caller, one, two)


async def test_a_third_call_finds_no_slot(simulation: Simulation) -> None:
    phones = [simulation.phone(name) for name in ("one", "two", "three")]
    for phone in phones[:2]:
        phone.call("70")
        await phone.hears(440.0)
    phones[2].call("70")
    await phones[2].heard(480.0)


async def test_a_call_that_rings_elsewhere_is_taken(simulation: Simulation) -> None:
    caller, desk, colleague = (simulation.phone(name) for name in ("caller", "desk", "colleague"))
    caller.call("300")
    await desk.rings()
    colleague.call("*8")
    await caller.connected_to(colleague)
    await desk.ended()
    colleague.hang_up()
    await caller.ended()


async def test_of_two_who_take_a_call_one_has_it(simulation: Simulation) -> None:
    caller, desk, one, two = (simulation.phone(name) for name in ("caller", "desk", "one", "two"))
    caller.call("300")
    await desk.rings()
    one.call("*8")
    two.call("*8")
    await one_has_it_and_the_other_is_told(simulation, caller, one, two)


async def test_who_is_not_reached_and_not_taken_is_told_as_by_dial(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    simulation.phone("desk", rejects=486)
    caller.call("300")
    await caller.heard(620.0)


async def test_a_caller_who_hangs_up_is_not_to_be_taken(simulation: Simulation) -> None:
    caller, desk, colleague = (simulation.phone(name) for name in ("caller", "desk", "colleague"))
    caller.call("300")
    await desk.rings()
    caller.hang_up()
    await desk.ended()
    colleague.call("*8")
    await colleague.heard(480.0)


async def test_there_is_nothing_to_take_once_it_is_answered(simulation: Simulation) -> None:
    caller, colleague = simulation.phone("caller"), simulation.phone("colleague")
    desk = simulation.phone("desk", answers_after=2)
    caller.call("300")
    await caller.connected_to(desk)
    colleague.call("*8")
    await colleague.heard(480.0)


async def test_a_supervisor_listens_whispers_barges_in_and_takes_over(simulation: Simulation) -> None:
    caller, boss = simulation.phone("caller"), simulation.phone("boss")
    alice = simulation.phone("alice", answers_after=2)
    caller.call("400")
    await caller.connected_to(alice)
    boss.call("*9alice")
    await boss.answered()
    await simulation.wait(2)
    assert boss.listens_to(caller)
    assert not alice.listens_to(boss)
    boss.press("2")
    await simulation.wait(2)
    assert alice.listens_to(boss)
    assert not caller.listens_to(boss)
    boss.press("3")
    await caller.connected_to(boss)
    assert caller.listens_to(alice)
    boss.press("4")
    await alice.ended()
    await caller.connected_to(boss)
    boss.hang_up()
    await caller.ended()


async def test_nobody_can_be_listened_to_who_has_no_call(simulation: Simulation) -> None:
    boss = simulation.phone("boss")
    boss.call("*9alice")
    await boss.heard(480.0)


async def test_a_name_is_spelled_and_chosen(simulation: Simulation) -> None:
    caller, bob = simulation.phone("caller"), simulation.phone("bob", answers_after=1)
    caller.call("411")
    await caller.hears("please.wav")
    caller.press("25#")  # Alice, Al
    await caller.heard("2.wav")
    caller.press("2")
    await caller.connected_to(bob)


async def test_an_unknown_name_is_told(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("411")
    for _ in range(3):
        await caller.hears("please.wav")
        caller.press("99#")
        await caller.heard("sorry.wav")
    await caller.ended()


async def test_a_page_is_heard_by_those_who_pick_up(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    alice, bob = simulation.phone("alice", answers_after=0.1), simulation.phone("bob", answers_after=0.1)
    caller.call("500")
    await alice.answered()
    await bob.answered()
    await simulation.wait(1)
    assert alice.listens_to(caller)
    assert bob.listens_to(caller)
    assert not caller.listens_to(alice)
    caller.hang_up()
    await alice.ended()
    await bob.ended()


async def test_something_is_done_at_its_time_and_again_until_the_block_is_over(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("600")
    await caller.answered()
    began = simulation.now
    await caller.heard(620.0)
    assert 10 < simulation.now - began < 12
    await caller.heard(620.0)
    caller.press("1")
    await caller.heard(440.0)
    await caller.ended()
