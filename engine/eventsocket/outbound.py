"""The door that the engine opens itself: for each call of a route with a socket, it dials the app there.

The engine shows the route's token as a bearer; the app says hello first, and `welcome.owns` is the one call. An app
that cannot be reached costs the caller a 503.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog
import trio
from websockets.exceptions import InvalidHandshake, InvalidURI
from websockets.trio.client import connect

from callflow.protocol.commands import Hangup, Reject
from callflow.protocol.events import ChannelCreated, ChannelEnded, Event
from callflow.protocol.frames import MAX_MESSAGE, CloseCode
from engine.channels.errors import CommandError

from .connection import CLOSE_TIMEOUT, DialledConnection
from .eventsocket import EventSocket
from .log import Entry
from .tokens import Token
from .websocket import PING_INTERVAL, PING_TIMEOUT, SUBPROTOCOLS, WebSocketLink

CONNECT_WITHIN = 5.0  # seconds
LINGER = 10.0  # seconds that an app has to close after its last call has ended
_GRANT = Token(name="outbound", secret="", scopes=frozenset({"calls:own"}))

logger = structlog.get_logger("engine.eventsocket")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an app is, and how the engine shows that it is the engine."""

    url: str
    token: str | None = field(default=None, repr=False)
    ssl_context: ssl.SSLContext | None = None


class OutboundDoor:
    """Dials the app of each channel that is created for one of `destinations`; their keys are the channels' `app`."""

    def __init__(
        self,
        sockets: EventSocket,
        destinations: Mapping[str, Destination],
        nursery: trio.Nursery,
        *,
        new_id: Callable[[], str],
        linger: float = LINGER,
    ) -> None:
        self._sockets = sockets
        self._destinations = destinations
        self._nursery = nursery
        self._new_id = new_id
        self._linger_for = linger
        self._dialling: dict[str, trio.CancelScope] = {}  # by channel, until connected
        self._links: dict[str, WebSocketLink] = {}  # by channel, when connected
        sockets.log.watch(ChannelCreated, self._dial)
        sockets.log.watch(ChannelEnded, self._hang_up)

    def _dial(self, event: Event, entry: Entry) -> None:
        destination = self._destinations.get(event.app or "") if isinstance(event, ChannelCreated) else None
        if destination is not None and entry.channel is not None and entry.owner is None:
            scope = self._dialling[entry.channel] = trio.CancelScope()
            self._nursery.start_soon(self._serve, entry.channel, destination, scope)

    def _hang_up(self, event: Event, entry: Entry) -> None:
        if entry.owner is None:
            return self._break_off(entry.channel or "")
        session = self._sockets.sessions.get(entry.owner)
        if session is not None and session.token is _GRANT and not session.owned:
            self._nursery.start_soon(self._linger, session.id)

    def _break_off(self, channel: str) -> None:
        if (link := self._links.get(channel)) is not None:
            self._nursery.start_soon(link.close, CloseCode.NORMAL, "the call has ended")
        elif (scope := self._dialling.get(channel)) is not None:
            scope.cancel()

    async def _serve(self, channel: str, destination: Destination, scope: trio.CancelScope) -> None:
        try:
            with scope:
                await self._connect(channel, destination)
        except (OSError, InvalidHandshake, InvalidURI, ValueError, trio.BrokenResourceError) as error:
            reason = str(error.__cause__ or error) or type(error).__name__  # trio tells of TLS in the cause
            logger.error("the app cannot be reached", url=destination.url, call=channel, reason=reason)
            self._fail(channel)
        finally:
            del self._dialling[channel]

    async def _connect(self, channel: str, destination: Destination) -> None:
        headers = {"Authorization": f"Bearer {destination.token}"} if destination.token is not None else {}
        async with connect(
            destination.url,
            ssl=destination.ssl_context,
            subprotocols=SUBPROTOCOLS,
            compression=None,
            additional_headers=headers,
            proxy=None,
            open_timeout=CONNECT_WITHIN,
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_TIMEOUT,
            close_timeout=CLOSE_TIMEOUT,
            max_size=MAX_MESSAGE,
            create_connection=DialledConnection,
        ) as connection:
            assert isinstance(connection, DialledConnection)
            link = self._links[channel] = WebSocketLink(connection, destination.url)
            try:
                await self._sockets.serve(link, token=_GRANT, channel=channel)
            finally:
                del self._links[channel]
        self._fail(channel)  # unless somebody has it

    def _fail(self, channel: str) -> None:
        waiting = self._sockets.table.channels.get(channel)
        if waiting is not None and waiting.owner is None:
            try:
                waiting.perform(self._new_id(), Reject(reason=503))
            except CommandError:  # answered meanwhile
                waiting.perform(self._new_id(), Hangup(cause="temporary_failure"))

    async def _linger(self, session_id: str) -> None:
        await trio.sleep(self._linger_for)
        session = self._sockets.sessions.get(session_id)
        if session is not None and not session.owned:
            session.close(CloseCode.NORMAL, "the call has ended")
