"""The engine's log: one line an event, on stderr, so that stdout stays what commands say. As text, or as JSON.

What concerns a call names it as `call`, whoever says it: the engine, a script, or what a script prints.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Protocol

import structlog

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class Choose(Protocol):
    """Is a record to be logged? `is_asked`: $CALLFLOW_LOG is set, and its level is high enough."""

    def __call__(self, name: str, level: str, record: dict[str, object], *, is_asked: bool) -> bool: ...


class StderrLogger:
    """Writes to whatever stderr is now. When nobody reads it any more, calls go on all the same."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def msg(self, message: str) -> None:
        try:
            print(message, file=sys.stderr, flush=True)
        except (OSError, ValueError):  # the reader is gone, or the file is closed
            return

    debug = info = warning = warn = error = critical = exception = log = msg


def configure_log(choose: Choose | None = None) -> None:
    """Log from $CALLFLOW_LOG upwards: debug, info (by default), warning or error; and of that what is chosen.

    With $CALLFLOW_LOG_FORMAT `json` each line is a JSON object.
    """
    asked = os.environ.get("CALLFLOW_LOG")
    level = level_of(asked)

    def keep_chosen(logger: StderrLogger, method: str, record: MutableMapping[str, object]) -> Mapping[str, object]:
        if choose is not None and not choose(logger.name, method, dict(record), is_asked=asked is not None):
            raise structlog.DropEvent
        return record

    structlog.configure(
        processors=[
            *([keep_chosen] if choose is not None else []),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%S.%fZ", utc=True),
            structlog.processors.format_exc_info,
            *_renderers(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=StderrLogger,
        cache_logger_on_first_use=True,
    )


def level_of(asked: str | None) -> int:
    """The level that a word of $CALLFLOW_LOG means."""
    return LEVELS.get((asked or "info").lower(), logging.INFO)


def _renderers() -> Sequence[structlog.typing.Processor]:
    if os.environ.get("CALLFLOW_LOG_FORMAT", "").lower() != "json":
        return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=32)]
    return [_name_logger, structlog.processors.JSONRenderer(ensure_ascii=True, default=str)]


def _name_logger(logger: StderrLogger, method: str, record: MutableMapping[str, object]) -> MutableMapping[str, object]:
    record["logger"] = logger.name
    return record


def log_errors_only() -> None:
    """Of an engine that is simulated only what is wrong is of interest."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR), logger_factory=lambda *_: StderrLogger()
    )
