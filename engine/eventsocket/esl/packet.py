"""What the engine sends to clients, as octets. Lines end with LF alone, and no value can begin a line of its own."""

from __future__ import annotations

from collections.abc import Sequence

MAX_VALUE = 60_000  # octets of one header; libesl reads 64 KiB

AUTH_REQUEST = b"Content-Type: auth/request\n\n"
# The clients of FreeSWITCH know this end by its 67 octets, and greenswitch reads them as headers: no empty line inside.
_GOODBYE = b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
_REJECTION = b"Access Denied, go away.\n"

Pairs = Sequence[tuple[str, str]]


def reply(text: str, headers: Pairs = ()) -> bytes:
    """The answer to a command. It has no Content-Length, and clients rely on that."""
    return head((("Content-Type", "command/reply"), ("Reply-Text", text), *headers))


def api_response(body: str) -> bytes:
    return with_body((("Content-Type", "api/response"),), body.encode(errors="replace"))


def rude_rejection() -> bytes:
    """To whom the access list does not let in."""
    return with_body((("Content-Type", "text/rude-rejection"),), _REJECTION)


def disconnect_notice(channel: str | None = None) -> bytes:
    """The last packet; `channel`: that the connection was for."""
    controlled = (("Controlled-Session-UUID", channel), ("Content-Disposition", "disconnect")) if channel else ()
    return with_body((("Content-Type", "text/disconnect-notice"), *controlled), _GOODBYE)


def linger_notice(channel: str, name: str, seconds: int) -> bytes:
    """The channel has ended and the connection stays, for so many seconds or (-1) until `exit`."""
    return with_body(
        (
            ("Content-Type", "text/disconnect-notice"),
            ("Controlled-Session-UUID", channel),
            ("Content-Disposition", "linger"),
            ("Channel-Name", name),
            ("Linger-Time", str(seconds)),
        ),
        b"",
    )


def log_data(level: int, text: str, channel: str = "") -> bytes:
    """A line of the log."""
    pairs = (
        ("Content-Type", "log/data"), ("Log-Level", str(level)), ("Text-Channel", "0"), ("Log-File", "callflow"),
        ("Log-Func", "log"), ("Log-Line", "1"), ("User-Data", channel),
    )  # fmt: skip
    return with_body(pairs, (text + "\n").encode(errors="replace"))


def event(kind: str, body: bytes) -> bytes:
    """An event; `kind` is plain, json or xml."""
    return b"Content-Length: %d\nContent-Type: text/event-%s\n\n%s" % (len(body), kind.encode(), body)


def with_body(pairs: Pairs, body: bytes) -> bytes:
    return head((*pairs, ("Content-Length", str(len(body))))) + body


def head(pairs: Pairs) -> bytes:
    """A block of headers with its empty line."""
    return ("".join(f"{_one_line(name)}: {_one_line(value)}\n" for name, value in pairs) + "\n").encode(
        errors="replace"
    )


def _one_line(value: str) -> str:
    return " ".join(value[:MAX_VALUE].splitlines()) if not value.isprintable() else value[:MAX_VALUE]
