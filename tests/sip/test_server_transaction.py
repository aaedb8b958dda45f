"""RFC 3261 §17.2, RFC 6026 §7.1: server transactions, and the 2xx that waits for its ACK."""

from __future__ import annotations

from engine.sip.server_transaction import (
    ACCEPTANCE,
    INVITE_OVER_STREAM,
    INVITE_OVER_UDP,
    REQUEST_OVER_STREAM,
    REQUEST_OVER_UDP,
)
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


def test_a_retransmitted_invite_is_answered_with_the_last_provisional():
    transaction = start(INVITE_OVER_UDP)
    assert transaction.fire(T.PROVISIONAL, now=0.0) == (E.SEND,)
    assert transaction.fire(T.REQUEST, now=0.5) == (E.SEND,)


def test_a_failure_is_retransmitted_until_timer_h():
    transaction = start(INVITE_OVER_UDP)
    transaction.fire(T.FAILURE, now=0.0)
    assert sending_times(transaction) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert transaction.state is State.TERMINATED


def test_an_ack_ends_the_retransmission_and_is_absorbed_for_t4():
    transaction = start(INVITE_OVER_UDP)
    transaction.fire(T.FAILURE, now=0.0)
    assert transaction.fire(T.ACK, now=1.0) == ()
    assert transaction.fire(T.ACK, now=1.5) == ()
    assert transaction.fire(T.REQUEST, now=2.0) == ()
    assert transaction.next_deadline() == 6.0


def test_a_failure_goes_out_once_over_a_stream():
    transaction = start(INVITE_OVER_STREAM)
    assert transaction.fire(T.FAILURE, now=0.0) == (E.SEND,)
    assert sending_times(transaction) == []
    assert transaction.state is State.TERMINATED


def test_an_accepted_invite_absorbs_retransmissions_without_answering():
    transaction = start(INVITE_OVER_UDP)
    assert transaction.fire(T.SUCCESS, now=1.0) == (E.SEND,)
    assert transaction.fire(T.REQUEST, now=2.0) == ()
    assert transaction.next_deadline() == 33.0


def test_a_2xx_is_retransmitted_up_to_t2_until_64_t1():
    transaction = start(ACCEPTANCE)
    assert sending_times(transaction) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert transaction.state is State.TERMINATED


def test_a_2xx_that_is_never_acknowledged_is_reported():
    assert E.REPORT_TIMEOUT in start(ACCEPTANCE).handle_deadline(now=32.0)


def test_a_2xx_is_not_sent_again_after_its_ack():
    transaction = start(ACCEPTANCE)
    transaction.fire(T.ACK, now=0.1)
    assert transaction.next_deadline() == NEVER


def test_a_final_response_is_sent_again_when_the_request_is_for_64_t1():
    transaction = start(REQUEST_OVER_UDP)
    assert transaction.fire(T.REQUEST, now=0.5) == ()
    transaction.fire(T.SUCCESS, now=1.0)
    assert transaction.fire(T.REQUEST, now=2.0) == (E.SEND,)
    assert transaction.next_deadline() == 33.0


def test_a_request_over_a_stream_is_over_with_its_response():
    transaction = start(REQUEST_OVER_STREAM)
    transaction.fire(T.FAILURE, now=1.0)
    assert transaction.next_deadline() == 1.0


def test_a_request_that_is_never_answered_is_forgotten():
    transaction = start(REQUEST_OVER_UDP)
    assert transaction.handle_deadline(now=32.0) == ()
    assert transaction.state is State.TERMINATED


def test_a_connection_that_breaks_while_an_invite_rings_is_reported():
    transaction = start(INVITE_OVER_STREAM)
    assert transaction.fire(T.TRANSPORT_ERROR, now=1.0) == (E.REPORT_TRANSPORT_ERROR,)
