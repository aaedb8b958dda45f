"""The table of an INVITE usage: every state has a way out, and what must be sent is sent."""

from __future__ import annotations

import pytest

from engine.sip.invite_usage import CONFIRMED_TRANSITIONS, TRANSITIONS, UAC_TRANSITIONS, UAS_TRANSITIONS
from engine.sip.invite_usage import InviteEffect as E
from engine.sip.invite_usage import InviteState as S
from engine.sip.invite_usage import InviteTrigger as T

REPORTS_OF_THE_END = {
    E.REPORT_CANCELLED,
    E.REPORT_FAILED,
    E.REPORT_GIVEN_UP,
    E.REPORT_BYE,
    E.REPORT_TIMEOUT,
    E.REPORT_TRANSPORT,
}
OURS = {T.REJECT, T.HANG_UP}


def test_ended_is_reachable_from_every_state_and_left_by_none():
    assert not [state for state, _ in TRANSITIONS if state is S.ENDED]
    reach = {S.ENDED}
    while new := {state for (state, _), step in TRANSITIONS.items() if step.state in reach} - reach:
        reach |= new
    assert reach == set(S)


def test_no_pair_is_in_two_tables():
    assert len(TRANSITIONS) == len(UAS_TRANSITIONS) + len(UAC_TRANSITIONS) + len(CONFIRMED_TRANSITIONS)


def test_a_hang_up_means_something_in_every_state_that_lasts():
    assert {state for state, trigger in TRANSITIONS if trigger is T.HANG_UP} == {
        S.RECEIVED,
        S.ANSWERED,
        S.CALLING,
        S.PROCEEDING,
        S.CONFIRMED,
    }


@pytest.mark.parametrize("state", [state for state in S if state not in (S.CANCEL_HELD, S.CANCELLING, S.HANGING_UP)])
def test_an_end_that_was_not_ours_is_reported_once(state):
    for (before, trigger), step in TRANSITIONS.items():
        if before is state and state is not S.ENDING and step.state in (S.ENDING, S.ENDED) and trigger not in OURS:
            assert len(REPORTS_OF_THE_END & set(step.effects)) == 1, (before, trigger)


def test_an_invite_that_ends_unanswered_gets_a_final_response():
    finals = {E.SEND_FINAL, E.SEND_TERMINATED}
    for (state, trigger), step in UAS_TRANSITIONS.items():
        if state is S.RECEIVED and step.state is S.ENDED and trigger is not T.TRANSPORT_ERROR:
            assert finals & set(step.effects), trigger


def test_a_bye_of_ours_leads_to_ending():
    assert all((E.SEND_BYE in step.effects) == (step.state is S.ENDING) for (state, _), step in TRANSITIONS.items()
               if state is not S.ENDING)  # fmt: skip


def test_a_2xx_is_acknowledged_whatever_became_of_the_call():
    for (_, trigger), step in UAC_TRANSITIONS.items():
        if trigger is T.SUCCESS:
            assert step.effects[0] is E.SEND_ACK
