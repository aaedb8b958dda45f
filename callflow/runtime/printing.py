"""What a script prints in a call, as lines of the log that say which call it was."""

from __future__ import annotations

import io
from collections import OrderedDict
from typing import TextIO

import msgspec

from callflow.run import current_call

from .log import Record

PRINTED = "print"  # the logger
MAX_CALLS = 1000  # with a line that is not whole yet
MAX_LINE = 16 * 1024  # characters; a longer one is cut up


class CallPrinter(io.TextIOBase):
    """In the place of sys.stdout: outside of calls it writes as that does."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._parts: OrderedDict[str, str] = OrderedDict()  # of lines, by call

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a property here, as of io.TextIOWrapper
        return self._stream.encoding

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def flush(self) -> None:
        self._stream.flush()

    def write(self, text: str, /) -> int:
        call = current_call.get()
        if call is None:
            return self._stream.write(text)
        *lines, rest = (self._parts.pop(call, "") + text).split("\n")
        if len(rest) > MAX_LINE:
            lines, rest = [*lines, rest], ""
        for line in lines:
            self._tell(line, call)
        if rest:
            self._parts[call] = rest
            if len(self._parts) > MAX_CALLS:
                oldest, part = self._parts.popitem(last=False)
                self._tell(part, oldest)
        return len(text)

    def _tell(self, line: str, call: str) -> None:
        record = Record(level="info", logger=PRINTED, message=line.encode("utf-8", "replace").decode(), call=call)
        self._stream.write(msgspec.json.encode(record).decode() + "\n")
