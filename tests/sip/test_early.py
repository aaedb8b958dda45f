"""Early dialogs of a forked INVITE (RFC 3261 12.1, 13.2.2.4)."""

from __future__ import annotations

from engine.sip.early import MAX_EARLY_DIALOGS
from engine.sip.events import InviteAnswered, InviteEnded, InviteProgressed
from engine.sip.messages import Request, Response
from engine.sip.stack import Credentials, InviteState
from tests.sip.messages_by_hand import ANSWER, request
from tests.sip.peer import Bench

BOB, CAROL = "<sip:bob@192.0.2.9>", "<sip:carol@192.0.2.9:5070>"


def forked() -> tuple[Bench, Request]:
    """Our INVITE rings in two places."""
    bench = Bench()
    _, sent = bench.place_call()
    bench.answer_from_peer(sent, 180, to_tag="bob", contact=BOB)
    bench.answer_from_peer(sent, 183, to_tag="carol", contact=CAROL, body=ANSWER)
    bench.events()
    return bench, sent


def from_fork(sent: Request, tag: str, method: str = "OPTIONS", cseq: int = 7) -> bytes:
    """A request of the peer inside one of the dialogs."""
    return request(
        method, from_=f"<sip:bob@192.0.2.9>;tag={tag}", to=str(sent.from_), call_id=sent.call_id, cseq=cseq,
        branch=f"z9hG4bK{tag}{method}{cseq}",
    )  # fmt: skip


def statuses(messages: list[Request | Response]) -> list[int]:
    return [message.status for message in messages if isinstance(message, Response)]


def test_each_to_tag_makes_an_early_dialog_of_its_own():
    bench, sent = forked()
    assert bench.stack.counts.dialogs == 2
    assert statuses(bench.send(from_fork(sent, "bob"))) == [200]
    assert statuses(bench.send(from_fork(sent, "carol"))) == [200]
    assert statuses(bench.send(from_fork(sent, "dave"))) == [481]


def test_the_requests_of_one_early_dialog_are_numbered_apart_from_those_of_another():
    bench, sent = forked()
    bench.send(from_fork(sent, "bob", cseq=100))
    assert statuses(bench.send(from_fork(sent, "carol", cseq=5))) == [200]
    assert statuses(bench.send(from_fork(sent, "bob", cseq=99))) == [500]


def test_a_200_confirms_its_own_dialog_and_the_others_are_gone():
    bench, sent = forked()
    (ack,) = bench.answer_from_peer(sent, 200, to_tag="carol", contact=CAROL, body=ANSWER)
    assert (ack.to.tag, ack.uri_text) == ("carol", "sip:carol@192.0.2.9:5070")
    bench.event(InviteAnswered)
    assert bench.stack.counts.dialogs == 1
    assert statuses(bench.send(from_fork(sent, "bob"))) == [481]
    assert statuses(bench.send(from_fork(sent, "carol"))) == [200]


def test_what_was_numbered_in_the_early_dialog_is_out_of_order_after_the_200():
    bench, sent = forked()
    bench.send(from_fork(sent, "carol", cseq=50))
    bench.answer_from_peer(sent, 200, to_tag="carol", contact=CAROL)
    assert statuses(bench.send(from_fork(sent, "carol", "BYE", cseq=49))) == [500]
    bench.events()
    assert statuses(bench.send(from_fork(sent, "carol", "BYE", cseq=51))) == [200]
    assert bench.event(InviteEnded).by == "peer"


def test_a_200_of_another_fork_is_acknowledged_and_ended_in_its_own_dialog():
    bench, sent = forked()
    bench.answer_from_peer(sent, 200, to_tag="carol", contact=CAROL)
    ack, bye = bench.answer_from_peer(sent, 200, to_tag="bob", contact=BOB)
    assert (ack.method, ack.to.tag, ack.uri_text) == ("ACK", "bob", "sip:bob@192.0.2.9")
    assert (bye.method, bye.to.tag, bye.cseq) == ("BYE", "bob", 2)


def test_a_200_without_a_description_has_that_of_its_early_dialog():
    bench, sent = forked()
    bench.answer_from_peer(sent, 200, to_tag="carol", contact=CAROL)
    assert bench.event(InviteAnswered).body == ANSWER


def test_a_200_does_not_borrow_the_description_of_another_fork():
    bench, sent = forked()
    bench.answer_from_peer(sent, 200, to_tag="bob", contact=BOB)
    assert bench.event(InviteAnswered).body == b""


def test_an_invite_inside_an_early_dialog_meets_ours():
    bench, sent = forked()
    assert statuses(bench.send(from_fork(sent, "bob", "INVITE"))) == [491]


def test_no_early_dialog_outlives_a_refusal():
    bench, sent = forked()
    bench.answer_from_peer(sent, 486)
    assert bench.stack.counts.dialogs == 0
    bench.wait(60.0)
    bench.events()
    assert bench.is_empty()


def test_no_early_dialog_outlives_our_giving_up():
    bench = Bench()
    invite, sent = bench.place_call()
    bench.answer_from_peer(sent, 180, to_tag="bob", contact=BOB)
    bench.stack.hang_up(invite, now=0.0)
    bench.answer_from_peer(sent, 487)
    assert invite.state is InviteState.ENDED
    assert bench.stack.counts.dialogs == 0


def test_the_early_dialogs_of_an_attempt_without_credentials_are_forgotten():
    bench = Bench()
    _, sent = bench.place_call(credentials=Credentials("alice", "secret"))
    bench.answer_from_peer(sent, 183, to_tag="proxy", contact=BOB)
    challenge = (("Proxy-Authenticate", 'Digest realm="r", nonce="n", qop="auth"'),)
    bench.answer_from_peer(sent, 407, to_tag="proxy", headers=challenge)
    assert bench.stack.counts.dialogs == 0


def test_a_proxy_that_forks_without_end_makes_no_dialogs_without_end():
    bench = Bench()
    _, sent = bench.place_call()
    for number in range(50):
        bench.answer_from_peer(sent, 180, to_tag=f"t{number}", contact=BOB)
    assert len([event for event in bench.events() if isinstance(event, InviteProgressed)]) == 50
    assert bench.stack.counts.dialogs == MAX_EARLY_DIALOGS
