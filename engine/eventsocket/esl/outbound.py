"""The engine dials an application for each call of a route with `socket = "esl://HOST:PORT?async&full"`.

It connects and says nothing: the application sends `connect` first. When the application goes, and the call is still
there, nothing is left to be done with it: it ends as at the end of a dialplan.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import structlog
import trio

from callflow.protocol.commands import Reject
from callflow.protocol.events import ChannelCreated, Event
from engine.eventsocket.log import Entry

from .address import Application
from .client import Client
from .command import handle
from .framing import Request
from .hub import Hub
from .leg import Leg
from .performing import conclude, learn_headers
from .stage import NONE, Stage
from .steering import Refused
from .vocabulary import q850

CONNECT_WITHIN = 5.0  # seconds
SPEAK_WITHIN = 25.0  # for the application's first command
_FAILED = "NORMAL_TEMPORARY_FAILURE"

logger = structlog.get_logger("engine.esl")


class OutboundDoor:
    """Dials the application of each channel whose `app` is one of these; their keys are the addresses of the routes."""

    def __init__(self, hub: Hub, applications: Mapping[str, Application]) -> None:
        self._hub = hub
        self._applications = applications
        hub.sockets.log.watch(ChannelCreated, self._dial)

    def _dial(self, event: Event, entry: Entry) -> None:
        application = self._applications.get(event.app or "") if isinstance(event, ChannelCreated) else None
        leg = self._hub.find(entry.channel or "")
        if application is not None and leg is not None and entry.owner is None:
            self._hub.nursery.start_soon(self._serve, leg, application)

    async def _serve(self, leg: Leg, application: Application) -> None:
        self._take(leg)
        await learn_headers(self._hub, leg)
        place = f"{application.host}:{application.port}"
        try:
            with trio.fail_after(CONNECT_WITHIN):
                stream = await application.connect()
        except (OSError, trio.TooSlowError) as error:
            logger.error("the application cannot be reached", address=place, call=leg.id, reason=str(error))
            await self._fail(leg)
            return
        leg.variables["socket_host"] = application.host
        client = Client(
            stream, self._hub, peer=place, leg=leg, is_full=application.is_full, is_async=application.is_async
        )
        if leg.hangup_at:  # meanwhile
            await trio.aclose_forcefully(stream)
            return
        client.on_end = partial(self._conclude, leg)
        await talk(client, leg)

    def _conclude(self, leg: Leg) -> None:
        """When the application has gone, or said `exit`, nothing but what runs already is left to be done."""
        if not leg.hangup_at:
            conclude(self._hub, leg)

    def _take(self, leg: Leg) -> None:
        channel, owner = self._hub.sockets.table.channels.get(leg.id), self._hub.steering.owner
        if channel is not None and channel.is_alive and owner is not None:
            channel.give(owner)

    async def _fail(self, leg: Leg) -> None:
        leg.cause = leg.cause or _FAILED
        try:
            await self._hub.steering.command(leg.id, Reject(reason=503))
        except Refused:
            await self._hub.steering.hang_up(leg.id, q850(_FAILED))


async def talk(client: Client, leg: Leg) -> None:
    """Do what the application says, until either side ends it."""
    client.hub.attend(client, leg)
    try:
        with trio.CancelScope(deadline=trio.current_time() + SPEAK_WITHIN) as scope:

            async def receive(client: Client, request: Request) -> None:
                scope.deadline = math.inf
                await handle(client, request)

            client.parser.trust()
            await client.serve(receive)
    except Exception:  # a fault of ours must not take other calls with it
        logger.exception("an application's connection failed", peer=client.peer)
    finally:
        client.hub.leave(client, leg)


async def socket_application(stage: Stage, data: str) -> str:
    """The application `socket HOST[:PORT][|HOST2...] [async] [full]`: the first of these that is there is dialled."""
    places, *flags = data.split() or [""]
    for place in places.split("|"):
        try:
            application = Application.parse(f"esl://{place.partition('/')[0]}?{'&'.join(flags)}")
            with trio.fail_after(CONNECT_WITHIN):
                stream = await application.connect()
        except (ValueError, OSError, trio.TooSlowError) as error:
            logger.error("the application cannot be reached", address=place[:128], call=stage.leg.id, reason=str(error))
            continue
        stage.leg.variables["socket_host"] = application.host
        client = Client(
            stream, stage.hub, peer=place, leg=stage.leg, is_full=application.is_full, is_async=application.is_async
        )
        await _converse(stage, client)
        return NONE
    return NONE


async def _converse(stage: Stage, client: Client) -> None:
    """Until the application has gone, or what runs on the leg is ended. What it has executed runs inside."""
    ended = trio.Event()
    client.on_end = ended.set
    stage.hub.nursery.start_soon(talk, client, stage.leg)
    stage.execution.under_way.set()
    try:
        await ended.wait()
    finally:
        if not stage.leg.hangup_at:  # else it is told so, and may linger
            client.goodbye()
