"""The media parsers given anything through their only doors: sockets and files. Whatever came, the engine goes on."""

from __future__ import annotations

import socket
import struct
import tempfile
import wave
from pathlib import Path

import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.media.engine import NativeMediaEngine
from engine.media.session import DigitStarted, FileSource, MediaEvent, PlaybackFinished, Stream
from tests.ports import free_ports

HEADER = struct.Struct(">BBHII")
AUDIO, EVENT = 0, 101
few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

octets = st.binary(max_size=400)
rtp = st.builds(
    lambda first, kind, sequence, timestamp, payload: HEADER.pack(first, kind, sequence, timestamp, 7) + payload,
    st.sampled_from([0x80, 0x80, 0x90, 0xA0, 0x8F]),
    st.sampled_from([AUDIO, EVENT, EVENT | 0x80, 13, 96]),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    octets,
)
event = st.builds(
    lambda sequence, timestamp, payload: HEADER.pack(0x80, EVENT, sequence, timestamp, 7) + payload,
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.binary(min_size=4, max_size=4),
)
rtcp = st.lists(
    st.builds(
        lambda first, kind, length, body: struct.pack(">BBH", first, kind, length) + body,
        st.sampled_from([0x80, 0x81, 0x9F, 0xA1]),
        st.integers(190, 210),
        st.integers(0, 20),
        octets,
    ),
    max_size=3,
).map(b"".join)


@few
@given(packets=st.lists(st.tuples(st.booleans(), octets | rtp | event | rtcp), max_size=30))
def test_a_leg_hears_its_peer_after_any_packets(packets: list[tuple[bool, bytes]]):
    trio.run(_send_and_press, packets)


async def _send_and_press(packets: list[tuple[bool, bytes]]) -> None:
    events: list[MediaEvent] = []
    engine = NativeMediaEngine("127.0.0.1", free_ports(16))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(engine.run)
        leg = engine.open(events.append)
        with socket.socket(type=socket.SOCK_DGRAM) as peer:
            peer.bind(("127.0.0.1", 0))
            leg.update(Stream(peer.getsockname(), "PCMU", AUDIO, EVENT, inband=True))
            leg.echo(is_on=True)
            host, port = leg.local
            for is_control, packet in packets:
                peer.sendto(packet, (host, port + is_control))
            # a source that none of them was: its key is heard; again and again, as a phone says it
            with trio.fail_after(60):
                for sequence in range(10_000):
                    key = HEADER.pack(0x80, EVENT, sequence, 1, 8) + bytes([12, 10, 0, 160])
                    peer.sendto(key, (host, port))
                    await trio.sleep(0.002)
                    if DigitStarted("A") in events:
                        break
        nursery.cancel_scope.cancel()


def _wav() -> bytes:
    with tempfile.SpooledTemporaryFile() as file:
        with wave.open(file, "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(2)
            writer.setframerate(8000)
            writer.writeframes(bytes(range(200)))
        file.seek(0)
        return file.read()


WAV = _wav()
cut = st.tuples(st.integers(0, 60), st.integers(0, 8), st.binary(max_size=8))


@few
@given(cuts=st.lists(cut, max_size=6), tail=st.integers(0, len(WAV)))
def test_a_file_is_played_or_fails_with_a_reason(cuts: list[tuple[int, int, bytes]], tail: int):
    data = WAV
    for at, length, put in cuts:
        data = data[:at] + put + data[at + length :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.wav"
        path.write_bytes(data[: len(data) - tail])
        finished = trio.run(_play, path)
    assert finished.reason in ("completed", "failed")
    assert (finished.error is not None) == (finished.reason == "failed")


async def _play(path: Path) -> PlaybackFinished:
    events: list[MediaEvent] = []
    engine = NativeMediaEngine("127.0.0.1", free_ports(16))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(engine.run)
        leg = engine.open(events.append)
        leg.update(Stream(("127.0.0.1", 9), "PCMU", AUDIO, EVENT))
        leg.play("p", [FileSource(path)])
        with trio.fail_after(60):
            while not isinstance(events[-1] if events else None, PlaybackFinished):  # noqa: ASYNC110 - as above
                await trio.sleep(0.002)
        nursery.cancel_scope.cancel()
    finished = events[-1]
    assert isinstance(finished, PlaybackFinished)
    return finished
