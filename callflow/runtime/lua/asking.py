"""What the coroutines of a program ask of the world outside: HTTP requests and statements of SQL, there and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from .interpreter import Interpreter
from .outside import Answer, Changed, Failed, HttpRequest, HttpResponse, Outside, Refused, Rows, Statement, Then
from .value import MAX_ITEMS, BadValue, to_python
from .wait import Wait
from .waits import Waits

MAX_TIMEOUT = 60.0  # seconds
MAX_HEADERS = 100
MAX_DATA_DEPTH = 32  # of JSON that is handed over as a table


class _Pursuit:
    """Something that goes on outside, while a coroutine waits for it."""

    __slots__ = ("cancel",)

    def __init__(self, cancel: Callable[[], None]) -> None:
        self.cancel = cancel


class _HttpArguments(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    method: str = "GET"
    headers: dict[str, str | int | float] = {}
    body: str = ""
    json: Any = None  # Any: whatever can be said in JSON
    timeout: float = 10.0


class Asking:
    """Methods with a `number` are what scripts ask for, see outside.lua."""

    def __init__(self, lua: Interpreter, outside: Outside, waits: Waits, later: Callable[..., None]) -> None:
        self._lua = lua
        self._outside = outside
        self._waits = waits
        self._later = later

    def request(self, number: int, args: object) -> None:
        try:
            request = _read_request(to_python(args))
        except (BadValue, msgspec.ValidationError, msgspec.EncodeError, TypeError) as error:
            return self._waits.refuse(number, "bad_argument", str(error))
        self._pursue(number, lambda then: self._outside.request(request, then))

    def query(self, number: int, wants_rows: object, text: object, *values: object) -> None:
        try:
            statement = _read_statement(to_python(text), [to_python(value) for value in values], wants_rows is True)
        except BadValue as error:
            return self._waits.refuse(number, "bad_argument", str(error))
        self._pursue(number, lambda then: self._outside.query(statement, then))

    def _pursue(self, number: int, begin: Callable[[Then], Callable[[], None]]) -> None:
        wait = self._waits.add(Wait(number, "outside"))
        wait.timer = _Pursuit(begin(lambda answer: self._later(self._answer, wait, answer)))

    def _answer(self, wait: Wait, answer: Answer) -> None:
        if not wait.number:  # who waited is gone
            return
        if isinstance(answer, Refused):
            return self._waits.resume(wait, False, answer.code, answer.message)
        self._waits.resume(wait, True, self._lua.to_lua(_told(answer)))


def _read_request(args: object) -> HttpRequest:
    given = msgspec.convert(args, _HttpArguments)
    headers = {name.lower(): str(value) for name, value in given.headers.items()}
    if not given.method.isascii() or not given.method.isalpha() or len(given.method) > 16:
        raise BadValue(f"expected a method such as GET or POST, got {given.method!r:.40}")
    if not 0 < given.timeout <= MAX_TIMEOUT:
        raise BadValue(f"expected a timeout of up to {MAX_TIMEOUT:g} s, got {given.timeout:g}")
    if len(headers) > MAX_HEADERS:
        raise BadValue(f"expected at most {MAX_HEADERS} headers, got {len(headers)}")
    body = given.body.encode()
    if given.json is not None:
        body = msgspec.json.encode(given.json)
        headers.setdefault("content-type", "application/json")
    return HttpRequest(method=given.method.upper(), url=given.url, headers=headers, body=body, timeout=given.timeout)


def _read_statement(text: object, values: list[Any], wants_rows: bool) -> Statement:
    if not isinstance(text, str):
        raise BadValue(f"expected a statement of SQL, got {type(text).__name__}")
    named = values[0] if len(values) == 1 and isinstance(values[0], dict) else None
    for value in named.values() if named is not None else values:
        if isinstance(value, dict | list):
            raise BadValue("expected texts, numbers, booleans and nil as values, or one table with their names")
    return Statement(text=text, values=named if named is not None else tuple(values), wants_rows=wants_rows)


def _told(answer: Answer) -> dict[str, object]:
    """An outcome as Lua has it: a table that says by a field of its own name which one it is."""
    match answer:
        case HttpResponse():
            told = {"status": answer.status, "headers": dict(answer.headers), "body": answer.body}
            return {"outcome": "response", "response": True, **told, "json": _data_of(answer)}
        case Rows():
            rows: Sequence[Mapping[str, object]] = answer.rows
            return {"outcome": "rows", "rows": rows, "first": rows[0] if rows else None}
        case Changed():
            return {"outcome": "changed", "changed": answer.count, "last_id": answer.last_id}
        case Failed():
            return {"outcome": "failed", "failed": True, "reason": answer.reason, "message": answer.message}
        case _:
            raise AssertionError(f"no outcome: {answer}")


def _data_of(response: HttpResponse) -> object:
    """What a response in JSON says. None: it is none, or holds more values than a table of a script's may."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        return None
    try:
        data = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, RecursionError):
        return None
    return data if _size(data, MAX_DATA_DEPTH) <= MAX_ITEMS else None


def _size(data: object, depth: int) -> int:
    """How many values there are; too many, if they are nested too deep."""
    if not isinstance(data, dict | list):
        return 1
    if depth == 0:
        return MAX_ITEMS + 1
    total = 1
    for item in data.values() if isinstance(data, dict) else data:
        total += _size(item, depth - 1)
        if total > MAX_ITEMS:
            break
    return total
