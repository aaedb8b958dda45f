"""Who may connect, and what for. A token is a secret with a name and scopes.

`read`       every event, every query
`calls:own`  to own channels and to steer them
`calls:any`  to hang up any channel, besides `calls:own`
`admin`      all of these
"""

from __future__ import annotations

import hmac
import ipaddress
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from engine.channels.errors import CommandError

Scope: TypeAlias = Literal["read", "calls:own", "calls:any", "admin"]

_IMPLIED: dict[Scope, frozenset[Scope]] = {
    "calls:any": frozenset({"calls:own"}),
    "admin": frozenset(get_args(Scope)),
}
_SHORTEST = 32  # characters of a generated token; a shorter file was not written by us


class ExposureError(ValueError):
    """The event socket would be open to strangers; the text says what to configure."""


@dataclass(frozen=True, slots=True)
class Token:
    """What whoever shows `secret` may do. `app` is the only app it may be, None: any."""

    name: str
    secret: str = field(repr=False)
    scopes: frozenset[Scope]
    app: str | None = None
    folder: Path | None = None  # where the app's prompts are
    version: str | None = None  # of the app, if the engine runs it

    def allows(self, scope: Scope) -> bool:
        """Does one of the scopes say so, or imply it?"""
        return any(scope == own or scope in _IMPLIED.get(own, ()) for own in self.scopes)

    def expect(self, scope: Scope) -> None:
        """Raises CommandError if it does not allow that."""
        if not self.allows(scope):
            raise CommandError("unauthorized", f"the token {self.name!r} lacks the scope {scope}", {"scope": scope})


class Tokens:
    """The tokens that a door accepts."""

    def __init__(self, tokens: Iterable[Token] = ()) -> None:
        self._tokens = tuple(tokens)

    def add(self, token: Token) -> None:
        self._tokens = (*self._tokens, token)

    def remove(self, token: Token) -> None:
        self._tokens = tuple(other for other in self._tokens if other != token)

    def find(self, secret: str) -> Token | None:
        """The token with this secret. Takes as long whether there is one or not."""
        found, shown = None, secret.encode("utf-8", "replace")
        for token in self._tokens:
            if hmac.compare_digest(shown, token.secret.encode()):
                found = token
        return found


def load_token(path: Path, new_token: Callable[[], str]) -> Token:
    """The engine's own token with all rights: read from `path`, or written there for its user alone (mode 0600).

    One that others could read is replaced. Raises OSError.
    """
    secret = _read_private(path)
    if secret is None:
        secret = new_token()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secret + "\n")
    return Token(name="local", secret=secret, scopes=frozenset({"admin"}))


def check_exposure(host: str, *, has_tokens: bool, has_tls: bool, allow_plaintext: bool) -> None:
    """Raise ExposureError for a listener beyond loopback without configured tokens, or without TLS unless so told."""
    if is_loopback(host):
        return
    if not has_tokens:
        raise ExposureError(
            f"the event socket would listen on {host} without tokens: configure tokens, or listen on 127.0.0.1"
        )
    if not has_tls and not allow_plaintext:
        raise ExposureError(
            f"the event socket would listen on {host} without TLS, and tokens could be read on the way: "
            "give it a certificate and a key, or say allow_plaintext = true"
        )


def is_loopback(host: str) -> bool:
    """Can only this machine reach it? A name other than localhost might be anybody's."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _read_private(path: Path) -> str | None:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    with open(file) as opened:
        state = os.fstat(file)
        if not stat.S_ISREG(state.st_mode) or state.st_mode & 0o077 or state.st_uid != os.geteuid():
            return None
        secret = opened.read(4096).strip()
    return secret if len(secret) >= _SHORTEST and secret.isascii() else None
