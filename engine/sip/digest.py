"""Digest authentication (RFC 7616, RFC 2617, as RFC 3261 §22 and RFC 8760 use it), both roles, without I/O.

A server makes a `Challenge`, a client answers it with an `Authorization`, the server verifies that::

    authorization = authorize(parse_challenges(response.headers("WWW-Authenticate")), credentials,
                              method="REGISTER", uri="sip:example.com", cnonce=new_token())
    is_right = verify(authorization, ha1=hash_a1(...), method="REGISTER")

Nonces, their age and their counts are the business of the layer above.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Protocol

MAX_LENGTH = 4096  # characters of one header field; what phones send is below 600
MAX_PARAMETERS = 32


class ParseError(ValueError):
    """A challenge or an authorization that is none."""


class _Hash(Protocol):
    def hexdigest(self) -> str: ...


# RFC 8760 §2.1, the strongest first. The `-sess` variants are looked up by their stem.
ALGORITHMS: Mapping[str, Callable[[bytes], _Hash]] = MappingProxyType({
    "SHA-256": hashlib.sha256,
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False),
})
_SESSION = "-SESS"

# RFC 7616 §3.3: auth-param = token BWS "=" BWS ( token / quoted-string ). A nonce without quotes is tolerated.
_PARAMETER = re.compile(
    r"""[ \t]*(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*
        (?:"(?P<quoted>(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*)"|(?P<token>[^\s",;]+))
        [ \t]*(?:,|$)""",
    re.VERBOSE,
)
_EMPTY = re.compile(r"[ \t]*(?:,|$)")  # RFC 9110 §5.6.1: a list may have empty elements
_ESCAPED = re.compile(r"\\(.)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to the other side."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One WWW-Authenticate or Proxy-Authenticate (RFC 7616 §3.3)."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    qop: tuple[str, ...] = ()  # empty: RFC 2069, without counts
    opaque: str | None = None
    stale: bool = False

    @classmethod
    def parse(cls, text: str) -> Challenge:
        """Read a header field's value. Raises ParseError."""
        parameters = _parse_parameters(text)
        return cls(
            realm=_required(parameters, "realm"),
            nonce=_required(parameters, "nonce"),
            algorithm=parameters.get("algorithm", "MD5"),
            qop=tuple(option.strip().lower() for option in parameters.get("qop", "").split(",") if option.strip()),
            opaque=parameters.get("opaque"),
            stale=parameters.get("stale", "").lower() == "true",
        )

    def __str__(self) -> str:
        """The header field's value."""
        parameters = [f"realm={_quote(self.realm)}", f"nonce={_quote(self.nonce)}"]
        if self.qop:
            parameters.append(f"qop={_quote(','.join(self.qop))}")
        if self.opaque is not None:
            parameters.append(f"opaque={_quote(self.opaque)}")
        if self.stale:
            parameters.append("stale=true")
        parameters.append(f"algorithm={self.algorithm}")
        return "Digest " + ", ".join(parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """One Authorization or Proxy-Authorization (RFC 7616 §3.4)."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str = "MD5"
    qop: str | None = None  # None: RFC 2069, and then without the next two
    nonce_count: int = 0
    cnonce: str | None = None
    opaque: str | None = None

    @classmethod
    def parse(cls, text: str) -> Authorization:
        """Read a header field's value. Raises ParseError."""
        parameters = _parse_parameters(text)
        qop = parameters.get("qop")
        return cls(
            username=_required(parameters, "username"),
            realm=_required(parameters, "realm"),
            nonce=_required(parameters, "nonce"),
            uri=_required(parameters, "uri"),
            response=_required(parameters, "response").lower(),
            algorithm=parameters.get("algorithm", "MD5"),
            qop=qop.lower() if qop is not None else None,
            nonce_count=_parse_count(parameters.get("nc")) if qop is not None else 0,
            cnonce=_required(parameters, "cnonce") if qop is not None else parameters.get("cnonce"),
            opaque=parameters.get("opaque"),
        )

    def __str__(self) -> str:
        """The header field's value."""
        names = ("username", "realm", "nonce", "uri", "response")
        parameters = [f"{name}={_quote(getattr(self, name))}" for name in names]
        parameters.append(f"algorithm={self.algorithm}")
        if self.cnonce is not None:
            parameters.append(f"cnonce={_quote(self.cnonce)}")
        if self.opaque is not None:
            parameters.append(f"opaque={_quote(self.opaque)}")
        if self.qop is not None:
            parameters += [f"qop={self.qop}", f"nc={self.nonce_count:08x}"]
        return "Digest " + ", ".join(parameters)


def parse_challenges(values: Iterable[str]) -> list[Challenge]:
    """The challenges among a response's header fields; other schemes and malformed ones are left out."""
    challenges = []
    for value in values:
        try:
            challenges.append(Challenge.parse(value))
        except ParseError:
            continue
    return challenges


def choose_challenge(challenges: Sequence[Challenge]) -> Challenge | None:
    """The challenge with the strongest algorithm that we know, the first of equals; None if we know none."""
    answerable = [challenge for challenge in challenges if _stem(challenge.algorithm) and _choose_qop(challenge) != ""]
    order = list(ALGORITHMS)
    return min(answerable, key=lambda challenge: order.index(_stem(challenge.algorithm)), default=None)


def authorize(
    challenges: Sequence[Challenge],
    credentials: Credentials,
    *,
    method: str,
    uri: str,
    cnonce: str,
    nonce_count: int = 1,
    body: bytes = b"",
) -> Authorization | None:
    """Answer the strongest of the challenges, None if none of them can be answered.

    `uri` is the Request-URI as it stands in the request; `nonce_count` says how often this nonce was used, with this.
    """
    challenge = choose_challenge(challenges)
    if challenge is None:
        return None
    qop = _choose_qop(challenge)
    is_session = challenge.algorithm.upper().endswith(_SESSION)
    unsigned = Authorization(
        username=credentials.username,
        realm=challenge.realm,
        nonce=challenge.nonce,
        uri=uri,
        response="",
        algorithm=challenge.algorithm,
        qop=qop,
        nonce_count=nonce_count if qop else 0,
        cnonce=cnonce if qop or is_session else None,
        opaque=challenge.opaque,
    )
    ha1 = hash_a1(challenge.algorithm, credentials.username, challenge.realm, credentials.password)
    response = compute_response(unsigned, ha1=ha1, method=method, body=body)
    return replace(unsigned, response=response)


def verify(authorization: Authorization, *, ha1: str, method: str, body: bytes = b"") -> bool:
    """Whether the response is the one that `ha1` makes, in a time that does not tell how far it is off."""
    expected = compute_response(authorization, ha1=ha1, method=method, body=body)
    return hmac.compare_digest(expected.encode(), authorization.response.encode("utf-8", "replace"))


def is_known(algorithm: str) -> bool:
    """Whether we can compute with this algorithm."""
    return bool(_stem(algorithm))


def hash_a1(algorithm: str, username: str, realm: str, password: str) -> str:
    """H(username:realm:password), which may be kept in place of the password (RFC 7616 §3.4.2)."""
    return _hash(algorithm, f"{username}:{realm}:{password}")


def compute_response(authorization: Authorization, *, ha1: str, method: str, body: bytes = b"") -> str:
    """The `response` that belongs to these parameters (RFC 7616 §3.4.1)."""
    algorithm, nonce, cnonce = authorization.algorithm, authorization.nonce, authorization.cnonce or ""
    if algorithm.upper().endswith(_SESSION):
        ha1 = _hash(algorithm, f"{ha1}:{nonce}:{cnonce}")
    a2 = f"{method}:{authorization.uri}"
    if authorization.qop == "auth-int":
        a2 += ":" + ALGORITHMS[_stem(algorithm)](body).hexdigest()
    ha2 = _hash(algorithm, a2)
    if authorization.qop is None:
        return _hash(algorithm, f"{ha1}:{nonce}:{ha2}")
    count = f"{authorization.nonce_count:08x}"
    return _hash(algorithm, f"{ha1}:{nonce}:{count}:{cnonce}:{authorization.qop}:{ha2}")


def _stem(algorithm: str) -> str:
    """The hash behind an algorithm's name; empty if it is none of ours."""
    stem = algorithm.upper().removesuffix(_SESSION)
    return stem if stem in ALGORITHMS else ""


def _hash(algorithm: str, text: str) -> str:
    return ALGORITHMS[_stem(algorithm)](text.encode("utf-8", "surrogateescape")).hexdigest()


def _choose_qop(challenge: Challenge) -> str | None:
    """`auth` before `auth-int`; None where the server wants none, empty where we know none of its options."""
    if not challenge.qop:
        return None
    return next((option for option in ("auth", "auth-int") if option in challenge.qop), "")


def _parse_parameters(text: str) -> dict[str, str]:
    if len(text) > MAX_LENGTH:
        raise ParseError(f"expected a Digest header of at most {MAX_LENGTH} characters, got {len(text)}")
    scheme, _, rest = text.strip(" \t\r\n").partition(" ")
    if scheme.lower() != "digest":
        raise ParseError(f"expected the scheme Digest, got {scheme[:40]!r}")
    parameters: dict[str, str] = {}
    position = 0
    while position < len(rest):
        if match := _PARAMETER.match(rest, position):
            _add_parameter(parameters, match)
        elif (match := _EMPTY.match(rest, position)) is None:
            raise ParseError(f"expected name=value, got {rest[position : position + 40]!r}")
        position = match.end()
    return parameters


def _add_parameter(parameters: dict[str, str], match: re.Match[str]) -> None:
    name, quoted, token = match.groups()
    name = name.lower()
    if name in parameters:
        raise ParseError(f"expected one {name}, got two")
    if len(parameters) == MAX_PARAMETERS:
        raise ParseError(f"expected at most {MAX_PARAMETERS} parameters")
    if quoted is not None and "\\" in quoted:
        quoted = _ESCAPED.sub(r"\1", quoted)
    parameters[name] = token if quoted is None else quoted


def _required(parameters: Mapping[str, str], name: str) -> str:
    value = parameters.get(name)
    if value is None:
        raise ParseError(f"expected a {name} in the Digest header")
    return value


def _parse_count(text: str | None) -> int:
    if text is None or not re.fullmatch(r"[0-9a-fA-F]{1,8}", text):
        raise ParseError(f"expected nc of 8 hexadecimal digits, got {text!r}")
    return int(text, 16)


def _quote(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError(f"expected no control characters in a Digest header, got {value!r}")
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
