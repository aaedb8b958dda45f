"""Values on their way between Lua and Python: nothing but texts, numbers, booleans and tables, and not too much."""

from __future__ import annotations

from itertools import islice
from operator import itemgetter
from typing import Any

from lupa import lua54  # type: ignore[import-untyped]

MAX_DEPTH = 8
MAX_ITEMS = 10_000  # of one table
MAX_TEXT = 1 << 20  # octets
_PLAIN = frozenset({type(None), bool, int, float})
_LARGEST = 1 << 63  # an integer of Lua's has 64 bits


class BadValue(ValueError):
    """A script gave what cannot be handed over; the text says what."""


def to_python(value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - whatever a script gives
    """A table whose keys are 1, 2, ... as a list, another as a dict; texts as str. Raises BadValue."""
    kind = type(value)
    if kind is bytes:
        return _text(value)
    if kind in _PLAIN:
        return value
    if lua54.lua_type(value) != "table":
        raise BadValue(f"expected a text, a number, a boolean or a table, got a {lua54.lua_type(value)}")
    if depth >= MAX_DEPTH:
        raise BadValue(f"expected tables nested at most {MAX_DEPTH} deep")
    pairs = dict(islice(value.items(), MAX_ITEMS + 1))
    if len(pairs) > MAX_ITEMS:
        raise BadValue(f"expected a table of at most {MAX_ITEMS} values")
    if 1 in pairs:
        return [to_python(pairs[at], depth + 1) for at in sorted(key for key in pairs if type(key) is int)]
    named = [(_text(key) if type(key) is bytes else str(key), item) for key, item in pairs.items()]
    if len(named) > 1:
        named.sort(key=itemgetter(0))  # Lua has them in any order, and in another one each time
    return {name: to_python(item, depth + 1) for name, item in named}


def to_lua(runtime: lua54.LuaRuntime, value: Any) -> Any:  # noqa: ANN401 - whatever an event holds
    """The same for Lua."""
    if isinstance(value, str | int):
        return encoded(value)
    if isinstance(value, dict):
        return runtime.table_from({to_lua(runtime, key): to_lua(runtime, item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return runtime.table_from([to_lua(runtime, item) for item in value])
    if value is None or isinstance(value, float | bytes):
        return value
    raise BadValue(f"expected a plain value, got {type(value).__name__}")


def encoded(value: object) -> object:
    """A plain value for Lua, whose texts are octets."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        return float(value)  # as Lua would have made it
    return value


def to_text(value: object) -> str:
    """A text of Lua's, readable whatever is in it; a script may put anything where an id should be."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def _text(value: bytes) -> str:
    if len(value) > MAX_TEXT:
        raise BadValue(f"expected a text of at most {MAX_TEXT} octets, got {len(value)}")
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise BadValue(f"expected text in UTF-8, got the octet {value[error.start]:#04x}") from error
