"""On which line of a TOML text a key stands. tomllib does not tell; this scans the text for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

# The keys and list indexes that lead to a value: ("user", 1, "password").
KeyPath: TypeAlias = tuple[str | int, ...]

_NAME = r"""(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)"""
_DOTTED = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]\]?\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(rf"\s*({_DOTTED})\s*=")


def line_of(text: str, at: KeyPath, *, hint: str = "") -> int:
    """The line of the value at a key path, or of the nearest key above it.

    Inside a list or an inline table the line is the first below that key which shows the next key, or the hint: a
    part of the value itself.
    """
    lines = text.splitlines()
    places = dict(_places(lines))
    for length in range(len(at), 0, -1):
        if (line := places.get(at[:length])) is not None:
            return _look_on(lines, line, at[length:], hint)
    return 1


def lines_of(text: str, name: str) -> dict[int, int]:
    """The line of each table of an array of tables, by its place in the array."""
    found: dict[int, int] = {}
    for place, line in _places(text.splitlines()):
        match place:
            case (first, int() as index) if first == name:
                found[index] = line
    return found


def _look_on(lines: list[str], start: int, rest: KeyPath, hint: str) -> int:
    names = [part for part in rest if isinstance(part, str)]
    key = rf"(?<![\w-])[\"']?{re.escape(names[-1])}[\"']?\s*=" if names else ""
    needle = re.compile(key or re.escape(hint))
    for number in range(start, len(lines) + 1):
        if number > start and _HEADER.match(lines[number - 1]):
            break
        if (names or hint) and needle.search(lines[number - 1]):
            return number
    return start


def _places(lines: list[str]) -> Iterator[tuple[KeyPath, int]]:
    table: KeyPath = ()
    counts: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if header := _HEADER.match(line):
            names = _split(header[2])
            table = names
            if header[1] == "[" and len(names) > 1 and str(names[0]) in counts:  # a part of the last of an array
                table = (names[0], counts[str(names[0])], *names[1:])
            if header[1] == "[[":
                counts[header[2]] = counts.get(header[2], -1) + 1
                table = (*names, counts[header[2]])
            yield table, number
        elif assignment := _ASSIGNMENT.match(line):
            yield (*table, *_split(assignment[1])), number


def _split(dotted: str) -> KeyPath:
    return tuple(name.strip("\"'") for name in re.findall(_NAME, dotted))
