"""What happens to calls, as spans: one for each leg, below it one for each verb, and below a dial its legs.

::

    call 1000                       a leg: who, by which route; how it ended, how it sounded
    |-- answer
    |-- play                        a verb: its outcome, with how much was heard; an error if it failed
    `-- dial
        `-- leg sip:bob@...         the leg that was dialled

It is told of events by the log and of commands by the event socket. Keys that callers press stand in no span.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar

import msgspec
import structlog
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context

from callflow.protocol import commands, events
from callflow.protocol.events import EVENTS, ChannelCreated, ChannelEnded, Event
from callflow.protocol.frames import CommandFrame
from callflow.protocol.outcomes import Outcome
from engine.channels.errors import CommandError
from engine.eventsocket.decisions import DecisionLog, Given
from engine.eventsocket.dispatch import CommandWatcher
from engine.eventsocket.log import Entry

MAX_LOOSE = 1000  # verbs of no channel that run: the oldest is ended first
FIRST_FAULT = 33  # Q.850 causes from here on say that something is wrong, not that nobody wanted to talk
_LONGEST_TRACEBACK = 8192
_SECRET = frozenset({"digit", "digits", "value", "partial", "terminator"})  # of outcomes: what callers keyed
_Attributes: TypeAlias = Mapping[str, str | int | float | bool]

logger = structlog.get_logger("engine.telemetry")


class Watched(Protocol):
    """The event log."""

    def watch(self, kind: type[Event], watcher: Callable[[Event, Entry], None]) -> None: ...


class Socket(Protocol):
    """The event socket."""

    @property
    def decisions(self) -> DecisionLog: ...

    def watch(self, watcher: CommandWatcher) -> None: ...


class Traced:
    """A leg that is up: its span, and those of its verbs that run."""

    __slots__ = ("dialled", "has_raised", "span", "verbs")

    def __init__(self, span: Span) -> None:
        self.span = span
        self.has_raised = False  # its script: that is the error to be told
        self.verbs: dict[str, Span] = {}  # by command id
        self.dialled: dict[str, Span] = {}  # the verb that dials it, by leg


_Args = ParamSpec("_Args")
_T = TypeVar("_T")


def _harmless(
    work: Callable[Concatenate[CallTracer, _Args], _T],
) -> Callable[Concatenate[CallTracer, _Args], _T | None]:
    """What is wrong in here is logged, once, and no call ends by it: who is told of events must not raise."""

    def try_it(tracer: CallTracer, /, *args: _Args.args, **kwargs: _Args.kwargs) -> _T | None:
        try:
            return work(tracer, *args, **kwargs)
        except Exception:
            if not tracer.has_failed:
                logger.exception("a call is not traced whole")
            tracer.has_failed = True
            return None

    return try_it


class CallTracer:
    """Makes spans of one engine's calls."""

    def __init__(self, tracer: Tracer, *, epoch: Callable[[], float]) -> None:
        """`epoch`: seconds since the epoch, as the events have them."""
        self.has_failed = False
        self._tracer = tracer
        self._epoch = epoch
        self._legs: dict[str, Traced] = {}
        self._loose: OrderedDict[str, Span] = OrderedDict()  # verbs of no channel, by command id
        self._dialled: dict[str, Span] = {}  # legs of those

    def watch(self, log: Watched, socket: Socket) -> None:
        """Trace what happens from now on."""
        for kind in EVENTS.values():
            if {"command", "outcome"} <= set(kind.__struct_fields__):
                log.watch(kind, self._finish)
        for kind in _NOTED:
            log.watch(kind, self._note)
        log.watch(events.ChannelBridged, self._link)
        log.watch(events.ScriptFailed, self._fail)
        log.watch(ChannelEnded, self._end)
        socket.watch(self)
        socket.decisions.watch(self._note_given)

    @_harmless
    def begin_leg(self, channel: str, facts: ChannelCreated) -> str:
        """A leg begins. Where its span is, as `traceparent` says it (W3C Trace Context)."""
        is_inbound = facts.direction == "inbound"
        span = self._tracer.start_span(
            f"call {facts.route or facts.app or ''}".rstrip() if is_inbound else "leg",
            context=self._context_of(channel, facts.parent),
            kind=SpanKind.SERVER if is_inbound else SpanKind.CLIENT,
            attributes=dict(_facts(channel, facts)),
            start_time=_ns(self._epoch()),
        )
        self._legs[channel] = Traced(span)
        where = span.get_span_context()
        return f"00-{where.trace_id:032x}-{where.span_id:016x}-{where.trace_flags:02x}"

    # Commands

    @_harmless
    def begin(self, frame: CommandFrame, command: commands.Command) -> None:
        """A verb begins. One without an outcome is over when its decision is noted, or its call ends by it."""
        if isinstance(command, commands.Get):  # it decides nothing
            return
        if frame.channel not in self._legs if frame.channel is not None else not command.ends_as:
            return
        leg = self._legs.get(frame.channel or "")
        span = self._tracer.start_span(
            command.name,
            context=set_span_in_context(leg.span) if leg is not None else Context(),
            attributes=dict(_arguments(frame.id, command)),
            start_time=_ns(self._epoch()),
        )
        if leg is not None:
            leg.verbs[frame.id] = span
        else:
            self._keep_loose(frame.id, span)
        for dialled in _legs_of(command):
            (self._dialled if leg is None else leg.dialled)[dialled] = span

    @_harmless
    def refuse(self, frame: CommandFrame, error: CommandError) -> None:
        """A verb is not done."""
        span = self._take(frame.channel, frame.id)
        if span is not None:
            span.set_status(Status(StatusCode.ERROR, f"{error.code}: {error.message}"))
            span.end(_ns(self._epoch()))

    @_harmless
    def _note_given(self, channel: str, given: Given) -> None:
        kind = commands.COMMANDS.get(given.name)
        span = self._take(channel, given.id) if kind is not None and not kind.ends_as else None
        if span is not None:
            span.end(_ns(self._epoch()))

    # Events

    @_harmless
    def _finish(self, event: Event, entry: Entry) -> None:
        """A verb's outcome."""
        command: str | None = getattr(event, "command", None)
        outcome: Outcome = getattr(event, "outcome", None)  # type: ignore[assignment]  # `watch` has looked
        span = self._take(entry.channel, command) if command is not None else None
        if span is not None:
            _tell_outcome(span, outcome)
            span.end(_ns(entry.at))

    @_harmless
    def _note(self, event: Event, entry: Entry) -> None:
        leg = self._legs.get(entry.channel or "")
        if leg is not None:
            leg.span.add_event(event.name, dict(_NOTED[type(event)](event)), _ns(entry.at))

    @_harmless
    def _link(self, event: Event, entry: Entry) -> None:
        assert isinstance(event, events.ChannelBridged)
        leg, other = self._legs.get(entry.channel or ""), self._legs.get(event.other)
        if leg is not None:
            leg.span.add_event(event.name, {"callflow.other": event.other}, _ns(entry.at))
        if leg is not None and other is not None:
            leg.span.add_link(other.span.get_span_context(), {"callflow.channel": event.other})

    @_harmless
    def _fail(self, event: Event, entry: Entry) -> None:
        assert isinstance(event, events.ScriptFailed)
        leg = self._legs.get(entry.channel or "")
        if leg is not None:
            last = event.traceback.strip().rpartition("\n")[2] or event.error
            kind, _, message = last.partition(": ")
            told = {"exception.type": kind, "exception.message": message or event.error}
            told["exception.stacktrace"] = event.traceback[-_LONGEST_TRACEBACK:]
            leg.span.add_event("exception", told, _ns(entry.at))
            leg.span.set_status(Status(StatusCode.ERROR, last))
            leg.has_raised = True

    @_harmless
    def _end(self, event: Event, entry: Entry) -> None:
        assert isinstance(event, ChannelEnded)
        leg = self._legs.pop(entry.channel or "", None)
        if leg is None:
            return
        for span in leg.verbs.values():  # none, unless an outcome was not told
            span.end(_ns(entry.at))
        leg.span.set_attributes(dict(_ending(event)))
        if event.cause >= FIRST_FAULT and not leg.has_raised:
            leg.span.set_status(Status(StatusCode.ERROR, event.cause_name))
        leg.span.end(_ns(entry.at))

    # Inside

    def _context_of(self, channel: str, parent: str | None) -> Context:
        """Below the verb that dials it, or the leg that does; nothing: a trace of its own."""
        leg = self._legs.get(parent or "")
        span = self._dialled.get(channel) if leg is None else leg.dialled.pop(channel, leg.span)
        return set_span_in_context(span, Context()) if span is not None else Context()

    def _take(self, channel: str | None, command: str) -> Span | None:
        if channel is not None:
            leg = self._legs.get(channel)
            return leg.verbs.pop(command, None) if leg is not None else None
        span = self._loose.pop(command, None)
        self._dialled = {leg: dialler for leg, dialler in self._dialled.items() if dialler is not span}
        return span

    def _keep_loose(self, command: str, span: Span) -> None:
        self._loose[command] = span
        if len(self._loose) > MAX_LOOSE:
            oldest = next(iter(self._loose))
            forgotten = self._take(None, oldest)
            if forgotten is not None:
                forgotten.end(_ns(self._epoch()))


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)


def _facts(channel: str, facts: ChannelCreated) -> Iterator[tuple[str, str]]:
    told = {
        "callflow.channel": channel, "callflow.direction": facts.direction, "callflow.to": facts.to,
        "callflow.caller": "" if facts.withheld else str(facts.caller), "callflow.callee": str(facts.callee),
        "callflow.app": facts.app, "callflow.route": facts.route, "callflow.user": facts.user,
        "callflow.trunk": facts.trunk, "sip.call_id": facts.sip_call_id,
    }  # fmt: skip
    return ((name, _readable(value)) for name, value in told.items() if value)


def _ending(event: ChannelEnded) -> Iterator[tuple[str, str | int | float]]:
    told: dict[str, str | int | float | None] = {
        "callflow.cause": event.cause, "callflow.cause_name": event.cause_name, "callflow.ended_by": event.ended_by,
        "callflow.phase": event.phase, "callflow.billable_seconds": event.billable, "sip.status": event.sip_status,
    }  # fmt: skip
    for way, heard in (("received", event.received), ("sent", event.sent)):
        told |= {f"callflow.{way}.packets": heard.packets, f"callflow.{way}.lost": heard.lost}
        told |= {f"callflow.{way}.jitter_ms": heard.jitter_ms, f"callflow.{way}.mos": heard.mos}
    return ((name, value) for name, value in told.items() if value is not None)


def _arguments(id: str, command: commands.Command) -> Iterator[tuple[str, str]]:
    """What is told of a command: not all of it, for there are passwords and keys among the arguments."""
    yield "callflow.command", id
    sources = getattr(command, "sources", None) or getattr(command, "prompt", None)
    if sources:
        yield "callflow.sources", json.dumps(msgspec.to_builtins(sources))[:256]
    targets = [target.target for stage in getattr(command, "stages", ()) for target in stage]
    if targets:
        yield "callflow.targets", _readable(" ".join(targets)[:256])


def _legs_of(command: commands.Command) -> Iterator[str]:
    if isinstance(command, commands.Dial | commands.Originate):
        yield from (target.leg for stage in command.stages for target in stage if target.leg)


def _tell_outcome(span: Span, outcome: Outcome) -> None:
    told: dict[str, Any] = msgspec.to_builtins(outcome)  # Any: by outcome
    span.set_attribute("callflow.outcome", told.pop("outcome"))
    for name, value in told.items():
        if isinstance(value, str | int | float) and name not in _SECRET:
            span.set_attribute(f"callflow.outcome.{name}", _readable(value) if isinstance(value, str) else value)
    branches = [_readable(f"{each['target']}: {each['reason']}") for each in told.get("branches", ())]
    if branches:
        span.set_attribute("callflow.outcome.branches", branches)
    if told.get("error") or told.get("reason") == "failed":
        span.set_status(Status(StatusCode.ERROR, str(told.get("error") or "failed")))


def _readable(text: str) -> str:
    """Peers write what is no Unicode; one such span would keep all others of its batch from the collector."""
    return text.encode("utf-8", "replace").decode()


def _nothing(event: Any) -> _Attributes:  # noqa: ANN401 - each event has its own class
    return {}


def _quality(event: Any) -> _Attributes:  # noqa: ANN401 - each event has its own class
    heard = {"received": event.received, "sent": event.sent}
    return {f"callflow.{way}.mos": each.mos for way, each in heard.items() if each.mos is not None}


_NOTED: Mapping[type[Event], Callable[[Any], _Attributes]] = MappingProxyType({
    events.ChannelRinging: _nothing,
    events.ChannelProgress: _nothing,
    events.ChannelAnswered: lambda event: {"callflow.codec": event.codec},
    events.ChannelHeld: lambda event: {"callflow.by": event.by},
    events.ChannelResumed: lambda event: {"callflow.by": event.by},
    events.ChannelMediaQuality: _quality,
    events.OwnerLost: _nothing,
    events.OwnerChanged: lambda event: {"callflow.app": event.app},
})
