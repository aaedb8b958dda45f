"""The wire: every datagram on the loopback, with the kernel's time of it, and what tshark makes of them.

A packet socket needs root (CAP_NET_RAW): see needs.py.
"""

from __future__ import annotations

import shutil
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trio

from .audio import from_g711

_SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 33, 35  # include/uapi/asm-generic/socket.h
_ETH_P_ALL = 3
_BUFFER = 1 << 26
_UDP = 17


@dataclass(frozen=True, slots=True)
class Datagram:
    """One datagram: when, from which port to which, and what."""

    at: float
    source: int
    target: int
    data: bytes

    @property
    def is_rtp(self) -> bool:
        """Version 2, and no RTCP packet type (RFC 5761 §4)."""
        return len(self.data) >= 12 and self.data[0] >> 6 == 2 and not self.is_rtcp

    @property
    def is_rtcp(self) -> bool:
        """Version 2, and the packet type of a report, a description, a goodbye (RFC 5761 §4)."""
        return len(self.data) >= 8 and self.data[0] >> 6 == 2 and 192 <= self.data[1] <= 223

    @property
    def payload_type(self) -> int:
        return self.data[1] & 0x7F

    @property
    def payload(self) -> bytes:
        return self.data[12:]


class Capture:
    """What was on the loopback since the block began."""

    def __init__(self, source: socket.socket) -> None:
        self.datagrams: list[Datagram] = []
        self._source = source
        self._frames: list[tuple[int, bytes, int, int]] = []  # nanoseconds since the epoch, frame, ports
        self._arrived = trio.Condition()

    def rtp(self, *, source: int | None = None, target: int | None = None) -> list[Datagram]:
        """The RTP from a port, or to one."""
        return [
            datagram
            for datagram in self.datagrams
            if datagram.is_rtp and source in (None, datagram.source) and target in (None, datagram.target)
        ]

    def rtcp(self, *, source: int, target: int | None = None) -> list[Datagram]:
        """The RTCP from a port, perhaps only that to another."""
        return [d for d in self.datagrams if d.is_rtcp and d.source == source and target in (None, d.target)]

    def messages(self, port: int) -> list[tuple[Datagram, str]]:
        """The SIP to and from a port."""
        return [
            (datagram, datagram.data.decode(errors="replace"))
            for datagram in self.datagrams
            if port in (datagram.source, datagram.target) and b"SIP/2.0" in datagram.data.partition(b"\r\n")[0]
        ]

    async def wait(self, found: Callable[[], object]) -> None:
        """Wait until what came makes that true."""
        async with self._arrived:
            while not found():
                await self._arrived.wait()

    async def wait_more(self, *, seconds: float, source: int | None = None, target: int | None = None) -> None:
        """Wait for so much more RTP, of 20 ms each, from a port or to one."""
        enough = len(self.rtp(source=source, target=target)) + round(seconds * 50)
        await self.wait(lambda: len(self.rtp(source=source, target=target)) >= enough)

    async def wait_time(self, seconds: float) -> None:
        """Let time pass, to see what does not come."""
        await trio.sleep(seconds)
        await self.drain()

    def save(self, path: Path, *ports: int) -> Path:
        """What came from or to these ports, as tshark reads it (pcap with nanoseconds, Ethernet)."""
        with path.open("wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 1 << 16, 1))
            for at, frame, source, target in self._frames:
                if source in ports or target in ports:
                    file.write(struct.pack("<IIII", *divmod(at, 10**9), len(frame), len(frame)) + frame)
        return path

    async def run(self) -> None:
        while True:
            await trio.lowlevel.wait_readable(self._source)
            await self.drain()

    async def drain(self) -> None:
        """Take what has come."""
        async with self._arrived:
            while self._take():
                self._arrived.notify_all()

    def _take(self) -> bool:
        try:
            frame, [(_, _, stamp)], _, address = self._source.recvmsg(1 << 16, 64)
        except BlockingIOError:
            return False
        if address[2] == socket.PACKET_OUTGOING:  # on the loopback each comes in again
            return True
        seconds, nanoseconds = struct.unpack("qq", stamp)
        if frame[12:14] == b"\x08\x00" and frame[23] == _UDP:
            udp = frame[14 + (frame[14] & 15) * 4 :]
            source, target, length = struct.unpack("!HHH", udp[:6])
            self._frames.append((seconds * 10**9 + nanoseconds, frame, source, target))
            self.datagrams.append(Datagram(seconds + nanoseconds / 1e9, source, target, udp[8:length]))
        return True


@asynccontextmanager
async def capture() -> AsyncIterator[Capture]:
    """Look at the wire until the block ends."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL)) as source:
        source.setblocking(False)
        source.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        source.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        source.bind(("lo", _ETH_P_ALL))
        seen = Capture(source)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(seen.run)
            yield seen
            await seen.drain()
            nursery.cancel_scope.cancel()


def sound_of(datagrams: list[Datagram]) -> np.ndarray:
    """What one hears who plays every packet as it comes: PCMU and PCMA, telephone events left out."""
    return np.concatenate([
        np.zeros(0),
        *(from_g711(datagram.payload, is_alaw=datagram.payload_type == 8)
          for datagram in datagrams if datagram.payload_type in (0, 8)),
    ])  # fmt: skip


def sdp_port(message: str) -> int:
    """The audio port of the SDP in a message."""
    [line] = [line for line in message.splitlines() if line.startswith("m=audio ")]
    return int(line.split()[1])


async def tshark(capture: Path, *arguments: str) -> str:
    """What tshark says of a capture."""
    program = shutil.which("tshark")
    assert program, "tshark is not installed (apt-get install tshark)"
    done = await trio.run_process(
        [program, "-r", str(capture), "-n", *arguments], capture_stdout=True, capture_stderr=True
    )
    return done.stdout.decode()
