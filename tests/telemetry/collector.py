"""A collector for tests: takes OTLP over HTTP, and keeps the spans that it read."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import trio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector:
    """What came so far."""

    port: int = 0
    spans: list[tuple[str, Span]] = field(default_factory=list)  # each with the service that it is of
    tokens: list[str | None] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take(self, body: bytes, token: str | None) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        with self._changed:
            self.tokens.append(token)
            for each in request.resource_spans:
                service = told(each.resource.attributes).get("service.name", "")
                self.spans += [(str(service), span) for scope in each.scope_spans for span in scope.spans]
            self._changed.notify_all()

    async def wait(self, found: Callable[[list[tuple[str, Span]]], bool]) -> None:
        """Until the spans are so."""

        def wait() -> None:
            with self._changed:
                self._changed.wait_for(lambda: found(self.spans))

        await trio.to_thread.run_sync(wait, abandon_on_cancel=True)

    def span(self, name: str) -> Span:
        [found] = [span for _, span in self.spans if span.name == name]
        return found


def told(attributes: Iterator[KeyValue] | list[KeyValue]) -> dict[str, object]:
    return {each.key: _value(each.value) for each in attributes}


def _value(value: AnyValue) -> object:
    return getattr(value, value.WhichOneof("value") or "string_value")


@contextmanager
def collector() -> Iterator[Collector]:
    """One at a port of its own."""
    collected = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            assert (self.path, self.headers["Content-Type"]) == ("/v1/traces", "application/x-protobuf")
            collected.take(body, self.headers.get("X-Token"))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        collected.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield collected
        finally:
            server.shutdown()
            thread.join()
