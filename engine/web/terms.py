"""Who is asked for sounds, or for whatever ESL clients want, and how much of what they say is heard."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

MAX_OCTETS = 64 << 20
SILENT_FOR = 10.0  # seconds without an octet
WITHIN = 60.0  # seconds, all in all

IsAllowed: TypeAlias = Callable[[Sequence[str], str, str, int | None], bool]


class FetchError(Exception):
    """Nothing came of it; the text says why. `is_told`: the server said that it is not to be had."""

    def __init__(self, message: str, *, is_told: bool = False) -> None:
        super().__init__(message)
        self.is_told = is_told


class NotAllowed(FetchError):
    """The configuration does not name the host."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Who may be asked, and how much of what they say is heard.

    `is_allowed` tells whether one of the rules `hosts` is about a scheme, a host and a port. `section` is where the
    configuration names them, `purpose` what for.
    """

    hosts: Sequence[str]
    is_allowed: IsAllowed
    trust: ssl.SSLContext | None = None  # None: whom the system trusts
    max_octets: int = MAX_OCTETS
    silent_for: float = SILENT_FOR
    within: float = WITHIN
    section: str = "[sounds]"
    purpose: str = "that sounds come from"

    def check(self, url: str) -> None:
        """Raise FetchError for a URL that may not be asked for."""
        try:
            read = urlsplit(url)
            host, port = read.hostname, read.port
        except ValueError as error:
            raise FetchError(f"expected a URL, got {url[:200]!r}: {error}") from error
        if read.scheme not in ("http", "https") or not host or not url.isprintable() or " " in url:
            raise FetchError(f"expected a URL that begins with http:// or https://, got {url[:200]!r}")
        if "@" in read.netloc:
            raise FetchError("expected a URL without a name and a password in it")
        if not self.is_allowed(self.hosts, read.scheme, host, port):
            rule = read.netloc.lower()
            hint = f'write http = ["{rule}"] to {self.section} in the configuration'
            raise NotAllowed(f"{rule} is no host {self.purpose}: {hint}")

    def is_named(self, url: str) -> bool:
        """A rule names the host itself; then its address may be a private one."""
        read = urlsplit(url)
        named = [rule for rule in self.hosts if "*" not in rule]
        return self.is_allowed(named, read.scheme, read.hostname or "", read.port)
