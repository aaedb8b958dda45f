"""What only the native engine promises: what is on the wire, whose packets are taken, that nothing is left behind."""

from __future__ import annotations

import os
import struct
import threading
import wave
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

from .harness import PAIRS, hears, share_of_time
from .peer import native_floor, open_peer, wait_until

LOW, HIGH = 400, 1000  # Hz


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


def test_comfort_noise_is_heard_as_noise_and_our_silence_is_sent_as_such():
    async def main() -> None:
        async with native_floor() as floor, open_peer() as peer:
            leg = floor.open()
            leg.session.update(peer.stream(comfort_noise=13))
            leg.session.echo(is_on=True)
            while (packet := await peer.receive()).payload_type != 13:  # once a second, while nobody speaks
                pass
            assert packet.payload == bytes([78])
            await peer.send(leg, b"\x80" * 160)
            await peer.send(leg, bytes([40]), payload_type=13)
            while len(set((packet := await peer.receive()).payload)) < 50:  # what comes back after the sound is noise
                pass
            assert packet.payload_type == 0

    run_trio(main)
