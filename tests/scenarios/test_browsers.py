"""A browser's offer of DTLS and ICE on the virtual clock: answered, and ended when its media is never found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from callflow import App, Call
from callflow.protocol.events import ChannelAnswered, ChannelCreated, ChannelEnded, ChannelMediaLost, PlaybackStarted
from callflow.simulation.simulation import HOST, Simulation
from engine.sip.events import InviteAnswered, InviteEnded, InviteFailed, SipEvent
from engine.sip.messages import Address, Uri

app = App("browsers")
pytestmark = pytest.mark.callflow(app)
OFFER = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 0 126\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:EsAw\r\n"
    f"a=ice-pwd:bP+XJMM09aR8AiX1jdukzR6Y\r\na=fingerprint:sha-256 {':'.join(['CD'] * 32)}\r\n"
    "a=setup:actpass\r\na=mid:0\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:126 telephone-event/8000\r\n"
)


@app.route("1000")
async def music(call: Call) -> None:
    await call.answer()
    await call.play("music.wav", repeat=0)


@asynccontextmanager
async def offered(simulation: Simulation, offer: str) -> AsyncIterator[list[SipEvent]]:
    """What a phone that offers this is told."""
    told: list[SipEvent] = []
    endpoint = simulation._endpoint("raw", "10.0.2.1", 5060, told.append)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(endpoint.run)
        uri = Uri.parse(f"sip:1000@{HOST}")
        endpoint.invite(
            uri, flow=await endpoint.resolve(uri), from_=Address.parse("<sip:raw@10.0.2.1>"), body=offer.encode()
        )
        await simulation.wait(1)
        yield told
        nursery.cancel_scope.cancel()


async def test_a_browsers_offer_is_answered_and_nothing_is_played_to_one_that_is_never_found(simulation):
    async with offered(simulation, OFFER) as told:
        [answered] = [event for event in told if isinstance(event, InviteAnswered)]
        lines = answered.response.body.decode().splitlines()
        assert "m=audio 16384 UDP/TLS/RTP/SAVPF 0 126" in lines
        assert {"a=setup:active", "a=group:BUNDLE 0", "a=rtcp-mux", "a=end-of-candidates"} <= set(lines)
        [created] = simulation.happened(ChannelCreated)
        assert created.security.media == "dtls-srtp"
        assert simulation.happened(ChannelAnswered)
        await simulation.wait(28)
        assert not simulation.happened(ChannelEnded)
        await simulation.wait(2)
        [ended] = simulation.happened(ChannelEnded)
        assert (ended.cause_name, ended.ended_by) == ("bearer_not_available", "network")
        assert simulation.happened(ChannelMediaLost)[0].reason == "no address of the peer could be reached (ICE)"
        assert not simulation.happened(PlaybackStarted)
        assert [event for event in told if isinstance(event, InviteEnded)]


async def test_an_offer_that_cannot_be_secured_is_not_acceptable(simulation):
    async with offered(simulation, OFFER.replace("a=rtcp-mux\r\n", "")) as told:
        [failed] = [event for event in told if isinstance(event, InviteFailed)]
        assert failed.status == 488
