"""RFC 3261 §10.3: what a REGISTER does to contacts."""

from __future__ import annotations

import pytest

from engine.sip.events import Flow
from engine.sip.messages import Request, Uri, parse_datagram
from engine.sip.registration import (
    Accepted,
    Added,
    Contact,
    Limits,
    Refreshed,
    Refused,
    Removed,
    contact_header,
    register,
    response_headers,
)

FLOW = Flow("udp", ("192.0.2.1", 5060), ("198.51.100.7", 40000))
DESK, MOBILE = "<sip:alice@10.0.0.1:5062>", "<sip:alice@10.0.0.2>"


def request(*contacts: str, call_id="a", cseq=1, expires: str | None = None, headers=()) -> Request:
    lines = [
        "REGISTER sip:pbx SIP/2.0",
        "Via: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bK1",
        "From: <sip:alice@pbx>;tag=f",
        "To: <sip:alice@pbx>",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} REGISTER",
        "Max-Forwards: 70",
        *(f"Contact: {contact}" for contact in contacts),
        *([f"Expires: {expires}"] if expires is not None else []),
        *headers,
        "Content-Length: 0",
    ]
    message = parse_datagram(("\r\n".join(lines) + "\r\n\r\n").encode())
    assert isinstance(message, Request)
    return message


def apply(contacts=(), *wishes: str, now=0.0, limits=None, flow=FLOW, **parts) -> Accepted | Refused:
    return register(contacts, request(*wishes, **parts), flow=flow, limits=limits or Limits(), now=now)


def accepted(contacts=(), *wishes: str, **parts) -> tuple[Contact, ...]:
    result = apply(contacts, *wishes, **parts)
    assert isinstance(result, Accepted)
    return result.contacts


def test_a_contact_is_added_with_the_flow_that_it_came_by():
    result = apply((), DESK, expires="120", now=10.0)
    contact = Contact(uri=Uri.parse("sip:alice@10.0.0.1:5062"), flow=FLOW, call_id="a", cseq=1, expires_at=130.0)
    assert result == Accepted((contact,), (Added(contact),))


@pytest.mark.parametrize(
    ("contact", "reached_at"),
    [
        ("<sip:alice@198.51.100.7:5062>", ("198.51.100.7", 5062)),  # it told of another port, and no NAT is in between
        ("<sip:alice@198.51.100.7>", ("198.51.100.7", 5060)),
        ("<sip:alice@10.0.0.1:5062>", FLOW.remote),  # a phone behind a NAT
        ("<sip:alice@phone.example.com:5062>", FLOW.remote),
        ("<sip:alice@198.51.100.7:5062;transport=tcp>", FLOW.remote),
    ],
)
def test_a_phone_is_reached_at_its_contact_unless_a_nat_is_in_between(contact: str, reached_at: tuple[str, int]):
    assert accepted((), contact)[0].flow == FLOW._replace(remote=reached_at)


def test_a_phone_that_came_by_a_connection_is_reached_by_it():
    flow = FLOW._replace(transport="tcp", connection=7)
    assert accepted((), "<sip:alice@198.51.100.7:5062;transport=tcp>", flow=flow)[0].flow == flow


def test_several_contacts_each_with_its_own_time_and_preference():
    desk, mobile = accepted((), DESK + ";expires=90;q=0.5", MOBILE, expires="120")
    assert (desk.expires_at, desk.q, mobile.expires_at, mobile.q) == (90.0, 0.5, 120.0, 1.0)


def test_without_a_time_or_with_a_strange_one_it_is_an_hour():
    assert [contact.expires_at for contact in accepted((), DESK, MOBILE + ";expires=soon")] == [3600.0, 3600.0]
    assert accepted((), DESK, expires="never")[0].expires_at == 3600.0


def test_a_long_time_is_shortened():
    assert accepted((), DESK + ";expires=4294967295")[0].expires_at == 3600.0


@pytest.mark.parametrize("wish", [DESK + ";expires=59", DESK])
def test_a_short_time_is_refused_with_the_shortest(wish):
    assert apply((), MOBILE + ";expires=3600", wish, expires="59") == Refused(423, None, (("Min-Expires", "60"),))


def test_a_newer_register_refreshes_in_place_of_the_old():
    contacts = accepted((), DESK, MOBILE)
    other = FLOW._replace(remote=("198.51.100.8", 1))
    result = apply(contacts, DESK, cseq=2, now=100.0, flow=other)
    assert isinstance(result, Accepted)
    mobile, desk = result.contacts
    assert (desk.expires_at, desk.flow, desk.cseq) == (3700.0, other, 2)
    assert mobile == contacts[1]
    assert result.changes == (Refreshed(desk),)


@pytest.mark.parametrize("cseq", [1, 2])
def test_an_older_or_repeated_register_fails_as_a_whole(cseq):
    contacts = accepted((), DESK, cseq=2)
    result = apply(contacts, DESK, MOBILE, cseq=cseq)
    assert isinstance(result, Refused)
    assert result.status == 500


def test_another_call_id_counts_from_its_own_start():
    assert accepted(accepted((), DESK, cseq=9), DESK, call_id="b", cseq=1)[0].cseq == 1


def test_time_zero_removes_that_contact_alone():
    contacts = accepted((), DESK, MOBILE)
    result = apply(contacts, DESK + ";expires=0", cseq=2)
    assert result == Accepted((contacts[1],), (Removed(contacts[0]),))


def test_removing_what_is_not_there_is_no_error():
    assert apply((), DESK, expires="0") == Accepted(())


def test_star_removes_all():
    contacts = accepted((), DESK, MOBILE)
    assert apply(contacts, "*", expires="0", cseq=2) == Accepted((), tuple(Removed(contact) for contact in contacts))


@pytest.mark.parametrize("parts", [{}, {"expires": "60"}])
def test_star_needs_expires_zero(parts):
    result = apply(accepted((), DESK), "*", cseq=2, **parts)
    assert isinstance(result, Refused)
    assert result.status == 400


def test_a_late_star_fails():
    result = apply(accepted((), DESK, cseq=5), "*", expires="0", cseq=4)
    assert isinstance(result, Refused)
    assert result.status == 500


def test_a_query_changes_nothing():
    contacts = accepted((), DESK)
    assert apply(contacts, cseq=2, now=5.0) == Accepted(contacts)


def test_what_has_expired_is_not_there():
    assert apply(accepted((), DESK, expires="60"), now=60.0) == Accepted(())


def test_a_contact_that_is_no_sip_uri_is_refused():
    result = apply((), "<mailto:alice@example.com>")
    assert isinstance(result, Refused)
    assert result.status == 400


def test_above_the_limit_the_one_refreshed_longest_ago_gives_way():
    limits = Limits(contacts=2)
    contacts = accepted((), DESK, MOBILE, limits=limits)
    contacts = accepted(contacts, DESK, cseq=2, limits=limits)
    result = apply(contacts, "<sip:alice@10.0.0.3>;expires=60", cseq=3, limits=limits)
    assert isinstance(result, Accepted)
    assert [contact.uri.host for contact in result.contacts] == ["10.0.0.1", "10.0.0.3"]
    assert [type(change) for change in result.changes] == [Added, Removed]


def test_the_answer_names_each_contact_with_the_time_left():
    desk, mobile = accepted((), DESK + ";q=0.25", MOBILE + ";q=7")
    assert contact_header(desk, now=0.4) == ("Contact", DESK + ";expires=3600;q=0.25")
    assert contact_header(mobile, now=4000.0) == ("Contact", MOBILE + ";expires=0")


PATH = ("Path: <sip:198.51.100.7:5070;lr>", "Path: <sip:edge.example.com;lr;ob>", "Supported: path")
OUTBOUND = ("Supported: path, outbound",)


def flow_of(reg_id: int, host: str = "10.0.0.1") -> str:
    return f'<sip:alice@{host}>;+sip.instance="<urn:uuid:1>";reg-id={reg_id}'


def test_proxies_on_the_way_are_kept_and_told():
    asked = request(DESK, headers=PATH)
    result = register((), asked, flow=FLOW, limits=Limits(), now=0.0)
    assert isinstance(result, Accepted)
    (contact,) = result.contacts
    path = ("<sip:198.51.100.7:5070;lr>", "<sip:edge.example.com;lr;ob>")
    assert contact.path == path
    assert contact.routes == (("Route", path[0]), ("Route", path[1]))
    assert contact.flow == FLOW._replace(remote=("198.51.100.7", 5070))
    assert response_headers(asked, result, now=0.0)[1:] == [("Path", path[0]), ("Path", path[1])]


def test_a_phone_that_does_not_know_paths_is_told_none():
    asked = request(DESK, headers=PATH[:1])
    result = register((), asked, flow=FLOW, limits=Limits(), now=0.0)
    assert isinstance(result, Accepted)
    assert [name for name, _ in response_headers(asked, result, now=0.0)] == ["Contact"]


@pytest.mark.parametrize(
    "path", ["<sip:strict.example.com>", "nonsense", ", ".join(["<sip:p;lr>"] * 9), f"<sip:{'p' * 600};lr>"]
)
def test_a_path_that_cannot_be_used_is_refused(path: str):
    result = apply((), DESK, headers=(f"Path: {path}",))
    assert isinstance(result, Refused)
    assert result.status == 400


def test_a_flow_takes_the_place_of_itself_whatever_its_address():
    first = accepted((), flow_of(1), headers=OUTBOUND)
    both = accepted(first, flow_of(2, "10.0.0.2"), call_id="b", headers=OUTBOUND)
    assert [(contact.instance, contact.reg_id) for contact in both] == [("<urn:uuid:1>", 1), ("<urn:uuid:1>", 2)]
    result = apply(both, flow_of(1, "10.0.0.9"), call_id="c", headers=OUTBOUND)
    assert isinstance(result, Accepted)
    assert [contact.uri.host for contact in result.contacts] == ["10.0.0.2", "10.0.0.9"]
    assert result.changes == (Refreshed(result.contacts[1]),)


def test_a_flow_is_reached_the_way_it_came_and_told_that_it_is_one():
    asked = request(flow_of(1, "198.51.100.7"), headers=OUTBOUND)
    result = register((), asked, flow=FLOW, limits=Limits(), now=0.0)
    assert isinstance(result, Accepted)
    assert result.contacts[0].flow == FLOW
    assert response_headers(asked, result, now=0.0) == [
        ("Contact", '<sip:alice@198.51.100.7>;expires=3600;+sip.instance="<urn:uuid:1>";reg-id=1'),
        ("Require", "outbound"),
    ]


@pytest.mark.parametrize(
    ("wish", "headers"),
    [
        (flow_of(1), ()),  # it does not say that it knows RFC 5626
        (f"{DESK};reg-id=1", OUTBOUND),
        (flow_of(1 << 31), OUTBOUND),
        (flow_of(0), OUTBOUND),
    ],
)
def test_what_is_no_flow_is_known_by_its_address(wish: str, headers: tuple[str, ...]):
    (contact,) = accepted((), wish, headers=headers)
    assert contact.reg_id == 0
    assert contact.key == contact.uri


def test_a_register_is_about_one_flow():
    result = apply((), flow_of(1), flow_of(2), headers=OUTBOUND)
    assert isinstance(result, Refused)
    assert result.status == 400


@pytest.mark.parametrize(("path", "reg_id"), [("<sip:p;lr>", 0), ("<sip:p;lr>, <sip:edge;lr;ob>", 1)])
def test_a_flow_is_one_where_the_first_proxy_keeps_it(path: str, reg_id: int):
    (contact,) = accepted((), flow_of(1), headers=(*OUTBOUND, f"Path: {path}"))
    assert contact.reg_id == reg_id
