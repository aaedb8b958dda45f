"""One request, its answer in memory: bounded in size and time, redirected only to hosts that are allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from types import MappingProxyType

import httpx
import trio

from .fetch import MAX_REDIRECTS, REDIRECTS, fails_as, go_to_public_address, new_client
from .terms import FetchError, Terms

_SEE_OTHER = (HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND, HTTPStatus.SEE_OTHER)  # RFC 9110 15.4: POST becomes GET


@dataclass(frozen=True, slots=True, kw_only=True)
class WebRequest:
    """`within`: seconds, all in all; None: as the terms say."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    body: bytes = b""
    within: float | None = None


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """What came. `headers` in their order."""

    status: int
    reason: str
    version: str  # HTTP/1.1
    headers: Sequence[tuple[str, str]]
    body: bytes


class Requester:
    """A client that keeps connections open."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._client = new_client(terms)

    async def close(self) -> None:
        await self._client.aclose()

    async def ask(self, request: WebRequest) -> WebAnswer:
        """Send it, and follow where it is sent to. Raises FetchError."""
        within = min(request.within or self._terms.within, self._terms.within)
        with fails_as("no answer came", self._terms, within=within):
            return await self._follow(request)

    async def _follow(self, request: WebRequest) -> WebAnswer:
        for _ in range(MAX_REDIRECTS + 1):
            self._terms.check(request.url)
            answer = await self._ask(request)
            location = next((value for name, value in answer.headers if name.lower() == "location"), "")
            if answer.status not in REDIRECTS or not location:
                return answer
            request = replace(request, url=str(httpx.URL(request.url).join(location)))
            if answer.status in _SEE_OTHER and request.method == "POST":
                request = replace(request, method="GET", body=b"")
        raise FetchError(f"it was redirected more than {MAX_REDIRECTS} times")

    async def _ask(self, request: WebRequest) -> WebAnswer:
        sent = self._client.build_request(
            request.method, request.url, headers=dict(request.headers), content=request.body or None
        )
        if not self._terms.is_named(request.url):
            await go_to_public_address(sent, self._terms)
        response = await self._client.send(sent, stream=True, follow_redirects=False)
        try:
            return WebAnswer(
                response.status_code,
                response.reason_phrase,
                response.http_version,
                [(name, value) for name, value in response.headers.multi_items()],
                await self._read(response),
            )
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await response.aclose()

    async def _read(self, response: httpx.Response) -> bytes:
        most, body = self._terms.max_octets, bytearray()
        with trio.CancelScope() as scope:  # a loop that is left would leave generators behind
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > most:
                    scope.cancel()
        if len(body) > most:
            raise FetchError(f"expected at most {most} octets, got more")
        return bytes(body)
