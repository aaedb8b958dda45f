"""Checks of what a program gave, with errors that say what was expected and what came."""

from __future__ import annotations

from collections.abc import Mapping

from engine.sip.messages import check_program_headers

from .errors import CommandError

_LONGEST_HEADER = 1024  # characters of a name and its value


def within(name: str, value: float, lowest: float, highest: float) -> None:
    """Raise CommandError unless the value lies between; NaN lies nowhere."""
    if not lowest <= value <= highest:
        raise CommandError("bad_argument", f"expected {name} from {lowest:g} to {highest:g}, got {value:g}")


def digits_only(name: str, value: str, most: int) -> None:
    """Raise CommandError unless there are at most so many keys of a phone."""
    if len(value) > most or value.strip("0123456789*#ABCD"):
        raise CommandError("bad_argument", f"expected {name} of at most {most} of 0-9 * # A-D, got {value[:64]!r}")


def headers_of(headers: Mapping[str, str], most: int) -> list[tuple[str, str]]:
    """Header fields for a message. Raises CommandError for a name the stack writes itself, a line end, too many."""
    if not headers:
        return []
    if len(headers) > most:
        raise CommandError("bad_argument", f"expected at most {most} headers, got {len(headers)}")
    fields = list(headers.items())
    for name, value in fields:
        if len(name) + len(value) > _LONGEST_HEADER:
            raise CommandError("bad_argument", f"expected at most {_LONGEST_HEADER} characters in header {name[:64]!r}")
    try:
        check_program_headers(fields)
    except ValueError as error:
        raise CommandError("bad_argument", str(error)) from error
    return fields
