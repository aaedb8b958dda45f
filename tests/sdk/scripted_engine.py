"""An engine that does as the test says: it speaks frames over a memory stream and knows nothing of telephony."""

from __future__ import annotations

import functools
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.abc
import msgspec

from callflow import App, Call, Party
from callflow.protocol import commands, events, outcomes
from callflow.protocol.commands import Command
from callflow.protocol.connection import EngineConnection, MessageReader, prefixed
from callflow.protocol.frames import Blob, CommandFrame, Error, EventFrame, Hello, ReplyFrame, Welcome
from callflow.session import run_app
from callflow.transport import ByteStream, StreamTransport

SESSION = "session-1"
CommandT = TypeVar("CommandT", bound=Command)

ENDS = {
    "play": events.PlaybackFinished,
    "say": events.PlaybackFinished,
    "tone": events.PlaybackFinished,
    "gather": events.GatherFinished,
    "record": events.RecordingFinished,
    "record_call": events.RecordingFinished,
    "echo": events.EchoFinished,
    "send_digits": events.DigitsSent,
    "dial": events.DialFinished,
    "originate": events.DialFinished,
    "conference_play": events.PlaybackFinished,
    "conference_record": events.RecordingFinished,
}


class MemoryStream(anyio.abc.ByteStream):
    """One end of a pair of byte streams, with room for 1,000 sends."""

    def __init__(self, send: Any, receive: Any) -> None:
        self._send, self._receive = send, receive

    async def send(self, item: bytes) -> None:
        await self._send.send(item)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        return await self._receive.receive()

    async def send_eof(self) -> None:
        await self._send.aclose()

    async def aclose(self) -> None:
        await self._send.aclose()
        await self._receive.aclose()


def memory_streams() -> tuple[MemoryStream, MemoryStream]:
    there, here = anyio.create_memory_object_stream[bytes](1000), anyio.create_memory_object_stream[bytes](1000)
    return MemoryStream(there[0], here[1]), MemoryStream(here[0], there[1])


class ScriptedEngine:
    """The test's end. `take` reads the next command; what it is answered is up to the test."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self.connection = EngineConnection()
        self.seen: list[Command] = []
        self.hello: Hello | None = None
        self._reader = MessageReader()
        self._frames: list[Any] = []
        self._seq = itertools.count(1)

    async def greet(self, *, owns: Sequence[str] = (), epoch: str = "e", session: str = SESSION, seq: int = 0) -> Hello:
        """Read the hello, send the welcome."""
        self.hello = await self._next_frame()
        assert isinstance(self.hello, Hello)
        await self.send(
            Welcome(engine="test", protocol=1, epoch=epoch, seq=seq, session=session, owns=tuple(owns)),
        )
        return self.hello

    def skip_to(self, seq: int) -> None:
        """The next event has this number."""
        self._seq = itertools.count(seq)

    async def refuse_hello(self, code: Any, message: str) -> None:
        """Read the hello, and refuse it."""
        await self._next_frame()
        await self.send(ReplyFrame(id="", ok=False, error=Error(code=code, message=message)))

    async def send(self, *frames: Any) -> None:
        await self.stream.send(prefixed(self.connection.send(*frames)))

    def event(self, event: events.Event, channel: str | None = None) -> EventFrame:
        data = msgspec.Raw(self.connection.spelling.encode(event))
        return EventFrame(seq=next(self._seq), at=0.0, name=event.name, channel=channel, data=data)

    async def emit(self, event: events.Event, channel: str | None = None) -> None:
        await self.send(self.event(event, channel))

    async def call(self, id: str = "call-1", *, to: str = "1000", route: str | None = None) -> None:
        """A call comes in for this app."""
        party = Party(uri="sip:alice@pbx", number="alice", name="Alice")
        callee = Party(uri=f"sip:{to}@pbx", number=to)
        await self.emit(
            events.ChannelCreated(
                direction="inbound", caller=party, callee=callee, to=to, app="test", route=route, owner=SESSION
            ),
            id,
        )

    def ended(self, id: str = "call-1", *, by: str = "caller", cause: int = 16) -> EventFrame:
        return self.event(
            events.ChannelEnded(
                cause=cause, cause_name="normal_clearing", ended_by=by, phase="answered", created_at=0.0, ended_at=1.0
            ),
            id,
        )

    async def hang_up(self, id: str = "call-1") -> None:
        """The caller hangs up."""
        await self.send(self.ended(id))

    async def take(self, shape: type[CommandT]) -> tuple[CommandFrame, CommandT]:
        """The next command, which must be of this kind."""
        frame = await self._next_frame()
        assert isinstance(frame, CommandFrame), frame
        command = self.connection.command(frame)
        assert command is not None
        self.seen.append(command)
        assert isinstance(command, shape), f"expected {shape.name}, got {command}"
        return frame, command

    async def take_blob(self) -> Blob:
        """The next part of a file."""
        frame = await self._next_frame()
        assert isinstance(frame, Blob), frame
        return frame

    async def accept(self, shape: type[CommandT], *, data: object = None) -> tuple[CommandFrame, CommandT]:
        """Take the next command and accept it."""
        frame, command = await self.take(shape)
        await self.send(self.connection.reply(frame.id, seq=1, data=data))
        return frame, command

    async def refuse(self, shape: type[CommandT], code: Any, message: str = "no") -> CommandT:
        """Take the next command and refuse it."""
        frame, command = await self.take(shape)
        await self.send(ReplyFrame(id=frame.id, ok=False, error=Error(code=code, message=message)))
        return command

    async def end(self, shape: type[CommandT], outcome: outcomes.AnyOutcome) -> CommandT:
        """Take the next command, accept it, and end it with an outcome."""
        frame, command = await self.accept(shape)
        await self.finish(frame, outcome)
        return command

    async def finish(self, frame: CommandFrame, outcome: outcomes.AnyOutcome) -> None:
        """End a command."""
        await self.send(self.outcome(frame, outcome))

    def outcome(self, frame: CommandFrame, outcome: outcomes.AnyOutcome) -> EventFrame:
        if frame.name == "bridge":
            event: events.Event = events.ChannelUnbridged(bridge="b", other="x", command=frame.id, outcome=outcome)
        elif frame.name in ("join", "listen"):
            event = events.BridgeLeft(bridge="b", command=frame.id, outcome=outcome)
        else:
            event = ENDS[frame.name](command=frame.id, outcome=outcome)
        return self.event(event, frame.channel)

    async def expect_hangup(self, id: str = "call-1", *, cause: str = "normal_clearing") -> None:
        """The script is over: its call is hung up, and ends."""
        frame, command = await self.accept(commands.Hangup)
        assert (frame.channel, command.cause) == (id, cause)
        await self.send(self.ended(id, by="app"))

    async def close(self) -> None:
        """The engine dies."""
        await self.stream.aclose()

    async def _next_frame(self) -> Any:
        while not self._frames:
            for message in self._reader.feed(await self.stream.receive()):
                self._frames += self.connection.receive(message)
        return self._frames.pop(0)


@asynccontextmanager
async def running(
    app: App, *, owns: Sequence[str] = (), folder: Path | None = None
) -> AsyncGenerator[ScriptedEngine, None]:
    """The app, connected to an engine in the test's hands; at the end the engine dies, and the app must return."""
    ours, theirs = memory_streams()
    engine = ScriptedEngine(ours)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(functools.partial(run_app, app, StreamTransport(theirs), folder=folder))
        await engine.greet(owns=owns)
        yield engine
        await engine.close()


def app_of(script: Callable[[Call], Awaitable[object]], pattern: str = "1000") -> App:
    """An app with one route."""
    app = App("test")
    app.route(pattern)(script)
    return app
