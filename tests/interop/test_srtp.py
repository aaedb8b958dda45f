"""Encrypted media with a phone not written by us: baresip, whose SRTP is libre's; and what of it is on the wire."""

from __future__ import annotations

from pathlib import Path

import pytest

from callflow.protocol.events import ChannelCreated, ChannelEnded, ChannelSecured
from tests.trio_tests import run_trio

from . import needs
from .audio import is_in, samples, seconds_of_tone
from .baresip import FREQUENCIES, baresip, phone
from .capture import Capture, Datagram, capture, sdp_port
from .engine import RunningEngine, engine
from .places import CALLS, IVR, IVR_PROMPTS
from .watch import watch

pytestmark = [needs.program("baresip"), needs.raw_sockets()]
OPTIONAL = 'srtp = "optional"'
AUDIO = 160  # octets of 20 ms
TAGS = (4, 10, 16)  # octets that follow them
MOST = 3  # times as often as chance would have it: no octet of what is encrypted is more common


def port_of(wire: Capture, running: RunningEngine, start: str) -> int:
    """The port of ours that the first description says which begins so."""
    port = running.udp[1]
    return next(
        sdp_port(message)
        for datagram, message in wire.messages(port)
        if datagram.source == port and message.startswith(start) and "m=audio" in message
    )


def assert_encrypted(packets: list[Datagram]) -> None:
    """They are longer than 20 ms of audio, and have nothing of a voice or a tone, whose octets repeat."""
    audio = [packet.payload for packet in packets if len(packet.payload) - AUDIO in TAGS]
    assert len(audio) > 40
    octets = b"".join(payload[:AUDIO] for payload in audio)
    assert max(octets.count(octet) for octet in range(256)) < MOST * len(octets) / 256


@run_trio
async def test_a_phone_that_encrypts_hears_a_prompt_and_its_key_is_understood(tmp_path: Path):
    async with engine(tmp_path / "engine", IVR, sip=OPTIONAL) as running, watch(running) as seen, capture() as wire:
        async with phone(tmp_path, running, seen, "alice", account=";mediaenc=srtp") as alice:
            await alice.dial("1000")
            created = await seen.wait("channel.created")
            assert isinstance(created, ChannelCreated)
            assert created.security.media.startswith("srtp A")
            await alice.wait_event("CALL_ESTABLISHED")
            await alice.press("1")
            await seen.wait("channel.digit_ended")
            await seen.wait("playback.started", count=2)
            await alice.hang_up()
            over = await seen.wait("channel.ended")
            await alice.wait_event("CALL_CLOSED")
        trace = await running.command("trace", await seen.channel(), "--bodies")
        ours = port_of(wire, running, "SIP/2.0 200")
    assert isinstance(over, ChannelEnded)
    sent = [each.data for each in wire.datagrams if each.target in (ours, ours + 1)]
    early = sum(data[8:12] == b"PING" for data in sent)  # opens the way through NATs, before there is SRTP
    late = sum(b"Adjo" in data for data in sent)  # its BYE of RTCP, when SRTP has gone, and our leg, maybe
    assert early <= over.received.forged <= early + late
    assert over.received.packets > 50
    [heard] = map(samples, alice.heard())
    assert is_in(samples(IVR_PROMPTS / "welcome.wav"), heard) > 0.9
    assert_encrypted(wire.rtp(source=ours))
    assert_encrypted(wire.rtp(target=ours))
    keys = [
        message.split("inline:")[1].split()[0] for _, message in wire.messages(running.udp[1]) if "inline:" in message
    ]
    assert keys
    assert all(key not in trace and key not in running.log for key in keys)
    assert "inline:xxxx" in trace


@run_trio
async def test_whether_a_user_of_the_database_encrypts_counts_from_her_next_call_on(tmp_path: Path):
    async with engine(tmp_path / "engine", IVR) as running, watch(running) as seen:
        [made] = await running.listed("user", "add", "carol", "--srtp", "required")
        carol = {"user": "carol", "password": made["password"], "server": running.udp, "frequency": 540}
        async with baresip(tmp_path / "carol", **carol, register=False, account=";mediaenc=srtp") as phone:
            for number, media in enumerate(("srtp", "none"), start=1):
                await phone.dial("1000")
                await phone.wait_event("CALL_ESTABLISHED", count=number)
                await phone.hang_up()
                await phone.wait_event("CALL_CLOSED", count=number)
                created = await seen.wait("channel.created", count=number)
                assert isinstance(created, ChannelCreated)
                assert created.security.media.partition(" ")[0] == media
                await seen.wait("channel.ended", count=number)
                await running.command("user", "set", "carol", "--srtp", "off")


@pytest.mark.parametrize(("alices", "desks"), [("srtp-mand", ""), ("", "srtp")])
@run_trio
async def test_a_phone_that_encrypts_and_one_that_does_not_hear_each_other(tmp_path: Path, alices: str, desks: str):
    accounts = [f";mediaenc={way}" if way else "" for way in (alices, desks)]
    async with engine(tmp_path / "engine", CALLS, sip=OPTIONAL) as running, watch(running) as seen, capture() as wire:
        async with (
            phone(tmp_path, running, seen, "alice", account=accounts[0]) as alice,
            phone(tmp_path, running, seen, "desk", account=accounts[1]) as desk,
        ):
            await alice.dial("2003")
            await seen.wait("channel.bridged", count=2)
            called = port_of(wire, running, "INVITE ")
            await wire.wait_more(source=called, seconds=2)
            if desks:
                secured = await seen.wait("channel.secured")
                assert isinstance(secured, ChannelSecured)
                assert secured.media.startswith("srtp A")
            await alice.hang_up()
            await seen.wait("channel.ended", count=2)
            await alice.wait_event("CALL_CLOSED")
            await desk.wait_event("CALL_CLOSED")
        [by_alice], [by_desk] = map(samples, alice.heard()), map(samples, desk.heard())
        ours = called if desks else port_of(wire, running, "SIP/2.0 200")
    assert seconds_of_tone(by_alice, FREQUENCIES["desk"]) > 1
    assert seconds_of_tone(by_desk, FREQUENCIES["alice"]) > 1
    assert_encrypted(wire.rtp(source=ours))
    assert_encrypted(wire.rtp(target=ours))
