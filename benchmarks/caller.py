"""A phone whose RTP is a plain socket of this process: it knows when what it says left, and when what it hears came."""

from __future__ import annotations

import secrets
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import cast

import trio

from callflow.phone import Phone
from engine.media.session import MediaEngine, MediaEvent, Statistics, Stream
from engine.sip.stack import SipStack
from engine.transport.endpoint import Endpoint

FRAME_SECONDS = 0.02
SILENCE, LOUD = b"\xff" * 160, b"\x80\x00" * 80  # PCMU
RTCP = range(192, 224)  # the packet types that share the port (RFC 5761 4)
_HEADER = struct.Struct(">BBHII")


class Caller:
    """A media session that says nothing, or something loud, all the time."""

    def __init__(self, socket: trio.socket.SocketType) -> None:
        self.is_loud = False
        self.said_at = 0.0  # when the first loud frame left
        self.loud_at: list[float] = []  # when loud frames came
        self._heard = trio.Event()
        self._socket = socket
        self._stream: Stream | None = None
        self._count = 0

    @property
    def local(self) -> tuple[str, int]:
        """Where it is."""
        host, port = self._socket.getsockname()
        return host, port

    def update(self, stream: Stream) -> None:
        """What was agreed on."""
        self._stream = stream

    def watch_audio(self, *, is_on: bool) -> None:
        """It hears by itself."""

    def statistics(self) -> Statistics:
        """It counts nothing."""
        return Statistics()

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()

    def begin(self) -> None:
        """Be loud from the next frame on."""
        self.forget()
        self.is_loud, self.said_at = True, 0.0

    def forget(self) -> None:
        """What was heard."""
        self.loud_at.clear()
        self._heard = trio.Event()

    async def hear(self) -> float:
        """Wait for something loud; when it came."""
        await self._heard.wait()
        return self.loud_at[0]

    async def speak(self) -> None:
        """A frame every 20 ms."""
        due = trio.current_time()
        while True:
            due += FRAME_SECONDS
            await trio.sleep_until(due)
            if self._stream is None or self._stream.remote is None:
                continue
            self._count += 1
            header = _HEADER.pack(0x80, self._stream.payload_type, self._count & 0xFFFF, self._count * 160, 7)
            if self.is_loud and not self.said_at:
                self.said_at = time.perf_counter()
            await self._socket.sendto(header + (LOUD if self.is_loud else SILENCE), self._stream.remote)

    async def listen(self) -> None:
        """Note when something loud comes."""
        while True:
            packet = await self._socket.recv(2048)
            if len(packet) > 1 and packet[1] in RTCP:
                continue
            if any((octet ^ 0x7F) & 0x7F >= 0x40 for octet in packet[12:]):
                self.loud_at.append(time.perf_counter())
                self._heard.set()


class _Callers:
    """Opens the one, in place of a media engine."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def open(self, on_event: Callable[[MediaEvent], None]) -> Caller:
        return self._caller


@asynccontextmanager
async def caller_in_call(server: tuple[str, int], number: str) -> AsyncIterator[Caller]:
    """Call a number; it is hung up on exit. Raises TimeoutError."""
    rtp = trio.socket.socket(type=trio.socket.SOCK_DGRAM)
    await rtp.bind(("127.0.0.1", 0))
    caller, stack = Caller(rtp), SipStack(new_token=partial(secrets.token_hex, 8))
    media = cast("MediaEngine", _Callers(caller))  # of which a phone that neither plays nor records asks no more
    phone = Phone(lambda on_event: Endpoint(stack, on_event=on_event), media, name="caller")
    async with trio.open_nursery() as nursery:
        await nursery.start(phone.endpoint.run)
        await phone.endpoint.listen("udp", "127.0.0.1", 0)
        call = await phone.call(f"sip:{number}@{server[0]}:{server[1]}")
        with trio.fail_after(30):
            await call.wait_answered()
        async with trio.open_nursery() as speaking:  # which is over before the socket is closed
            speaking.start_soon(caller.speak)
            speaking.start_soon(caller.listen)
            yield caller
            speaking.cancel_scope.cancel()
        call.hang_up()
        await call.wait_ended()
        nursery.cancel_scope.cancel()
