"""Keys by INFO (RFC 6086, 9: what was in use before it): the two bodies that phones and gateways send, read and made.

`application/dtmf-relay` is lines of `Signal=5` and `Duration=160`; `application/dtmf` is the key alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from .messages import ParseError, Request

RELAY, PLAIN = "application/dtmf-relay", "application/dtmf"
ACCEPT = ("Accept", f"{RELAY}, {PLAIN}")
KEYS = "0123456789*#ABCD"
DEFAULT_DURATION_MS = 160  # of a body that does not say
_LONGEST_BODY = 256  # octets
_LONGEST_MS = 10_000


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """One key and how long it was down. Without `key` it is no key of a phone: a hook flash, a code beyond 15."""

    key: str
    duration_ms: int = DEFAULT_DURATION_MS

    def write(self) -> bytes:
        """As `application/dtmf-relay`."""
        return f"Signal={self.key}\r\nDuration={self.duration_ms}\r\n".encode()


def read_key(request: Request) -> KeyInfo | None:
    """The key that an INFO tells; None: it tells something else. Raises ParseError for a body that is no key's."""
    kind = (request.header("Content-Type") or "").partition(";")[0].strip().lower()
    if kind not in (RELAY, PLAIN):
        return None
    if len(request.body) > _LONGEST_BODY:
        raise ParseError(f"expected at most {_LONGEST_BODY} octets of {kind}, got {len(request.body)}")
    try:
        text = request.body.decode("ascii")
    except UnicodeDecodeError as error:
        raise ParseError(f"expected ASCII in {kind}, got {request.body[:32]!r}") from error
    return KeyInfo(_key(text.strip())) if kind == PLAIN else _read_relay(text)


def _read_relay(text: str) -> KeyInfo:
    fields = {}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        fields[name.strip().lower()] = value.strip()
    if "signal" not in fields:
        raise ParseError(f"expected a line Signal=KEY, got {text[:64]!r}")
    duration = fields.get("duration", "")
    if not duration.isdigit() or len(duration) > 9:
        return KeyInfo(_key(fields["signal"]))
    return KeyInfo(_key(fields["signal"]), min(int(duration), _LONGEST_MS))


def _key(text: str) -> str:
    """By name, or by the event code of RFC 4733 for `*` and `#`, as some write them."""
    text = {"10": "*", "11": "#"}.get(text, text).upper()
    return text if len(text) == 1 and text in KEYS else ""
