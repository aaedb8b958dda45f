"""The engine's log: one line an event, on stderr, so that stdout stays what commands say."""

from __future__ import annotations

import logging
import os
import sys

import structlog

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class StderrLogger:
    """Writes to whatever stderr is now. When nobody reads it any more, calls go on all the same."""

    def msg(self, message: str) -> None:
        try:
            print(message, file=sys.stderr, flush=True)
        except (OSError, ValueError):  # the reader is gone, or the file is closed
            return

    debug = info = warning = warn = error = critical = exception = log = msg


def configure_log() -> None:
    """Log from $CALLFLOW_LOG upwards: debug, info (by default), warning or error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%S.%fZ", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=32),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            LEVELS.get(os.environ.get("CALLFLOW_LOG", "info").lower(), logging.INFO)
        ),
        logger_factory=lambda *_: StderrLogger(),
        cache_logger_on_first_use=True,
    )


def log_errors_only() -> None:
    """Of an engine that is simulated only what is wrong is of interest."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR), logger_factory=lambda *_: StderrLogger()
    )
