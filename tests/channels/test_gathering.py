"""Candidates of ours that take their time: answers wait, and peers are told later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import trio

from engine.channels.gathering import Gathering
from engine.channels.timer import Timers
from engine.sdp.association import IceCredentials, Presence
from engine.sdp.negotiation import Negotiation
from engine.sip.messages import parse_datagram
from tests.trio_tests import run_virtual

FOUND = "candidate:2 1 udp 1 203.0.113.5 4000 typ srflx raddr 192.0.2.1 rport 4000"
ANSWER = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\n"
    f"a=ice-ufrag:EsAw\r\na=ice-pwd:bP+XJMM09aR8AiX1jdukzR6Y\r\na=fingerprint:sha-256 {':'.join(['CD'] * 32)}\r\n"
    "a=setup:active\r\na=mid:0\r\na=rtcp-mux\r\n"
).encode()


@dataclass
class Sip:
    """What is sent."""

    sent: list[tuple[str, bytes]] = field(default_factory=list)

    def request_in_call(self, _invite: object, method: str, *, headers: object, body: bytes) -> None:
        self.sent.append((method, body))

    def reinvite(self, _invite: object, *, body: bytes) -> bool:
        self.sent.append(("INVITE", body))
        return True


class Peer:
    """What stands for its invite: the last that it said."""

    def __init__(self, receives: str) -> None:
        self.message = parse_datagram(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
            f"To: <sip:c@d>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n{receives}Content-Length: 0\r\n\r\n".encode()
        )


@dataclass
class Leg:
    """A gathering, its negotiation, and what was sent."""

    gathering: Gathering
    negotiation: Negotiation
    timers: Timers
    sip: Sip


@asynccontextmanager
async def leg(*, receives: str = "") -> AsyncIterator[Leg]:
    presence = Presence("sha-256 AB", lambda: IceCredentials("ours", "0123456789" * 3), gathers=True)
    negotiation = Negotiation(local=("192.0.2.1", 4000), session_id=1, presence=presence, offers_association=True)
    timers, sip = Timers(), Sip()
    port: Any = sip
    peer: Any = Peer(receives)
    gathering = Gathering(port, peer, negotiation, timers)
    negotiation.create_offer()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(timers.run)
        await trio.lowlevel.checkpoint()
        yield Leg(gathering, negotiation, timers, sip)
        nursery.cancel_scope.cancel()
    assert timers.count == 0


@run_virtual
async def test_a_description_waits_for_all_candidates_and_goes_in_order():
    async with leg() as one:
        sent: list[int] = []
        one.gathering.when_done(lambda: sent.append(1))
        one.gathering.when_done(lambda: sent.append(2))
        assert not sent
        one.gathering.add(FOUND)
        one.gathering.finish()
        assert sent == [1, 2]
        assert f"a={FOUND}" in one.negotiation.create_offer().decode()


@run_virtual
async def test_it_waits_for_a_second_at_most():
    async with leg() as one:
        sent: list[int] = []
        one.gathering.when_done(lambda: sent.append(1))
        await trio.sleep(0.9)
        assert not sent
        await trio.sleep(0.2)
        assert sent == [1]


@run_virtual
async def test_nothing_is_sent_for_a_call_that_has_ended():
    async with leg() as one:
        one.gathering.when_done(lambda: pytest.fail("it has ended"))
        one.gathering.close()
        one.gathering.finish()


@run_virtual
async def test_a_peer_that_is_not_found_is_told_by_a_new_offer():
    async with leg() as one:
        one.negotiation.receive_answer(ANSWER)
        one.gathering.confirm()
        one.gathering.add(FOUND)
        one.gathering.finish()
        assert not one.sip.sent
        await trio.sleep(1.1)
        [(method, body)] = one.sip.sent
        assert method == "INVITE"
        assert f"a={FOUND}" in body.decode()


@run_virtual
async def test_a_peer_that_understands_it_is_told_by_info():
    async with leg(receives="Recv-Info: trickle-ice\r\n") as one:
        one.gathering.add(FOUND)
        one.gathering.finish()
        one.negotiation.receive_answer(ANSWER)
        one.gathering.confirm()
        await trio.sleep(1.1)
        [(method, body)] = one.sip.sent
        assert method == "INFO"
        assert f"a={FOUND}\r\na=end-of-candidates\r\n" in body.decode()


@run_virtual
async def test_a_peer_that_was_found_is_told_nothing():
    async with leg() as one:
        one.gathering.add(FOUND)
        one.gathering.finish()
        one.negotiation.receive_answer(ANSWER)
        one.gathering.confirm()
        one.gathering.note_reached()
        await trio.sleep(1.1)
        assert not one.sip.sent
