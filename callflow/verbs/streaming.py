"""Streams: the call's sound over a WebSocket, to a program, and that program's voice back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import anyio

from callflow.leg import Leg
from callflow.pending import Pending
from callflow.protocol.commands import Control, Stream, StreamClear, StreamText
from callflow.protocol.events import Event, StreamDropped, StreamFinished, StreamMarked, StreamStarted, StreamTexted
from callflow.protocol.outcomes import Streamed
from callflow.running import Running

if TYPE_CHECKING:
    from callflow.call import Call

Streamable: TypeAlias = StreamStarted | StreamMarked | StreamTexted | StreamDropped
Direction: TypeAlias = Literal["both", "send", "receive"]
Tracks: TypeAlias = Literal["inbound", "outbound", "both", "mixed"]
Dialect: TypeAlias = Literal["callflow", "twilio", "raw"]

_MAX_EVENTS = 1000  # that wait for a script; more are dropped


class StreamHandle(Running[Streamed]):
    """A stream that goes on. Iterated over, it gives what happens to it, until it is over."""

    def __init__(self, leg: Leg, pending: Pending, events: AsyncIterator[Streamable]) -> None:
        super().__init__(leg, pending)
        self._events = events

    def __aiter__(self) -> AsyncIterator[Streamable]:
        return self._events

    async def clear(self) -> None:
        """Let nothing be heard of what the peer has said so far. Raises NotFound when the stream is over."""
        await self._leg.ask(StreamClear(command=self._pending.id))

    async def send(self, text: str) -> None:
        """Say a text to the peer; one that is not connected yet hears it first."""
        await self._leg.ask(StreamText(command=self._pending.id, text=text))

    async def pause(self) -> None:
        """Let the peer hear nothing of what follows, until `resume`."""
        await self._control(lambda id: Control(command=id, action="pause"))

    async def resume(self) -> None:
        """Let it hear the call again."""
        await self._control(lambda id: Control(command=id, action="resume"))


async def stream(
    call: Call,
    url: str,
    *,
    direction: Direction = "both",
    tracks: Tracks = "inbound",
    dialect: Dialect = "callflow",
    encoding: Literal["l16", "mulaw"] = "l16",
    rate: Literal[8000, 16000, 24000] = 8000,
    headers: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
    subprotocol: str = "",
    deadline: float | None = None,
) -> Streamed:
    """Have a program at a WebSocket hear the call, and be heard, until it closes the stream; see `streaming`.

    ended = await call.stream("wss://bots.example.com/reception", parameters={"topic": "opening hours"})
    """
    command = _command(url, direction, tracks, dialect, encoding, rate, headers, parameters, subprotocol)
    return cast("Streamed", await call._leg.perform(command, deadline=deadline))


@asynccontextmanager
async def streaming(
    call: Call,
    url: str,
    *,
    direction: Direction = "both",
    tracks: Tracks = "inbound",
    dialect: Dialect = "callflow",
    encoding: Literal["l16", "mulaw"] = "l16",
    rate: Literal[8000, 16000, 24000] = 8000,
    headers: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
    subprotocol: str = "",
) -> AsyncGenerator[StreamHandle, None]:
    """Stream beside what the script does meanwhile; the end of the block ends it.

    async with call.streaming("wss://bots.example.com/ears", direction="send", tracks="both") as stream:
        await call.bridge(agent)

    `tracks`: `inbound` is what the caller says, `outbound` what the caller hears. `dialect="twilio"` speaks as Twilio's
    Media Streams do, `raw` is sound alone, `both` tracks as two channels, or `mixed`.
    `parameters` are told to the peer; `headers` are sent with the handshake.
    """
    command = _command(url, direction, tracks, dialect, encoding, rate, headers, parameters, subprotocol)
    send, receive = anyio.create_memory_object_stream[Streamable](_MAX_EVENTS)
    begun: list[Pending] = []

    def take(event: Event) -> None:
        if not isinstance(event, Streamable | StreamFinished) or event.command != begun[0].id:
            return
        if isinstance(event, StreamFinished):
            send.close()
            return
        with suppress(anyio.WouldBlock, anyio.ClosedResourceError):
            send.send_nowait(event)

    with send, receive, call._leg.listening(take):
        begun.append(call._leg.begin(command))
        try:
            await begun[0].wait_accepted()
            yield StreamHandle(call._leg, begun[0], receive)
        finally:
            await call._leg.let_go(begun[0])


def _command(
    url: str,
    direction: Direction,
    tracks: Tracks,
    dialect: Dialect,
    encoding: Literal["l16", "mulaw"],
    rate: Literal[8000, 16000, 24000],
    headers: Mapping[str, str] | None,
    parameters: Mapping[str, str] | None,
    subprotocol: str,
) -> Stream:
    return Stream(
        url=url, direction=direction, tracks=tracks, dialect=dialect, encoding=encoding, rate=rate,
        headers=dict(headers or {}), parameters=dict(parameters or {}), subprotocol=subprotocol,
    )  # fmt: skip
