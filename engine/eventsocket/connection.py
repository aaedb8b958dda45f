"""A WebSocket as both doors have it: the library shakes hands, pings and closes, what comes and goes we read and write.

The library has a task that reads, and a queue between it and whoever wants the messages. Here whoever calls `receive`
reads the socket itself. And what is sent at once passes by the library, while it sends nothing itself; of what the
kernel took only in part, the rest goes before anything else, whoever sends that.
"""

from __future__ import annotations

from typing import Any

import trio
from websockets.frames import DATA_OPCODES, CloseCode, Frame, Opcode
from websockets.protocol import Event, Side, State
from websockets.trio.client import ClientConnection
from websockets.trio.connection import Connection
from websockets.trio.server import ServerConnection

from callflow.protocol.frames import MAX_MESSAGE

from .inlet import Inlet, Kind
from .outlet import framed, write_now
from .tokens import Token

CLOSE_TIMEOUT = 3.0  # seconds
_CHUNK = 64 * 1024  # octets read at once
_END_OF_HEAD = b"\r\n\r\n"


class DirectConnection(Connection):
    """One task at a time calls `receive`. Without one nothing is read, but to its end when it is closed."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:  # noqa: ANN401 - those of either side's connection
        self._handshake = trio.CancelScope()
        self._is_ours = trio.Event()  # the library's task has ended
        self._has_head = False  # of the handshake
        self._is_reading = False
        self._is_given_back = False
        self._answered: trio.Event | None = None  # while a pong or a close is sent
        self._arrived: list[bytes | str] = []
        self._parts = bytearray()  # of a message in several frames
        self._is_text = False
        self._rest = b""
        super().__init__(*arguments, **settings)
        self._inlet = Inlet(is_masked=self.protocol.side is Side.SERVER, longest=MAX_MESSAGE)
        self._is_plain = isinstance(self.stream, trio.SocketStream) and self.protocol.side is Side.SERVER

    # Reading

    async def receive(self) -> list[bytes | str]:
        """The next messages, one at least. May be cancelled. Raises ConnectionClosed."""
        if not self._is_ours.is_set():
            await self._is_ours.wait()
        self._is_reading = True
        try:
            while not self._arrived and self.protocol.state is State.OPEN and not self._is_given_back:
                await self._read()
        finally:
            self._is_reading = False
        if not self._arrived:
            await self._see_it_closed()
            raise self.close_exc
        arrived, self._arrived = self._arrived, []
        return arrived

    async def recv_events(self) -> None:
        """The library's reader: as long as hands are shaken."""
        try:
            with self._handshake:
                while await self._read():
                    pass
        finally:
            self._is_ours.set()

    def start_keepalive(self) -> None:
        """The library's word that hands are shaken."""
        self._handshake.cancel()
        super().start_keepalive()

    async def aclose(self, code: CloseCode | int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Say goodbye, and wait for the peer's, within a few seconds."""
        self._give_back()
        await super().aclose(code, reason)

    def process_event(self, event: Event) -> None:
        """What the library has read."""
        if not isinstance(event, Frame):
            self._has_head = True
        elif event.opcode in DATA_OPCODES:
            self._add_part(event)
            return
        super().process_event(event)

    async def _see_it_closed(self) -> None:
        self._give_back()
        with trio.move_on_after(CLOSE_TIMEOUT):
            await self.stream_closed.wait()
        if self.protocol.state is not State.CLOSED:
            await self.close_stream()

    def _give_back(self) -> None:
        """Have it read to its end, unless somebody does."""
        if not (self._is_reading or self._is_given_back or self.stream_closed.is_set()):
            self._is_given_back = True
            self.nursery.start_soon(self._read_to_end)

    async def _read_to_end(self) -> None:
        await self._is_ours.wait()
        while await self._read():
            self._arrived.clear()

    async def _read(self) -> bool:
        """Read once. False: there is nothing more, and it is closed."""
        data: bytes | bytearray = b""
        try:
            if self._answered is not None:
                await self._answered.wait()  # who is not read from is not read
            data = await self.stream.receive_some(_CHUNK)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self.set_connection_exc(error)
        if not data:
            self.protocol.receive_eof()
            await self.close_stream()
            return False
        self._take(data)
        if self.protocol.writes and self._answered is None:
            self._answered = trio.Event()
            self.nursery.start_soon(self._send_answers, self._answered)
        return True

    def _take(self, data: bytes | bytearray) -> None:
        if not self._is_ours.is_set():
            # All is for the library until it is known that no part of a frame came with the handshake.
            self._inlet.is_through = self._has_head or data.partition(_END_OF_HEAD)[1:] != (_END_OF_HEAD, b"")
            self._pass_on(data)
            return
        for kind, octets in self._inlet.feed(data):
            if kind is Kind.OTHER:
                self._pass_on(octets)
            elif self.protocol.state is State.OPEN:  # nothing counts behind a close, RFC 6455 1.4
                self._add(octets, is_text=kind is Kind.TEXT)

    def _pass_on(self, data: bytes | bytearray) -> None:
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            self.process_event(event)

    def _add_part(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        self._parts += frame.data  # together at most MAX_MESSAGE: the library sees to it
        if frame.fin:
            message = bytes(self._parts)
            self._parts.clear()
            self._add(message, is_text=self._is_text)

    def _add(self, message: bytes, *, is_text: bool) -> None:
        try:
            self._arrived.append(message.decode() if is_text else message)
        except UnicodeDecodeError as error:  # RFC 6455 8.1
            self.set_connection_exc(error)
            self.protocol.fail(CloseCode.INVALID_DATA, f"{error.reason} at position {error.start}")

    async def _send_answers(self, answered: trio.Event) -> None:
        try:
            await self.send_data()
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self.set_connection_exc(error)  # reading tells
        finally:
            self._answered = None
            answered.set()

    # Writing

    @property
    def is_free(self) -> bool:
        """What is sent now goes next: it is open, a server's without TLS, and nothing waits before it."""
        protocol = self.protocol
        return (
            self._is_plain
            and not self._rest
            and protocol.state is State.OPEN
            and not protocol.writes
            and not self.send_lock.locked()
        )

    def send_now(self, message: bytes, *, is_text: bool) -> bool:
        """Send a message while it `is_free`. False: a rest of it waits for `send_data`."""
        assert isinstance(self.stream, trio.SocketStream)
        frame = framed(message, is_text=is_text)
        sent = write_now(self.stream, frame)
        if sent == len(frame):
            return True
        self._rest = frame[sent:]
        return False

    async def send_data(self) -> None:
        """Send what waits: first the rest of a frame, then what the library has to say."""
        if self._rest:
            async with self.send_lock:
                rest, self._rest = self._rest, b""
                if rest:
                    await self.stream.send_all(rest)
        if self.protocol.writes:
            await super().send_data()


class AcceptedConnection(DirectConnection, ServerConnection):
    """One that an app has dialled, and what its handshake has shown."""

    token: Token | None = None


class DialledConnection(DirectConnection, ClientConnection):
    """One that the engine has dialled."""
