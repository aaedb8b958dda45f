"""Values by realm and key, a bounded number of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_VALUES = 10_000
MAX_VALUE = 4096  # characters; of a key, too


@dataclass(slots=True)
class Kept:
    """The values of one store."""

    values: dict[tuple[str, str], str] = field(default_factory=dict)

    def put(self, realm: str, key: str, value: str) -> bool:
        """False: it is too long, or too many are kept."""
        is_new = (realm, key) not in self.values
        if len(realm) + len(key) + len(value) > MAX_VALUE or (is_new and len(self.values) >= MAX_VALUES):
            return False
        self.values[realm, key] = value
        return True
