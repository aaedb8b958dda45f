"""A phone whose RTP is a plain socket of this process: it knows to the microsecond when a key's first packet left."""

from __future__ import annotations

import secrets
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import cast

import trio

from callflow.phone import Phone, PhoneCall
from engine.media.session import MediaEngine, MediaEvent, Statistics, Stream
from engine.sip.stack import SipStack
from engine.transport.endpoint import Endpoint

TONE_MS = 40  # of a key, as its last packet says
_SAMPLES_PER_MS = 8


class Keypad:
    """A media session that sends keys (RFC 4733), and hears nothing."""

    def __init__(self) -> None:
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._stream: Stream | None = None
        self._sequence = self._timestamp = 0

    @property
    def local(self) -> tuple[str, int]:
        """Where it is."""
        host, port = self._socket.getsockname()
        return host, port

    def update(self, stream: Stream) -> None:
        """What was agreed on."""
        self._stream = stream

    def press(self, code: int) -> float:
        """The first packet of a key; when it was sent."""
        self._timestamp += 1000 * _SAMPLES_PER_MS
        sent_at = time.perf_counter()
        self._send(code, is_end=False)
        return sent_at

    def release(self, code: int) -> None:
        """Its last packet."""
        self._send(code, is_end=True)

    def watch_audio(self, *, is_on: bool) -> None:
        """It hears nothing."""

    def statistics(self) -> Statistics:
        """It counts nothing."""
        return Statistics()

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()

    def _send(self, code: int, *, is_end: bool) -> None:
        assert self._stream is not None
        assert self._stream.remote is not None
        assert self._stream.telephone_event is not None
        self._sequence += 1
        header = struct.pack(">BBHII", 0x80, self._stream.telephone_event, self._sequence, self._timestamp, 7)
        duration = (TONE_MS if is_end else 0) * _SAMPLES_PER_MS
        self._socket.sendto(header + struct.pack(">BBH", code, is_end << 7, duration), self._stream.remote)


class _Keypads:
    """Opens them, in place of a media engine."""

    def __init__(self) -> None:
        self.opened: list[Keypad] = []

    def open(self, on_event: Callable[[MediaEvent], None]) -> Keypad:
        self.opened.append(Keypad())
        return self.opened[-1]


@asynccontextmanager
async def keypad_in_call(server: tuple[str, int], number: str) -> AsyncIterator[Keypad]:
    """Call a number with a keypad; it is hung up on exit. Raises TimeoutError."""
    keypads, stack = _Keypads(), SipStack(new_token=partial(secrets.token_hex, 8))
    media = cast("MediaEngine", keypads)  # of which a phone that neither plays nor records asks no more
    phone = Phone(lambda on_event: Endpoint(stack, on_event=on_event), media, name="keypad")
    async with trio.open_nursery() as nursery:
        await nursery.start(phone.endpoint.run)
        await phone.endpoint.listen("udp", "127.0.0.1", 0)
        call = await _answered(phone, f"sip:{number}@{server[0]}:{server[1]}")
        yield keypads.opened[0]
        call.hang_up()
        await call.wait_ended()
        nursery.cancel_scope.cancel()


async def _answered(phone: Phone, uri: str) -> PhoneCall:
    call = await phone.call(uri)
    with trio.fail_after(30):
        await call.wait_answered()
    return call
