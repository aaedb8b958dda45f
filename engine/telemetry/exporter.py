"""Where spans go when they are finished: to a collector, by OTLP over HTTP, from a thread of its own.

A call never waits for it: spans stand in a queue with a bound, and what does not fit is dropped. A collector that does
not answer costs that thread its time, and is told in the log once, as is its return.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import structlog
import trio
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Tracer

from engine.traces import Traces

CLOSE_WITHIN = 1.0  # seconds for what waits, when the engine ends
_SERVICE = "callflow"

logger = structlog.get_logger("engine.telemetry")


class Exporter:
    """The collector of one engine. `close` it at the end."""

    def __init__(self, told: Traces, *, version: str) -> None:
        """What is not told, the variables of OpenTelemetry say."""
        logging.getLogger("opentelemetry").addHandler(logging.NullHandler())  # each failed try would be a line
        logging.getLogger("opentelemetry").propagate = False
        sampler = ParentBased(TraceIdRatioBased(told.sample)) if told.sample is not None else None
        self._provider = TracerProvider(
            sampler=sampler,
            resource=_resource(told.service, version),
            shutdown_on_exit=False,  # it would wait for a collector that is gone
        )
        exporter = OTLPSpanExporter(endpoint=told.endpoint, headers=dict(told.headers) or None)
        self._provider.add_span_processor(BatchSpanProcessor(Telling(exporter), max_queue_size=told.queue))

    @property
    def tracer(self) -> Tracer:
        return self._provider.get_tracer(_SERVICE)

    async def close(self) -> None:
        """Send what waits, within a second; a collector that is gone holds nobody up."""
        with trio.move_on_after(CLOSE_WITHIN, shield=True):
            await trio.to_thread.run_sync(self._provider.shutdown, abandon_on_cancel=True)


class Telling(SpanExporter):
    """Exports, and logs when the collector is gone, and when it is back."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._lost = 0  # spans, since it last took any

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS:
            if not self._lost:
                logger.warning("the collector takes no traces")
            self._lost += len(spans)
        elif self._lost:
            logger.info("the collector takes traces again", lost=self._lost)
            self._lost = 0
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _resource(service: str | None, version: str) -> Resource:
    """Who is traced: the variables may say more of it (OTEL_RESOURCE_ATTRIBUTES, OTEL_SERVICE_NAME)."""
    named = Resource.create({"service.version": version, **({"service.name": service} if service else {})})
    if str(named.attributes.get("service.name", "")).startswith("unknown_service"):
        return named.merge(Resource({"service.name": _SERVICE}))
    return named
