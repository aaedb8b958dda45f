"""Our Opus as libopus hears it: a voice, frames that are restored after a loss, silence that is left out."""

from __future__ import annotations

import itertools
import struct
from array import array
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import trio

from engine.media.session import FileSource, SilenceSource, Source, Stream, ToneSource
from tests.interop import needs
from tests.interop.places import IVR_PROMPTS
from tests.trio_tests import run_trio

from .harness import open_floor, share_of_time
from .libopus import LibOpus

pytestmark = needs.program("ffmpeg")  # which has libopus
_HEADER = struct.Struct("!BBHII")
_CLOCK = 48000
_TYPE = 96
_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Packet:
    """An RTP packet of Opus."""

    sequence: int
    timestamp: int
    payload: bytes


async def packets(socket: trio.socket.SocketType, *, until: Callable[[list[Packet]], bool]) -> list[Packet]:
    """Those that come, as long as they are wanted."""
    found: list[Packet] = []
    while not until(found):
        octets = await socket.recv(2048)
        _, kind, sequence, timestamp, _ = _HEADER.unpack(octets[:12])
        if kind & 0x7F == _TYPE:
            found.append(Packet(sequence, timestamp, octets[12:]))
    return found


def for_seconds(seconds: float) -> Callable[[list[Packet]], bool]:
    """Until the packets' own clock has gone so far."""
    return lambda found: bool(found) and (found[-1].timestamp - found[0].timestamp) % 2**32 >= seconds * _CLOCK


@asynccontextmanager
async def said(folder: Path, *sources: Source, **options: bool) -> AsyncIterator[trio.socket.SocketType]:
    """A socket to which our engine says that, in Opus."""
    opus: dict[str, object] = {"codec": "opus", "payload_type": _TYPE, "telephone_event": None, **options}
    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as socket:
        await socket.bind(("127.0.0.1", 0))
        async with open_floor("native", folder) as floor:
            session = floor.open().session
            session.update(Stream(remote=socket.getsockname(), **opus))  # type: ignore[arg-type]
            session.play("voice", sources)
            yield socket


def in_a_row(found: list[Packet]) -> list[Packet]:
    """All follow each other: none was lost on the way here."""
    assert all((later.sequence - each.sequence) % 2**16 == 1 for each, later in itertools.pairwise(found))
    return found


def difference(one: Iterable[array[int]], other: Iterable[array[int]]) -> int:
    return sum((a - b) ** 2 for x, y in zip(one, other, strict=True) for a, b in zip(x, y, strict=True))


@run_trio
async def test_libopus_hears_what_we_say(tmp_path):
    async with said(tmp_path, ToneSource((1000.0,))) as socket:
        found = in_a_row(await packets(socket, until=for_seconds(0.5)))
    with closing(LibOpus()) as decoder:
        heard = [sample for packet in found for sample in decoder.decode(packet.payload)]
    assert share_of_time(heard[1600::2], 1000) >= 0.9


def without_each_third(found: list[Packet], first: int, *, is_restored: bool) -> list[array[int]]:
    """What libopus makes of those that are lost, from the first on: of the next one, or of what was before."""
    made = []
    with closing(LibOpus()) as decoder:
        for number, (packet, following) in enumerate(itertools.pairwise(found)):
            if number % 3 == first:
                made.append(decoder.decode(following.payload if is_restored else None, is_restored=is_restored))
            else:
                decoder.decode(packet.payload)
    return made


@run_trio
async def test_libopus_restores_a_lost_packet_from_the_next_one(tmp_path):
    async with said(tmp_path, FileSource(IVR_PROMPTS / "welcome.wav"), has_fec=True) as socket:
        found = in_a_row(await packets(socket, until=for_seconds(_SECONDS)))
    with closing(LibOpus()) as decoder:
        heard = [decoder.decode(packet.payload) for packet in found]
    restored = guessed = 0
    for first in range(3):
        wanted = [frame for number, frame in enumerate(heard[:-1]) if number % 3 == first]
        restored += difference(without_each_third(found, first, is_restored=True), wanted)
        guessed += difference(without_each_third(found, first, is_restored=False), wanted)
    assert restored < 0.6 * guessed


@run_trio
async def test_silence_is_left_out_and_libopus_hears_the_voice_after_it(tmp_path):
    tone = ToneSource((1000.0,), duration_ms=400)
    async with said(tmp_path, tone, SilenceSource(1600), ToneSource((1000.0,)), has_dtx=True) as socket:
        found = in_a_row(await packets(socket, until=for_seconds(2.5)))
    steps = [(later.timestamp - each.timestamp) % 2**32 for each, later in itertools.pairwise(found)]
    assert max(steps) >= 0.3 * _CLOCK
    with closing(LibOpus()) as decoder:
        heard = [sample for packet in found for sample in decoder.decode(packet.payload)]
    assert share_of_time(heard[-16000 // 5 :: 2], 1000) >= 0.9
