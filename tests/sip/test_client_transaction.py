"""RFC 3261 §17.1, RFC 6026 §7.2: client transactions."""

from __future__ import annotations

import pytest

from engine.sip.client_transaction import INVITE_OVER_STREAM, INVITE_OVER_UDP, REQUEST_OVER_STREAM, REQUEST_OVER_UDP
from engine.sip.timers import NEVER
from engine.sip.transaction import Effect, Machine, State, Transaction, Trigger
from tests.sip.messages_by_hand import FLOW

E, T = Effect, Trigger


def start(machine: Machine) -> Transaction:
    return Transaction(machine, FLOW, now=0.0)


def sending_times(transaction: Transaction) -> list[float]:
    times = []
    while (at := transaction.next_deadline()) != NEVER:
        if E.SEND in transaction.handle_deadline(now=at):
            times.append(at)
    return times


def test_invite_is_retransmitted_at_doubling_intervals_until_timer_b():
    transaction = start(INVITE_OVER_UDP)
    assert sending_times(transaction) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert transaction.state is State.TERMINATED


def test_an_invite_nobody_answers_is_reported():
    transaction = start(INVITE_OVER_UDP)
    assert E.REPORT_TIMEOUT not in transaction.handle_deadline(now=31.9)
    assert E.REPORT_TIMEOUT in transaction.handle_deadline(now=32.0)


def test_request_is_retransmitted_at_doubling_intervals_up_to_t2_until_timer_f():
    transaction = start(REQUEST_OVER_UDP)
    assert sending_times(transaction) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert transaction.state is State.TERMINATED


def test_a_provisional_slows_a_request_down_but_timer_f_runs_on():
    transaction = start(REQUEST_OVER_UDP)
    transaction.handle_deadline(now=1.0)
    transaction.fire(T.PROVISIONAL, now=1.0)
    assert sending_times(transaction) == [1.5, 5.5, 9.5, 13.5, 17.5, 21.5, 25.5, 29.5]
    assert transaction.state is State.TERMINATED


@pytest.mark.parametrize("machine", [INVITE_OVER_STREAM, REQUEST_OVER_STREAM])
def test_nothing_is_retransmitted_over_a_stream(machine):
    transaction = start(machine)
    assert transaction.next_deadline() == 32.0
    assert transaction.handle_deadline(now=32.0) == (E.REPORT_TIMEOUT,)


def test_provisional_stops_the_retransmission_of_an_invite():
    transaction = start(INVITE_OVER_UDP)
    assert transaction.fire(T.PROVISIONAL, now=0.2) == (E.PASS_UP,)
    assert transaction.next_deadline() == NEVER


def test_failure_is_acked_again_when_retransmitted_and_passed_up_once():
    transaction = start(INVITE_OVER_UDP)
    assert transaction.fire(T.FAILURE, now=1.0) == (E.SEND_ACK, E.PASS_UP)
    assert transaction.fire(T.FAILURE, now=1.5) == (E.SEND_ACK,)
    assert transaction.next_deadline() == 33.0


def test_a_success_after_a_failure_is_ignored():
    transaction = start(INVITE_OVER_UDP)
    transaction.fire(T.FAILURE, now=1.0)
    assert transaction.fire(T.SUCCESS, now=1.1) == ()


def test_every_2xx_of_an_invite_is_passed_up_for_64_t1():
    transaction = start(INVITE_OVER_STREAM)
    assert transaction.fire(T.SUCCESS, now=1.0) == (E.PASS_UP,)
    assert transaction.fire(T.SUCCESS, now=2.0) == (E.PASS_UP,)
    assert transaction.next_deadline() == 33.0
    transaction.handle_deadline(now=33.0)
    assert transaction.state is State.TERMINATED


def test_an_abandoned_invite_waits_64_t1_for_its_final_response():
    transaction = start(INVITE_OVER_UDP)
    transaction.fire(T.PROVISIONAL, now=1.0)
    transaction.fire(T.ABANDON, now=2.0)
    assert transaction.handle_deadline(now=33.9) == ()
    assert transaction.handle_deadline(now=34.0) == (E.REPORT_TIMEOUT,)


def test_an_abandoned_invite_that_is_answered_is_passed_up():
    for trigger, effects in ((T.SUCCESS, (E.PASS_UP,)), (T.FAILURE, (E.SEND_ACK, E.PASS_UP))):
        transaction = start(INVITE_OVER_UDP)
        transaction.fire(T.PROVISIONAL, now=1.0)
        transaction.fire(T.ABANDON, now=2.0)
        assert transaction.fire(trigger, now=3.0) == effects


@pytest.mark.parametrize("trigger", [T.SUCCESS, T.FAILURE])
def test_a_request_absorbs_responses_for_t4(trigger):
    transaction = start(REQUEST_OVER_UDP)
    assert transaction.fire(trigger, now=1.0) == (E.PASS_UP,)
    assert transaction.fire(trigger, now=1.5) == ()
    assert transaction.next_deadline() == 6.0


def test_a_stream_has_nothing_to_absorb():
    transaction = start(REQUEST_OVER_STREAM)
    transaction.fire(T.SUCCESS, now=1.0)
    assert transaction.next_deadline() == 1.0


@pytest.mark.parametrize("machine", [INVITE_OVER_UDP, REQUEST_OVER_UDP])
def test_a_transport_error_is_reported_unless_there_is_an_answer(machine):
    assert start(machine).fire(T.TRANSPORT_ERROR, now=1.0) == (E.REPORT_TRANSPORT_ERROR,)
    answered = start(machine)
    answered.fire(T.SUCCESS, now=1.0)
    assert answered.fire(T.TRANSPORT_ERROR, now=1.0) == ()
    assert answered.state is State.TERMINATED
