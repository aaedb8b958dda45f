"""Session timers in both roles (RFC 4028), and UPDATE (RFC 3311)."""

from __future__ import annotations

import pytest

from engine.sip.events import InviteAnswered, InviteEnded, InviteFailed, RefreshDue, RequestInCall
from engine.sip.messages import Request, Response
from engine.sip.session_timer import TRANSITIONS, TimerState, TimerTrigger
from engine.sip.stack import Invite, InviteState
from tests.sip.messages_by_hand import ANSWER, OFFER, request
from tests.sip.peer import Bench

BOB = "<sip:bob@192.0.2.9>"
TIMER, UPDATES = ("Supported", "timer"), ("Allow", "INVITE, ACK, BYE, UPDATE")


def expires(seconds: int, refresher: str = "") -> tuple[str, str]:
    return ("Session-Expires", f"{seconds};refresher={refresher}" if refresher else str(seconds))


def placed(*headers: tuple[str, str]) -> tuple[Bench, Invite, Request]:
    """Our call, answered with these headers."""
    bench = Bench()
    invite, sent = bench.place_call()
    bench.answer_from_peer(sent, 200, contact=BOB, body=ANSWER, headers=headers)
    bench.event(InviteAnswered)
    return bench, invite, sent


def only(sent: list[tuple[float, Request | Response]]) -> tuple[float, Request]:
    """The one request that was sent, and when first: who does not answer gets it again."""
    at, message = sent[0]
    assert {again.raw for _, again in sent} == {message.raw}
    assert isinstance(message, Request)
    return at, message


# As UAS


def test_a_peer_that_knows_no_timers_is_left_alone():
    bench = Bench()
    _, ok = bench.answered_call()
    assert ok.header("Session-Expires") is None
    assert bench.wait(10_000) == []


def test_a_peer_that_knows_timers_is_asked_for_one():
    bench = Bench()
    _, ok = bench.answered_call(headers=(TIMER,))
    assert (ok.header("Session-Expires"), ok.header("Require")) == ("1800;refresher=uac", "timer")


@pytest.mark.parametrize(
    ("headers", "agreed"),
    [
        ((TIMER, expires(600)), "600;refresher=uac"),
        ((TIMER, expires(600, "uac")), "600;refresher=uac"),
        ((TIMER, expires(600, "uas")), "600;refresher=uas"),
        ((expires(600),), "600;refresher=uas"),  # of a proxy: the caller cannot do it
        ((TIMER, expires(600), ("Min-SE", "900")), "900;refresher=uac"),
        ((TIMER, ("Session-Expires", "soon")), "1800;refresher=uac"),
        ((TIMER, expires(4_000_000)), "86400;refresher=uac"),
    ],
)
def test_what_the_caller_wants_is_agreed_on(headers: tuple[tuple[str, str], ...], agreed: str):
    _, ok = Bench().answered_call(headers=headers)
    assert ok.header("Session-Expires") == agreed


def test_too_short_a_timer_is_refused_with_what_we_bear():
    bench = Bench()
    (refused,) = bench.send(request(body=OFFER, headers=(TIMER, expires(60))))
    assert isinstance(refused, Response)
    assert (refused.status, refused.header("Min-SE")) == (422, "90")


def test_a_short_timer_of_a_proxy_cannot_be_refused_and_is_lengthened():
    _, ok = Bench().answered_call(headers=(expires(60),))
    assert ok.header("Session-Expires") == "90;refresher=uas"


def test_a_call_that_its_caller_does_not_refresh_is_ended():
    bench = Bench()
    invite, _ = bench.answered_call(headers=(TIMER, expires(600)))
    at, bye = only(bench.wait(599))
    assert (at, bye.method) == (568.0, "BYE")
    assert bench.event(InviteEnded).by == "timeout"
    bench.answer_from_peer(bye, 200)
    assert invite.state is InviteState.ENDED


def test_a_short_call_is_given_up_a_third_before_its_end():
    bench = Bench()
    bench.answered_call(headers=(TIMER, expires(90)))
    assert only(bench.wait(60))[0] == 60.0


def test_a_refresh_by_update_gives_the_call_its_time_again():
    bench = Bench()
    invite, _ = bench.answered_call(headers=(TIMER, expires(600)))
    bench.wait(500)
    update = bench.in_dialog(invite, "UPDATE", cseq=2, headers=(TIMER, expires(600, "uac")))
    (ok,) = bench.send(update)
    assert isinstance(ok, Response)
    assert (ok.status, ok.header("Session-Expires")) == (200, "600;refresher=uac")
    assert ok.contacts
    assert bench.events() == []
    assert bench.wait(560) == []
    assert only(bench.wait(10))[1].method == "BYE"


def test_a_refresh_by_reinvite_gives_the_call_its_time_again():
    bench = Bench()
    invite, _ = bench.answered_call(headers=(TIMER, expires(600)))
    bench.wait(500)
    bench.send(bench.in_dialog(invite, "INVITE", cseq=2, body=OFFER, headers=(TIMER, expires(300, "uac"))))
    bench.events()
    bench.stack.answer(invite, body=ANSWER, now=bench.now)
    (ok,) = bench.sent()
    assert ok.header("Session-Expires") == "300;refresher=uac"
    bench.send(bench.in_dialog(invite, "ACK", cseq=2))
    assert bench.wait(260) == []
    assert only(bench.wait(10))[1].method == "BYE"


# As UAC


def test_an_invite_offers_a_timer():
    _, sent = Bench().place_call()
    assert (sent.header("Session-Expires"), sent.header("Min-SE")) == ("1800", "90")
    assert "timer" in sent.values("Supported")


def test_a_callee_that_knows_no_timers_is_left_alone():
    bench, _, _ = placed()
    assert bench.wait(10_000) == []


def test_a_call_whose_callee_is_to_refresh_it_and_does_not_is_ended():
    bench, _, _ = placed(expires(1800, "uas"))
    at, bye = only(bench.wait(1800))
    assert (at, bye.method) == (1768.0, "BYE")


def test_we_refresh_at_half_time_by_update_and_again():
    bench, _, _ = placed(expires(600, "uac"), UPDATES)
    at, update = only(bench.wait(301))
    assert (at, update.method, update.body) == (300.0, "UPDATE", b"")
    assert update.header("Session-Expires") == "600;refresher=uac"
    assert update.contacts
    bench.answer_from_peer(update, 200, contact=BOB, headers=(expires(400, "uac"),))
    bench.events()
    at, again = only(bench.wait(200))
    assert (at, again.method) == (501.0, "UPDATE")
    bench.answer_from_peer(again, 200, contact=BOB, headers=(expires(400, "uas"),))
    bench.events()
    assert only(bench.wait(400))[1].method == "BYE"


def test_without_update_a_reinvite_is_due():
    bench, invite, _ = placed(expires(600, "uac"))
    assert bench.wait(301) == []
    assert bench.event(RefreshDue).invite is invite
    assert bench.stack.reinvite(invite, body=OFFER, now=bench.now)
    sent = bench.sent_request()
    assert sent.header("Session-Expires") == "600;refresher=uac"
    bench.answer_from_peer(sent, 200, contact=BOB, headers=(expires(600, "uac"),))
    bench.events()
    assert bench.wait(290) == []
    bench.wait(20)
    assert bench.event(RefreshDue)


def test_a_refresh_that_is_refused_leaves_the_call_its_time():
    bench, _, _ = placed(expires(600, "uac"), UPDATES)
    _, update = only(bench.wait(301))
    bench.answer_from_peer(update, 500)
    bench.events()
    at, bye = only(bench.wait(300))
    assert (at, bye.method) == (568.0, "BYE")


def test_a_refresh_that_finds_no_call_ends_it():
    bench, _, _ = placed(expires(600, "uac"), UPDATES)
    _, update = only(bench.wait(301))
    bench.answer_from_peer(update, 481)
    assert isinstance(bench.events()[-1], InviteEnded)


def test_a_422_is_answered_with_the_timer_that_is_wanted():
    bench = Bench()
    invite, sent = bench.place_call()
    ack, again = bench.answer_from_peer(sent, 422, headers=(("Min-SE", "3600"),))
    assert isinstance(again, Request)
    assert (ack.method, again.method, again.cseq) == ("ACK", "INVITE", 2)
    assert (again.header("Session-Expires"), again.header("Min-SE")) == ("3600", "3600")
    bench.answer_from_peer(again, 200, contact=BOB, headers=(expires(3600, "uac"),))
    assert bench.event(InviteAnswered).invite is invite


@pytest.mark.parametrize("headers", [(), (("Min-SE", "90"),), (("Min-SE", "much"),)])
def test_a_422_that_says_nothing_of_use_is_a_refusal(headers: tuple[tuple[str, str], ...]):
    bench = Bench()
    _, sent = bench.place_call()
    bench.answer_from_peer(sent, 422, headers=headers)
    assert bench.event(InviteFailed).status == 422


def test_a_peer_that_raises_without_end_is_not_followed():
    bench = Bench()
    _, sent = bench.place_call()
    for attempt in range(1, 10):
        answer = bench.answer_from_peer(sent, 422, headers=(("Min-SE", str(3600 + attempt)),))
        if len(answer) < 2:
            break
        assert isinstance(answer[1], Request)
        sent = answer[1]
    assert attempt == 5
    assert bench.event(InviteFailed).status == 422


def test_nothing_waits_after_the_call():
    bench, invite, _ = placed(expires(600, "uac"), UPDATES)
    bench.stack.hang_up(invite, now=0.0)
    bench.answer_from_peer(bench.sent_request(), 200)
    bench.wait(60)
    assert bench.is_empty()


def test_every_pair_but_an_alarm_of_nothing_has_a_step():
    missing = {(state, trigger) for state in TimerState for trigger in TimerTrigger} - TRANSITIONS.keys()
    assert missing == {(TimerState.OFF, TimerTrigger.ALARM)}


# UPDATE with an offer


def test_an_update_with_an_offer_is_for_the_layer_above():
    bench = Bench()
    invite, _ = bench.answered_call()
    assert bench.send(bench.in_dialog(invite, "UPDATE", cseq=2, body=OFFER)) == []
    event = bench.event(RequestInCall)
    bench.stack.respond(event.transaction, 200, body=ANSWER, now=0.0)
    (ok,) = bench.sent()
    assert (ok.body, ok.body_type, len(ok.contacts)) == (ANSWER, "application/sdp", 1)


def test_an_update_with_an_offer_meets_our_reinvite():
    bench = Bench()
    invite, _ = bench.answered_call()
    bench.stack.reinvite(invite, body=OFFER, now=0.0)
    bench.sent()
    (refused,) = bench.send(bench.in_dialog(invite, "UPDATE", cseq=2, body=OFFER))
    assert isinstance(refused, Response)
    assert refused.status == 491


def test_an_update_with_an_offer_meets_the_peers_own_reinvite():
    bench = Bench()
    invite, _ = bench.answered_call()
    bench.send(bench.in_dialog(invite, "INVITE", cseq=2, body=OFFER))
    (refused,) = bench.send(bench.in_dialog(invite, "UPDATE", cseq=3, body=OFFER))
    assert isinstance(refused, Response)
    assert (refused.status, refused.header("Retry-After")) == (500, "1")


def test_an_update_with_an_offer_before_the_first_is_settled_is_refused():
    bench = Bench()
    invite = bench.receive_call()
    (refused,) = bench.send(bench.in_dialog(invite, "UPDATE", cseq=2, body=OFFER))
    assert isinstance(refused, Response)
    assert refused.status == 500
    placing = Bench()
    _, sent = placing.place_call()
    placing.answer_from_peer(sent, 180, contact=BOB)
    update = request(
        "UPDATE",
        from_=f"{BOB};tag=bob",
        to=str(sent.from_),
        call_id=sent.call_id,
        cseq=9,
        body=OFFER,
        branch="z9hG4bKu",
    )
    (met,) = placing.send(update)
    assert isinstance(met, Response)
    assert met.status == 491


def test_an_update_moves_the_target():
    bench = Bench()
    invite, _ = bench.answered_call()
    bench.send(bench.in_dialog(invite, "UPDATE", cseq=2, contact="<sip:alice@192.0.2.9:5099>"))
    bench.stack.hang_up(invite, now=0.0)
    assert bench.sent_request().uri_text == "sip:alice@192.0.2.9:5099"
