"""SRTP of a channel: what offers and answers in a call make of it, and what is told."""

from __future__ import annotations

import itertools

import pytest

from callflow.protocol.commands import Answer, Dial, Target
from callflow.protocol.events import ChannelSecured, Security
from engine.channels.encryption import Encryption
from engine.channels.ports import Admission
from engine.sdp.description import Crypto, SessionDescription
from engine.sdp.security import OFFERED
from engine.sip import events as sip

from ..trio_tests import run_virtual
from .switch import invite_request, offer, open_switch, sip_response

SUITE = "AES_CM_128_HMAC_SHA1_80"
FIRST, SECOND = (Crypto(1, SUITE, bytes([octet] * 30)) for octet in (0xAA, 0xBB))
SECURED = f"srtp {SUITE}"


def encryption(policy="optional"):
    numbers = itertools.count(1)
    return Encryption(lambda flow, *, user, trunk: policy, lambda length: bytes([next(numbers)] * length))


def secured(crypto=FIRST, protocol="RTP/SAVP", **options):
    return offer(protocol=protocol, crypto=str(crypto), **options)


def said(body):
    media = SessionDescription.parse(body).media[0]
    return media.protocol, [Crypto.parse(value or "") for name, value in media.attributes if name == "crypto"]


def keys(call):
    return [(stream.keys.local[:1], stream.keys.remote[:1]) if stream.keys else None for stream in call.media.streams]


@run_virtual
async def test_a_call_that_comes_in_says_how_its_media_is_encrypted():
    async with open_switch(encryption=encryption()) as switch:
        call = switch.call(body=secured())
        assert call.channel.facts.security == Security("udp", SECURED, "alice")
        call.do(Answer())
        protocol, [crypto] = said(call.invite.sent[-1][1])
        assert (protocol, crypto.tag, crypto.suite, crypto.key) == ("RTP/SAVP", 1, SUITE, b"\1" * 30)
        assert keys(call) == [(b"\1", b"\xaa")]
        assert call.channel.snapshot().security.media == SECURED
        assert "channel.secured" not in call.names


@pytest.mark.parametrize(
    ("policy", "body", "warning"),
    [
        ("required", offer(), "expected RTP/SAVP with an a=crypto of AES_CM_128"),
        ("off", secured(), "expected RTP/AVP (srtp = 'off'), got RTP/SAVP"),
        ("optional", offer(protocol="RTP/SAVP"), "got RTP/SAVP with no a=crypto"),
    ],
)
@run_virtual
async def test_an_offer_that_is_not_allowed_is_refused_and_says_what_was_expected(policy, body, warning):
    async with open_switch(encryption=encryption(policy)) as switch:
        invite = switch.invite(body=body)
        assert invite.verbs == ["reject 488"]
        ((name, text),) = invite.headers
        assert name == "Warning"
        assert text.startswith('399 callflow "')
        assert warning in text


@run_virtual
async def test_a_route_that_requires_it_is_stricter_than_the_policy():
    async with open_switch(encryption=encryption("off")) as switch:
        switch.admission = Admission("reception", owner=switch.owner(), requires_srtp=True)
        assert switch.invite().verbs == ["reject 488"]
        call = switch.call(body=secured())
        assert call.channel.facts.security.media == SECURED


@run_virtual
async def test_an_offer_that_came_late_is_answered_in_the_ack():
    async with open_switch(encryption=encryption("required")) as switch:
        call = switch.call(body=b"")
        call.do(Answer())
        protocol, cryptos = said(call.invite.sent[-1][1])
        assert (protocol, [crypto.suite for crypto in cryptos]) == ("RTP/SAVP", list(OFFERED))
        call.hear(sip.AckReceived, secured(Crypto(2, SUITE, FIRST.key)))
        assert switch.log.last("channel.secured") == ChannelSecured(media=SECURED)
        assert keys(call) == [(b"\2", b"\xaa")]


@run_virtual
async def test_an_answer_without_it_ends_a_call_that_requires_it():
    async with open_switch(encryption=encryption("required")) as switch:
        call = switch.call(body=b"")
        call.do(Answer())
        call.hear(sip.AckReceived, offer())
        assert call.ended.cause == 88
        assert call.media.streams == []


@run_virtual
async def test_a_leg_that_is_dialled_tells_it_with_its_answer():
    async with open_switch(encryption=encryption()) as switch:
        switch.register("bob")
        switch.call().do(Dial(stages=((Target("bob"),),)), "d")
        bob = switch.leg("bob")
        assert bob.channel.facts.security.media == "none"
        protocol, cryptos = said(bob.invite.sent[0][1])
        assert (protocol, len(cryptos)) == ("RTP/AVP", 2)
        bob.answers(secured(Crypto(2, SUITE, FIRST.key), protocol="RTP/AVP"))
        assert bob.names[-2:] == ["channel.secured", "channel.answered"]
        assert switch.log.outcome("d").leg == bob.id


@run_virtual
async def test_phones_that_ring_together_are_heard_each_with_its_key():
    async with open_switch(encryption=encryption()) as switch:
        switch.register("bob")
        switch.call().do(Dial(stages=((Target("bob"),),)), "d")
        bob = switch.leg("bob")
        for crypto in (FIRST, SECOND):
            early = secured(Crypto(2, SUITE, crypto.key), protocol="RTP/AVP")
            bob.hear(sip.InviteProgressed, sip_response(183, early))
        bob.answers(secured(Crypto(2, SUITE, FIRST.key), protocol="RTP/AVP"))
        assert [remote for _, remote in keys(bob)] == [b"\xaa", b"\xbb", b"\xaa"]
        assert bob.names.count("channel.secured") == 1


@run_virtual
async def test_keys_stay_over_a_hold_and_change_when_the_peer_has_new_ones():
    async with open_switch(encryption=encryption()) as switch:
        call = switch.call(body=secured())
        call.do(Answer())
        call.hear(sip.ReinviteReceived, invite_request(body=secured(direction="sendonly")))
        call.hear(sip.ReinviteReceived, invite_request(body=secured()))
        call.hear(sip.ReinviteReceived, invite_request(body=secured(SECOND)))
        call.hear(sip.ReinviteReceived, invite_request(body=secured(FIRST, port=4444)))
        assert keys(call) == [(b"\1", b"\xaa")] * 3 + [(b"\1", b"\xbb"), (b"\2", b"\xaa")]
        assert {stream.keys.suite for stream in call.media.streams} == {SUITE}


@run_virtual
async def test_an_update_changes_keys_too_and_one_that_is_not_allowed_says_why():
    async with open_switch(encryption=encryption("required")) as switch:
        call = switch.call(body=secured())
        call.do(Answer())
        good = call.requests("UPDATE", "Content-Type: application/sdp", body=secured(SECOND).decode())
        bad = call.requests("UPDATE", "Content-Type: application/sdp", body=offer().decode())
        assert (good.answered, bad.answered) == (200, 488)
        assert "expected RTP/SAVP" in dict(bad.headers)["Warning"]
        assert keys(call) == [(b"\1", b"\xaa"), (b"\1", b"\xbb")]


@run_virtual
async def test_a_call_that_becomes_plain_says_so_where_that_is_allowed():
    async with open_switch(encryption=encryption()) as switch:
        call = switch.call(body=secured())
        call.do(Answer())
        call.hear(sip.ReinviteReceived, invite_request(body=offer()))
        assert switch.log.last("channel.secured") == ChannelSecured(media="none")
        assert keys(call) == [(b"\1", b"\xaa"), None]


@run_virtual
async def test_a_reinvite_without_it_is_refused_where_it_is_required_and_the_call_goes_on():
    async with open_switch(encryption=encryption("required")) as switch:
        call = switch.call(body=secured())
        call.do(Answer())
        call.hear(sip.ReinviteReceived, invite_request(body=offer()))
        assert call.invite.verbs == ["answer", "reject 488"]
        assert dict(call.invite.headers)["Warning"].startswith("399 callflow")
        assert keys(call) == [(b"\1", b"\xaa")]


@run_virtual
async def test_a_refresh_says_what_was_agreed():
    async with open_switch(encryption=encryption()) as switch:
        call = switch.call(body=secured())
        call.do(Answer())
        call.hear(sip.RefreshDue)
        assert said(call.invite.sent[-1][1]) == ("RTP/SAVP", [Crypto(1, SUITE, b"\1" * 30)])
        call.hear(sip.ReinviteAnswered, sip_response(200, secured()))
        assert keys(call) == [(b"\1", b"\xaa")] * 2
