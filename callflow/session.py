"""An app's session with an engine: calls come in as events, each gets its function started, and events find their call.

link = Link(StreamTransport(stream), on_event=...)      # see `run_app`
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, cast

import anyio
import anyio.abc
from msgspec.structs import replace

from . import dialing
from .app import App
from .call import Call
from .conference import Conference
from .errors import CallEnded, CallflowError, DeadlineExceeded, Disconnected
from .files import Files
from .link import Link, StateFrame
from .listing import list_channels
from .protocol.commands import Command, Hangup, Originate, SendText
from .protocol.events import (
    ChannelAnswered,
    ChannelCreated,
    ChannelEnded,
    ChannelSecured,
    ChannelUnbridged,
    DialBranch,
    Event,
    OwnerChanged,
    Party,
    TextReceived,
)
from .protocol.frames import CaughtUp, ChannelState, EventFrame, Hello, Share, Snapshot, Welcome
from .protocol.outcomes import Answered, Failed, Sent, Unbridged
from .routing import CallFunction
from .run import Run
from .texting import TextMessage
from .transport import Transport

log: logging.Logger = logging.getLogger("callflow")


class AppSession:
    """The calls of one app over one link. Hand it the link's events; it starts scripts in `tasks`."""

    def __init__(self, app: App, link: Link, tasks: anyio.abc.TaskGroup) -> None:
        self._app = app
        self._link = link
        self._tasks = tasks
        self._calls: dict[str, Call] = {}
        self._runs: dict[str, Run] = {}
        self._conferences: list[Conference] = []  # that scripts have a handle of
        self._unknown: set[str] = set()  # ours, but created before our time: their events are told again, if still kept
        self._doubtful: set[str] = set()  # another session had them while ours was lost: had them, or has them still?
        self._given_up: set[str] = set()  # their scripts are over, but that they have ended is not told yet
        self._legs: dict[
            str, list[ChannelState]
        ] = {}  # ours again, by the calls that dialled them, until those are known
        self._originated: dict[str, dict[str, Call]] = {}  # by running originate: the legs that our scripts may get
        self._unnamed: dict[str, ChannelCreated] = {}  # legs of originates that the engine has named itself

    @property
    def calls(self) -> tuple[Call, ...]:
        """The live calls."""
        return tuple(self._calls.values())

    def new_leg(self) -> str:
        """An id for a leg that is to be dialled."""
        return self._link.new_id("leg")

    async def request(self, command: Command) -> None:
        """Give a command that is about no call, and whose reply is all there is."""
        await self._link.request(command, channel=None)

    async def write(self, command: SendText) -> Sent:
        """Send a text."""
        return cast("Sent", await self._link.perform(command))

    @contextmanager
    def conferring(self, make: Callable[[Link], Conference]) -> Generator[Conference, None, None]:
        """A handle of a conference, which is told of it while the block lasts."""
        conference = make(self._link)
        self._conferences.append(conference)
        try:
            yield conference
        finally:
            self._conferences.remove(conference)

    def handle(self, frame: EventFrame, event: Event | None) -> None:
        """Take an event in. Never waits and never raises."""
        channel = frame.channel
        if event is None:
            return
        if channel is None and isinstance(event, TextReceived):
            self._tasks.start_soon(self._take_text, TextMessage(self._link, event))
        if channel is None:
            for conference in self._conferences:
                conference.take(event)
            if isinstance(event, DialBranch):
                self._note_originated(event)
            return
        if isinstance(event, ChannelCreated):
            self._create(channel, event)
        elif isinstance(event, OwnerChanged):
            self._change_owner(frame.seq, channel, event)
        elif (call := self._calls.get(channel)) is not None:
            self._tell(call, event)
        elif isinstance(event, ChannelEnded):
            self._unknown.discard(channel)
            self._given_up.discard(channel)
            self._unnamed.pop(channel, None)
            for state in self._legs.pop(channel, ()):  # whoever dialled them is gone: nobody steers them
                self._link.tell(Hangup(), channel=state.id)

    def adopt(self, channels: tuple[str, ...]) -> None:
        """These channels are ours, but their creation was before our time: ask what they are."""
        known = self._calls.keys() | self._unknown | self._given_up
        unknown = [id for id in channels if id not in known]
        if unknown:
            self._unknown.update(unknown)
            self._tasks.start_soon(self._ask_for, frozenset(unknown))

    async def originate(
        self, command: Originate, *, script: CallFunction | None, deadline: float | None
    ) -> dialing.Answered | Failed:
        """Dial without a caller. With a script, the leg that answers is a call of this session's, which it steers."""
        run = self._new_run()
        nobody = Party(uri="", number=command.caller_id or "")
        legs = {
            target.leg: Call(
                self._link, target.leg, run, direction="outbound", caller=nobody,
                callee=Party(uri=target.target, number=target.target), to=target.target,
            )
            for stage in command.stages
            for target in stage
        }  # fmt: skip
        if script is not None:
            for leg in legs.values():
                run.adopt(leg)
        try:
            outcome = await self._dial(command, deadline, legs if script is not None else {})
            if not isinstance(outcome, Answered):
                return outcome
            won = legs.pop(outcome.leg, None) or self._new_originated(outcome.leg, outcome.target)
            won.is_answered = True
            if script is not None:
                self._start(won, script)
            return dialing.Answered(won, outcome.target)
        finally:
            for leg in legs.values():
                if leg.is_answered:
                    leg._leg.hang_up_nowait()
                run.drop(leg)

    async def _dial(self, command: Originate, deadline: float | None, legs: dict[str, Call]) -> Answered | Failed:
        """`legs` gets those, too, that the engine names itself: a user's second phone, a trunk's next target."""
        ids: list[str] = []

        def begin(id: str) -> None:
            ids.append(id)
            self._originated[id] = legs

        try:
            with anyio.move_on_after(deadline):
                return cast("Answered | Failed", await self._link.perform(command, on_begin=begin))
        finally:
            for id in ids:
                del self._originated[id]
            if not self._originated:
                self._unnamed.clear()
        raise DeadlineExceeded(f"not done within its deadline of {deadline} s", command=command.name)

    def settle(self) -> None:
        """All that happened while the connection was lost has been told."""
        for channel in self._doubtful & self._calls.keys():
            call = self._calls[channel]
            self._runs[channel].end(call, None, CallEnded("the call is another session's now", channel=channel))
            self._given_up.discard(channel)  # it may come back
        self._doubtful.clear()

    def end_all(self, error: CallflowError) -> None:
        """The link is gone, and every call with it."""
        for run in dict.fromkeys(self._runs.values()):
            run.end_all(error)

    async def _take_text(self, text: TextMessage) -> None:
        function = self._app.message_function
        if function is None:
            log.warning("nothing of this app answers texts: one from %s to %s is lost", text.sender, text.to)
            return
        try:
            await function(text)
        except Exception:  # it must not take the app's calls with it
            log.exception("the function for texts raised, for one from %s to %s", text.sender, text.to)

    def _create(self, channel: str, event: ChannelCreated) -> None:
        if (call := self._calls.get(channel)) is not None:  # a leg that a script dials
            call.caller, call.callee = event.caller, event.callee
            call._know(event)
        elif event.direction == "inbound" and (self._link.is_ours(event.owner) or channel in self._unknown):
            self._unknown.discard(channel)
            call = self._make(channel, event.caller, event.callee, event.to, direction="inbound")
            call._know(event)
            self._start(call, self._function(event.to, event.route))
        elif event.parent in self._calls and self._link.is_ours(event.owner):  # one more phone of a target
            run, origin = self._runs[event.parent], self._calls[event.parent]
            leg = self._make(channel, event.caller, event.callee, event.to, direction="outbound", origin=origin)
            leg._know(event)
            run.adopt(leg)
        elif event.parent is None and self._originated and self._link.is_ours(event.owner):
            self._unnamed[channel] = event

    def _note_originated(self, event: DialBranch) -> None:
        """A leg answers an originate: from here on its events find it, whoever named it."""
        legs = self._originated.get(event.command)
        if event.state == "answered" and legs and event.leg not in legs:
            leg = legs[event.leg] = self._new_originated(event.leg, event.target)
            leg.is_answered = True
            leg._owner.adopt(leg)

    def _new_originated(self, id: str, target: str) -> Call:
        nobody = Party(uri="", number="")
        call = self._make(id, nobody, Party(uri=target, number=target), target, direction="outbound")
        if (created := self._unnamed.get(id)) is not None:
            call.caller, call.callee = created.caller, created.callee
            call._know(created)
        return call

    def _change_owner(self, seq: int, channel: str, event: OwnerChanged) -> None:
        call = self._calls.get(channel)
        welcome = self._link.welcome
        self._doubtful.discard(channel)
        if call is not None and welcome is not None and seq <= welcome.seq and not self._link.is_ours(event.owner):
            # It may be a session of ours whose welcome was lost on the way. What follows tells; see `settle`.
            if channel not in welcome.owns:
                self._doubtful.add(channel)
            return
        if self._link.is_ours(event.owner):
            if channel in self._given_up:
                return
            if call is not None and event.to and event.state is not None:  # it was transferred to another route of ours
                self._runs[channel].end(call, None, CallEnded(f"the call went to {event.to}", channel=channel))
                self._given_up.discard(channel)
                self._take_back(event.state, event.to)
            elif call is None and event.state is not None:
                self._take_back(event.state, event.to)
            elif call is None:
                self.adopt((channel,))
        elif call is not None:
            self._runs[channel].end(call, None, CallEnded(f"the call is {event.app}'s now", channel=channel))
            self._given_up.discard(channel)  # it may come back

    def _tell(self, call: Call, event: Event) -> None:
        call._leg.tell(event)
        if isinstance(event, ChannelAnswered):
            call.is_answered = True
        elif isinstance(event, ChannelSecured):
            call.security = replace(call.security, media=event.media)
        elif isinstance(event, ChannelUnbridged):
            self._let_go(call, event)
        elif isinstance(event, ChannelEnded):
            error = CallEnded(f"the call has ended: {event.cause_name}, by {event.ended_by}", channel=call.id)
            self._runs[call.id].end(call, event, error)

    def _let_go(self, call: Call, event: ChannelUnbridged) -> None:
        """The party of this call transferred the other away: if that was a leg of ours, it is not any more."""
        outcome, run = event.outcome, self._runs[call.id]
        other = self._calls.get(event.other)
        if not isinstance(outcome, Unbridged) or outcome.reason != "transferred" or outcome.by != call.id:
            return
        if other is not None and self._runs[other.id] is run and other is not run.main:
            run.end(other, None, CallEnded("the call was transferred", channel=other.id))
            self._given_up.discard(other.id)

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
        if state.answered_at is not None:  # an app was at work on it
            self._take_back(state, "")
        elif state.parent is None:
            self._start(self._make_known(state), self._function(state.to, None))

    def _take_back(self, state: ChannelState, to: str) -> None:
        """A call that another session had before: it is to be taken as one to a number, or where it stands."""
        self._unknown.discard(state.id)
        if state.parent is not None and not to:
            self._take_leg_back(state, state.parent)
            return
        call = self._make_known(state)
        call.is_reattached = not to
        call.to = to or call.to
        again = None if to else self._app.reattached
        self._start(call, again or self._function(call.to, None))
        for leg in self._legs.pop(call.id, ()):
            self._take_leg_back(leg, call.id)

    def _take_leg_back(self, state: ChannelState, parent: str) -> None:
        call = self._calls.get(parent)
        if call is None:
            self._legs.setdefault(parent, []).append(state)
            return
        leg = self._make_known(state, origin=call)
        call.legs = (*call.legs, leg)
        self._runs[parent].adopt(leg)

    def _make_known(self, state: ChannelState, *, origin: Call | None = None) -> Call:
        caller, callee = Party(uri=state.caller, number=state.caller), Party(uri=state.callee, number=state.callee)
        call = self._make(state.id, caller, callee, state.to, direction=state.direction, origin=origin)
        call.user, call.trunk = state.user, state.trunk
        call.withheld, call.security = state.withheld, state.security
        call.variables.update(state.variables)
        call.is_answered = state.answered_at is not None
        return call

    def _make(
        self,
        id: str,
        caller: Party,
        callee: Party,
        to: str,
        *,
        direction: Literal["inbound", "outbound"],
        origin: Call | None = None,
    ) -> Call:
        run = self._runs[origin.id] if origin is not None else self._new_run()
        return Call(self._link, id, run, direction=direction, caller=caller, callee=callee, to=to, origin=origin)

    def _new_run(self) -> Run:
        return Run(self._link, self._calls, self._runs, self._given_up)

    def _function(self, number: str, pattern: str | None) -> CallFunction:
        route = self._app.find(number, pattern=pattern)
        return route.function if route is not None else _reject

    def _start(self, call: Call, function: CallFunction) -> None:
        run = call._owner
        assert isinstance(run, Run)
        run.adopt_main(call)
        self._tasks.start_soon(run.run, call, function)


async def run_app(
    app: App,
    transport: Transport,
    *,
    name: str | None = None,
    token: str | None = None,
    pid: int | None = None,
    prefix: str | None = None,
    reconnect: Callable[[], Awaitable[Transport]] | None = None,
    folder: Path | None = None,
    share: Share = "share",
    task_status: anyio.abc.TaskStatus[Welcome] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Say hello and run the app's calls until the connection ends: then its scripts are cancelled, and it returns.

    With `reconnect`, a connection that is lost is replaced, and the scripts go on; it returns when that cannot be done.
    `folder`: where the files are that it plays, if the engine cannot read them itself.

    Raises Unauthorized and its kin when the engine refuses the app. `task_status` is given the engine's welcome.
    """

    def handle(frame: EventFrame, event: Event | None) -> None:
        session.handle(frame, event)

    def handle_state(frame: StateFrame) -> None:
        if isinstance(frame, Snapshot):
            session.adopt(tuple(state.id for state in frame.channels if state.owner == link.session))
        elif isinstance(frame, CaughtUp):
            session.settle()

    link = Link(
        transport,
        on_event=handle,
        on_state=handle_state,
        prefix=prefix,
        reconnect=reconnect,
        files=Files(folder) if folder is not None else None,
    )
    try:
        hello = Hello(
            app=name or app.name, token=token, routes=app.patterns, pid=pid, share=share, language=app.language
        )
        welcome = await link.open(hello)
        async with anyio.create_task_group() as tasks:
            session = AppSession(app, link, tasks)
            app.sessions.append(session)
            session.adopt(welcome.owns)
            if welcome.others and pid is None:
                log.info("%s is connected %d times; this session is %s", app.name, welcome.others + 1, welcome.role)
            task_status.started(welcome)
            try:
                await link.run()
            finally:
                app.sessions.remove(session)
                session.end_all(Disconnected("the connection to the engine ended"))
    finally:
        await transport.aclose()


async def _reject(call: Call) -> None:
    log.warning("no route of this app takes %s", call.to)
    await call.reject("not_found")
