"""What scripts print, and in which call."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

from callflow.run import current_call
from callflow.runtime.log import Record, read_record
from callflow.runtime.printing import MAX_CALLS, MAX_LINE, CallPrinter


@contextmanager
def in_call(call: str) -> Iterator[None]:
    token = current_call.set(call)
    try:
        yield
    finally:
        current_call.reset(token)


def told(stream: io.StringIO) -> list[tuple[str | None, str]]:
    found = [(line, read_record(line.encode())) for line in stream.getvalue().splitlines()]
    return [(record.call, record.message) if isinstance(record, Record) else (None, line) for line, record in found]


def test_a_line_says_of_which_call_it_is():
    stream = io.StringIO()
    printer = CallPrinter(stream)
    print("outside", file=printer)
    with in_call("a"):
        print("one", 2, "drei \udcff", file=printer)
        print("two\nlines", file=printer)
    assert told(stream) == [(None, "outside"), ("a", "one 2 drei ?"), ("a", "two"), ("a", "lines")]


def test_lines_of_calls_that_print_at_a_time_are_not_mixed():
    stream = io.StringIO()
    printer = CallPrinter(stream)
    for text in ("h", "i\n"):
        for call in ("a", "b"):
            with in_call(call):
                printer.write(text)
    assert told(stream) == [("a", "hi"), ("b", "hi")]


def test_what_is_never_ended_has_a_bound():
    stream = io.StringIO()
    printer = CallPrinter(stream)
    for number in range(MAX_CALLS + 1):
        with in_call(str(number)):
            printer.write("x")
    with in_call("long"):
        printer.write("y" * (MAX_LINE + 1))
    assert told(stream) == [("0", "x"), ("long", "y" * (MAX_LINE + 1))]


def test_it_is_a_stream_as_others_are():
    stream = io.StringIO()
    printer = CallPrinter(stream)
    assert printer.writable()
    assert not printer.isatty()
    printer.flush()
