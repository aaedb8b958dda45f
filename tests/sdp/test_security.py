"""RFC 4568 in offers and answers: what is taken, what is offered, which keys stay."""

from __future__ import annotations

import itertools

import pytest

from engine.sdp.description import Crypto, ParseError, SessionDescription
from engine.sdp.negotiation import Negotiation, NotAcceptable
from engine.sdp.security import OFFERED, SUITES, Policy, Protection

KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
AES = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"


def leg(srtp: Policy = "optional", host: str = "192.0.2.1") -> Negotiation:
    numbers = itertools.count(1)
    return Negotiation(
        local=(host, 5000), session_id=7, srtp=srtp, new_key=lambda length: bytes([next(numbers)] * length)
    )


def sdp(*attributes: str, protocol: str = "RTP/AVP", port: int = 4000) -> bytes:
    lines = ("v=0", "o=- 1 1 IN IP4 192.0.2.2", "s=-", "c=IN IP4 192.0.2.2", "t=0 0", f"m=audio {port} {protocol} 0")
    return "\r\n".join([*lines, *attributes, ""]).encode()


def said(body: bytes) -> tuple[str, list[Crypto]]:
    media = SessionDescription.parse(body).media[0]
    return media.protocol, [Crypto.parse(value or "") for name, value in media.attributes if name == "crypto"]


def answered(negotiation: Negotiation, body: bytes) -> tuple[str, list[Crypto]]:
    negotiation.receive_offer(body)
    return said(negotiation.create_answer())


def protection(negotiation: Negotiation) -> Protection | None:
    assert negotiation.agreed is not None
    return negotiation.agreed.protection


@pytest.mark.parametrize(("srtp", "protocol"), [("optional", "RTP/AVP"), ("required", "RTP/SAVP")])
def test_an_offer_has_the_strongest_suite_and_the_usual_one_each_with_a_key_of_its_own(srtp, protocol):
    found, cryptos = said(leg(srtp).create_offer())
    assert (found, tuple(crypto.suite for crypto in cryptos)) == (protocol, OFFERED)
    assert [crypto.tag for crypto in cryptos] == [1, 2]
    assert [len(crypto.key) for crypto in cryptos] == [SUITES[suite] for suite in OFFERED]
    assert len({crypto.key[:8] for crypto in cryptos}) == 2


def test_without_keys_or_by_policy_an_offer_is_plain():
    assert said(leg("off").create_offer()) == ("RTP/AVP", [])
    assert said(Negotiation(local=("192.0.2.1", 5), session_id=1, srtp="required").create_offer()) == ("RTP/AVP", [])


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("protocol", ["RTP/AVP", "RTP/SAVP", "RTP/SAVPF"])
def test_each_suite_is_answered_under_its_tag_and_protocol(suite, protocol):
    theirs = Crypto(9, suite, b"k" * SUITES[suite])
    negotiation = leg()
    found, [ours] = answered(negotiation, sdp(f"a=crypto:{theirs}", protocol=protocol))
    assert (found, ours.tag, ours.suite, len(ours.key)) == (protocol, 9, suite, SUITES[suite])
    assert protection(negotiation) == Protection(9, suite, ours.key, theirs.key)
    assert negotiation.encryption == f"srtp {suite}"


def test_the_first_attribute_that_we_can_do_is_taken():
    negotiation = leg()
    _, [ours] = answered(
        negotiation,
        sdp(
            f"a=crypto:1 F8_128_HMAC_SHA1_80 inline:{KEY}",
            f"a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP",
            f"a=crypto:3 AES_256_CM_HMAC_SHA1_80 inline:{KEY}",
            f"a=crypto:4 AES_CM_128_HMAC_SHA1_32 inline:{KEY}|2^31|5:2",
            AES,
        ),
    )
    agreed = protection(negotiation)
    assert ours.tag == 4
    assert agreed is not None
    assert agreed.remote_mki == bytes([0, 5])


@pytest.mark.parametrize(
    ("srtp", "body", "reason"),
    [
        ("off", sdp(AES, protocol="RTP/SAVP"), r'expected RTP/AVP \(srtp = "off"\), got RTP/SAVP'),
        ("required", sdp(), r"expected RTP/SAVP with an a=crypto of AES_CM.*got RTP/AVP with no a=crypto"),
        ("optional", sdp(protocol="RTP/SAVP"), r"got RTP/SAVP with no a=crypto"),
        ("required", sdp("a=crypto:1 X inline:aaaa"), r"got RTP/AVP with X"),
        ("required", sdp(f"{AES}AAAA"), "with a key of 33 octets"),
        ("optional", sdp(f"{AES} KDR=1", protocol="RTP/SAVP"), 'expected no session parameter "KDR" in a=crypto'),
        ("optional", sdp(AES, protocol="UDP/TLS/RTP/SAVPF"), "got UDP/TLS/RTP/SAVPF"),
        ("optional", sdp(AES, protocol="RTP/AVPF"), "got RTP/AVPF"),
    ],
)
def test_what_the_policy_does_not_take_is_refused_and_says_what_was_expected(srtp, body, reason):
    with pytest.raises(NotAcceptable, match=reason) as caught:
        leg(srtp).receive_offer(body)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(("srtp", "attribute"), [("off", AES), ("optional", f"{AES} KDR=1"), ("optional", "a=x")])
def test_what_may_be_plain_is(srtp, attribute):
    negotiation = leg(srtp)
    assert answered(negotiation, sdp(attribute)) == ("RTP/AVP", [])
    assert (protection(negotiation), negotiation.encryption) == (None, "none")


def test_of_two_streams_the_one_that_is_protected_is_taken_if_that_may_be():
    both = sdp(AES, "m=audio 4000 RTP/AVP 0", protocol="RTP/SAVP")
    for srtp, ports in (("optional", [5000, 0]), ("off", [0, 5000])):
        negotiation = leg(srtp)
        negotiation.receive_offer(both)
        media = SessionDescription.parse(negotiation.create_answer()).media
        assert [each.port for each in media] == ports


def test_the_answer_chooses_among_our_keys():
    negotiation = leg("required")
    _, offered = said(negotiation.create_offer())
    negotiation.receive_answer(sdp(f"a=crypto:2 {OFFERED[1]} inline:{KEY}", protocol="RTP/SAVP"))
    agreed = protection(negotiation)
    assert agreed is not None
    assert (agreed.tag, agreed.local) == (2, offered[1].key)
    assert str(agreed) == f"srtp {OFFERED[1]}"
    assert "\\x01" not in repr(agreed)


def test_an_optional_offer_may_be_answered_without():
    negotiation = leg()
    negotiation.create_offer()
    assert negotiation.encryption == "none"
    negotiation.receive_answer(sdp())
    assert protection(negotiation) is None
    assert said(negotiation.create_offer()) == ("RTP/AVP", [])  # and is not asked again


@pytest.mark.parametrize(
    "answer",
    [
        sdp(protocol="RTP/SAVP"),
        sdp(),
        sdp(f"a=crypto:1 {OFFERED[1]} inline:{KEY}", protocol="RTP/SAVP"),
        sdp(f"a=crypto:7 {OFFERED[1]} inline:{KEY}", protocol="RTP/SAVP"),
    ],
)
def test_an_answer_to_what_was_not_offered_is_refused(answer):
    negotiation = leg("required")
    negotiation.create_offer()
    with pytest.raises(NotAcceptable):
        negotiation.receive_answer(answer)
    assert negotiation.agreed is None


def test_answers_of_two_phones_have_their_own_keys():
    negotiation = leg()
    negotiation.create_offer()
    other = "A" * 40
    for key in (KEY, other):
        negotiation.receive_answer(sdp(f"a=crypto:2 {OFFERED[1]} inline:{key}"))
    agreed = protection(negotiation)
    assert agreed is not None
    assert agreed.remote == bytes(30)


def test_an_offer_of_ours_repeats_what_was_agreed():
    negotiation = leg()
    answered(negotiation, sdp(AES, protocol="RTP/SAVP"))
    agreed = protection(negotiation)
    assert agreed is not None
    assert said(negotiation.create_offer()) == ("RTP/SAVP", [Crypto(1, agreed.suite, agreed.local)])
    negotiation.receive_answer(sdp(AES, protocol="RTP/SAVP"))
    assert protection(negotiation) == agreed
    with pytest.raises(NotAcceptable):
        negotiation.receive_answer(sdp())
    assert protection(negotiation) == agreed


def test_a_new_key_of_the_peer_leaves_ours_unless_he_is_elsewhere():
    negotiation = leg()
    _, [first] = answered(negotiation, sdp(AES))
    new = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{'A' * 40}"
    assert answered(negotiation, sdp(new))[1] == [first]
    assert answered(negotiation, sdp(new, port=4444))[1] == [first]  # the same key elsewhere: a peer that moved
    _, [other] = answered(negotiation, sdp(AES, port=4000))
    assert other.key != first.key
    _, [gcm] = answered(negotiation, sdp(f"a=crypto:1 AEAD_AES_128_GCM inline:{'A' * 38}"))
    assert len(gcm.key) == 28


def test_a_stream_may_become_plain_where_that_is_allowed():
    negotiation = leg()
    answered(negotiation, sdp(AES))
    assert answered(negotiation, sdp()) == ("RTP/AVP", [])
    assert negotiation.encryption == "none"
    strict = leg("required")
    answered(strict, sdp(AES))
    with pytest.raises(NotAcceptable):
        strict.receive_offer(sdp())
    assert strict.encryption == "srtp AES_CM_128_HMAC_SHA1_80"


def test_a_crypto_attribute_is_shown_without_its_key():
    crypto = Crypto.parse(AES.removeprefix("a=crypto:"))
    assert repr(crypto) == "<Crypto(1 AES_CM_128_HMAC_SHA1_80 ...)>"
    with pytest.raises(ParseError) as caught:
        Crypto.parse(f"{AES.removeprefix('a=crypto:')}|2^3")
    assert KEY not in str(caught.value)
