"""[trace]: how much is kept of what calls did, in memory, for `callflow trace` and for apps that come back."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from engine.eventsocket import decisions, log
from engine.sip import wire_log

from .limit import seconds
from .toml_reader import Reader, show

_UNITS = MappingProxyType({"MB": 1 << 20, "GB": 1 << 30})


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """[trace]. What is reached first counts; the oldest goes first."""

    messages: int = wire_log.MAX_MESSAGES  # of SIP
    message_memory: int = wire_log.MAX_OCTETS
    events: int = log.MAX_EVENTS
    event_memory: int = log.MAX_OCTETS
    event_age: float = log.MAX_AGE  # seconds
    command_memory: int = decisions.MAX_OCTETS


def _count(most: int) -> Reader:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 100 <= value <= most:
            raise ValueError(f"expected a number from 100 to {most}, got {show(value)}")
        return value

    return read


def _memory(value: object) -> int:
    match = re.fullmatch(r"([0-9]{1,6})\s*(MB|GB)", value, re.ASCII) if isinstance(value, str) else None
    octets = int(match[1]) * _UNITS[match[2]] if match is not None else 0
    if not 1 << 20 <= octets <= 1 << 36:
        raise ValueError(f'expected memory of "1MB" to "64GB", got {show(value)}')
    return octets


TRACE: MappingProxyType[str, tuple[str, Callable[[object], object]]] = MappingProxyType({
    "messages": ("messages", _count(10_000_000)),
    "message_memory": ("message_memory", _memory),
    "events": ("events", _count(10_000_000)),
    "event_memory": ("event_memory", _memory),
    "event_age": ("event_age", seconds(1.0)),
    "command_memory": ("command_memory", _memory),
})
