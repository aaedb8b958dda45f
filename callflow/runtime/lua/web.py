"""HTTP for scripts: one client of an app, which keeps connections open. Bounded are time, size, and who may be asked.

It follows no redirections: the next host would have to be allowed, too; the script sees the status and `location`. It
asks for nothing compressed, so that what comes is as large as it seems.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy

import anyio
import httpx

from .hosts import is_allowed
from .outside import Answer, Failed, HttpRequest, HttpResponse, Refused

MAX_BODY = 1 << 20  # octets, of a response
MAX_CONNECTIONS = 50
_KEPT_FOR = 15.0  # seconds that an idle connection is kept


class Web:
    """`hosts`: those that may be asked, see hosts.py."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self._hosts = hosts
        limits = httpx.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=_KEPT_FOR)
        self._client = httpx.AsyncClient(
            verify=ssl.create_default_context(),  # whom the system trusts
            trust_env=False,  # a proxy, a .netrc: the configuration says what is used
            limits=limits,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # none: calls share this client
            headers={"accept-encoding": "identity", "user-agent": "callflow"},
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def fetch(self, request: HttpRequest) -> Answer:
        """Carry a request out."""
        try:
            url = httpx.URL(request.url)
        except (httpx.InvalidURL, UnicodeError) as error:
            return Refused("bad_argument", f"expected a URL, got {request.url!r:.200}: {error}")
        if refusal := self._refuse(url):
            return refusal
        try:
            with anyio.fail_after(request.timeout):
                return await self._fetch(request, url)
        except (TimeoutError, httpx.TimeoutException):
            return Failed("timeout", f"no answer of {url.host} within {request.timeout:g} s")
        except httpx.ConnectError as error:
            return Failed("unreachable", f"{url.host}: {error}")
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            return Failed("broken", f"{url.host}: {error or type(error).__name__}")
        except (httpx.InvalidURL, UnicodeError, ValueError, TypeError) as error:
            return Refused("bad_argument", f"expected a request that HTTP knows: {error}")

    def _refuse(self, url: httpx.URL) -> Refused | None:
        if url.scheme not in ("http", "https") or not url.host:
            return Refused(
                "bad_argument", f"expected a URL that begins with http:// or https://, got {str(url)!r:.200}"
            )
        if is_allowed(self._hosts, url.scheme, url.host, url.port):
            return None
        rule = url.netloc.rpartition(b"@")[2].decode("ascii", "replace")
        return Refused(
            "unauthorized",
            f'{rule} is no host that this app may ask: write http = ["{rule}"] to its [[app]] in the configuration',
        )

    async def _fetch(self, request: HttpRequest, url: httpx.URL) -> Answer:
        async with self._client.stream(
            request.method, url, headers=dict(request.headers), content=request.body or None, timeout=request.timeout
        ) as response:
            body = bytearray()
            with anyio.CancelScope() as scope:  # a loop that is left leaves generators behind, which trio minds
                async for chunk in response.aiter_raw():
                    body += chunk
                    if len(body) > MAX_BODY:
                        scope.cancel()
            if len(body) > MAX_BODY:
                return Failed("too_large", f"expected an answer of at most {MAX_BODY} octets of {url.host}")
            return HttpResponse(status=response.status_code, headers=dict(response.headers), body=bytes(body))
