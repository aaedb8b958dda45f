"""The table of a channel's states."""

from __future__ import annotations

from engine.channels.state import ALIVE, PHASES, TRANSITIONS, UNANSWERED, State, Trigger


def test_ended_is_reachable_from_every_state_and_left_by_none():
    assert not [state for state, _ in TRANSITIONS if state is State.ENDED]
    reach = {State.ENDED}
    while new := {state for (state, _), to in TRANSITIONS.items() if to in reach} - reach:
        reach |= new
    assert reach == set(State)


def test_every_live_state_can_end_and_has_a_phase():
    assert {state for state, trigger in TRANSITIONS if trigger is Trigger.END} == ALIVE
    assert set(PHASES) == ALIVE


def test_every_unanswered_state_can_be_answered_and_no_other():
    assert {state for state, trigger in TRANSITIONS if trigger is Trigger.ANSWER} == UNANSWERED
