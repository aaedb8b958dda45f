"""Programs that calls are streamed to, in a simulation: functions of the test's making, or a program's own.

simulation.bots["ws://bot.example"] = bot      # async def bot(socket): async for message in socket: ...

The socket is used as one of `websockets` is, so that the same function serves real ones. Its messages are the real
ones, to the octet; time is virtual.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

import trio

from engine.streams.hosts import Hosts
from engine.streams.message import Message
from engine.streams.socket import StreamClosed, StreamRefused, StreamUnreachable

MOST_WAITING = 64  # messages that a peer has not read, before sending to it has to wait

NORMAL, BROKEN = 1000, 1006  # RFC 6455 7.4.1


class BotSocket:
    """The bot's end of a connection."""

    def __init__(self, wire: _Wire, url: str, headers: Mapping[str, str]) -> None:
        self.url = url
        self.headers = headers
        """Those that the call's program gave."""
        self._wire = wire

    def __aiter__(self) -> AsyncIterator[Message]:
        """Messages, until the stream is over."""
        return self

    async def __anext__(self) -> Message:
        try:
            return await self.recv()
        except StreamClosed as closed:
            raise StopAsyncIteration from closed

    async def recv(self) -> Message:
        """The next message. Raises StreamClosed."""
        try:
            return await self._wire.to_bot[1].receive()
        except (trio.EndOfChannel, trio.ClosedResourceError) as error:
            raise StreamClosed(self._wire.code or NORMAL, "the stream is over") from error

    async def send(self, message: Message) -> None:
        """Send one: bytes are binary, a str is text. Raises StreamClosed."""
        try:
            await self._wire.to_engine[0].send(message)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise StreamClosed(self._wire.code or NORMAL, "the stream is over") from error

    async def close(self, code: int = NORMAL, reason: str = "") -> None:
        """End the stream."""
        self._wire.cut(code)
        await trio.lowlevel.checkpoint()


Bot: TypeAlias = Callable[[BotSocket], Awaitable[object]]


class _Wire:
    """Between the engine and a bot."""

    def __init__(self) -> None:
        self.to_bot = trio.open_memory_channel[Message](MOST_WAITING)
        self.to_engine = trio.open_memory_channel[Message](MOST_WAITING)
        self.code: int | None = None  # with which it was closed

    def cut(self, code: int) -> None:
        """Close both ways; what was sent is read first."""
        if self.code is None:
            self.code = code
        self.to_bot[0].close()
        self.to_engine[0].close()


class _EngineSocket:
    """Fulfils StreamSocket."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    async def send(self, messages: Sequence[Message]) -> None:
        """Waits while the bot does not read."""
        try:
            for message in messages:
                await self._wire.to_bot[0].send(message)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise StreamClosed(self._wire.code or BROKEN, "") from error

    async def receive(self) -> Message:
        try:
            return await self._wire.to_engine[1].receive()
        except (trio.EndOfChannel, trio.ClosedResourceError) as error:
            raise StreamClosed(self._wire.code or BROKEN, "") from error

    def keep_alive(self) -> None:
        """Nothing breaks here that nobody notices."""

    async def close(self, code: int = NORMAL) -> None:
        self._wire.cut(code)
        await trio.lowlevel.checkpoint()

    async def abort(self) -> None:
        self._wire.cut(BROKEN)
        self._wire.to_engine[1].close()
        await trio.lowlevel.checkpoint()


class SimulatedStreams:
    """Fulfils Dialer."""

    def __init__(self, nursery: Callable[[], trio.Nursery], bots: Mapping[str, Bot | int]) -> None:
        self._nursery = nursery
        self._bots = bots

    def expect_allowed(self, url: str) -> None:
        """Any host."""
        Hosts(("*",), lambda rules, scheme, host, port: True).expect_allowed(url)

    async def dial(
        self, url: str, *, headers: Mapping[str, str], subprotocol: str | None, on_pending: Callable[[], None]
    ) -> _EngineSocket:
        """The bot of that URL; of a number, it is what the handshake is answered with."""
        await trio.lowlevel.checkpoint()
        bot = self._bots.get(url)
        if bot is None:
            known = ", ".join(self._bots) or "none"
            raise StreamUnreachable(f"no bot at {url}: simulation.bots has {known}")
        if isinstance(bot, int):
            raise StreamRefused(bot)
        wire = _Wire()
        self._nursery().start_soon(self._serve, bot, BotSocket(wire, url, headers), name=f"bot at {url}")
        return _EngineSocket(wire)

    async def _serve(self, bot: Bot, socket: BotSocket) -> None:
        try:
            await bot(socket)
        except StreamClosed:
            return  # it spoke, or listened, when the stream was over
        finally:
            await socket.close()
