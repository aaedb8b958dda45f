"""Calls as spans, on a virtual clock."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NoOpTracer, Span, StatusCode

from callflow import Answered, App, Call
from callflow.protocol.commands import Play
from callflow.protocol.events import ChannelCreated, ChannelEnded, Party, ScriptFailed
from callflow.protocol.frames import CommandFrame
from callflow.testing import Simulation
from engine.telemetry.tracer import MAX_LOOSE, CallTracer
from tests.scenarios.conftest import prompts  # noqa: F401 - a fixture

app = App("traced")
pytestmark = pytest.mark.callflow(app)
BOB = "sip:bob@10.0.1.2:5060"
ENDED = ChannelEnded(
    cause=16, cause_name="normal_clearing", ended_by="caller", phase="setup", created_at=0.0, ended_at=1.0
)
PARTY = Party(uri="sip:a@example.com")
said: list[str] = []


@app.route("1000")
async def menu(call: Call) -> None:
    said.append(call.traceparent)
    await call.answer()
    await call.play("prompt.wav")
    await call.gather("music.wav", max=4, timeout=5)


@app.route("1001")
async def onward(call: Call) -> None:
    await call.answer()
    if isinstance(result := await call.dial(BOB), Answered):
        said.append(result.leg.traceparent)
        await call.bridge(result.leg)


@app.route("1002")
async def broken(call: Call) -> None:
    await call.answer()
    await call.play("absent.wav")


class World:
    """A simulation whose calls are traced."""

    def __init__(self, simulation: Simulation, *, is_sampled: bool = True) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(**({} if is_sampled else {"sampler": ALWAYS_OFF}), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        switch = simulation.switch
        self.tracer = CallTracer(provider.get_tracer("test"), epoch=switch.table.epoch)
        self.tracer.watch(switch.log, switch.sockets)
        switch.table.trace = self.tracer.begin_leg
        said.clear()

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """Those that are over."""
        return self._exporter.get_finished_spans()

    def span(self, name: str) -> ReadableSpan:
        found = [span for span in self.spans if span.name == name]
        assert len(found) == 1, [span.name for span in self.spans]
        return found[0]


def attributes(span: ReadableSpan | Event) -> dict[str, object]:
    return dict(span.attributes or {})


def is_below(span: ReadableSpan, above: ReadableSpan) -> bool:
    return (
        span.parent is not None
        and span.context is not None
        and above.context is not None
        and (span.context.trace_id, span.parent.span_id) == (above.context.trace_id, above.context.span_id)
    )


def traceparent(span: ReadableSpan) -> str:
    assert span.context is not None
    flags = span.context.trace_flags
    assert flags & 1
    return f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-{flags:02x}"


async def test_a_call_is_a_trace_and_its_verbs_are_spans_with_their_outcomes(simulation: Simulation):
    world = World(simulation)
    caller = simulation.phone("caller")
    caller.call("1000")
    await caller.heard("music.wav")
    caller.press("4711")
    await caller.ended()
    await simulation.settle()
    call = world.span("call 1000")
    assert call.parent is None
    told = attributes(call)
    assert (told["callflow.direction"], told["callflow.to"], told["callflow.app"]) == ("inbound", "1000", "traced")
    assert (told["callflow.cause_name"], told["callflow.ended_by"], told["sip.status"]) == (
        "normal_clearing",
        "app",
        200,
    )
    assert told["callflow.received.packets"] == 0 or told["callflow.received.mos"]
    assert [event.name for event in call.events] == ["channel.answered"]
    assert call.status.status_code is StatusCode.UNSET
    for name in ("answer", "play", "gather", "hangup"):
        assert is_below(world.span(name), call), name
    played = world.span("play")
    assert attributes(played)["callflow.outcome"] == "played"
    assert attributes(played)["callflow.outcome.reason"] == "completed"
    assert "prompt.wav" in str(attributes(played)["callflow.sources"])
    assert played.end_time - played.start_time == pytest.approx(
        int(attributes(played)["callflow.outcome.heard_ms"]) * 1e6, rel=0.2
    )


async def test_keys_that_callers_press_are_in_no_span(simulation: Simulation):
    world = World(simulation)
    caller = simulation.phone("caller")
    caller.call("1000")
    await caller.heard("music.wav")
    caller.press("4711")
    await caller.ended()
    assert attributes(world.span("gather"))["callflow.outcome"] == "digits"
    assert "4711" not in "".join(span.to_json() for span in world.spans)


async def test_a_leg_that_is_dialled_is_below_the_verb_that_dials_it_in_the_same_trace(simulation: Simulation):
    world = World(simulation)
    caller, bob = simulation.phone("caller"), simulation.phone("bob", answers_after=1)
    caller.call("1001")
    await caller.connected_to(bob)
    caller.hang_up()
    await simulation.settle()
    call, dial, leg, bridge = (world.span(name) for name in ("call 1001", "dial", "leg", "bridge"))
    assert is_below(dial, call)
    assert is_below(leg, dial)
    assert is_below(bridge, call)
    assert attributes(dial)["callflow.targets"] == BOB
    assert attributes(dial)["callflow.outcome"] == "answered"
    assert attributes(bridge)["callflow.outcome.reason"] == "hangup"
    assert [event.name for event in leg.events] == ["channel.ringing", "channel.answered", "channel.bridged"]
    assert [link.context for link in call.links] == [leg.context]
    assert said == [traceparent(leg)]


async def test_a_script_is_told_where_its_call_is_traced(simulation: Simulation):
    world = World(simulation)
    caller = simulation.phone("caller")
    caller.call("1000")
    await caller.heard("music.wav")
    caller.hang_up()
    await simulation.settle()
    assert said == [traceparent(world.span("call 1000"))]


async def test_a_verb_that_is_refused_is_an_error_and_so_is_a_call_that_ends_by_a_fault(simulation: Simulation):
    world = World(simulation)
    caller = simulation.phone("caller")
    caller.call("1002")
    await caller.ended()
    await simulation.settle()
    assert world.span("call 1002").status.status_code is StatusCode.ERROR
    [refused] = [span for span in world.spans if attributes(span).get("callflow.sources", "").find("absent") > 0]
    assert refused.status.status_code is StatusCode.ERROR
    assert str(refused.status.description).startswith("not_found: ")


async def test_a_script_that_raises_marks_its_call(simulation: Simulation):
    world = World(simulation)
    world.tracer.begin_leg("x", ChannelCreated(direction="inbound", caller=PARTY, callee=PARTY, to="1", route="1"))
    raised = "Traceback (most recent call last):\n  File ...\nKeyError: 'what'\n"
    failed = ScriptFailed(app="traced", script="t.py", error="the script raised", traceback=raised)
    simulation.switch.log.emit(failed, channel="x")
    simulation.switch.log.emit(ENDED, channel="x")
    call = world.span("call 1")
    [event] = call.events
    assert (event.name, attributes(event)["exception.type"]) == ("exception", "KeyError")
    assert attributes(event)["exception.stacktrace"] == raised
    assert (call.status.status_code, call.status.description) == (StatusCode.ERROR, "KeyError: 'what'")


async def test_what_is_not_sampled_is_not_exported_and_says_so(simulation: Simulation):
    world = World(simulation, is_sampled=False)
    caller = simulation.phone("caller")
    caller.call("1000")
    await caller.heard("music.wav")
    caller.hang_up()
    await caller.ended()
    assert not world.spans
    assert int(said[0][-2:], 16) & 1 == 0  # the flag of sampled ones (W3C Trace Context 3.2.2.5.1)


async def test_without_traces_a_script_is_told_none(simulation: Simulation):
    said.clear()
    caller = simulation.phone("caller")
    caller.call("1000")
    await caller.heard("music.wav")
    caller.hang_up()
    await caller.ended()
    assert said == [""]


async def test_verbs_of_no_call_have_a_bound(simulation: Simulation):
    world = World(simulation)
    for number in range(MAX_LOOSE + 3):
        world.tracer.begin(CommandFrame(id=str(number), name="play"), Play(sources=()))
    assert [attributes(span)["callflow.command"] for span in world.spans] == ["0", "1", "2"]


async def test_text_that_is_no_unicode_is_made_readable(simulation: Simulation):
    world = World(simulation)
    party = Party(uri="sip:a@example.com", number="a\udcff")
    world.tracer.begin_leg("x", ChannelCreated(direction="inbound", caller=party, callee=party, to="1"))
    simulation.switch.log.emit(ENDED, channel="x")
    assert attributes(world.span("call"))["callflow.caller"] == "a?"


async def test_what_is_wrong_in_the_tracing_ends_no_call(simulation: Simulation):
    switch = simulation.switch
    tracer = CallTracer(Broken(), epoch=switch.table.epoch)
    tracer.watch(switch.log, switch.sockets)
    switch.table.trace = tracer.begin_leg
    said.clear()
    caller = simulation.phone("caller")
    caller.call("1000")
    await caller.heard("music.wav")
    caller.hang_up()
    await simulation.settle()
    assert said == [""]
    assert tracer.has_failed


class Broken(NoOpTracer):
    def start_span(self, *args: object, **kwargs: object) -> Span:
        raise RuntimeError("broken")
