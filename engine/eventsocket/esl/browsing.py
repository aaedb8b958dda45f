"""curl, as an api command and as an application: ask a server, and have what it answers in variables."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from engine.web.terms import FetchError, Terms

from .asked import Asked
from .hub import Hub
from .stage import NONE, Stage
from .steering import Refused

if TYPE_CHECKING:
    from engine.web.request import Requester, WebAnswer, WebRequest

_WORD = re.compile(r"'([^']*)'|(\S+)")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}):\s*([\x20-\x7e]{0,4096})")  # RFC 9110 5.6.2
_METHODS = ("get", "head", "post", "put", "delete")
_FORM = "application/x-www-form-urlencoded"
_MOST_SECONDS = 3600.0
DIFFERS = "to the hosts of [esl] http; certificates are checked; no proxy"
_SYNTAX = (
    "curl url [headers|json|content-type <mime-type>|timeout <seconds>|append_headers <name:value>] "
    "[get|head|post|put|delete [data]]"
)


class Browsing:
    """Who asks servers for ESL clients, on these terms."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._requester: Requester | None = None

    async def ask(self, request: WebRequest) -> WebAnswer:
        """Raises FetchError."""
        self._terms.check(request.url)  # before anything is imported for nothing
        if self._requester is None:
            from engine.web.request import Requester  # most doors ask nobody, and an HTTP client is much to import

            self._requester = Requester(self._terms)
        return await self._requester.ask(request)

    async def close(self) -> None:
        """No more is asked."""
        if self._requester is not None:
            await self._requester.close()


@dataclass(slots=True)
class _Wanted:
    """What is asked, and in which form the answer is wanted."""

    url: str
    method: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    within: float | None = None
    has_headers: bool = False
    is_json: bool = False

    def request(self) -> WebRequest:
        from engine.web.request import WebRequest

        method = (self.method or "get").upper()
        return WebRequest(url=self.url, method=method, headers=self.headers, body=self.body, within=self.within)

    def spelled(self, answer: WebAnswer) -> str:
        body = answer.body.decode(errors="replace")
        if self.is_json:
            return _as_json(answer, body)
        if not self.has_headers:
            return body
        lines = [f"{answer.version} {answer.status} {answer.reason}"]
        lines += [f"{name}: {value}" for name, value in answer.headers]
        return "\n".join([*lines, "", body])


async def curl_api(asking: Asked, arguments: str) -> str:
    try:
        wanted = _read(arguments)
        return wanted.spelled(await _browsing(asking.hub).ask(wanted.request()))
    except _Wrong:
        return f"-ERR\n{_SYNTAX}\n"
    except FetchError as error:
        return f"-ERR {error}\n"


async def curl(stage: Stage, data: str) -> str:
    """In the variables `curl_response_code`, 0 without an answer, and `curl_response_data`."""
    code, text, response, method = "0", "", NONE, ""
    try:
        wanted = _read(data)
        method = wanted.method
        answer = await _browsing(stage.hub).ask(wanted.request())
        code, text = str(answer.status), wanted.spelled(answer)
    except _Wrong:
        return f"-ERR expected: {_SYNTAX}"
    except FetchError as error:
        response = f"-ERR {error}"
    await stage.set("curl_response_code", code)
    await stage.set("curl_method", method or None)
    try:
        await stage.set("curl_response_data", text or None)
    except Refused:  # it is longer than other doors have variables
        stage.leg.variables["curl_response_data"] = text
    return response


class _Wrong(ValueError):
    """Not as the syntax says."""


def _browsing(hub: Hub) -> Browsing:
    if hub.browsing is None:
        raise FetchError("nobody may be asked")
    return hub.browsing


def _read(text: str) -> _Wanted:
    """Raises _Wrong."""
    words = [quoted or plain for quoted, plain in _WORD.findall(text)]
    if not words:
        raise _Wrong
    wanted, rest = _Wanted(words[0]), iter(words[1:])
    for word in rest:
        option = word.lower()
        if option in _METHODS:
            wanted.method = option
            if option in ("post", "put"):
                wanted.body = unquote_to_bytes(next(rest, ""))
        elif option in _OPTIONS:
            _OPTIONS[option](wanted, next(rest, ""))
        elif option in _FLAGS:
            setattr(wanted, _FLAGS[option], True)
        else:
            raise _Wrong
    if wanted.method in ("post", "put"):
        wanted.headers.setdefault("Content-Type", _FORM)
    return wanted


def _set_type(wanted: _Wanted, value: str) -> None:
    _add_header(wanted, f"Content-Type:{value}")


def _add_header(wanted: _Wanted, value: str) -> None:
    found = _HEADER.fullmatch(value)
    if found is None or len(wanted.headers) >= 64:
        raise _Wrong
    wanted.headers[found[1]] = found[2]


def _set_time(wanted: _Wanted, value: str) -> None:
    if not re.fullmatch(r"[0-9]{1,4}", value, re.ASCII) or not int(value):
        raise _Wrong
    wanted.within = min(float(value), _MOST_SECONDS)


_FLAGS = {"headers": "has_headers", "json": "is_json"}
_OPTIONS: dict[str, Callable[[_Wanted, str], None]] = {
    "content-type": _set_type, "append_headers": _add_header, "timeout": _set_time,
}  # fmt: skip


def _as_json(answer: WebAnswer, body: str) -> str:
    told: dict[str, object] = {"status_code": answer.status, **({"body": body} if body else {})}
    told |= {"version": answer.version, "phrase": answer.reason}
    told["headers"] = [{"key": name, "value": value} for name, value in answer.headers]
    return json.dumps(told, ensure_ascii=False)
