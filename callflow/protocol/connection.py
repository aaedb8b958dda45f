"""Both ends of an event socket, without I/O: bytes of a message in, frames out, and back.

A *message* carries one or more frames: msgpack maps one after another, or JSON objects one per line. A WebSocket has
messages of its own; on a byte stream (Unix socket, stream pair) each is preceded by its length, see `prefixed` and
`MessageReader`. An app's end::

    app = AppConnection(Spelling.MSGPACK)
    await socket.send(app.send(Hello(app="reception")))
    for frame in app.receive(await socket.recv()): ...

The engine's end is `EngineConnection`. The only error of either is `MalformedMessage`; after one the peer is lost.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

import msgpack  # type: ignore[import-untyped]
import msgspec

from .commands import COMMANDS, Command
from .events import EVENTS, Event
from .frames import MAX_MESSAGE, AppFrame, CommandFrame, EngineFrame, EventFrame, ReplyFrame

T = TypeVar("T")

_LENGTH = 4  # octets of a stream's length prefix, big-endian


class MalformedMessage(ValueError):
    """What came is no message of this protocol; the text says what is wrong with it."""


class Spelling(enum.Enum):
    """How frames are written; the value is the WebSocket subprotocol's name."""

    MSGPACK = "callflow.v1.msgpack"
    JSON = "callflow.v1.json"

    @property
    def is_text(self) -> bool:
        return self is Spelling.JSON

    def encode(self, value: object) -> bytes:
        return _json.encode(value) if self is Spelling.JSON else _msgpack.encode(value)

    def decode(self, data: bytes | msgspec.Raw, shape: type[T]) -> T:
        """Read one value. Raises MalformedMessage."""
        try:
            if self is Spelling.JSON:
                return msgspec.json.decode(data, type=shape)
            return msgspec.msgpack.decode(data, type=shape)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise MalformedMessage(str(error)) from error

    def join(self, frames: Iterable[bytes]) -> bytes:
        """Encoded frames, as one message."""
        return (b"\n" if self is Spelling.JSON else b"").join(frames)


def respelled(frame: bytes) -> bytes:
    """A frame written as msgpack, written as JSON."""
    return _json.encode(msgspec.msgpack.decode(frame))


def prefixed(message: bytes) -> bytes:
    """A message as it stands on a byte stream."""
    return len(message).to_bytes(_LENGTH, "big") + message


class MessageReader:
    """Cuts a byte stream into the messages that `prefixed` made. Holds at most one message and what came with it."""

    def __init__(self, max_message: int = MAX_MESSAGE) -> None:
        self._max_message = max_message
        self._buffer = bytearray()

    @property
    def is_empty(self) -> bool:
        """No part of a message is waiting for its rest: a stream that ends here ends cleanly."""
        return not self._buffer

    def feed(self, data: bytes | bytearray) -> list[bytes]:
        """The messages that are complete now. Raises MalformedMessage for one that is too long."""
        self._buffer += data
        messages, at, end = [], 0, len(self._buffer)
        while end - at >= _LENGTH:
            length = int.from_bytes(self._buffer[at : at + _LENGTH], "big")
            if length > self._max_message:
                raise MalformedMessage(f"expected a message of at most {self._max_message} octets, got {length}")
            if end - at < _LENGTH + length:
                break
            messages.append(bytes(self._buffer[at + _LENGTH : at + _LENGTH + length]))
            at += _LENGTH + length
        del self._buffer[:at]
        return messages


class AppConnection:
    """The end of whoever steers calls."""

    def __init__(self, spelling: Spelling = Spelling.MSGPACK) -> None:
        self.spelling = spelling

    def send(self, *frames: AppFrame) -> bytes:
        """The message to send."""
        return self.spelling.join(self.spelling.encode(frame) for frame in frames)

    def receive(self, message: bytes | str) -> list[EngineFrame]:
        """What the engine says. Raises MalformedMessage."""
        return _receive(message, _ENGINE_FRAMES[self.spelling])

    def command(
        self, id: str, command: Command, *, channel: str | None = None, deadline: float | None = None
    ) -> CommandFrame:
        """The frame of a command; `deadline` is seconds from now."""
        args = msgspec.Raw(self.spelling.encode(command))
        return CommandFrame(id=id, name=command.name, channel=channel, args=args, deadline=deadline)

    def event(self, frame: EventFrame) -> Event | None:
        """The event in a frame, None for one that this version does not know. Raises MalformedMessage."""
        shape = EVENTS.get(frame.name)
        return None if shape is None else self.spelling.decode(frame.data, shape)

    def data(self, frame: ReplyFrame, shape: type[T]) -> T:
        """The data of a query's reply. Raises MalformedMessage."""
        if not bytes(frame.data):
            raise MalformedMessage(f"expected data in the reply to {frame.id}, got none")
        return self.spelling.decode(frame.data, shape)


class EngineConnection:
    """The engine's end."""

    def __init__(self, spelling: Spelling = Spelling.MSGPACK) -> None:
        self.spelling = spelling

    def send(self, *frames: EngineFrame) -> bytes:
        """The message to send."""
        return self.spelling.join(self.spelling.encode(frame) for frame in frames)

    def receive(self, message: bytes | str) -> list[AppFrame]:
        """What the app says. Raises MalformedMessage."""
        return _receive(message, _APP_FRAMES[self.spelling])

    def command(self, frame: CommandFrame) -> Command | None:
        """The command in a frame, None for an unknown name. Raises MalformedMessage when the arguments do not fit."""
        shape = COMMANDS.get(frame.name)
        if shape is None:
            return None
        args = bytes(frame.args)
        return self.spelling.decode(args, shape) if args else self.spelling.decode(self.spelling.encode({}), shape)

    def reply(self, id: str, *, seq: int, data: object | None = None) -> ReplyFrame:
        """The frame that accepts a command, with a query's answer."""
        if data is None:
            return ReplyFrame(id=id, ok=True, seq=seq)
        return ReplyFrame(id=id, ok=True, seq=seq, data=msgspec.Raw(self.spelling.encode(data)))


_json = msgspec.json.Encoder()
_msgpack = msgspec.msgpack.Encoder()

# Any: a union of frames, which mypy does not take as a type argument. What comes out is one of the union.
_Decoder: TypeAlias = msgspec.json.Decoder[Any] | msgspec.msgpack.Decoder[Any]

_APP_FRAMES: Mapping[Spelling, _Decoder] = MappingProxyType({
    Spelling.MSGPACK: msgspec.msgpack.Decoder(AppFrame),
    Spelling.JSON: msgspec.json.Decoder(AppFrame),
})
_ENGINE_FRAMES: Mapping[Spelling, _Decoder] = MappingProxyType({
    Spelling.MSGPACK: msgspec.msgpack.Decoder(EngineFrame),
    Spelling.JSON: msgspec.json.Decoder(EngineFrame),
})


def _receive(message: bytes | str, decoder: _Decoder) -> list[Any]:
    if len(message) > MAX_MESSAGE:
        raise MalformedMessage(f"expected a message of at most {MAX_MESSAGE} octets, got {len(message)}")
    try:
        if isinstance(decoder, msgspec.json.Decoder):
            return decoder.decode_lines(message)
        if isinstance(message, str):
            raise MalformedMessage("expected msgpack in a binary message, got text")
        return _decode_msgpack(message, decoder)
    except MalformedMessage:
        raise
    except (msgspec.MsgspecError, msgpack.UnpackException, ValueError, RecursionError) as error:
        raise MalformedMessage(str(error)) from error


def _decode_msgpack(message: bytes, decoder: msgspec.msgpack.Decoder[Any]) -> list[Any]:
    try:
        return [decoder.decode(message)]  # most messages to the engine are one frame
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError as error:
        ends = _ends_of_maps(message)
        if len(ends) < 2:
            raise MalformedMessage(str(error)) from error
    return [decoder.decode(message[start:end]) for start, end in zip((0, *ends), ends, strict=False)]


def _ends_of_maps(message: bytes) -> list[int]:
    unpacker = msgpack.Unpacker(max_buffer_size=MAX_MESSAGE)
    unpacker.feed(message)
    ends = []
    while unpacker.tell() < len(message):
        unpacker.skip()  # OutOfData when the last one is cut short
        ends.append(unpacker.tell())
    return ends
