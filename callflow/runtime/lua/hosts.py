"""Which hosts a script may send HTTP requests to, as `[[app]] http` of the configuration says it."""

from __future__ import annotations

import re
from collections.abc import Sequence

_RULE = re.compile(r"(\*|(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_PORTS = {"http": 80, "https": 443}


def read_host(text: str) -> str:
    """Check `HOST`, `HOST:PORT`, `*.DOMAIN` or `*`, and spell it in one way. Raises ValueError."""
    spelled = text.lower()
    match = _RULE.fullmatch(spelled)
    if match is None or int(match[2] or 1) not in range(1, 65536):
        raise ValueError(
            f'expected a host such as "api.example.com", "127.0.0.1:8080" or "*.example.com", got {text!r}'
        )
    return spelled


def is_allowed(rules: Sequence[str], scheme: str, host: str, port: int | None) -> bool:
    """Whether one of the rules is about that host; a rule without a port is about the scheme's own."""
    return any(_fits(rule, scheme, host.lower(), port or _PORTS.get(scheme, 0)) for rule in rules)


def _fits(rule: str, scheme: str, host: str, port: int) -> bool:
    match = _RULE.fullmatch(rule)
    if match is None or port != int(match[2] or _PORTS.get(scheme, 0)):
        return rule == "*"
    name = match[1].strip("[]")
    return name == "*" or name == host or (name.startswith("*.") and host.endswith(name[1:]))
