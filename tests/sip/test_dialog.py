"""The state of a dialog (RFC 3261 §12)."""

from __future__ import annotations

from engine.sip.dialog import Dialog
from engine.sip.events import Flow
from engine.sip.messages import Uri
from tests.sip.messages_by_hand import FLOW, OURS, PEER, parse_request, parse_response, request, response


def as_uas(**options) -> Dialog:
    return Dialog.from_request(parse_request(request(**options)), FLOW, "ours")


def as_uac(*, uri: str = "sip:bob@192.0.2.9", **options) -> Dialog:
    invite = parse_request(request(from_="<sip:alice@192.0.2.1>;tag=ours", to=f"<{uri}>"))
    ok = parse_response(response(invite, 200, **options))
    return Dialog.from_response(ok, FLOW, uri=Uri.parse(uri), local_cseq=1)


def test_as_uas_it_is_the_mirror_of_the_request():
    dialog = as_uas(cseq=7)
    assert dialog.key == ("call", "ours", "alice")
    assert (dialog.local, dialog.remote) == ("<sip:bob@192.0.2.1>;tag=ours", "<sip:alice@192.0.2.9>;tag=alice")
    assert (dialog.remote_cseq, dialog.next_cseq(), dialog.next_cseq()) == (7, 1, 2)
    assert dialog.request_uri() == ("sip:alice@192.0.2.9", ())


def test_as_uac_it_is_that_of_the_response():
    dialog = as_uac(contact="<sip:bob@192.0.2.9:5070>")
    assert dialog.key == ("call", "ours", "bob")
    assert dialog.next_cseq() == 2
    assert dialog.request_uri() == ("sip:bob@192.0.2.9:5070", ())
    assert dialog.flow.remote == ("192.0.2.9", 5070)


def test_the_route_set_is_in_order_for_the_uas_and_reversed_for_the_uac():
    record = (("Record-Route", "<sip:192.0.2.50;lr>"), ("Record-Route", "<sip:192.0.2.51;lr>"))
    assert as_uas(headers=record).routes == ("<sip:192.0.2.50;lr>", "<sip:192.0.2.51;lr>")
    assert as_uac(headers=record).routes == ("<sip:192.0.2.51;lr>", "<sip:192.0.2.50;lr>")


def test_a_display_name_and_parameters_stay_with_the_peer():
    dialog = as_uas(from_='"Alice \\"A\\"" <sip:alice@192.0.2.9;user=phone>;tag=alice;x=y')
    assert dialog.remote == '"Alice \\"A\\"" <sip:alice@192.0.2.9;user=phone>;tag=alice;x=y'


def test_requests_out_of_order_are_not_accepted():
    dialog = as_uas(cseq=7)
    assert not dialog.accept_request(parse_request(request("BYE", cseq=6)), FLOW)
    assert dialog.accept_request(parse_request(request("BYE", cseq=9)), FLOW)
    assert not dialog.accept_request(parse_request(request("BYE", cseq=8)), FLOW)


def test_the_first_request_of_the_callee_may_have_any_cseq():
    assert as_uac().accept_request(parse_request(request("BYE", cseq=1)), FLOW)


def test_a_peer_that_comes_from_elsewhere_is_found_there():
    nat = {"via": "SIP/2.0/UDP 10.0.0.1:5062;rport", "contact": "<sip:alice@10.0.0.1:5062>"}
    dialog = as_uas(**nat)
    assert dialog.flow == FLOW
    moved = Flow("udp", OURS, (PEER[0], 41000))
    dialog.accept_request(parse_request(request("OPTIONS", cseq=2, **nat)), moved)
    assert dialog.flow == moved


def test_a_contact_moves_the_target():
    dialog = as_uas()
    dialog.refresh_target(parse_request(request(contact="<sip:alice@192.0.2.9:5088>")))
    assert (dialog.request_uri()[0], dialog.flow.remote) == ("sip:alice@192.0.2.9:5088", ("192.0.2.9", 5088))
    dialog.refresh_target(parse_request(request(contact=None)))
    assert dialog.flow.remote == ("192.0.2.9", 5088)


def test_a_peer_that_was_called_elsewhere_than_its_uri_says_is_reached_there():
    assert as_uac(uri="sip:bob@10.0.0.1", contact="<sip:bob@10.0.0.1>").flow == FLOW
    assert as_uac(uri="sip:bob@pbx.example", contact="<sip:bob@192.0.2.77>").flow.remote == ("192.0.2.77", 5060)
