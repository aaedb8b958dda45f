"""What a stack still holds of a call that has ended: its transactions stay for 64*T1, the call itself does not."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from itertools import count

from benchmarks.paths import FLOW, SDP, TO, message
from engine.sip.events import InviteReceived
from engine.sip.stack import SipStack
from engine.sip.timers import GIVE_UP

CALLS = 1000
OF_A_CALL = {"Invite", "IncomingInvite", "Dialog", "EarlyDialogs", "SessionTimer"}
BRIEF = (
    2500  # octets that each may leave until then, with its part of the tables; the call itself takes three times that
)


def stack_after_calls(*, status: int = 200) -> SipStack:
    tokens = count(1 << 60)
    stack = SipStack(new_token=lambda: f"{next(tokens):x}")
    for number in range(CALLS):
        stack.receive_datagram(message("INVITE", number, 1, body=SDP), FLOW, now=0.0)
        received = stack.next_event()
        assert isinstance(received, InviteReceived)
        if status == 200:
            stack.answer(received.invite, body=SDP, now=0.0)
        else:
            stack.reject(received.invite, status, now=0.0)
        *_, (final, _) = stack.datagrams_to_send()
        to = TO.search(final)
        assert to is not None
        for method, sequence in (("ACK", 1), ("BYE", 2)) if status == 200 else (("ACK", 1),):
            stack.receive_datagram(message(method, number, sequence, to=to[1]), FLOW, now=0.0)
        stack.datagrams_to_send()
        while stack.next_event() is not None:
            pass
    return stack


def held(stack: SipStack) -> tuple[Counter[str], int]:
    """What hangs on a stack: how many of each class of SIP, and how many octets of all that is not code."""
    seen: dict[int, object] = {}
    found = [stack]
    while found:
        each = found.pop()
        if id(each) in seen or isinstance(each, type) or callable(each):
            continue
        seen[id(each)] = each
        found += gc.get_referents(each)
    classes = Counter(type(each).__name__ for each in seen.values() if type(each).__module__.startswith("engine.sip."))
    return classes, sum(map(sys.getsizeof, seen.values()))


def test_of_a_call_that_has_ended_only_its_transactions_stay():
    classes, octets = held(stack_after_calls())
    assert classes["Transaction"] >= 2 * CALLS
    assert not classes.keys() & OF_A_CALL
    assert octets < BRIEF * CALLS


def test_of_a_call_that_was_refused_only_its_transaction_stays():
    classes, octets = held(stack_after_calls(status=486))
    assert classes["Transaction"] == CALLS
    assert not classes.keys() & OF_A_CALL
    assert octets < BRIEF * CALLS


def test_of_calls_whose_last_timers_have_run_out_nothing_stays_not_even_the_room_in_the_tables():
    stack = stack_after_calls()
    stack.handle_deadline(now=GIVE_UP + 1)
    _, octets = held(stack)
    _, empty = held(SipStack(new_token=lambda: "1"))
    assert octets - empty < 20 * CALLS
