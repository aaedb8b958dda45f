"""One GET: bounded in size and time, redirected only to hosts that are allowed, never to a private address unawares."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import httpx
import trio

from .terms import FetchError, Terms

MAX_REDIRECTS = 5
_KEPT_FOR = 15.0  # seconds that an idle connection is kept
REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came: `is_new` false, it is what it was. `headers` have their names in lower case."""

    is_new: bool
    headers: Mapping[str, str]


def new_client(terms: Terms) -> httpx.AsyncClient:
    """One that keeps connections open, and nothing else of whom it asked."""
    client = httpx.AsyncClient(
        verify=terms.trust or ssl.create_default_context(),
        trust_env=False,  # a proxy, a .netrc: the configuration says what is used
        limits=httpx.Limits(max_connections=100, keepalive_expiry=_KEPT_FOR),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"user-agent": "callflow"},
        timeout=terms.silent_for,
    )
    client.headers["accept-encoding"] = "identity"  # so that it is as large as it seems
    return client


class Fetcher:
    """A client that keeps connections open."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._client = new_client(terms)
        self._client.headers["accept"] = "audio/*, application/ogg, */*;q=0.5"

    async def close(self) -> None:
        await self._client.aclose()

    async def fetch(self, url: str, to: Path, *, headers: Mapping[str, str]) -> Fetched:
        """Write what is at the URL to a file, unless it is what the `headers` say is known. Raises FetchError."""
        with fails_as("it did not come", self._terms, within=self._terms.within):
            return await self._follow(url, to, headers)

    async def _follow(self, url: str, to: Path, headers: Mapping[str, str]) -> Fetched:
        for _ in range(MAX_REDIRECTS + 1):
            self._terms.check(url)
            answer = await self._ask(httpx.URL(url), to, headers)
            if isinstance(answer, Fetched):
                return answer
            url = str(httpx.URL(url).join(answer))
        raise FetchError(f"it was redirected more than {MAX_REDIRECTS} times")

    async def _ask(self, url: httpx.URL, to: Path, headers: Mapping[str, str]) -> Fetched | str:
        """What came, or where it is instead."""
        request = self._client.build_request("GET", url, headers=dict(headers))
        if not self._terms.is_named(str(url)):
            await go_to_public_address(request, self._terms)
        response = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            told = {name.lower(): value for name, value in response.headers.items()}
            if response.status_code in REDIRECTS and "location" in told:
                return told["location"]
            if response.status_code == 304 and headers:
                return Fetched(is_new=False, headers=told)
            if response.status_code != 200:
                text = f"{response.status_code} {response.reason_phrase}".strip()
                raise FetchError(text, is_told=400 <= response.status_code < 500)
            await self._write(response, to)
            return Fetched(is_new=True, headers=told)
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await response.aclose()

    async def _write(self, response: httpx.Response, to: Path) -> None:
        most, count = self._terms.max_octets, 0
        if int(response.headers.get("content-length", "0")) > most:
            raise FetchError(f"expected at most {most} octets, got {response.headers['content-length']}")
        with to.open("wb") as file, trio.CancelScope() as scope:  # a loop that is left would leave generators behind
            async for chunk in response.aiter_raw():
                count += len(chunk)
                if count > most:
                    scope.cancel()
                else:
                    file.write(chunk)
        if count > most:
            raise FetchError(f"expected at most {most} octets, got more")


@contextmanager
def fails_as(failure: str, terms: Terms, *, within: float) -> Iterator[None]:
    """Whatever goes wrong inside, or takes longer, is a FetchError, which begins with what did not happen."""
    try:
        with trio.fail_after(within):
            yield
    except trio.TooSlowError:
        raise FetchError(f"{failure} within {within:g} s") from None
    except httpx.TimeoutException:
        raise FetchError(f"nothing came for {terms.silent_for:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as error:
        raise FetchError(f"{failure}: {_words_of(error)}") from error


def _words_of(error: BaseException) -> str:
    """What it says, or what caused it says: some wrap one that speaks in one that does not."""
    cause: BaseException | None = error
    while cause is not None:
        if text := str(cause):
            return text
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__


async def go_to_public_address(request: httpx.Request, terms: Terms) -> None:
    """Send it to an address of its host that everybody could reach: the name may lead to the inside.

    Raises FetchError.
    """
    url = request.url
    found = await trio.socket.getaddrinfo(url.host, url.port or 0, type=trio.socket.SOCK_STREAM)
    for *_, address in found:
        if ipaddress.ip_address(str(address[0]).partition("%")[0]).is_global:
            request.url = url.copy_with(host=str(address[0]))
            request.extensions["sni_hostname"] = url.host  # of which the certificate must be
            return
    raise FetchError(
        f"{url.host} has a private address; name the host itself in {terms.section} http, if that is meant"
    )
