"""Reading checked values out of a TOML document: a reader for each key, errors that say where and what was expected.

A reader takes what tomllib made of a value and returns the value it stands for, or raises ValueError with what was
expected and what came. `table` and `list_of` compose readers and add the key path.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

from .toml_lines import KeyPath

_T = TypeVar("_T")
Reader: TypeAlias = Callable[[object], Any]  # Any: each key has its own type, the dataclass names it


class Wrong(Exception):
    """What is wrong with the value at a key path."""

    def __init__(self, message: str, *, at: KeyPath = (), hint: str = "") -> None:
        super().__init__(message)
        self.message, self.at, self.hint = message, at, hint

    def below(self, *at: str | int) -> Wrong:
        """The same, seen from further up."""
        return Wrong(self.message, at=(*at, *self.at), hint=self.hint)


def table(kind: Callable[..., _T], readers: Mapping[str, tuple[str, Reader]]) -> Callable[[object], _T]:
    """A reader of a table: each key by its own reader, into the field named beside it.

    Fields of `kind` that have no default are required.
    """

    def read(value: object) -> _T:
        if not isinstance(value, dict):
            raise Wrong(f"expected a table, got {show(value)}")
        values: dict[str, object] = {}
        for key, item in value.items():
            if key not in readers:
                raise Wrong(f"unknown key{suggest(key, readers)}", at=(key,))
            name, reader = readers[key]
            values[name] = _read(reader, item, key)
        _require(kind, readers, values)
        return kind(**values)

    return read


def _require(
    kind: Callable[..., object], readers: Mapping[str, tuple[str, Reader]], values: Mapping[str, object]
) -> None:
    fields: Any = vars(kind)["__dataclass_fields__"]  # Any: typeshed has no type for the class of a dataclass
    for key, (name, _) in readers.items():
        field = fields[name]
        has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if name not in values and not has_default:
            raise Wrong(f"expected the key {show(key)}")


def _read(reader: Reader, value: object, at: str | int) -> object:
    try:
        return reader(value)
    except Wrong as wrong:
        raise wrong.below(at) from None
    except ValueError as error:
        raise Wrong(str(error), at=(at,), hint=value if isinstance(value, str) else "") from error


def list_of(reader: Reader) -> Reader:
    """A reader of a list, each item by this reader."""

    def read(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Wrong(f"expected a list, got {show(value)}")
        return tuple(_read(reader, item, index) for index, item in enumerate(value))

    return read


def map_of(reader: Reader) -> Reader:
    """A reader of a table with any keys, each value by this reader."""

    def read(value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Wrong(f"expected a table, got {show(value)}")
        return {key: _read(reader, item, key) for key, item in value.items()}

    return read


def nonempty(reader: Reader) -> Reader:
    """A reader of a list that has an item."""

    def read(value: object) -> tuple[Any, ...]:
        items: tuple[Any, ...] = list_of(reader)(value)
        if not items:
            raise Wrong("expected at least one, got []")
        return items

    return read


def read_text(value: object) -> str:
    """A string on one line that is not empty."""
    if not isinstance(value, str):
        raise ValueError(f"expected a string, got {show(value)}")
    if not value or re.search(r"[\x00-\x1f\x7f]", value):
        raise ValueError(f"expected text without control characters, got {show(value)}")
    return value


def read_flag(value: object) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, got {show(value)}")
    return value


def one_of(choices: tuple[str, ...]) -> Reader:
    """A reader of one of these strings."""

    def read(value: object) -> str:
        if value not in choices:
            raise ValueError(f"expected {' or '.join(show(choice) for choice in choices)}, got {show(value)}")
        return str(value)

    return read


def suggest(word: str, known: Iterable[str]) -> str:
    """The nearest of the known words, or all of them, in brackets."""
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f" (did you mean {show(near[0])}?)"
    return f" (known: {', '.join(known)})" if known else " (there is none)"


def show(value: object) -> str:
    """A value as it stands in the file, shortened."""
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{value}"' if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
