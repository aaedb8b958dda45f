"""[limits], and what an [[app]] says of its own: what programs may take before they are stopped, and told why."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from types import MappingProxyType

from engine.allowance import COMMANDS
from engine.scripting.limits import DRAIN_WITHIN, WorkerLimits

from .toml_reader import Reader, show

_UNITS = MappingProxyType({"KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30})
_LEAST_MEMORY = 64 << 20  # octets: an interpreter with the SDK takes 40 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """[limits]: of the workers of apps that say nothing else, and of whoever uses the event socket."""

    memory: int = WorkerLimits().memory  # octets of a worker, 0: any
    step: float = WorkerLimits().step  # seconds that a worker's event loop may be kept busy, 0: any
    drain: float = DRAIN_WITHIN  # seconds that a version may finish its calls
    commands: float = COMMANDS  # a second, of one session
    calls: int = 20_000  # legs, with which no new calls are let in
    lag: float = 0.5  # seconds that the event loop may be late before no new calls are let in, 0: any
    media_lag: float = 0.03  # seconds that sound may be late before no new calls are let in, 0: any


def read_memory(value: object) -> int:
    """`"512MB"` or `"2GB"`, in octets; 0 is no limit."""
    if value == 0 and not isinstance(value, bool):
        return 0
    match = re.fullmatch(r"([0-9]{1,6})\s*(KB|MB|GB)", value, re.ASCII) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'expected memory such as "512MB" or "2GB", or 0 for no limit, got {show(value)}')
    octets = int(match[1]) * _UNITS[match[2]]
    if octets < _LEAST_MEMORY:
        raise ValueError(f'expected at least "{_LEAST_MEMORY >> 20}MB", which a small script takes, got {show(value)}')
    return octets


def seconds(least: float, *, may_be_lifted: bool = False) -> Reader:
    """A reader of seconds; 0 lifts the limit, if that may be."""

    def read(value: object) -> float:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
        if least <= number < math.inf or (may_be_lifted and number == 0):
            return number
        lifted = ", or 0 for no limit" if may_be_lifted else ""
        raise ValueError(f"expected at least {least:g} seconds{lifted}, got {show(value)}")

    return read


def read_rate(value: object) -> float:
    """So many a second."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 1_000_000:
        raise ValueError(f"expected a number a second, from 1 to 1000000, got {show(value)}")
    return float(value)


def read_calls(value: object) -> int:
    """How many calls."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
        raise ValueError(f"expected a number of calls, from 1 to 1000000, got {show(value)}")
    return value


LIMITS = MappingProxyType({
    "memory": ("memory", read_memory),
    "step": ("step", seconds(0.1, may_be_lifted=True)),
    "drain": ("drain", seconds(0.0)),
    "commands": ("commands", read_rate),
    "calls": ("calls", read_calls),
    "lag": ("lag", seconds(0.05, may_be_lifted=True)),
    "media_lag": ("media_lag", seconds(0.005, may_be_lifted=True)),
})
