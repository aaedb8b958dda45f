"""RFC 3264: offer and answer of one leg."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sdp.description import SessionDescription
from engine.sdp.negotiation import Agreement, Direction, Negotiation, NotAcceptable, ParseError, WrongState

D = Direction
EVENTS = "a=rtpmap:101 telephone-event/8000"
AUDIO = ("m=audio 4000 RTP/AVP 0 8 101", EVENTS)


def leg(host: str = "192.0.2.1", *, codecs: tuple[str, ...] = ("PCMU", "PCMA")) -> Negotiation:
    return Negotiation(local=(host, 5000), codecs=codecs, session_id=7)


def sdp(*lines: str, host: str = "192.0.2.2", time: str = "0 0") -> bytes:
    head = ("v=0", "o=- 1 1 IN IP4 192.0.2.2", "s=-", f"c=IN IP4 {host}", f"t={time}")
    return "\r\n".join([*head, *lines, ""]).encode()


def answered(
    negotiation: Negotiation, *lines: str, direction: Direction = D.SENDRECV, host: str = "192.0.2.2"
) -> bytes:
    negotiation.receive_offer(sdp(*lines, host=host))
    return negotiation.create_answer(direction)


def agreed(negotiation: Negotiation) -> Agreement:
    assert negotiation.agreed is not None
    return negotiation.agreed


def lines_of(body: bytes) -> list[str]:
    return body.decode().splitlines()


def media_of(body: bytes) -> list[str]:
    return [line for line in lines_of(body) if line.startswith("m=")]


def version_of(body: bytes) -> int:
    return SessionDescription.parse(body).origin.version


# Offers


def test_an_offer_lists_all_that_we_can():
    assert lines_of(leg().create_offer()) == [
        "v=0",
        "o=- 7 1 IN IP4 192.0.2.1",
        "s=-",
        "c=IN IP4 192.0.2.1",
        "t=0 0",
        "m=audio 5000 RTP/AVP 0 8 101",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=sendrecv",
        "a=rtcp-mux",
    ]


def test_an_offer_over_ipv6_says_so():
    assert lines_of(leg("2001:db8::1").create_offer())[3] == "c=IN IP6 2001:db8::1"


def test_both_ends_agree():
    caller, callee = leg(), leg("192.0.2.9", codecs=("PCMA",))
    callee.receive_offer(caller.create_offer())
    caller.receive_answer(callee.create_answer())
    assert agreed(caller) == Agreement(("192.0.2.9", 5000), "PCMA", 8, 101, D.SENDRECV, 20, False, is_muxed=True)
    assert agreed(callee) == Agreement(("192.0.2.1", 5000), "PCMA", 8, 101, D.SENDRECV, 20, False, is_muxed=True)


def test_one_port_for_rtp_and_rtcp_is_proposed_and_agreed_on():
    caller, callee = leg(), leg("192.0.2.9")
    callee.receive_offer(caller.create_offer())
    caller.receive_answer(callee.create_answer())
    assert agreed(caller).is_muxed
    assert agreed(callee).is_muxed
    for negotiation in (caller, callee):
        assert "a=rtcp-mux" in lines_of(negotiation.create_offer())


def test_a_peer_that_does_not_know_rtcp_mux_has_two_ports_and_is_not_asked_again():
    negotiation = leg()
    negotiation.create_offer()
    negotiation.receive_answer(sdp("m=audio 4000 RTP/AVP 0"))
    assert not agreed(negotiation).is_muxed
    assert "a=rtcp-mux" not in lines_of(negotiation.create_offer())
    negotiation.receive_answer(sdp("m=audio 4000 RTP/AVP 0", "a=rtcp-mux"))  # which nobody has offered now
    assert not agreed(negotiation).is_muxed


def test_an_offer_without_rtcp_mux_is_answered_without():
    negotiation = leg()
    assert "a=rtcp-mux" not in lines_of(answered(negotiation, "m=audio 4000 RTP/AVP 0"))
    assert not agreed(negotiation).is_muxed
    assert "a=rtcp-mux" in lines_of(answered(negotiation, "m=audio 4000 RTP/AVP 0", "a=rtcp-mux"))
    assert agreed(negotiation).is_muxed


def test_of_two_answers_the_last_says_how_many_ports_there_are():
    negotiation = leg()
    negotiation.create_offer()
    negotiation.receive_answer(sdp("m=audio 4000 RTP/AVP 0"))  # of one branch
    negotiation.receive_answer(sdp("m=audio 4002 RTP/AVP 0", "a=rtcp-mux"))  # of the one that answers
    assert agreed(negotiation).is_muxed


def test_an_answer_may_come_twice():
    negotiation = leg()
    negotiation.create_offer()
    negotiation.receive_answer(sdp("m=audio 4000 RTP/AVP 0"))
    negotiation.receive_answer(sdp("m=audio 4002 RTP/AVP 8 101", EVENTS, "a=ptime:30"))
    assert agreed(negotiation) == Agreement(("192.0.2.2", 4002), "PCMA", 8, 101, D.SENDRECV, 30, False)


@pytest.mark.parametrize(
    ("offered", "line", "direction", "is_held"),
    [
        (D.SENDRECV, "a=sendrecv", D.SENDRECV, False),
        (D.SENDRECV, "a=sendonly", D.RECVONLY, True),
        (D.SENDRECV, "a=recvonly", D.SENDONLY, False),
        (D.SENDRECV, "a=inactive", D.INACTIVE, True),
        (D.SENDONLY, "a=recvonly", D.SENDONLY, False),
        (D.SENDONLY, "a=sendrecv", D.SENDONLY, False),
        (D.SENDONLY, "a=inactive", D.INACTIVE, True),
        (D.RECVONLY, "a=sendonly", D.RECVONLY, False),
        (D.INACTIVE, "a=inactive", D.INACTIVE, False),
    ],
)
def test_an_answer_limits_what_was_offered(offered: Direction, line: str, direction: Direction, is_held: bool):
    negotiation = leg()
    assert f"a={offered.value}" in lines_of(negotiation.create_offer(offered))
    negotiation.receive_answer(sdp(*AUDIO, line))
    assert (agreed(negotiation).direction, agreed(negotiation).is_held_by_peer) == (direction, is_held)


@pytest.mark.parametrize("line", ["m=audio 0 RTP/AVP 0", "m=audio 4000 RTP/AVP 18", "m=video 4000 RTP/AVP 0"])
def test_an_answer_that_refuses_the_stream_is_not_acceptable(line: str):
    negotiation = leg()
    negotiation.create_offer()
    with pytest.raises(NotAcceptable):
        negotiation.receive_answer(sdp(line))
    assert negotiation.agreed is None


@pytest.mark.parametrize("lines", [(), ("m=audio 4000 RTP/AVP 0", "m=audio 4000 RTP/AVP 0")])
def test_an_answer_has_as_many_streams_as_the_offer(lines: tuple[str, ...]):
    negotiation = leg()
    negotiation.create_offer()
    with pytest.raises(ParseError, match="expected 1 m= lines"):
        negotiation.receive_answer(sdp(*lines))


def test_nothing_is_answered_that_was_not_offered():
    with pytest.raises(WrongState):
        leg().receive_answer(sdp(*AUDIO))
    with pytest.raises(WrongState):
        leg().create_answer()


# Answers


def test_an_answer_lists_only_what_will_be_used():
    negotiation = leg()
    negotiation.receive_offer(sdp("m=audio 4000 RTP/AVP 18 8 0 97", "a=rtpmap:97 telephone-event/8000", time="1 2"))
    assert lines_of(negotiation.create_answer()) == [
        "v=0",
        "o=- 7 1 IN IP4 192.0.2.1",
        "s=-",
        "c=IN IP4 192.0.2.1",
        "t=1 2",
        "m=audio 5000 RTP/AVP 8 97",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:97 telephone-event/8000",
        "a=fmtp:97 0-15",
        "a=ptime:20",
        "a=sendrecv",
    ]
    assert agreed(negotiation) == Agreement(("192.0.2.2", 4000), "PCMA", 8, 97, D.SENDRECV, 20, False)


def test_a_peer_without_telephone_events_gets_none():
    negotiation = leg()
    assert media_of(answered(negotiation, "m=audio 4000 RTP/AVP 0")) == ["m=audio 5000 RTP/AVP 0"]
    assert agreed(negotiation).telephone_event is None


def test_a_dynamic_number_of_a_static_codec_is_used_as_offered():
    body = answered(leg(), "m=audio 4000 RTP/AVP 96", "a=rtpmap:96 pcmu/8000")
    assert media_of(body) == ["m=audio 5000 RTP/AVP 96"]
    assert "a=rtpmap:96 PCMU/8000" in lines_of(body)


def test_every_other_stream_is_refused_in_its_place():
    lines = ("m=video 4002 RTP/AVP 31 32", "m=audio 0 RTP/AVP 0", *AUDIO, "m=audio 4004 RTP/AVP 0", "m=x 9 UDP/BFCP *")
    assert media_of(answered(leg(), *lines)) == [
        "m=video 0 RTP/AVP 31 32",
        "m=audio 0 RTP/AVP 0",
        "m=audio 5000 RTP/AVP 0 101",
        "m=audio 0 RTP/AVP 0",
        "m=x 0 UDP/BFCP *",
    ]


@pytest.mark.parametrize(
    ("line", "wanted", "direction", "is_held"),
    [
        ("a=sendrecv", D.SENDRECV, D.SENDRECV, False),
        ("a=sendrecv", D.SENDONLY, D.SENDONLY, False),
        ("a=sendonly", D.SENDRECV, D.RECVONLY, True),
        ("a=sendonly", D.SENDONLY, D.INACTIVE, True),
        ("a=recvonly", D.SENDRECV, D.SENDONLY, False),
        ("a=recvonly", D.RECVONLY, D.INACTIVE, False),
        ("a=inactive", D.SENDRECV, D.INACTIVE, True),
    ],
)
def test_the_direction_of_an_answer_is_legal_for_the_offer(
    line: str, wanted: Direction, direction: Direction, is_held: bool
):
    negotiation = leg()
    assert lines_of(answered(negotiation, *AUDIO, line, direction=wanted))[-1] == f"a={direction.value}"
    assert (agreed(negotiation).direction, agreed(negotiation).is_held_by_peer) == (direction, is_held)


def test_hold_by_address_is_answered_recvonly():
    negotiation = leg()
    assert lines_of(answered(negotiation, *AUDIO, host="0.0.0.0"))[-1] == "a=recvonly"
    assert agreed(negotiation) == Agreement(None, "PCMU", 0, 101, D.RECVONLY, 20, True)


def test_hold_at_session_level_and_resume():
    negotiation = leg()
    answered(negotiation, *AUDIO)
    answered(negotiation, "a=sendonly", *AUDIO)
    assert (agreed(negotiation).direction, agreed(negotiation).is_held_by_peer) == (D.RECVONLY, True)
    answered(negotiation, *AUDIO)
    assert (agreed(negotiation).direction, agreed(negotiation).is_held_by_peer) == (D.SENDRECV, False)


@pytest.mark.parametrize(
    "lines", [(), ("m=audio 0 RTP/AVP 0",), ("m=audio 4000 RTP/AVP 18",), ("m=video 4 RTP/AVP 0",)]
)
def test_an_offer_of_nothing_that_we_can_is_not_acceptable_and_changes_nothing(lines: tuple[str, ...]):
    negotiation = leg()
    with pytest.raises(NotAcceptable):
        negotiation.receive_offer(sdp(*lines))
    assert negotiation.agreed is None
    answered(negotiation, *AUDIO)
    before = negotiation.agreed
    with pytest.raises(NotAcceptable):
        negotiation.receive_offer(sdp(*lines))
    assert negotiation.agreed is before


def test_an_offer_that_is_no_sdp_is_a_parse_error():
    with pytest.raises(ParseError):
        leg().receive_offer(b"hello")


# Again


def test_the_version_rises_only_with_a_change():
    negotiation = leg()
    first = answered(negotiation, *AUDIO)
    assert negotiation.create_answer() == first
    assert answered(negotiation, *AUDIO) == first
    held = answered(negotiation, "a=sendonly", *AUDIO)
    assert [version_of(body) for body in (first, held, negotiation.create_offer())] == [1, 2, 3]
    assert version_of(negotiation.create_offer()) == 3


def test_a_new_offer_keeps_streams_and_payload_types():
    negotiation = leg()
    lines = (
        "m=video 4 RTP/AVP 31",
        "m=audio 4 RTP/AVP 97 98",
        "a=rtpmap:97 PCMA/8000",
        "a=rtpmap:98 telephone-event/8000",
    )
    answered(negotiation, *lines)
    offer = negotiation.create_offer(D.SENDONLY)
    assert media_of(offer) == ["m=video 0 RTP/AVP 31", "m=audio 5000 RTP/AVP 0 97 98"]
    negotiation.receive_answer(sdp("m=video 0 RTP/AVP 31", "m=audio 4 RTP/AVP 97", "a=rtpmap:97 PCMA/8000"))
    assert (agreed(negotiation).codec, agreed(negotiation).payload_type) == ("PCMA", 97)
    assert media_of(negotiation.create_offer(D.SENDONLY)) == media_of(offer)


def test_a_number_the_peer_uses_for_something_else_is_not_taken():
    negotiation = leg()
    lines = (
        "m=audio 4 RTP/AVP 0 8 101 96",
        "a=rtpmap:8 L16/8000",
        "a=rtpmap:101 opus/48000/2",
        "a=rtpmap:96 iLBC/8000",
    )
    answered(negotiation, *lines)
    assert media_of(negotiation.create_offer()) == ["m=audio 5000 RTP/AVP 0 97 98"]


def test_what_no_number_is_left_for_is_not_offered():
    negotiation = leg()
    numbers = [*range(96, 128)]
    answered(
        negotiation, f"m=audio 4 RTP/AVP 0 {' '.join(map(str, numbers))}", *(f"a=rtpmap:{n} x/8000" for n in numbers)
    )
    assert media_of(negotiation.create_offer()) == ["m=audio 5000 RTP/AVP 0 8"]


def test_both_ends_may_take_turns():
    one, other = leg(), leg("192.0.2.9")
    other.receive_offer(one.create_offer())
    one.receive_answer(other.create_answer())
    one.receive_offer(other.create_offer(D.SENDONLY))
    other.receive_answer(one.create_answer())
    assert (agreed(one).direction, agreed(one).is_held_by_peer) == (D.RECVONLY, True)
    assert (agreed(other).direction, agreed(other).is_held_by_peer) == (D.SENDONLY, False)


DIRECTIONS = st.sampled_from(D)
MEDIA = st.lists(
    st.sampled_from([
        "m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000",
        "m=audio 4002 RTP/AVP 8\r\na=sendonly",
        "m=audio 4000 RTP/AVP 97 0\r\na=rtpmap:97 PCMA/8000\r\na=inactive",
        "m=audio 0 RTP/AVP 0",
        "m=audio 4 RTP/SAVP 0",
        "m=video 4 RTP/AVP 31",
    ]),
    max_size=4,
)


@given(st.lists(st.tuples(MEDIA, DIRECTIONS, DIRECTIONS, st.booleans()), max_size=5))
def test_whatever_is_offered_the_answer_fits(rounds: list[tuple[list[str], Direction, Direction, bool]]):
    one, other = leg(), leg("192.0.2.9")
    last = 0
    for media, wanted, offered, is_ours in rounds:
        if is_ours:
            ours = one.create_offer(offered)
            other.receive_offer(ours)
            one.receive_answer(other.create_answer(wanted))
            assert agreed(one).direction is agreed(other).direction.mirrored
        else:
            try:
                one.receive_offer(sdp(*media))
            except NotAcceptable:
                continue
            ours = one.create_answer(wanted)
            assert len(media_of(ours)) == len(media)
        assert version_of(ours) - last in (0, 1)
        last = version_of(ours)
