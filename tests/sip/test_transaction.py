"""What all transactions share: tables without dead ends, timers in order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sip import client_transaction, server_transaction
from engine.sip.timers import NEVER
from engine.sip.transaction import Machine, State, Transaction, Trigger, response_trigger
from tests.sip.messages_by_hand import FLOW

MACHINES = {
    "INVITE client over UDP": client_transaction.INVITE_OVER_UDP,
    "INVITE client over a stream": client_transaction.INVITE_OVER_STREAM,
    "client over UDP": client_transaction.REQUEST_OVER_UDP,
    "client over a stream": client_transaction.REQUEST_OVER_STREAM,
    "INVITE server over UDP": server_transaction.INVITE_OVER_UDP,
    "INVITE server over a stream": server_transaction.INVITE_OVER_STREAM,
    "server over UDP": server_transaction.REQUEST_OVER_UDP,
    "server over a stream": server_transaction.REQUEST_OVER_STREAM,
    "acceptance": server_transaction.ACCEPTANCE,
}
each_machine = pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES.keys())


def states(machine: Machine) -> set[State]:
    return {machine.initial} | {step.state for step in machine.transitions.values()}


@each_machine
def test_terminated_is_reachable_from_every_state_and_left_by_none(machine):
    assert not [state for state, _ in machine.transitions if state is State.TERMINATED]
    reach = {State.TERMINATED}
    while new := {state for (state, _), step in machine.transitions.items() if step.state in reach} - reach:
        reach |= new
    assert reach == states(machine)


@each_machine
def test_every_state_is_reachable(machine):
    reach = {machine.initial}
    while new := {step.state for (state, _), step in machine.transitions.items() if state in reach} - reach:
        reach |= new
    assert {state for state, _ in machine.transitions} <= reach


@each_machine
def test_every_timer_that_starts_has_a_transition(machine):
    for state, timers in machine.timers.items():
        for timer in (timers.repeat, timers.end):
            assert timer is None or (state, timer.trigger) in machine.transitions


@each_machine
def test_a_timer_that_ends_a_state_leaves_it(machine):
    for state, timers in machine.timers.items():
        if timers.end is not None:
            assert machine.transitions[state, timers.end.trigger].state is not state
        if timers.repeat is not None:
            assert machine.transitions[state, timers.repeat.trigger].state is state


@each_machine
@given(happenings=st.lists(st.one_of(st.sampled_from(Trigger), st.floats(0.0, 40.0))))
def test_no_sequence_raises_or_reorders_time(machine, happenings):
    transaction, now = Transaction(machine, FLOW, now=0.0), 0.0
    for happening in happenings:
        if isinstance(happening, Trigger):
            transaction.fire(happening, now=now)
        else:
            now += happening
            transaction.handle_deadline(now=now)
            assert transaction.next_deadline() > now
        if transaction.state is State.TERMINATED:
            assert transaction.next_deadline() == NEVER


@each_machine
@given(triggers=st.lists(st.sampled_from(Trigger), max_size=6))
def test_left_alone_it_ends_unless_it_waits_for_an_answer(machine, triggers):
    transaction = Transaction(machine, FLOW, now=0.0)
    for trigger in triggers:
        transaction.fire(trigger, now=0.0)
    transaction.handle_deadline(now=1000.0)
    # An INVITE may ring for ever; whoever made it, or has to answer it, gives up in time.
    assert transaction.state in (State.TERMINATED, State.PROCEEDING)


@pytest.mark.parametrize(
    ("status", "trigger"),
    [
        (100, Trigger.PROVISIONAL),
        (199, Trigger.PROVISIONAL),
        (200, Trigger.SUCCESS),
        (299, Trigger.SUCCESS),
        (300, Trigger.FAILURE),
        (699, Trigger.FAILURE),
    ],
)
def test_a_status_is_a_trigger(status, trigger):
    assert response_trigger(status) is trigger
