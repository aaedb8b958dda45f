"""An engine whose event socket speaks TLS, and the commands that reach it."""

from __future__ import annotations

import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import trio

from engine.sip.messages import Response, StreamReader
from tests.eventsocket.test_tls import Authority
from tests.trio_tests import run_trio

from .engine import RunningEngine, engine
from .places import CALLS
from .process import until
from .wire import OFFER, message

TOKENS = 'tokens = [{ name = "all", token = "of-the-test", scopes = ["admin"] }]'
WITH_TOKEN = ("--token", "of-the-test")


@run_trio
async def test_commands_know_the_certificate_here_and_elsewhere_are_told_whom_to_trust(tmp_path: Path):
    ours, other = Authority(tmp_path), Authority(tmp_path, "other")
    certificate, key = ours.issue("localhost")
    socket = f'certificate = "{certificate}"\nkey = "{key}"\n{TOKENS}'
    async with engine(tmp_path / "engine", CALLS, socket=socket) as running:
        assert running.socket.startswith("wss://127.0.0.1:")
        assert await running.listed("calls", *WITH_TOKEN) == []  # although the name is another

        elsewhere = ("--socket", running.socket.replace("127.0.0.1", "localhost"), *WITH_TOKEN)
        refused = await running.run("calls", *elsewhere, "--ca", str(other.file))
        assert refused.code == 1
        assert "is not trusted" in refused.errors
        assert "say who signed it with ca" in refused.errors

        other.issue("localhost")
        running.process.send_signal(signal.SIGHUP)
        await until(lambda: "certificate renewed" in running.log)
        assert await running.listed("calls", *elsewhere, "--ca", str(other.file)) == []


class Caller:
    """SIP over TLS, made by hand; the certificate that it was shown."""

    def __init__(self, stream: trio.SSLStream[trio.SocketStream]) -> None:
        self._stream, self._reader, self._answers = stream, StreamReader(), list[Response]()

    async def certificate(self) -> object:
        await self._stream.do_handshake()
        return self._stream.getpeercert(binary_form=True)

    async def send(self, data: bytes) -> None:
        await self._stream.send_all(data)

    async def ask(self, data: bytes) -> Response:
        """Send a request; the next final response."""
        await self.send(data)
        while not self._answers:
            found = self._reader.feed(await self._stream.receive_some())
            self._answers += [each for each in found if isinstance(each, Response) and each.status >= 200]
        return self._answers.pop(0)


@run_trio
async def test_a_certificate_of_sip_is_renewed_by_its_files_and_by_a_signal_and_calls_go_on(tmp_path: Path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("127.0.0.1")
    trusting = ssl.create_default_context(cafile=str(authority.file))
    async with engine(tmp_path / "engine", CALLS, sip=f'certificate = "{certificate}"\nkey = "{key}"') as running:
        async with connected(running, trusting) as caller:
            first = await caller.certificate()
            ok = await caller.ask(message("INVITE", transport="TLS", call_id="call", body=OFFER))
            assert ok.status == 200
            in_call = partial(message, transport="TLS", call_id="call", to_tag=ok.to.tag or "")
            await caller.send(in_call("ACK"))

            authority.issue("127.0.0.1")
            await until(lambda: renewals(running) > 0)
            async with connected(running, trusting) as later:
                second = await later.certificate()
            assert second != first
            assert (await caller.ask(in_call("OPTIONS", cseq=2))).status == 200

            seen = renewals(running)
            running.process.send_signal(signal.SIGHUP)
            await until(lambda: renewals(running) > seen)
            async with connected(running, trusting) as last:
                assert await last.certificate() == second
            assert (await caller.ask(in_call("BYE", cseq=3))).status == 200


def renewals(running: RunningEngine) -> int:
    """How often its log tells of one."""
    return running.log.count("certificate renewed")


@asynccontextmanager
async def connected(running: RunningEngine, trusting: ssl.SSLContext) -> AsyncIterator[Caller]:
    assert running.tls is not None
    stream = await trio.open_ssl_over_tcp_stream(*running.tls, ssl_context=trusting)
    try:
        yield Caller(stream)
    finally:
        await trio.aclose_forcefully(stream)
