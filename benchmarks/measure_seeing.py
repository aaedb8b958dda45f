"""What it costs to be seen: a call that is traced with OpenTelemetry, and a look at how good a leg sounds."""

from __future__ import annotations

import time
from collections.abc import Callable

import trio
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from callflow.protocol import events
from callflow.protocol.commands import Play, Tone
from callflow.protocol.frames import CommandFrame
from callflow.protocol.outcomes import Played
from engine.channels.quality import Quality
from engine.eventsocket.decisions import DecisionLog
from engine.eventsocket.dispatch import CommandWatcher
from engine.eventsocket.log import EventLog
from engine.media.engine import NativeMediaEngine
from engine.telemetry.tracer import CallTracer

from .bench import Bench
from .figure import Figure

VERBS = 5  # of a call
LOOKS = 20_000
_PARTY = events.Party(uri="sip:caller@example.com", number="caller")
_PORTS = (30000, 30019)


class _Nobody(SpanExporter):
    """A collector that costs nothing: what is measured is the event loop's share."""

    def export(self, spans: object) -> SpanExportResult:
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        pass


class _Socket:
    """Commands are given by hand."""

    def __init__(self) -> None:
        self.decisions = DecisionLog()

    def watch(self, watcher: CommandWatcher) -> None:
        pass


async def measure(bench: Bench) -> list[Figure]:
    """Runs without and with traces, in turn; and looks at one leg."""
    bench.say("calls that are traced, and looks at how a leg sounds")
    calls = bench.sizes.round_trips
    _run_calls(calls, is_traced=True)  # everything is touched once
    pairs = [(_run_calls(calls, is_traced=False), _run_calls(calls, is_traced=True)) for _ in _times(bench)]
    looks = [await _run_looks() for _ in _times(bench)]
    return [
        Figure(
            name="call traced with OpenTelemetry",
            unit="CPU-us/call",
            values=tuple(traced - alone for alone, traced in pairs),
            how=f"CPU of the event loop for the events of a call of {VERBS} verbs with spans made of them, less that "
            "without; the thread that sends them has a collector that costs nothing.",
            beside={"its events alone": f"{min(alone for alone, _ in pairs):.0f} CPU-us"},
        ),
        Figure(
            name="look at how a leg sounds",
            unit="CPU-us",
            values=tuple(looks),
            how="CPU of the figures of one leg, read and compared with those before: once in five seconds for each.",
        ),
    ]


def _times(bench: Bench) -> range:
    return range(bench.sizes.repetitions)


def _run_calls(count: int, *, is_traced: bool) -> float:
    """CPU microseconds of a call's events."""
    log, provider, tracer = EventLog("epoch", time.time), TracerProvider(shutdown_on_exit=False), None
    if is_traced:
        provider.add_span_processor(BatchSpanProcessor(_Nobody()))
        tracer = CallTracer(provider.get_tracer("benchmark"), epoch=time.time)
        tracer.watch(log, _Socket())
    started_at = time.thread_time()
    for number in range(count):
        _call(str(number), log, tracer)
    seconds = time.thread_time() - started_at
    provider.shutdown()
    return seconds / count * 1e6


def _call(id: str, log: EventLog, tracer: CallTracer | None) -> None:
    tell: Callable[[events.Event], int] = lambda event: log.emit(event, channel=id)  # noqa: E731 - for each call anew
    created = events.ChannelCreated(direction="inbound", caller=_PARTY, callee=_PARTY, to="1000", route="1000")
    if tracer is not None:
        tracer.begin_leg(id, created)
    tell(created)
    tell(events.ChannelAnswered(codec="PCMU"))
    for number in range(VERBS):
        command = f"{id}-{number}"
        if tracer is not None:
            tracer.begin(CommandFrame(id=command, name="play", channel=id), Play(sources=(Tone("440"),)))
        tell(events.PlaybackFinished(command=command, outcome=Played(100, "completed")))
    tell(
        events.ChannelEnded(
            cause=16, cause_name="normal_clearing", ended_by="caller", phase="answered", created_at=0.0, ended_at=1.0
        )
    )


async def _run_looks() -> float:
    """CPU microseconds of a look."""
    media = NativeMediaEngine("127.0.0.1", _PORTS)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(media.run)
        session, quality = media.open(lambda event: None), Quality()
        started_at = time.thread_time()
        for number in range(LOOKS):
            quality.look(session.look(), now=float(number))
        seconds = time.thread_time() - started_at
        session.close()
        nursery.cancel_scope.cancel()
    return seconds / LOOKS * 1e6
