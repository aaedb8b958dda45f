"""Spans on their way to a collector, or to one that is gone; and a real call, traced."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

import pytest
import structlog.testing
import trio
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from engine.telemetry.exporter import CLOSE_WITHIN, Exporter, Telling
from engine.traces import Traces
from tests.interop.engine import engine
from tests.interop.terminal import terminal
from tests.interop.watch import watch
from tests.trio_tests import run_trio

from .collector import collector, told

SCRIPT = """
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from callflow import Answered, App, Call, Tone

app = App("traced")
provider = TracerProvider(resource=Resource.create({"service.name": "script"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
tracer = provider.get_tracer("traced")

@app.route("9([0-9]+)")
async def onward(call: Call) -> None:
    context = TraceContextTextMapPropagator().extract({"traceparent": call.traceparent})
    with tracer.start_as_current_span("look up the customer", context=context):
        await call.answer()
    await call.play(Tone("440", seconds=0.1))
    if isinstance(result := await call.dial(f"sip:callee@127.0.0.1:{call.to[1:]}"), Answered):
        await call.bridge(result.leg)

@app.route("1001")
async def wrong(call: Call) -> None:
    await call.answer()
    raise RuntimeError("out of cheese")
"""


@run_trio
async def test_a_real_call_comes_to_a_collector_as_one_trace_with_the_script_s_own_spans(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    script = tmp_path / "traced.py"
    script.write_text(SCRIPT)
    with collector() as collected:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collected.endpoint)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        traces = '[traces]\nservice = "switch"\nheaders = { X-Token = "secret" }\n'
        async with engine(tmp_path / "engine", script, tables=traces) as running, watch(running) as seen:
            async with terminal() as caller, terminal("callee") as callee:
                call = await caller.call(running.sip(f"9{callee.endpoint.listeners[0][2]}"))
                (await callee.wait_call()).answer()
                await seen.wait("channel.bridged", count=2)
                call.hang_up()
                await seen.wait("channel.ended", count=2)
                await caller.call(running.sip("1001"))
                await collected.wait(lambda spans: len([0 for _, span in spans if span.name.startswith("call ")]) == 2)
                await collected.wait(lambda spans: any(service == "script" for service, _ in spans))
            raised = collected.span("call 1001")
            traced = collected.span("call 9([0-9]+)").trace_id
            found = {span.name: span for _, span in collected.spans if span.trace_id == traced}
    assert set(found) == {
        "call 9([0-9]+)", "look up the customer", "answer", "play", "dial", "leg", "bridge",
    } | (set(found) & {"hangup"})  # fmt: skip
    whole = found["call 9([0-9]+)"]
    for name in ("look up the customer", "answer", "play", "dial", "bridge"):
        assert found[name].parent_span_id == whole.span_id, name
    assert found["leg"].parent_span_id == found["dial"].span_id
    assert told(found["dial"].attributes)["callflow.outcome"] == "answered"
    assert told(whole.attributes)["callflow.channel"] == await seen.channel()
    assert {service for service, span in collected.spans if span.trace_id == traced} == {"switch", "script"}
    assert "secret" in collected.tokens
    assert (raised.status.code, raised.status.message) == (2, "RuntimeError: out of cheese")  # STATUS_CODE_ERROR
    assert "RuntimeError" in str([told(event.attributes) for event in raised.events if event.name == "exception"])


@run_trio
async def test_a_collector_that_never_answers_holds_nobody_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        exporter = Exporter(
            Traces(endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}/v1/traces", queue=512), version="test"
        )
        for number in range(5000):  # ten times what the queue holds
            exporter.tracer.start_span(str(number)).end()
        began = trio.current_time()
        await exporter.close()
        took = trio.current_time() - began
    assert took < 60 * CLOSE_WITHIN  # a machine may be busy; the collector would take for ever


@run_trio
async def test_what_waits_is_sent_when_the_engine_ends():
    with collector() as collected:
        exporter = Exporter(Traces(endpoint=f"{collected.endpoint}/v1/traces"), version="test")
        exporter.tracer.start_span("last").end()
        await exporter.close()
        await collected.wait(lambda spans: bool(spans))
    assert [(service, span.name) for service, span in collected.spans] == [("callflow", "last")]


def test_of_a_sample_the_others_are_not_recorded():
    exporter = Exporter(Traces(endpoint="http://127.0.0.1:1/v1/traces", sample=0.0), version="test")
    assert not exporter.tracer.start_span("one").is_recording()
    trio.run(exporter.close)


class Moody(SpanExporter):
    """A collector that takes some."""

    def __init__(self, *moods: bool) -> None:
        self._moods = list(moods)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS if self._moods.pop(0) else SpanExportResult.FAILURE


def test_the_log_says_once_that_the_collector_is_gone_and_once_that_it_is_back():
    telling = Telling(Moody(True, False, False, True, True))
    with structlog.testing.capture_logs() as logged:
        for _ in range(5):
            telling.export([ReadableSpan("a"), ReadableSpan("b")])
    assert [(line["log_level"], line.get("lost")) for line in logged] == [("warning", None), ("info", 4)]
