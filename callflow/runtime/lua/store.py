"""What the calls of an app share, beyond one version of its script: a few values under names."""

from __future__ import annotations

from typing import TypeAlias

Value: TypeAlias = str | int | float | bool

MAX_KEYS = 10_000
MAX_KEY = 256  # characters
MAX_VALUE = 64 * 1024  # characters
MAX_TOTAL = 16 * 1024 * 1024  # characters of all names and texts


class Store:
    """The values of one app."""

    def __init__(self) -> None:
        self._values: dict[str, Value] = {}
        self._size = 0

    def get(self, key: object) -> Value | None:
        return self._values.get(_checked(key))

    def set(self, key: object, value: object) -> None:
        """Keep a value; None removes it. Raises ValueError for what cannot be kept."""
        name = _checked(key)
        if value is None:
            self._size -= _size(name, self._values.pop(name, None))
            return
        if not isinstance(value, str | int | float | bool):
            raise ValueError(f"expected a text, a number or a boolean under {name!r}, got a table")
        if isinstance(value, str) and len(value) > MAX_VALUE:
            raise ValueError(f"expected a text of at most {MAX_VALUE} characters under {name!r}, got {len(value)}")
        if name not in self._values and len(self._values) >= MAX_KEYS:
            raise ValueError(f"expected at most {MAX_KEYS} names: remove some by setting nil")
        size = self._size - _size(name, self._values.get(name)) + _size(name, value)
        if size > MAX_TOTAL:
            raise ValueError(f"expected at most {MAX_TOTAL} characters in all: remove some by setting nil")
        self._size = size
        self._values[name] = value

    def add(self, key: object, number: object) -> Value:
        """Add to a number, which is 0 at first; the sum."""
        before = self.get(key) or 0
        if not isinstance(number, int | float) or not isinstance(before, int | float):
            raise ValueError(f"expected numbers to add, got {before!r} and {number!r}")
        self.set(key, before + number)
        return before + number


def _size(name: str, value: Value | None) -> int:
    if value is None:
        return 0
    return len(name) + (len(value) if isinstance(value, str) else 0)


def _checked(key: object) -> str:
    if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY:
        raise ValueError(f"expected a name of 1 to {MAX_KEY} characters, got {key!r:.80}")
    return key
