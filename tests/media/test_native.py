"""What only the native engine promises: what is on the wire, whose packets are taken, that nothing is left behind."""

from __future__ import annotations

import itertools
import os
import socket
import struct
import threading
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import pytest
import trio

from engine.media.engine import NativeMediaEngine
from engine.media.session import (
    DigitStarted,
    FileSource,
    PlaybackFinished,
    PortsExhausted,
    SilenceSource,
    Stream,
    ToneSource,
)
from tests.ports import free_ports
from tests.trio_tests import run_trio

from .harness import PAIRS, Floor, Leg, hears, share_of_time

LOW, HIGH = 400, 1000  # Hz
SILENCE = b"\xff" * 160


@dataclass(frozen=True)
class Packet:
    """An RTP packet as it was received."""

    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


class Peer:
    """A phone of plain sockets: RTP, and RTCP on the next port."""

    def __init__(self, rtp: trio.socket.SocketType, rtcp: trio.socket.SocketType) -> None:
        self.rtp, self.rtcp = rtp, rtcp
        self.address: tuple[str, int] = rtp.getsockname()
        self.sent = 0

    def stream(self, **options: object) -> Stream:
        return Stream(**{"remote": self.address, "codec": "PCMU", "payload_type": 0, "telephone_event": 101, **options})

    async def receive(self) -> Packet:
        data = await self.rtp.recv(2000)
        first, second, sequence, timestamp, ssrc = struct.unpack_from(">BBHII", data)
        assert first == 0x80
        return Packet(second >> 7 == 1, second & 0x7F, sequence, timestamp, ssrc, data[12:])

    async def receive_said(self) -> bytes:
        """What the next packet says that is not the silence of a leg which waits, once a second."""
        while (payload := (await self.receive()).payload) == SILENCE:
            pass
        return payload

    async def send(self, leg: Leg, payload: bytes = b"\xff" * 160, *, payload_type: int = 0, ssrc: int = 7) -> None:
        header = struct.pack(">BBHII", 0x80, payload_type, self.sent & 0xFFFF, self.sent * 160, ssrc)
        self.sent += 1
        await self.rtp.sendto(header + payload, leg.session.local)


@asynccontextmanager
async def open_peer() -> AsyncIterator[Peer]:
    first, _ = free_ports(2)
    with trio.socket.socket(type=socket.SOCK_DGRAM) as rtp, trio.socket.socket(type=socket.SOCK_DGRAM) as rtcp:
        await rtp.bind(("127.0.0.1", first))
        await rtcp.bind(("127.0.0.1", first + 1))
        yield Peer(rtp, rtcp)


async def wait_until(is_so: Callable[[], bool]) -> None:
    with trio.fail_after(90):
        while not is_so():  # noqa: ASYNC110 - the data plane tells nobody about its counters
            await trio.sleep(0.002)


@asynccontextmanager
async def native_floor(*, threads: int = 1) -> AsyncIterator[Floor]:
    engine = NativeMediaEngine("127.0.0.1", free_ports(2 * PAIRS), threads)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(engine.run)
        yield Floor("native", engine, Path())
        nursery.cancel_scope.cancel()


def strongest(samples: list[int]) -> float:
    """The frequency with the most energy."""
    spectrum = np.abs(np.fft.rfft(np.array(samples) * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * 8000 / len(samples)


def write_wav(path: Path, *, rate: int, channels: int = 1, width: int = 2, frequency: float = 1000.0) -> None:
    sine = np.sin(2 * np.pi * frequency * np.arange(rate) / rate) * 0.5
    samples = np.repeat(sine, channels)
    match width:
        case 1:
            data = (samples * 127 + 128).astype(np.uint8).tobytes()
        case 2:
            data = (samples * 32767).astype("<i2").tobytes()
        case _:
            words = (samples * 8388607).astype("<i4").tobytes()
            data = b"".join(words[at : at + 3] for at in range(0, len(words), 4))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data)


@pytest.mark.parametrize(
    ("rate", "channels", "width"),
    [(8000, 1, 1), (11025, 1, 2), (16000, 2, 3), (22050, 1, 2), (44100, 2, 2), (48000, 1, 3), (96000, 1, 2)],
)
@run_trio
async def test_a_file_of_any_rate_and_width_is_heard_at_its_frequency(rate, channels, width, tmp_path):
    async with native_floor() as floor:
        switch, phone = floor.pair()
        write_wav(tmp_path / "tone.wav", rate=rate, channels=channels, width=width)
        switch.session.play("p", [FileSource(tmp_path / "tone.wav")], repeat=0)
        await wait_until(lambda: phone.session.statistics().packets_received > 3)
        floor.folder = tmp_path
        samples = await hears(floor, phone, lambda samples: share_of_time(samples, 1000) >= 0.9, max_ms=300)
        assert strongest(samples) == pytest.approx(1000, abs=5)
        assert max(samples) == pytest.approx(16384, rel=0.06)


@run_trio
async def test_what_is_sent_is_one_stream_across_playbacks_and_digits():
    async with native_floor() as floor, open_peer() as peer:
        leg = floor.open()
        leg.session.update(peer.stream())
        leg.session.play("p", [ToneSource((LOW,), duration_ms=60)])
        await leg.wait(PlaybackFinished)
        leg.session.send_digits("d", "5", duration_ms=60, gap_ms=60)
        leg.session.play("q", [SilenceSource(60)])
        await leg.wait(PlaybackFinished, 2)
        packets = [await peer.receive() for _ in range(3 + 5 + 3)]
        assert len({packet.ssrc for packet in packets}) == 1
        steps = [(packet.sequence - packets[0].sequence) & 0xFFFF for packet in packets]
        assert steps == list(range(11))
        assert [packet.payload_type for packet in packets] == [0] * 3 + [101] * 5 + [0] * 3
        assert [packet.marker for packet in packets] == [at in (0, 3, 8) for at in range(11)]
        times = [(packet.timestamp - packets[0].timestamp) & 0xFFFFFFFF for packet in packets]
        assert times[:3] == [0, 160, 320]
        assert len(set(times[3:8])) == 1
        assert times == sorted(times)
        events = [struct.unpack(">BBH", packet.payload) for packet in packets[3:8]]
        assert [(code, flags >> 7, duration) for code, flags, duration in events] == [
            (5, 0, 160),
            (5, 0, 320),
            (5, 1, 480),
            (5, 1, 480),
            (5, 1, 480),
        ]


@run_trio
async def test_frames_leave_every_twenty_milliseconds_without_drift():
    async with native_floor() as floor, open_peer() as peer:
        leg = floor.open()
        leg.session.update(peer.stream())
        leg.session.play("p", [ToneSource((LOW,))])
        packets, times = [], []
        for _ in range(100):
            packets.append(await peer.receive())
            times.append(trio.current_time())
        ten = [later - at for at, later in zip(times, times[10:], strict=False)]
        assert median(ten) == pytest.approx(0.2, abs=0.005)  # one of them may be late, on a busy machine
        assert (packets[-1].timestamp - packets[0].timestamp) & 0xFFFFFFFF == 99 * 160


@run_trio
async def test_how_late_its_threads_were_is_told():
    async with native_floor() as floor, open_peer() as peer:
        leg = floor.open()
        leg.session.update(peer.stream())
        leg.session.play("p", [ToneSource((LOW,))])
        await wait_until(lambda: floor.engine.take_lateness() > 0)  # a thread wakes a little after it should


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


@run_trio
async def test_loss_and_jitter_are_those_of_what_came():
    async with native_floor() as floor, open_peer() as peer:
        leg = floor.open()
        leg.session.update(peer.stream())
        for at in range(30):
            if at % 5 == 2:
                peer.sent += 1
            else:
                await peer.send(leg)
        await wait_until(lambda: leg.session.statistics().packets_received == 24)
        statistics = leg.session.statistics()
        assert statistics.packets_lost == 6
        assert statistics.octets_received == 24 * 160
        assert statistics.jitter_ms > 1  # all at once, though their timestamps are 20 ms apart
        leg.session.close()
        assert leg.session.statistics().packets_received == 24


@run_trio
async def test_reports_go_out_and_what_the_peer_reports_is_known():
    async with native_floor() as floor, open_peer() as peer:
        leg = floor.open()
        leg.session.update(peer.stream())
        leg.session.play("p", [ToneSource((LOW,))])
        report, source = await peer.rtcp.recvfrom(1000)
        first, kind, _, ssrc, ntp_high, ntp_low = struct.unpack_from(">BBHIII", report)
        assert (first >> 6, kind, source[1]) == (2, 200, leg.session.local[1] + 1)
        assert report[28 + 1] == 202  # then SDES
        middle = (ntp_high << 16 | ntp_low >> 16) & 0xFFFFFFFF
        block = struct.pack(">IIIIII", ssrc, 4, 0, 80, middle, 0)
        await peer.rtcp.sendto(struct.pack(">BBHI", 0x81, 201, 7, 9) + block, source)
        await wait_until(lambda: leg.session.statistics().round_trip_ms is not None)
        statistics = leg.session.statistics()
        assert (statistics.remote_packets_lost, statistics.remote_jitter_ms) == (4, 10.0)
        assert statistics.round_trip_ms is not None
        assert statistics.round_trip_ms < 30_000  # how long this test took for its answer
        leg.session.close()
        goodbye = await peer.rtcp.recv(1000)
        while goodbye[-8 + 1] != 203:
            goodbye = await peer.rtcp.recv(1000)


@run_trio
async def test_muxed_reports_go_and_come_by_the_rtp_port():
    async with native_floor() as floor, open_peer() as peer:
        leg = floor.open()
        leg.session.update(peer.stream(is_muxed=True))
        report = await peer.rtp.recv(2000)
        while report[1] < 192:  # audio: a frame of silence a second
            report = await peer.rtp.recv(2000)
        ssrc, ntp_high, ntp_low = struct.unpack_from(">III", report, 4)
        middle = (ntp_high << 16 | ntp_low >> 16) & 0xFFFFFFFF
        block = struct.pack(">IIIIII", ssrc, 4, 0, 80, middle, 0)
        await peer.rtp.sendto(struct.pack(">BBHI", 0x81, 201, 7, 9) + block, leg.session.local)
        await wait_until(lambda: leg.session.statistics().remote_packets_lost == 4)
        assert leg.session.statistics().packets_discarded == 0


@run_trio
async def test_a_silent_leg_sends_a_frame_of_silence_a_second():
    async with native_floor() as floor, open_peer() as peer:
        leg = floor.open()
        leg.session.update(peer.stream())
        started_at = trio.current_time()
        packet = await peer.receive()
        assert trio.current_time() - started_at > 0.9
        assert packet.marker
        assert packet.payload == b"\xff" * 160


@run_trio
async def test_legs_on_two_threads_are_relayed():
    async with native_floor(threads=2) as floor:
        left, alice = floor.pair()
        right, bob = floor.pair()
        left.session.relay(right.session)
        alice.session.play("p", [ToneSource((LOW,), duration_ms=20)], repeat=0)
        await wait_until(lambda: bob.session.statistics().packets_received)
        alice.session.send_digits("a", "1")
        bob.session.send_digits("b", "2")
        assert (await bob.wait(DigitStarted)).digit == "1"
        assert (await alice.wait(DigitStarted)).digit == "2"


@run_trio
async def test_nothing_is_left_of_an_engine_that_has_ended():
    descriptors, threads = _descriptors(), _threads()
    for _ in range(3):
        async with native_floor(threads=2) as floor:
            legs = [floor.open() for _ in range(floor.pairs)]
            with pytest.raises(PortsExhausted, match=r"every RTP port pair of \d+-\d+ is in use"):
                floor.open()
            for leg in legs[1:]:
                leg.session.play("p", [ToneSource((LOW,))])
                leg.session.close()
        assert floor.engine.open_sessions == 0
        with pytest.raises(PortsExhausted, match="closed"):
            floor.open()
        del floor, legs, leg
    assert _descriptors() == descriptors
    assert _threads() <= threads
    # trio keeps one for a while, if a test before this used it
    assert [thread.name for thread in threading.enumerate() if not thread.name.startswith("Trio")] == ["MainThread"]


@run_trio
async def test_closed_sessions_give_their_sockets_back():
    async with native_floor() as floor:
        descriptors = _descriptors()  # all pairs are bound ahead
        for _ in range(50):
            legs = [floor.open() for _ in range(floor.pairs)]
            for leg in legs:
                leg.session.close()
        await wait_until(lambda: _descriptors() <= descriptors)


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def _threads() -> int:
    return len(os.listdir("/proc/self/task"))


@run_trio
async def test_misuse_says_what_was_expected():
    with pytest.raises(OSError, match="assign requested address"):
        NativeMediaEngine("192.0.2.1", free_ports(2 * PAIRS))
    with pytest.raises(ValueError, match="expected an IP address"):
        NativeMediaEngine("localhost", free_ports(2 * PAIRS))
    with pytest.raises(OSError, match="expected a port range"):
        NativeMediaEngine("127.0.0.1", (20001, 20002))
    async with native_floor() as floor:
        leg = floor.open()
        with pytest.raises(ValueError, match=r"expected an IP address, got .phone.example."):
            leg.session.update(Stream(("phone.example", 4000), "PCMU", 0, None))
        with pytest.raises(ValueError, match="expected digits"):
            leg.session.send_digits("d", "12w")
        with pytest.raises(ValueError, match="at most 4 frequencies"):
            leg.session.play("p", [ToneSource((1, 2, 3, 4, 5))])
