"""How long what came may be used without asking again (RFC 9111 §4.2). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

MOST = 30 * 86_400.0  # seconds; it is asked again at the latest then
UNTOLD = 60.0  # of what says nothing about itself
_HEURISTIC = 0.1  # of its age when it came (RFC 9111 §4.2.2)
_HEURISTIC_MOST = 86_400.0
_DIRECTIVE = re.compile(r'([a-z-]+)(?:\s*=\s*"?([^",]*)"?)?')


def lifetime(headers: Mapping[str, str]) -> float:
    """Seconds from its arrival on. `headers` are a response's, their names in lower case."""
    directives = {name: value for name, value in _DIRECTIVE.findall(headers.get("cache-control", "").lower())}
    if "no-store" in directives or "no-cache" in directives:
        return 0.0
    aged = _number(headers.get("age", ""))
    if "max-age" in directives:
        return _within(_number(directives["max-age"]) - aged)
    sent = _moment(headers, "date")
    if "expires" in headers:
        expires = _moment(headers, "expires")
        return _within(expires - sent - aged) if expires is not None and sent is not None else 0.0
    changed = _moment(headers, "last-modified")
    if changed is not None and sent is not None:
        return _within(min((sent - changed) * _HEURISTIC, _HEURISTIC_MOST))
    return UNTOLD


def _within(seconds: float) -> float:
    return min(max(seconds, 0.0), MOST)


def _number(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0.0


def _moment(headers: Mapping[str, str], name: str) -> float | None:
    try:
        return parsedate_to_datetime(headers[name]).timestamp()
    except (KeyError, ValueError, OverflowError):
        return None
