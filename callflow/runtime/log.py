"""What a worker writes to stderr: one JSON object a line, which the engine puts into its own log."""

from __future__ import annotations

import logging
import sys
import traceback

import msgspec

from callflow.run import current_call


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a worker's log."""

    level: str
    logger: str
    message: str
    call: str | None = None
    traceback: str = ""
    code: str = ""  # of the verb's error that it was, in Lua


class _LineFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        trace = getattr(record, "traceback", "")
        if record.exc_info and record.exc_info[0] is not None:
            trace = "".join(traceback.format_exception(*record.exc_info))
        line = Record(
            level=record.levelname.lower(), logger=record.name, message=record.getMessage(), call=current_call.get(),
            traceback=trace,
        )  # fmt: skip
        return msgspec.json.encode(line).decode()


def configure_log() -> None:
    """Write all records from INFO up to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_LineFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def read_record(line: bytes) -> Record | None:
    """The record in a line, None if it is other output: a print, a fault of the interpreter."""
    try:
        return msgspec.json.decode(line, type=Record)
    except msgspec.MsgspecError:
        return None
