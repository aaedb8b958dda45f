"""Engines from outside: `connect` to one to watch and steer it, `join` it with an app, or `serve` calls it brings.

async with connect("ws://127.0.0.1:7443/v1/socket", token=token, subscribe=["channel.*"]) as engine:
    for channel in await engine.channels():
        print(channel.id, channel.caller, channel.to)
    async for frame, event in engine.events():
        print(frame.name, event)
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn, cast

import anyio
import anyio.abc
import msgspec

from .app import App
from .dialing import Stage, make_stages
from .download import download
from .errors import BadArgument, CallflowError, Disconnected, Unreachable
from .inbox import Happening, Inbox
from .link import Link
from .listing import list_channels, list_pages
from .protocol.commands import (
    COMMANDS,
    Apps,
    Bridges,
    Command,
    DecisionsCommand,
    Drain,
    Events,
    Hangup,
    Originate,
    Records,
    Registrations,
    SnapshotCommand,
    Status,
    Subscribe,
    TrunksCommand,
    UsersCommand,
)
from .protocol.frames import BridgeState, ChannelState, Hello, ReplyFrame, Resume, Share, Welcome
from .protocol.outcomes import Answered, Failed
from .protocol.queries import (
    AppState,
    Decision,
    Decisions,
    Draining,
    EngineStatus,
    PastEvent,
    PastEvents,
    RegistrationState,
    TrunkState,
    UserState,
)
from .protocol.records import CallRecord
from .session import run_app
from .state import State
from .transport import Transport
from .trust import client_context, server_context
from .websocket import accept_websocket, is_same_token, open_websocket, secure

__all__ = ["Engine", "Happening", "connect", "join", "serve"]

MAX_PAGE = 1000  # past events asked for at once
MAX_CALLS = 10_000  # connections that `serve` holds at once
_BACK_OFF = (0.1, 5.0)  # seconds, first and longest

log: logging.Logger = logging.getLogger("callflow.client")


class Engine:
    """A connection to a running engine."""

    def __init__(self, link: Link, inbox: Inbox) -> None:
        self._link = link
        self._inbox = inbox

    @property
    def welcome(self) -> Welcome:
        """What the engine said of itself and of this session."""
        if self._link.welcome is None:
            raise Disconnected("the engine has not said welcome")
        return self._link.welcome

    async def command(
        self,
        command: Command | str,
        *,
        channel: str | None = None,
        **arguments: Any,  # noqa: ANN401 - by command
    ) -> Any:  # noqa: ANN401 - by command
        """Have a command done, given as a value or by name with its arguments; the data of its reply, if it has any.

        Only waits for the reply; how a long command ends is an event. Raises CommandError's kin.
        """
        reply = await self._request(_command(command, arguments), channel)
        return self._link.connection.data(reply, object) if bytes(reply.data) else None

    async def channels(self) -> list[ChannelState]:
        """The live channels."""
        return await list_channels(self._link)

    async def bridges(self) -> list[BridgeState]:
        """The live bridges."""
        return await list_pages(self._link, Bridges(), list[BridgeState], lambda bridge: bridge.id)

    async def registrations(self) -> list[RegistrationState]:
        """The registered contacts."""
        return await list_pages(self._link, Registrations(), list[RegistrationState], lambda contact: contact.id)

    async def users(self) -> list[UserState]:
        """The users, of the configuration file and of the database."""
        return await list_pages(self._link, UsersCommand(), list[UserState], lambda user: user.id)

    async def drain(self) -> int:
        """Let no new calls in; the engine ends when its calls have, so many of them."""
        reply = await self._request(Drain(), None)
        return self._link.connection.data(reply, Draining).calls

    async def trunks(self) -> list[TrunkState]:
        """The trunks, and how they are."""
        return await list_pages(self._link, TrunksCommand(), list[TrunkState], lambda trunk: trunk.id)

    async def apps(self) -> list[AppState]:
        """The apps, with their sessions and routes."""
        return await list_pages(self._link, Apps(), list[AppState], lambda app: app.id)

    async def recent(self, *patterns: str, last: int = 100, channel: str | None = None) -> list[PastEvent]:
        """The `last` events that the engine still keeps, oldest first; of those with these names, of that channel."""
        found: list[PastEvent] = []
        before: int | None = None
        while before != 0 and len(found) < last:
            wanted = min(last - len(found), MAX_PAGE)
            query = Events(events=patterns or ("*",), channel=channel, last=wanted, before=before)
            reply = await self._request(query, None)
            page = self._link.connection.data(reply, PastEvents)
            found[:0], before = page.events, page.searched
        return found

    async def decisions(self, channel: str) -> Decisions:
        """The commands that were given to a channel, live or lately ended, in their order. Raises NotFound."""
        found: list[Decision] = []
        while True:
            reply = await self._request(DecisionsCommand(channel=channel, after=len(found)), None)
            page = self._link.connection.data(reply, Decisions)
            found += page.decisions
            if page.missing or len(found) >= page.total or not page.decisions:
                return Decisions(tuple(found), missing=page.missing, total=page.total)

    async def records(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        call: str = "",
        user: str = "",
        number: str = "",
    ) -> list[CallRecord]:
        """The records of ended calls, oldest first: all, or those that ended in a time (seconds since the epoch), of a
        call by the id of any of its channels, of an authenticated user, of a number.
        """
        records = Records(since=since, until=until, call=call, user=user, number=number)
        return await list_pages(self._link, records, list[CallRecord], lambda record: record.id)

    async def status(self) -> EngineStatus:
        """The engine's facts and counters."""
        reply = await self._request(Status(), None)
        return self._link.connection.data(reply, EngineStatus)

    async def originate(
        self,
        *stages: Stage,
        route: str | None = None,
        app: str | None = None,
        bridge: str | None = None,
        timeout: float = 30.0,  # noqa: ASYNC109 - the engine's, and no error
        caller_id: str | None = None,
        withheld: bool = False,
        headers: Mapping[str, str] | None = None,
        tones: bool = True,
    ) -> Answered | Failed:
        """Dial without a caller. The leg that answers goes to the app of a number (`route`), an app, or a channel.

        Without any of these it is this connection's, and ends with it. Returns when somebody has answered, or nobody.
        """
        plan = make_stages(stages, new_leg=lambda: self._link.new_id("leg"))
        command = Originate(
            stages=plan, timeout=timeout, caller_id=caller_id, headers=dict(headers or {}), route=route, app=app,
            bridge=bridge, withheld=withheld, tones=tones,
        )  # fmt: skip
        self._inbox.expect_reply()
        return cast("Answered | Failed", await self._link.perform(command))

    async def hangup(self, channel: str, *, cause: str | int = "normal_clearing") -> None:
        """End a call. Raises NotFound when there is no such channel."""
        await self._request(Hangup(cause=cause), channel)

    async def download(self, path: str, to: Path) -> int:
        """Save a recording of this app's own as a file; its octets. Raises NotFound, OSError."""
        self._inbox.expect_reply()
        return await download(self._link, path, to)

    async def subscribe(self, *patterns: str, channels: Sequence[str] = ()) -> None:
        """Receive events with these names (`channel.*`, `*`), of all channels or of those named."""
        await self._request(Subscribe(events=patterns, channels=tuple(channels)), None)

    def events(self, *patterns: str) -> AsyncIterator[Happening]:
        """The events subscribed to, from the connection on, and those of `patterns` from here on. One reader at a time.

        Raises EventsMissed, which carries the state instead, when the engine no longer keeps some of them (iterate
        again to go on), and Disconnected at the end of the connection.
        """
        return _Events(self, self._inbox, patterns)

    @property
    def position(self) -> Resume:
        """Where the reader is: a later `connect(resume=...)` goes on behind the last event that it took."""
        return self._inbox.position

    async def state(self) -> State:
        """The live channels and bridges, now: `events` goes on behind it, and skips what is in it already."""
        wish = self._inbox.wish_for_state()
        try:
            await self._request(SnapshotCommand(), None)
            await wish.done.wait()
        except CallflowError:
            self._inbox.withdraw(wish)
            raise
        finally:
            wish.is_wanted = False
        if wish.state is None:
            raise Disconnected("the connection to the engine ended")
        return wish.state

    async def wait_closed(self) -> None:
        """Wait until the connection has ended."""
        await self._inbox.closed.wait()

    async def _request(self, command: Command, channel: str | None) -> ReplyFrame:
        self._inbox.expect_reply()
        return await self._link.request(command, channel=channel)


class _Events:
    # No async generator: one that is left half-way would have to be closed by whoever left it.
    def __init__(self, engine: Engine, inbox: Inbox, patterns: Sequence[str]) -> None:
        self._engine = engine
        self._inbox = inbox
        self._patterns = patterns

    def __aiter__(self) -> AsyncIterator[Happening]:
        return self

    async def __anext__(self) -> Happening:
        if self._patterns:
            patterns, self._patterns = self._patterns, ()
            await self._engine.subscribe(*patterns)
        return await self._inbox.take()


@asynccontextmanager
async def connect(
    url: str,
    *,
    app: str = "monitor",
    token: str | None = None,
    subscribe: Sequence[str] = (),
    resume: Resume | None = None,
    ca: Path | None = None,
    ssl_context: ssl.SSLContext | None = None,
) -> AsyncGenerator[Engine, None]:
    """Connect to an engine's event socket, to watch and to steer. `subscribe` are the events to begin with.

    With `resume`, the `position` of an earlier connection (of another process, even), `events` goes on behind it: no
    event is lost and none comes twice. What the engine no longer keeps, and all of another run of the engine, is told
    by EventsMissed. Raises Unreachable when no engine answers, Unauthorized when it does not know the token.

    The certificate at a `wss` address must be of that host and signed by whom the system trusts, or by `ca`, a file in
    PEM; or else an `ssl_context` says what it must be.
    """
    transport = await open_websocket(url, token=token, ssl_context=client_context(ca, ssl_context))
    inbox = Inbox(ask_for_state=lambda: link.tell(SnapshotCommand()))
    link = Link(transport, on_event=inbox.put, on_state=inbox.put_state)
    link.before_read = lambda: inbox.wait_for_room(lambda: link.in_flight > 0)
    error: BaseException | None = None
    try:
        welcome = await link.open(Hello(app=app, subscribe=tuple(subscribe), resume=resume))
        inbox.position = Resume(epoch=welcome.epoch, seq=_begin(welcome, resume))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_run_link, link, inbox)
            try:
                yield Engine(link, inbox)
            except (Exception, KeyboardInterrupt) as raised:  # raised below as itself, not in a group
                error = raised
            tasks.cancel_scope.cancel()
    finally:
        await transport.aclose()
    if error is not None:
        raise error


async def join(
    url: str,
    app: App,
    *,
    token: str | None = None,
    folder: Path | None = None,
    share: Share = "share",
    ca: Path | None = None,
    ssl_context: ssl.SSLContext | None = None,
) -> NoReturn:
    """Keep an app connected to an engine: it takes the calls of its routes there.

    When only the connection is lost, the scripts go on: what happened meanwhile is told again, once, and commands that
    were not answered are sent again, and done once. The engine ends calls whose app is away unless their `policy` has
    them wait. An engine that cannot be reached for a minute, or is another one now, has none of the calls any more.

    `folder` is where the files are that the app plays: what the engine does not have yet is sent when it is played.
    `share` says how it goes with others of the app's name: they `share` calls in turn; one on `standby` takes over,
    with all calls, when one that takes calls is lost; one that is to `refuse` others is alone, or raises NotOwner.
    `ca` and `ssl_context` are for `wss`, see `connect`.
    Raises Unauthorized when the engine does not know the token, or does not let it take calls.
    """
    delay = _BACK_OFF[0]
    ssl_context = client_context(ca, ssl_context)

    async def dial() -> Transport:
        return await open_websocket(url, token=token, ssl_context=ssl_context)

    while True:
        try:
            transport = await dial()
            delay = _BACK_OFF[0]
            await run_app(app, transport, reconnect=dial, folder=folder, share=share)
            log.info("the engine at %s closed the connection", url)
        except (Unreachable, Disconnected) as error:
            log.warning("%s; trying again in %.1f s", error, delay)
        await anyio.sleep(delay)
        delay = min(delay * 2, _BACK_OFF[1])


async def serve(
    app: App,
    *,
    token: str,
    host: str = "127.0.0.1",
    port: int = 0,
    folder: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
    task_status: anyio.abc.TaskStatus[int] = anyio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Take calls that engines bring, one WebSocket per call, until cancelled. `task_status` is given the port.

    An engine must present the token (that of its route). `folder`: the files that the app plays, see `join`.
    With a certificate, and its key if that is in a file of its own, both in PEM, it is a `wss` address.
    Raises OSError when the address cannot be had, BadArgument for a certificate that cannot be used.
    """
    tls = server_context(certificate, key) if certificate is not None else None
    if not token:
        raise BadArgument("expected a token that the engines present", command="serve")
    listener = await anyio.create_tcp_listener(local_host=host, local_port=port)
    limiter = anyio.CapacityLimiter(MAX_CALLS)

    async def take(stream: anyio.abc.SocketStream) -> None:
        async with stream, limiter:
            await _take_call(app, stream, token, folder, tls)

    async with listener:
        task_status.started(listener.extra(anyio.abc.SocketAttribute.local_port))
        await listener.serve(take)
    raise AssertionError("a listener serves until cancelled")


async def _take_call(
    app: App, stream: anyio.abc.SocketStream, token: str, folder: Path | None, tls: ssl.SSLContext | None
) -> None:
    try:
        secured = stream if tls is None else await secure(stream, tls)
        transport = await accept_websocket(secured, is_token=lambda given: is_same_token(token, given))
        await run_app(app, transport, folder=folder)
    except CallflowError as error:
        log.warning("a connection was not taken: %s", error)


async def _run_link(link: Link, inbox: Inbox) -> None:
    try:
        await link.run()
    finally:
        inbox.close()


def _begin(welcome: Welcome, resume: Resume | None) -> int:
    if resume is None:
        return welcome.seq
    return resume.seq if resume.epoch == welcome.epoch else 0  # of another run: it has not seen any of this one


def _command(command: Command | str, arguments: dict[str, Any]) -> Command:
    if isinstance(command, Command):
        return command
    shape = COMMANDS.get(command)
    if shape is None:
        raise BadArgument(f"there is no such command; there are {', '.join(sorted(COMMANDS))}", command=command)
    try:
        return msgspec.convert(arguments, shape)
    except msgspec.ValidationError as error:
        raise BadArgument(str(error), command=command) from error
