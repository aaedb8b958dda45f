"""Where calls may be streamed to, as `[streams] hosts` of the configuration says it."""

from __future__ import annotations

import ipaddress
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MAX_URL = 2048  # characters
_SCHEMES = {"ws": "http", "wss": "https"}  # whose ports they have


@dataclass(frozen=True, slots=True)
class Hosts:
    """Rules of hosts; None: this machine, at any port."""

    rules: Sequence[str] | None
    fits: Callable[[Sequence[str], str, str, int | None], bool]  # rules, scheme, host, port

    def expect_allowed(self, url: str) -> None:
        """Raise ValueError unless it is the URL of a WebSocket at a host that calls may be streamed to."""
        if len(url) > MAX_URL:
            raise ValueError(f"expected a URL of at most {MAX_URL} characters, got {len(url)}")
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme not in ("ws", "wss") or not host:
            raise ValueError(f"expected ws://HOST/… or wss://HOST/…, got {url[:100]!r}")
        if parts.fragment:
            raise ValueError(f"expected a URL without a fragment, got {url[:100]!r}")
        if self.rules is None:
            if not _is_this_machine(host):
                raise ValueError(f"expected this machine, as there are no [streams] hosts, got {host!r}")
        elif not self.fits(self.rules, _SCHEMES[parts.scheme], host, port):
            raise ValueError(f"expected a host of [streams] hosts ({', '.join(self.rules) or 'none'}), got {host!r}")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
