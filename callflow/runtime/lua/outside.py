"""What a program asks of the world outside of the engine, HTTP and a database, and what it is answered.

Whoever carries it out calls `then` once, unless it was cancelled before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from callflow.protocol.frames import ErrorCode

Reason: TypeAlias = Literal[
    "unreachable", "timeout", "broken", "too_large", "overloaded", "busy", "constraint", "full", "absent"
]
Value: TypeAlias = str | int | float | bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """`timeout`: seconds for all of it."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    timeout: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """The names of `headers` in small letters; several of one name are joined by commas."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One of SQL, with the values for its question marks, or by their names."""

    text: str
    values: Sequence[Value] | Mapping[str, Value] = ()
    wants_rows: bool = True


@dataclass(frozen=True, slots=True)
class Rows:
    """What a statement found."""

    rows: Sequence[Mapping[str, Value]]


@dataclass(frozen=True, slots=True)
class Changed:
    """How many rows a statement has changed; `last_id` is of the one that it put in last."""

    count: int
    last_id: int | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """It could not be done, for no fault of the script's."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The script may not ask for this, or not so."""

    code: ErrorCode
    message: str


Answer: TypeAlias = HttpResponse | Rows | Changed | Failed | Refused
Then: TypeAlias = Callable[[Answer], None]
Cancel: TypeAlias = Callable[[], None]


class Outside(Protocol):
    """Both return what cancels them."""

    def request(self, request: HttpRequest, then: Then) -> Cancel: ...

    def query(self, statement: Statement, then: Then) -> Cancel: ...


class Nothing:
    """An outside where nothing is: it refuses all, at once."""

    def request(self, request: HttpRequest, then: Then) -> Cancel:
        return self._refuse(then)

    def query(self, statement: Statement, then: Then) -> Cancel:
        return self._refuse(then)

    def _refuse(self, then: Then) -> Cancel:
        then(Refused("unsupported", "there is no world outside here"))
        return lambda: None
