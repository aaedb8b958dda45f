"""Every event as a line of the log, for who wants to read it all: CALLFLOW_LOG=debug."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec
import structlog

from callflow.protocol.events import EVENTS, Event
from engine.eventsocket.log import Entry

logger = structlog.get_logger("engine.events")


class Watched(Protocol):
    """The event log."""

    def watch(self, kind: type[Event], watcher: Callable[[Event, Entry], None]) -> None: ...


def log_events(log: Watched) -> None:
    """Have each event from now on logged at the level debug, with the call that it is of."""
    for kind in EVENTS.values():
        log.watch(kind, _log_event)


def _log_event(event: Event, entry: Entry) -> None:
    told = msgspec.to_builtins(event)
    of_call = {"call": entry.channel} if entry.channel is not None else {}
    logger.debug(entry.name, **of_call, seq=entry.seq, data={key: told[key] for key in told if told[key] is not None})
