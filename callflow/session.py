"""An app's session with an engine: calls come in as events, each gets its function started, and events find their call.

link = Link(StreamTransport(stream), on_event=...)      # see `run_app`
"""

from __future__ import annotations

import logging

import anyio
import anyio.abc

from .app import App
from .call import Call
from .errors import CallEnded, CallflowError, Disconnected
from .link import Link, StateFrame
from .listing import list_channels
from .protocol.events import (
    ChannelAnswered,
    ChannelCreated,
    ChannelEnded,
    Event,
    OwnerChanged,
    OwnerLost,
    Party,
)
from .protocol.frames import ChannelState, EventFrame, Hello, Snapshot, Welcome
from .run import Run
from .transport import Transport

log = logging.getLogger("callflow")


class AppSession:
    """The calls of one app over one link. Hand it the link's events; it starts scripts in `tasks`."""

    def __init__(self, app: App, link: Link, tasks: anyio.abc.TaskGroup) -> None:
        self._app = app
        self._link = link
        self._tasks = tasks
        self._calls: dict[str, Call] = {}
        self._runs: dict[str, Run] = {}
        self._unknown: set[str] = set()  # ours, but created before our time: their events are told again, if still kept

    @property
    def calls(self) -> tuple[Call, ...]:
        """The live calls."""
        return tuple(self._calls.values())

    def handle(self, frame: EventFrame, event: Event | None) -> None:
        """Take an event in. Never waits and never raises."""
        channel = frame.channel
        if channel is None or event is None:
            return
        if isinstance(event, ChannelCreated):
            self._create(channel, event)
        elif isinstance(event, OwnerChanged):
            self._change_owner(channel, event)
        elif (call := self._calls.get(channel)) is not None:
            self._tell(call, event)
        elif isinstance(event, ChannelEnded):
            self._unknown.discard(channel)

    def adopt(self, channels: tuple[str, ...]) -> None:
        """These channels are ours, but their creation was before our time: ask what they are."""
        unknown = [id for id in channels if id not in self._calls and id not in self._unknown]
        if unknown:
            self._unknown.update(unknown)
            self._tasks.start_soon(self._ask_for, frozenset(unknown))

    def end_all(self, error: CallflowError) -> None:
        """The link is gone, and every call with it."""
        for run in dict.fromkeys(self._runs.values()):
            run.end_all(error)

    def _create(self, channel: str, event: ChannelCreated) -> None:
        if (call := self._calls.get(channel)) is not None:  # a leg that a script dials
            call.caller, call.callee = event.caller, event.callee
        elif event.parent is None and (event.owner == self._link.session or channel in self._unknown):
            self._unknown.discard(channel)
            self._start(channel, event.caller, event.callee, event.to, event.user, event.route)

    def _change_owner(self, channel: str, event: OwnerChanged) -> None:
        call = self._calls.get(channel)
        if event.owner == self._link.session:
            self.adopt((channel,))
        elif call is not None:
            self._runs[channel].end(call, None, CallEnded(f"the call is {event.app}'s now", channel=channel))

    def _tell(self, call: Call, event: Event) -> None:
        call._leg.tell(event)
        if isinstance(event, ChannelAnswered):
            call.is_answered = True
        elif isinstance(event, ChannelEnded):
            error = CallEnded(f"the call has ended: {event.cause_name}, by {event.ended_by}", channel=call.id)
            self._runs[call.id].end(call, event, error)
        elif isinstance(event, OwnerLost):
            error = CallEnded("the engine took the call back: this session was lost", channel=call.id)
            self._runs[call.id].end(call, None, error)

    async def _ask_for(self, wanted: frozenset[str]) -> None:
        try:
            for state in await list_channels(self._link):
                if state.id in wanted and state.id in self._unknown:  # no event has told of it meanwhile
                    self._start_known(state)
        except CallflowError as error:
            log.warning("cannot take over %s: %s", ", ".join(sorted(wanted)), error)
        finally:
            self._unknown -= wanted

    def _start_known(self, state: ChannelState) -> None:
        caller, callee = Party(uri=state.caller, number=state.caller), Party(uri=state.callee, number=state.callee)
        if state.parent is None:
            call = self._start(state.id, caller, callee, state.to, state.user, None)
            call.variables.update(state.variables)
            call.is_answered = state.answered_at is not None

    def _start(self, id: str, caller: Party, callee: Party, to: str, user: str | None, pattern: str | None) -> Call:
        run = Run(self._link, self._calls, self._runs)
        call = Call(self._link, id, run, direction="inbound", caller=caller, callee=callee, to=to)
        call.user = user
        run.adopt_main(call)
        route = self._app.find(to, pattern=pattern)
        self._tasks.start_soon(run.run, call, route.function if route is not None else _reject)
        return call


async def run_app(
    app: App,
    transport: Transport,
    *,
    name: str | None = None,
    token: str | None = None,
    pid: int | None = None,
    prefix: str | None = None,
    task_status: anyio.abc.TaskStatus[Welcome] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Say hello and run the app's calls until the connection ends: then its scripts are cancelled, and it returns.

    Raises Unauthorized and its kin when the engine refuses the app. `task_status` is given the engine's welcome.
    """

    def handle(frame: EventFrame, event: Event | None) -> None:
        session.handle(frame, event)

    def handle_state(frame: StateFrame) -> None:
        if isinstance(frame, Snapshot):
            session.adopt(tuple(state.id for state in frame.channels if state.owner == link.session))

    link = Link(transport, on_event=handle, on_state=handle_state, prefix=prefix)
    try:
        welcome = await link.open(Hello(app=name or app.name, token=token, routes=app.patterns, pid=pid))
        async with anyio.create_task_group() as tasks:
            session = AppSession(app, link, tasks)
            session.adopt(welcome.owns)
            task_status.started(welcome)
            try:
                await link.run()
            finally:
                session.end_all(Disconnected("the connection to the engine ended"))
    finally:
        await transport.aclose()


async def _reject(call: Call) -> None:
    log.warning("no route of this app takes %s", call.to)
    await call.reject("not_found")
