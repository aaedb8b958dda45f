"""The world outside as it is: sockets, files, threads."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from callflow.runtime.lua.hosts import is_allowed, read_host
from callflow.runtime.lua.outside import (
    Answer,
    Changed,
    Failed,
    HttpRequest,
    HttpResponse,
    Refused,
    Rows,
    Statement,
)
from callflow.runtime.lua.world import MAX_REQUESTS, World, WorldSpec, open_world
from tests.trio_tests import run_trio


@asynccontextmanager
async def web(serve: Callable[[trio.SocketStream, bytes], object]) -> AsyncIterator[str]:
    """A server that reads a request's head and has `serve` answer; its host and port."""

    async def handle(stream: trio.SocketStream) -> None:
        head = b""
        while b"\r\n\r\n" not in head and (data := await stream.receive_some()):
            head += data
        try:
            await serve(stream, head)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(partial(trio.serve_listeners, handle, [listener]))
        yield f"127.0.0.1:{listener.socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


async def says(stream: trio.SocketStream, head: bytes, *, body: bytes = b"hello", status: str = "200 OK") -> None:
    await stream.send_all(
        f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\nLocation: /on\r\n\r\n".encode()
        + body
    )


async def never(stream: trio.SocketStream, head: bytes) -> None:
    await trio.sleep_forever()


class Asked:
    """Gathers answers."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self._come = trio.Event()

    def then(self, answer: Answer) -> None:
        self.answers.append(answer)
        self._come.set()

    async def first(self) -> Answer:
        await self._come.wait()
        return self.answers[0]


@asynccontextmanager
async def world(*hosts: str, database: Path | None = None) -> AsyncIterator[World]:
    async with open_world(WorldSpec(hosts, str(database or "")), lambda: None) as opened:
        yield opened


async def fetch(opened: World, url: str, *, timeout: float = 30.0) -> Answer:
    asked = Asked()
    opened.request(HttpRequest(method="GET", url=url, timeout=timeout), asked.then)
    return await asked.first()


async def query(opened: World, text: str, *values: str | int, wants_rows: bool = True) -> Answer:
    asked = Asked()
    opened.query(Statement(text=text, values=values, wants_rows=wants_rows), asked.then)
    return await asked.first()


@run_trio
async def test_a_request_goes_to_a_real_server_with_nothing_compressed():
    heads: list[bytes] = []

    async def serve(stream: trio.SocketStream, head: bytes) -> None:
        heads.append(head)
        await says(stream, head)

    async with web(serve) as host, world(host) as opened:
        answer = await fetch(opened, f"http://{host}/path?q=1")
    assert isinstance(answer, HttpResponse)
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"hello", "5")
    assert heads[0].startswith(b"GET /path?q=1 HTTP/1.1\r\n")
    assert b"accept-encoding: identity" in heads[0].lower()


@run_trio
async def test_no_call_is_given_the_cookies_of_another():
    heads: list[bytes] = []

    async def serve(stream: trio.SocketStream, head: bytes) -> None:
        heads.append(head)
        answer = b"HTTP/1.1 204 No Content\r\nSet-Cookie: session=1; Path=/\r\nConnection: close\r\n\r\n"
        await stream.send_all(answer)

    async with web(serve) as host, world(host) as opened:
        for _ in range(2):
            assert isinstance(await fetch(opened, f"http://{host}/"), HttpResponse)
    assert [b"cookie:" in head.lower() for head in heads] == [False, False]


@run_trio
async def test_no_redirection_is_followed():
    async with web(partial(says, status="302 Found")) as host, world(host) as opened:
        answer = await fetch(opened, f"http://{host}/")
    assert isinstance(answer, HttpResponse)
    assert (answer.status, answer.headers["location"]) == (302, "/on")


@run_trio
async def test_a_host_that_is_not_allowed_is_refused_with_what_to_write():
    async with world() as nowhere, world("127.0.0.1:1", "api.example.com") as opened:
        refusals = [await fetch(nowhere, "http://u:p@10.0.0.1:81/x"), await fetch(opened, "http://u:p@127.0.0.1:2/x")]
    assert all(isinstance(refusal, Refused) and refusal.code == "unauthorized" for refusal in refusals)
    assert 'write http = ["10.0.0.1:81"] to its [[app]]' in str(refusals[0])
    assert 'write http = ["127.0.0.1:2"] to its [[app]]' in str(refusals[1])


@run_trio
async def test_a_server_that_does_not_answer_listens_no_more_or_talks_nonsense_is_an_outcome():
    async with web(never) as silent, world("*") as opened:
        answer = await fetch(opened, f"http://{silent}/", timeout=0.05)
    assert isinstance(answer, Failed)
    assert answer.reason == "timeout"

    async def nonsense(stream: trio.SocketStream, head: bytes) -> None:
        await stream.send_all(b"what?\r\n\r\n")

    async with web(nonsense) as host, world("*") as opened:
        answers = [await fetch(opened, f"http://{host}/"), await fetch(opened, f"http://{silent}/")]
    assert [answer.reason for answer in answers if isinstance(answer, Failed)] == ["broken", "unreachable"]


@run_trio
async def test_an_answer_that_is_too_large_is_not_read_to_its_end():
    async def endless(stream: trio.SocketStream, head: bytes) -> None:
        await stream.send_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            await stream.send_all(bytes(65536))

    async with web(endless) as host, world(host) as opened:
        answer = await fetch(opened, f"http://{host}/")
    assert isinstance(answer, Failed)
    assert answer.reason == "too_large"


@run_trio
async def test_so_many_requests_at_once_and_no_more_and_a_cancelled_one_makes_room():
    async with web(never) as host, world(host) as opened:
        request = HttpRequest(method="GET", url=f"http://{host}/", timeout=60.0)
        cancels = [opened.request(request, lambda answer: None) for _ in range(MAX_REQUESTS)]
        answer = await fetch(opened, f"http://{host}/")
        assert isinstance(answer, Failed)
        assert answer.reason == "overloaded"
        for cancel in cancels:
            cancel()
        await trio.testing.wait_all_tasks_blocked()
        answer = await fetch(opened, f"http://{host}/", timeout=0.05)
        assert isinstance(answer, Failed)
        assert answer.reason == "timeout"


@run_trio
async def test_the_database_is_a_file_that_lasts_and_is_this_user_s_alone(tmp_path: Path):
    path = tmp_path / "databases" / "app.db"
    async with world(database=path) as opened:
        await query(opened, "CREATE TABLE t (x TEXT)", wants_rows=False)
        assert await query(opened, "INSERT INTO t VALUES (?)", "kept", wants_rows=False) == Changed(1, 1)
    assert path.stat().st_mode & 0o777 == 0o600
    async with world(database=path) as opened:
        assert await query(opened, "SELECT x FROM t") == Rows([{"x": b"kept"}])


@run_trio
async def test_a_file_that_another_process_holds_is_busy_and_then_is_not(tmp_path: Path):
    path = tmp_path / "app.db"
    async with world(database=path) as opened:
        await query(opened, "CREATE TABLE t (x)", wants_rows=False)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        answer = await query(opened, "INSERT INTO t VALUES (1)", wants_rows=False)
        assert isinstance(answer, Failed)
        assert answer.reason == "busy"
        other.execute("COMMIT")
        other.close()
        assert await query(opened, "INSERT INTO t VALUES (1)", wants_rows=False) == Changed(1, 1)


@run_trio
async def test_a_file_that_is_no_database_is_an_outcome(tmp_path: Path):
    path = tmp_path / "app.db"
    path.write_bytes(b"no database at all, but long enough to be read as one" * 20)
    async with world(database=path) as opened:
        answer = await query(opened, "SELECT 1 FROM sqlite_master")
    assert isinstance(answer, Failed)
    assert answer.reason == "broken"
    async with world(database=tmp_path / "app.db" / "below") as opened:
        answer = await query(opened, "SELECT 1")
    assert isinstance(answer, Failed)
    assert answer.reason == "broken"


@pytest.mark.parametrize(
    ("rule", "allowed", "denied"),
    [
        ("api.example.com", ("http", "API.example.com", None), ("https", "api.example.com", 8443)),
        ("api.example.com", ("https", "api.example.com", 443), ("http", "example.com", None)),
        ("127.0.0.1:8080", ("http", "127.0.0.1", 8080), ("http", "127.0.0.1", None)),
        ("*.example.com", ("https", "a.b.example.com", None), ("https", "example.com", None)),
        ("*.example.com", ("https", "a.example.com", None), ("https", "badexample.com", None)),
        ("[::1]:8080", ("http", "::1", 8080), ("http", "::1", 80)),
        ("*", ("http", "anything", 99), ("http", "anything", None)),
        ("*:8080", ("http", "anything", 8080), ("http", "anything", 80)),
    ],
)
def test_a_rule_is_about_hosts_and_ports(rule, allowed, denied):
    assert is_allowed([read_host(rule)], *allowed)
    assert is_allowed([read_host(rule)], *denied) is (rule == "*")


@pytest.mark.parametrize("text", ["", "http://a", "a/b", "a:0", "a:65536", "a b", "u@a", "a*", "*.", "[::1"])
def test_what_is_no_host_is_refused(text):
    with pytest.raises(ValueError, match="expected a host such as"):
        read_host(text)
