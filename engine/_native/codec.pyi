"""SIP and SDP bytes to typed values and back. Import it through `engine.sip.messages` and `engine.sdp.description`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, final

from typing_extensions import disjoint_base

__all__ = [
    "MAX_BODY",
    "MAX_HEADER_FIELDS",
    "MAX_HEADER_SECTION",
    "Address",
    "Crypto",
    "KeepAlive",
    "MediaDescription",
    "Message",
    "Origin",
    "ParseError",
    "Payload",
    "Request",
    "Response",
    "SessionDescription",
    "StreamReader",
    "Uri",
    "Via",
    "parse_datagram",
    "reason_phrase",
    "request",
    "response",
]

MAX_HEADER_SECTION: Final = 65536  # octets
MAX_HEADER_FIELDS: Final = 512
MAX_BODY: Final = 1048576  # octets

class ParseError(ValueError):
    """Bytes that are not what they should be. The only error of the parsers.

    `status` and `reason` are what to answer ("Bad CSeq" never holds text of the peer's; `str(error)` may).
    `partial` is a request of which enough was read to be answered (give it to `response`); other accessors of it
    may raise ParseError. None: drop.
    """

    status: int
    reason: str
    partial: Request | None

@final
class Uri:
    """A URI (RFC 3261 §19.1). Frozen. `==` compares by §19.1.4; `str()` is the wire form, as it came.

    Of a scheme other than sip and sips only `scheme` and `str()` say anything.
    """

    def __new__(
        cls,
        scheme: str = "sip",
        user: str | None = None,
        host: str = "",
        port: int | None = None,
        params: Mapping[str, str | None] = ...,
        headers: str = "",
        password: str | None = None,
    ) -> Uri: ...
    @staticmethod
    def parse(text: str) -> Uri: ...
    @property
    def scheme(self) -> str: ...  # lower case
    @property
    def user(self) -> str | None: ...  # escapes decoded, once
    @property
    def password(self) -> str | None: ...
    @property
    def host(self) -> str: ...  # an IPv6 address without its brackets
    @property
    def port(self) -> int | None: ...
    @property
    def params(self) -> dict[str, str | None]: ...  # names in lower case, escapes decoded
    @property
    def headers(self) -> str: ...  # the raw text after "?"
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Address:
    """A name-addr or addr-spec with its header parameters (RFC 3261 §20.10). Frozen.

    `str()` always has angle brackets; control characters of the display name are left out of it.
    """

    def __new__(cls, uri: Uri, name: str = "", params: Mapping[str, str | None] = ...) -> Address: ...
    @staticmethod
    def parse(text: str) -> Address: ...
    @property
    def name(self) -> str: ...
    @property
    def uri(self) -> Uri: ...
    @property
    def params(self) -> dict[str, str | None]: ...  # names in lower case
    @property
    def tag(self) -> str | None: ...
    def with_tag(self, tag: str | None) -> Address: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Via:
    """One Via value (RFC 3261 §20.42, RFC 3581). Frozen."""

    def __new__(
        cls, transport: str, host: str, port: int | None = None, params: Mapping[str, str | None] = ...
    ) -> Via: ...
    @staticmethod
    def parse(text: str) -> Via: ...
    @property
    def transport(self) -> str: ...  # upper case
    @property
    def host(self) -> str: ...  # an IPv6 address without its brackets
    @property
    def port(self) -> int | None: ...
    @property
    def params(self) -> dict[str, str | None]: ...  # names in lower case
    @property
    def branch(self) -> str | None: ...
    @property
    def has_cookie(self) -> bool: ...  # the branch is one of RFC 3261: z9hG4bK with something after it
    @property
    def received(self) -> str | None: ...
    @property
    def rport(self) -> int | None: ...  # its value, None for a bare rport
    @property
    def wants_rport(self) -> bool: ...  # rport without a value (RFC 3581 §3)

@disjoint_base
class Message:
    """What requests and responses share. Values are read from the message's bytes when asked for."""

    @property
    def raw(self) -> bytes: ...  # the message alone, without octets that followed it
    @property
    def via(self) -> Via: ...  # the top one
    @property
    def vias(self) -> list[Via]: ...
    @property
    def from_(self) -> Address: ...
    @property
    def to(self) -> Address: ...
    @property
    def call_id(self) -> str: ...
    @property
    def cseq(self) -> int: ...
    @property
    def cseq_method(self) -> str: ...
    @property
    def contacts(self) -> list[Address]: ...
    @property
    def is_star(self) -> bool: ...  # Contact: *
    @property
    def max_forwards(self) -> int | None: ...
    @property
    def body(self) -> bytes: ...
    @property
    def body_type(self) -> str | None: ...  # "application/sdp": lower case, without parameters
    def header(self, name: str) -> str | None: ...
    def headers(self, name: str) -> list[str]: ...
    def values(self, name: str) -> list[str]: ...
    def addresses(self, name: str) -> list[Address]: ...
    def header_items(self) -> list[tuple[str, str]]: ...  # compact names written out

@final
class Request(Message):
    """A request. `method` is upper or lower case as it came: methods are case-sensitive."""

    @property
    def method(self) -> str: ...
    @property
    def uri(self) -> Uri: ...
    @property
    def uri_text(self) -> str: ...

@final
class Response(Message):
    """A response."""

    @property
    def status(self) -> int: ...
    @property
    def reason(self) -> str: ...

@final
class KeepAlive:
    """A double CRLF between the messages of a stream (RFC 5626 §3.5.1): answer CRLF."""

def parse_datagram(data: bytes) -> Request | Response:
    """The message in a datagram; octets after its Content-Length are dropped. Raises ParseError."""

@final
class StreamReader:
    """Cuts a stream into messages (RFC 3261 §18.3)."""

    def __new__(cls) -> StreamReader: ...
    def feed(self, data: bytes) -> list[Request | Response | ParseError | KeepAlive]: ...
    def give_up(self, status: int, why: str) -> ParseError: ...  # of what has come of a message; it is broken then
    @property
    def is_broken(self) -> bool: ...  # framing is lost: close the connection
    @property
    def pending(self) -> int: ...  # octets of a message that is not complete yet

def response(
    request: Request,
    status: int,
    reason: str | None = None,
    *,
    to_tag: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    received: tuple[str, int] | None = None,
) -> bytes:
    """A response (RFC 3261 §8.2.6): Via, From, To, Call-ID, CSeq and, where it makes a dialog, Record-Route are copied.

    `to_tag` is added where To has none. `received` is the source of the request (§18.2.1, RFC 3581 §4).
    Raises ValueError for what cannot be written: CR, LF or NUL, a name that is no token, a header written here.
    """

def request(method: str, uri: Uri | str, *, headers: Sequence[tuple[str, str]], body: bytes = b"") -> bytes:
    """A request with these header fields in this order; Content-Length is added. Raises ValueError like `response`."""

def reason_phrase(status: int) -> str:
    """The standard phrase ("Busy Here"), or that of the status' class."""

@final
class Origin:
    """o= (RFC 8866 §5.2)."""

    def __new__(cls, session_id: int, version: int, host: str, username: str = "-") -> Origin: ...
    @property
    def username(self) -> str: ...
    @property
    def session_id(self) -> int: ...
    @property
    def version(self) -> int: ...
    @property
    def host(self) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]

@final
class Payload:
    """One format of an RTP stream: its number, and the a=rtpmap (or RFC 3551's static table) and a=fmtp of it."""

    def __new__(
        cls, number: int, encoding: str, clock_rate: int = 8000, channels: int = 1, fmtp: str | None = None
    ) -> Payload: ...
    @property
    def number(self) -> int: ...
    @property
    def encoding(self) -> str: ...  # as it came; compare without case
    @property
    def clock_rate(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def fmtp(self) -> str | None: ...
    def __eq__(self, other: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]

@final
class Crypto:
    """An a=crypto attribute (RFC 4568), as `str` writes it. Its `repr` does not show the key."""

    def __new__(cls, tag: int, suite: str, key: bytes) -> Crypto: ...
    @staticmethod
    def parse(value: str) -> Crypto:
        """What is after the colon. Raises ParseError for what is none, and for what is not done."""

    @property
    def tag(self) -> int: ...
    @property
    def suite(self) -> str: ...
    @property
    def key(self) -> bytes: ...  # with its salt
    @property
    def mki(self) -> bytes: ...  # the master key identifier of its packets, or b""
    def __eq__(self, other: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]

@final
class MediaDescription:
    """An m= line and what belongs to it (RFC 8866 §5.14)."""

    def __new__(
        cls,
        kind: str,
        port: int,
        protocol: str,
        formats: Sequence[str] = (),
        *,
        payloads: Sequence[Payload] = (),
        host: str | None = None,
        direction: str | None = None,
        ptime: int | None = None,
        attributes: Sequence[tuple[str, str | None]] = (),
    ) -> MediaDescription: ...
    @property
    def kind(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def protocol(self) -> str: ...
    @property
    def formats(self) -> list[str]: ...
    @property
    def payloads(self) -> list[Payload]: ...  # those formats that have a known meaning, in the order of the m= line
    @property
    def host(self) -> str | None: ...  # of its own c= line
    @property
    def direction(self) -> str | None: ...  # "sendrecv", ...; None: not said at this level
    @property
    def ptime(self) -> int | None: ...  # ms
    @property
    def maxptime(self) -> int | None: ...  # ms
    @property
    def attributes(self) -> list[tuple[str, str | None]]: ...  # all of them, in order
    def __eq__(self, other: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]

@final
class SessionDescription:
    """A whole description (RFC 8866 §5). `bytes(description)` is the wire form."""

    def __new__(
        cls,
        origin: Origin,
        media: Sequence[MediaDescription],
        *,
        name: str = "-",
        host: str | None = None,
        time: str = "0 0",
        attributes: Sequence[tuple[str, str | None]] = (),
    ) -> SessionDescription: ...
    @staticmethod
    def parse(data: bytes) -> SessionDescription: ...
    @property
    def origin(self) -> Origin: ...
    @property
    def name(self) -> str: ...
    @property
    def host(self) -> str | None: ...  # of the c= line at session level
    @property
    def time(self) -> str: ...  # the first t= line
    @property
    def direction(self) -> str | None: ...
    @property
    def attributes(self) -> list[tuple[str, str | None]]: ...
    @property
    def media(self) -> list[MediaDescription]: ...
    def __bytes__(self) -> bytes: ...
    def __eq__(self, other: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]
