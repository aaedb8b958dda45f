"""Whose packets a leg of the native engine takes for its peer's, and where it sends: the rule of media/latch.rs."""

from __future__ import annotations

import itertools
import os
import socket
import struct

from engine.media.session import ToneSource
from tests.trio_tests import run_trio

from .harness import Leg
from .peer import Peer, native_floor, open_peer, wait_until

LOW = 400  # Hz


@run_trio
async def test_it_sends_to_where_packets_come_from_and_no_stranger_moves_it():
    async with native_floor() as floor, open_peer() as announced, open_peer() as nat, open_peer() as stranger:
        leg = floor.open()
        leg.session.update(announced.stream())
        leg.session.play("p", [ToneSource((LOW,))])
        await announced.receive()
        await nat.send(leg, ssrc=1)
        await nat.receive()
        for _ in range(20):
            await stranger.send(leg, ssrc=2)
        await wait_until(lambda: leg.session.statistics().packets_discarded == 20)
        assert leg.session.statistics().packets_received == 1
        for _ in range(3):
            await nat.receive()
        assert _drain(stranger) == 0
        await announced.send(leg, ssrc=3)  # its own address is always right
        _drain(announced)
        for _ in range(3):
            await announced.receive()


@run_trio
async def test_two_thousand_packets_of_strangers_reach_nobody_and_get_no_answer():
    async with (
        native_floor() as floor,
        open_peer() as alice,
        open_peer() as bob,
        open_peer() as stranger,
    ):
        one, other = floor.open(), floor.open()
        one.session.update(alice.stream())
        other.session.update(bob.stream())
        one.session.relay(other.session)
        await alice.send(one, b"a" * 160)
        heard = [await bob.receive_said()]
        for round_ in range(20):
            await flood(stranger, one, count=100)
            await wait_until(lambda due=100 * (round_ + 1): one.session.statistics().packets_discarded >= due)
            await alice.send(one, b"a" * 160)
            heard.append(await bob.receive_said())
            await bob.send(other, b"b" * 160)
            assert await alice.receive_said() == b"b" * 160
        assert heard == [b"a" * 160] * 21
        assert one.session.statistics().packets_received == 21
        assert _drain(stranger) == _drain(bob) == 0


@run_trio
async def test_a_flood_from_before_the_peer_spoke_neither_keeps_its_stream_nor_hears_it():
    async with (
        native_floor() as floor,
        open_peer() as phone,
        open_peer("127.0.0.2") as stranger,
        open_peer() as other,
    ):
        leg, beside = floor.open(), floor.open()
        # Behind its NAT: what its SDP says is no use, but its SIP comes from where its sound does.
        leg.session.update(phone.stream(remote=("192.0.2.1", 9), signalled_from="127.0.0.1"))
        beside.session.update(other.stream())
        leg.session.relay(beside.session)
        for _ in range(100):
            await stranger.send(leg, b"s" * 160, ssrc=3)
        await wait_until(lambda: leg.session.statistics().packets_received == 100)
        await phone.send(leg, b"a" * 160)
        await wait_until(lambda: leg.session.statistics().packets_received == 101)
        _drain(stranger)
        _drain(other)
        for _ in range(100):
            await stranger.send(leg, b"s" * 160, ssrc=3)
        await wait_until(lambda: leg.session.statistics().packets_discarded == 100)
        await phone.send(leg, b"b" * 160)
        assert await other.receive_said() == b"b" * 160
        await other.send(beside, b"c" * 160)
        assert await phone.receive_said() == b"c" * 160
        assert _drain(stranger) == 0


STUN = struct.pack(">HHI12s", 0x0001, 0, 0x2112A442, b"transactions")  # a binding request (RFC 8489 5)
GARBAGE = (STUN, b"", b"\x80", b"\xff" * 400, b"\x80\x00" + b"\0" * 9, b"\x16\xfe\xff" + b"\0" * 40, bytes(1500))


async def flood(stranger: Peer, leg: Leg, *, count: int) -> None:
    """Half of it well-formed audio, half nonsense; half of the nonsense goes where RTCP is expected."""
    host, port = leg.session.local
    for index in range(count // 2):
        await stranger.send(leg, b"s" * 160, ssrc=index % 3 + 1000)
        nonsense = GARBAGE[index % len(GARBAGE)]
        await stranger.rtp.sendto(nonsense, (host, port + index % 2))


def _drain(peer: Peer) -> int:
    """Throw away what has arrived there; how many packets it was."""
    with socket.socket(fileno=os.dup(peer.rtp.fileno())) as plain:
        for count in itertools.count():
            try:
                plain.recv(2000, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return count
    raise AssertionError
