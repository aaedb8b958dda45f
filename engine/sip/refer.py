"""What REFER, its NOTIFYs and Replaces say, read and written (RFC 3515, RFC 3891, RFC 3892, RFC 4488).

::

    asked = read_refer(request)  # raises ParseError: 400
    dialog = read_replaces(request.header("Replaces"))
    status = read_fragment(notify.body)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from .dialog import Dialog, DialogKey
from .messages import Address, ParseError, Request, Uri, reason_phrase

FRAGMENT = ("Content-Type", "message/sipfrag;version=2.0")
LONGEST_EXPIRY = 180  # seconds that the peer of a REFER is promised NOTIFYs for (3515 2.4.4)

_STATUS_LINE = re.compile(rb"SIP/2\.0 ([1-6][0-9]{2})(?: [^\r\n]{0,512})?(?:\r?\n|$)")
_ONCE = re.compile(r"[0-9A-Za-z.!%*_+`'~()<>:\\\"/\[\]?{}@-]{1,255}")  # a word of RFC 3261 25.1, and one @


@dataclass(frozen=True, slots=True)
class Replaces:
    """The dialog that is to be replaced, as who receives this sees it: the to-tag is the receiver's own."""

    call_id: str
    to_tag: str
    from_tag: str
    is_early_only: bool = False

    @property
    def key(self) -> DialogKey:
        return (self.call_id, self.to_tag, self.from_tag)

    def __str__(self) -> str:
        early = ";early-only" if self.is_early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"

    @classmethod
    def of(cls, dialog: Dialog) -> Replaces:
        """That names a dialog of ours to its other end."""
        return cls(dialog.call_id, dialog.remote_tag, dialog.local_tag)


@dataclass(frozen=True, slots=True)
class Refer:
    """What a REFER asks for: a call to `target`, in place of the call `replaces` if there is one."""

    target: Uri
    replaces: Replaces | None
    referred_by: str | None
    wants_notifies: bool  # False: Refer-Sub: false (RFC 4488)


def read_refer(request: Request) -> Refer:
    """Raises ParseError: a REFER has exactly one Refer-To (3515 2.4.2)."""
    told = request.addresses("Refer-To")
    if len(told) != 1:
        raise ParseError(f"expected one Refer-To, got {len(told)}")
    uri = told[0].uri
    if uri.scheme not in ("sip", "sips"):
        raise ParseError(f"expected a sip: URI in Refer-To, got {uri.scheme}")
    method = uri.params.get("method", "INVITE")
    if (method or "").upper() != "INVITE":
        raise ParseError(f"expected a Refer-To for an INVITE, got {method}")
    params = {name: value for name, value in uri.params.items() if name != "method"}
    by = request.header("Referred-By")
    return Refer(
        target=Uri(scheme=uri.scheme, user=uri.user, host=uri.host, port=uri.port, params=params),
        replaces=_replaces_in(uri.headers),
        referred_by=by[:512] if by else None,
        wants_notifies=(request.header("Refer-Sub") or "true").partition(";")[0].strip().lower() != "false",
    )


def refer_to(target: Uri, replaces: Replaces | None = None) -> tuple[str, str]:
    """The Refer-To that asks for a call, and with `replaces` for one in place of another (3891 4)."""
    headers = f"Replaces={quote(str(replaces), safe='')}" if replaces is not None else ""
    uri = Uri(
        scheme=target.scheme,
        user=target.user,
        host=target.host,
        port=target.port,
        params=target.params,
        headers=headers,
    )
    return ("Refer-To", f"<{uri}>")


def referred_by(local: Address) -> tuple[str, str]:
    """Who refers (RFC 3892): the address without what is of one dialog."""
    return ("Referred-By", f"<{local.uri}>")


def read_replaces(value: str | None) -> Replaces | None:
    """A Replaces header (3891 6.1); None without one. Raises ParseError."""
    if value is None:
        return None
    call_id, *rest = (part.strip() for part in value.split(";"))
    params = {name.strip().lower(): text.strip() for name, _, text in (part.partition("=") for part in rest)}
    if not _ONCE.fullmatch(call_id) or not params.get("to-tag") or not params.get("from-tag"):
        raise ParseError("expected a Call-ID, a to-tag and a from-tag in Replaces")
    # 3891 6.1: a tag of zero stands for none, in dialogs with peers of RFC 2543
    to_tag, from_tag = (tag if tag != "0" else "" for tag in (params["to-tag"], params["from-tag"]))
    return Replaces(call_id, to_tag, from_tag, "early-only" in params)


def read_fragment(body: bytes) -> int | None:
    """The status in a message/sipfrag, None if there is none in its first line."""
    found = _STATUS_LINE.match(body[:1024])
    return int(found[1]) if found else None


def fragment(status: int) -> bytes:
    """What a NOTIFY tells: the status line of the call that was asked for (3515 2.4.5)."""
    return f"SIP/2.0 {status} {reason_phrase(status)}\r\n".encode()


def _replaces_in(headers: str) -> Replaces | None:
    """Of all headers that a Refer-To may ask for only Replaces is looked at (3515 4.1)."""
    for part in headers[:2048].split("&"):
        name, _, value = part.partition("=")
        if name.lower() == "replaces":
            return read_replaces(unquote(value))
    return None
