"""A request of any method: what is followed where, and what is bounded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from callflow.runtime.lua.hosts import is_allowed
from engine.web.request import Requester, WebRequest
from engine.web.terms import FetchError, Terms
from tests.trio_tests import run_trio

from .server import response, serving


@asynccontextmanager
async def asking(*hosts: str, **options: float) -> AsyncIterator[Requester]:
    requester = Requester(Terms(hosts, is_allowed, **options, section="[esl]"))  # type: ignore[arg-type]
    try:
        yield requester
    finally:
        await requester.close()


@run_trio
async def test_a_post_that_is_sent_elsewhere_becomes_a_get_or_stays_what_it_was():
    async with serving() as server, asking(server.host) as requester:
        server.answers["/found"] = response(302, location="/end", reason="Found")
        server.answers["/temporary"] = response(307, location="/end", reason="Temporary Redirect")
        server.answers["/end"] = response(body=b"end")
        for path, method, body in (("/found", "GET", b""), ("/temporary", "POST", b"data")):
            answer = await requester.ask(WebRequest(url=server.url(path), method="POST", body=b"data"))
            assert answer.body == b"end"
            assert server.asked[-1].startswith(f"{method} /end ")
            assert server.bodies[-1] == body


@run_trio
async def test_a_circle_ends():
    async with serving() as server, asking(server.host) as requester:
        server.answers["/"] = response(301, location="/", reason="Moved Permanently")
        with pytest.raises(FetchError, match="redirected more than 5 times"):
            await requester.ask(WebRequest(url=server.url("/")))
        assert len(server.asked) == 6


@run_trio
async def test_a_name_that_leads_to_the_inside_is_refused_unless_it_is_named():
    async with serving() as server, asking("*") as requester:
        with pytest.raises(FetchError, match=r"has a private address; name the host itself in \[esl\] http"):
            await requester.ask(WebRequest(url=server.url("/")))
        assert server.asked == []


@run_trio
async def test_a_server_that_takes_its_time_is_given_up():
    async def sleeps(stream: trio.abc.Stream) -> None:
        await trio.sleep_forever()

    async with serving() as server, asking(server.host) as requester:
        server.answers["/"] = sleeps
        with pytest.raises(FetchError, match=r"no answer came within 0\.2 s"):
            await requester.ask(WebRequest(url=server.url("/"), within=0.2))
