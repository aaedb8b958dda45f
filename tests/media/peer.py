"""A phone of plain sockets, for what only the native engine promises; and that engine."""

from __future__ import annotations

import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from engine.media.engine import NativeMediaEngine
from engine.media.session import Stream
from tests.ports import free_ports

from .harness import PAIRS, Floor, Leg

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
async def open_peer(host: str = "127.0.0.1") -> AsyncIterator[Peer]:
    first, _ = free_ports(2)
    with trio.socket.socket(type=socket.SOCK_DGRAM) as rtp, trio.socket.socket(type=socket.SOCK_DGRAM) as rtcp:
        await rtp.bind((host, first))
        await rtcp.bind((host, first + 1))
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
