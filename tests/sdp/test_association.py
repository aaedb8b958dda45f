"""RFC 5763, RFC 8839, RFC 8842: DTLS and ICE in offer and answer."""

from __future__ import annotations

import itertools

import pytest

from engine.sdp.association import Association, IceCredentials, Presence, read_candidates
from engine.sdp.negotiation import Negotiation, NotAcceptable

HASH = ":".join(["AB"] * 32)
OURS, THEIRS = f"sha-256 {HASH}", f"sha-256 {':'.join(['CD'] * 32)}"
CHROMIUM = f"""\
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS stream
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1 1 udp 2113937151 6b9c.local 50000 typ host generation 0 network-cost 999
a=candidate:2 1 udp 1677729535 203.0.113.7 50000 typ srflx raddr 0.0.0.0 rport 0
a=ice-ufrag:EsAw
a=ice-pwd:bP+XJMM09aR8AiX1jdukzR6Y
a=ice-options:trickle
a=fingerprint:{THEIRS}
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=msid:stream track
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ssrc:3570614608 cname:4TOk42mSjXCkVIa6
m=video 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=mid:1
a=rtpmap:96 VP8/90000
"""


def leg(*, is_lite: bool = False, is_offered: bool = False, has_presence: bool = True) -> Negotiation:
    numbers = itertools.count(1)

    def new_credentials() -> IceCredentials:
        return IceCredentials(f"our{next(numbers)}", "0123456789" * 3)

    presence = Presence(OURS, new_credentials, is_lite) if has_presence else None
    local = ("192.0.2.1", 5000)
    return Negotiation(local=local, session_id=7, presence=presence, offers_association=is_offered)


def sdp(text: str, **changes: str) -> bytes:
    for before, after in changes.items():
        text = text.replace(f"a={before.replace('_', '-')}:", f"a={after}")
    return ("v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nt=0 0\n" + text).replace("\n", "\r\n").encode()


def without(name: str) -> str:
    return "".join(line for line in CHROMIUM.splitlines(keepends=True) if not line.startswith(f"a={name}"))


def answered(negotiation: Negotiation, text: str) -> list[str]:
    negotiation.receive_offer(sdp(text))
    return negotiation.create_answer().decode().splitlines()


def agreed(negotiation: Negotiation) -> Association:
    assert negotiation.agreed is not None
    assert negotiation.agreed.association is not None
    return negotiation.agreed.association


# Answers


def test_a_browsers_offer_is_answered_and_its_video_refused():
    negotiation = leg()
    assert answered(negotiation, CHROMIUM) == [
        "v=0",
        "o=- 7 1 IN IP4 192.0.2.1",
        "s=-",
        "c=IN IP4 192.0.2.1",
        "t=0 0",
        "a=group:BUNDLE 0",
        "m=audio 5000 UDP/TLS/RTP/SAVPF 0 126",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:126 telephone-event/8000",
        "a=fmtp:126 0-15",
        "a=ptime:20",
        "a=sendrecv",
        "a=rtcp-mux",
        "a=setup:active",
        f"a=fingerprint:{OURS}",
        "a=mid:0",
        "a=msid:callflow audio",
        "a=ice-ufrag:our1",
        f"a=ice-pwd:{'0123456789' * 3}",
        "a=ice-options:trickle",
        "a=candidate:1 1 UDP 2130706431 192.0.2.1 5000 typ host",
        "a=end-of-candidates",
        "m=video 0 UDP/TLS/RTP/SAVPF 96",
        "a=mid:1",
    ]
    association = agreed(negotiation)
    assert association.remote == IceCredentials("EsAw", "bP+XJMM09aR8AiX1jdukzR6Y")
    assert association.fingerprints == (THEIRS,)
    assert association.is_client
    assert (association.is_lite, association.is_controlling) == (False, False)
    assert [candidate.split()[4] for candidate in association.candidates] == ["6b9c.local", "203.0.113.7"]
    assert negotiation.encryption == "dtls-srtp"


def test_a_lite_end_says_so_and_waits():
    negotiation = leg(is_lite=True)
    assert "a=ice-lite" in answered(negotiation, CHROMIUM)
    assert agreed(negotiation).is_lite


def test_of_two_lite_ends_the_one_that_can_do_more_does_more():
    negotiation = leg(is_lite=True)
    assert "a=ice-lite" not in answered(negotiation, "a=ice-lite\n" + CHROMIUM)
    assert not agreed(negotiation).is_lite
    assert agreed(negotiation).is_controlling


@pytest.mark.parametrize(("theirs", "ours"), [("active", "passive"), ("passive", "active"), ("actpass", "active")])
def test_the_role_is_the_one_that_the_offer_leaves(theirs: str, ours: str):
    lines = answered(leg(), CHROMIUM.replace("setup:actpass", f"setup:{theirs}"))
    assert f"a=setup:{ours}" in lines


def test_the_same_offer_again_keeps_role_and_credentials_and_new_ones_get_new_ones():
    negotiation = leg()
    answered(negotiation, CHROMIUM.replace("setup:actpass", "setup:active"))
    first = agreed(negotiation)
    answered(negotiation, CHROMIUM)
    assert agreed(negotiation) == first
    lines = answered(negotiation, CHROMIUM.replace("EsAw", "other"))
    assert "a=ice-ufrag:our2" in lines
    assert "a=setup:passive" in lines


def test_what_is_said_for_all_lines_holds_for_each():
    text = without("fingerprint").replace("m=audio", f"a=fingerprint:{THEIRS}\nm=audio")
    negotiation = leg()
    answered(negotiation, text)
    assert agreed(negotiation).fingerprints == (THEIRS,)


def test_without_ice_the_peer_is_where_it_says():
    text = without("ice-").replace("audio 9", "audio 4000").replace("IP4 0.0.0.0", "IP4 192.0.2.9")
    negotiation = leg()
    lines = answered(negotiation, text)
    assert not [line for line in lines if "ice" in line or "candidate" in line]
    assert agreed(negotiation).local is None
    assert negotiation.agreed is not None
    assert negotiation.agreed.remote == ("192.0.2.9", 4000)


def test_a_bundle_that_is_not_offered_is_not_answered():
    assert not [line for line in answered(leg(), without("group")) if line.startswith("a=group")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (without("rtcp-mux"), "expected a=rtcp-mux"),
        (without("fingerprint"), "expected a=fingerprint"),
        (CHROMIUM.replace("fingerprint:sha-256", "fingerprint:sha-1"), "expected a=fingerprint"),
        (CHROMIUM.replace("setup:actpass", "setup:holdconn"), "expected a=setup"),
        (CHROMIUM.replace("ice-pwd:bP", "ice-pwd:b\u00fc"), "expected a=ice-ufrag"),
        (CHROMIUM.replace("bP+XJMM09aR8AiX1jdukzR6Y", "short"), "expected a=ice-ufrag"),
    ],
)
def test_what_cannot_be_secured_is_not_acceptable(text: str, reason: str):
    with pytest.raises(NotAcceptable, match=reason):
        leg().receive_offer(sdp(text))


def test_without_a_presence_only_plain_media_is_taken():
    with pytest.raises(NotAcceptable, match="expected RTP/AVP"):
        leg(has_presence=False).receive_offer(sdp(CHROMIUM))


# Offers

ANSWER = f"""\
a=group:BUNDLE 0
m=audio 9 UDP/TLS/RTP/SAVPF 0 101
c=IN IP4 0.0.0.0
a=ice-ufrag:EsAw
a=ice-pwd:bP+XJMM09aR8AiX1jdukzR6Y
a=fingerprint:{THEIRS}
a=setup:active
a=mid:0
a=rtcp-mux
a=rtpmap:101 telephone-event/8000
"""


def test_an_offer_to_a_browser_lets_it_choose_its_role():
    negotiation = leg(is_offered=True)
    lines = negotiation.create_offer().decode().splitlines()
    assert "m=audio 5000 UDP/TLS/RTP/SAVPF 0 8 101" in lines
    assert {"a=group:BUNDLE 0", "a=mid:0", "a=setup:actpass", "a=rtcp-mux", "a=ice-ufrag:our1"} <= set(lines)
    assert negotiation.encryption == "dtls-srtp"
    offered = negotiation.offered_association
    assert offered is not None
    assert (offered.remote, offered.fingerprints, offered.is_controlling) == (None, (), True)


@pytest.mark.parametrize(("setup", "is_client"), [("active", False), ("passive", True)])
def test_the_answer_to_an_offer_tells_the_roles(setup: str, is_client: bool):
    negotiation = leg(is_offered=True)
    negotiation.create_offer()
    negotiation.receive_answer(sdp(ANSWER.replace("setup:active", f"setup:{setup}")))
    association = agreed(negotiation)
    assert association.is_client is is_client
    assert association.is_controlling
    assert association.local == IceCredentials("our1", "0123456789" * 3)
    assert negotiation.offered_association is None


def test_a_second_offer_says_the_same_as_the_first():
    negotiation = leg(is_offered=True)
    first = negotiation.create_offer()
    negotiation.receive_answer(sdp(ANSWER))
    assert negotiation.create_offer() == first


def test_an_offer_after_an_answer_goes_on_with_what_was_agreed_on():
    negotiation = leg()
    answered(negotiation, CHROMIUM)
    lines = negotiation.create_offer().decode().splitlines()
    assert "m=audio 5000 UDP/TLS/RTP/SAVPF 0 8 126" in lines
    assert {"a=ice-ufrag:our1", "a=mid:0", "a=setup:actpass"} <= set(lines)


def test_an_answer_without_encryption_to_an_offer_of_it_is_not_acceptable():
    negotiation = leg(is_offered=True)
    negotiation.create_offer()
    with pytest.raises(NotAcceptable, match="expected UDP/TLS/RTP/SAVPF, got RTP/AVP"):
        negotiation.receive_answer(sdp("c=IN IP4 192.0.2.2\nm=audio 4000 RTP/AVP 0\n"))


def test_a_plain_offer_is_answered_plainly_by_who_could_do_more():
    negotiation = leg(is_offered=True)
    lines = answered(negotiation, "c=IN IP4 192.0.2.2\nm=audio 4000 RTP/AVP 0\n")
    assert "m=audio 5000 RTP/AVP 0" in lines
    assert negotiation.encryption == "none"
    assert "m=audio 5000 RTP/AVP 0 8 101" in negotiation.create_offer().decode().splitlines()


# What comes later


def test_candidates_that_come_later_are_added_once():
    negotiation = leg()
    assert not negotiation.receive_candidates(["candidate:9"])
    answered(negotiation, CHROMIUM)
    fragment = "a=ice-ufrag:EsAw\r\na=mid:0\r\na=candidate:3 1 udp 1 192.0.2.7 9 typ host\r\na=end-of-candidates\r\n"
    for _ in range(2):
        assert negotiation.receive_candidates(read_candidates(fragment))
    assert agreed(negotiation).candidates[2:] == ("candidate:3 1 udp 1 192.0.2.7 9 typ host",)


def test_candidates_are_bounded():
    negotiation = leg()
    answered(negotiation, CHROMIUM)
    negotiation.receive_candidates([f"candidate:{number}" for number in range(1000)])
    assert len(agreed(negotiation).candidates) == 64
