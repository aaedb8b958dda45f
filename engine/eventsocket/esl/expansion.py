"""`${name}` in what clients write: the value of a variable of the channel, or of a global one."""

from __future__ import annotations

import re

from .hub import Hub
from .leg import Leg

_VARIABLE = re.compile(r"\$\$?\{([^{}]{1,128})\}")
MAX_EXPANDED = 64 * 1024


def expand(text: str, leg: Leg | None, hub: Hub) -> str:
    """The text with its variables replaced, once; those that are not set vanish."""
    if "${" not in text:
        return text

    def value(match: re.Match[str]) -> str:
        name = match[1]
        found = leg.variable(name) if leg is not None and not match[0].startswith("$$") else None
        return found if found is not None else hub.globals.get(name, "")

    return _VARIABLE.sub(value, text)[:MAX_EXPANDED]
