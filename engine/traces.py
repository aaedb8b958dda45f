"""[traces]: whether calls are traced with OpenTelemetry, and where to. `engine.telemetry` does it."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from .toml_reader import map_of, read_flag, read_text, show

QUEUE = 4096  # spans
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """[traces]. What it does not say, the variables of OpenTelemetry (OTEL_...) do, or their defaults."""

    enabled: bool = True
    endpoint: str | None = None  # the whole URL
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # a secret may be among them
    service: str | None = None
    sample: float | None = None  # the share of calls
    queue: int = QUEUE  # spans that wait; more are dropped, and counted


def are_wanted(told: Traces | None, environment: Mapping[str, str]) -> bool:
    """Whether calls are traced: the configuration says so, or the variables say where to."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if told is not None:
        return told.enabled
    return any(environment.get(name) for name in _ENDPOINTS) and environment.get("OTEL_TRACES_EXPORTER") != "none"


def is_installed() -> bool:
    """Whether the extra `callflow[otel]` is there."""
    try:
        return importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False


def _endpoint(value: object) -> str:
    text = read_text(value)
    if not re.fullmatch(r"https?://[^\s/]+\S*", text):
        raise ValueError(f'expected a URL such as "http://127.0.0.1:4318/v1/traces", got {show(text)}')
    return text


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"expected a share of the calls, from 0 to 1, got {show(value)}")
    return float(value)


def _queue(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 512 <= value <= 1_000_000:
        raise ValueError(f"expected a number of spans, from 512 to 1000000, got {show(value)}")
    return value


TRACES = MappingProxyType({
    "enabled": ("enabled", read_flag),
    "endpoint": ("endpoint", _endpoint),
    "headers": ("headers", map_of(read_text)),
    "service": ("service", read_text),
    "sample": ("sample", _share),
    "queue": ("queue", _queue),
})
