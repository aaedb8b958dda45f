"""The event socket over TLS: real sockets, certificates made for the test."""

from __future__ import annotations

import functools
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trustme
from websockets.trio.client import connect
from websockets.trio.server import ServerConnection, serve

from callflow.protocol import commands
from callflow.trust import pinned, trusting
from engine.eventsocket.certificate import CertificateError, ServerCertificate
from engine.eventsocket.handshakes import HandshakeListener
from engine.eventsocket.outbound import Destination, OutboundDoor
from engine.eventsocket.websocket import serve_websocket
from tests.trio_tests import run_trio

from .engine import ADMIN, running_engine, until


class Authority:
    """Signs certificates, in files of a folder."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._ca, self._folder = trustme.CA(), folder
        self.file = folder / f"{name}.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def issue(self, *names: str, stem: str = "server") -> tuple[Path, Path]:
        """A certificate and its key, for these names; over those that were there."""
        made = self._ca.issue_cert(*names)
        certificate, key = self._folder / f"{stem}.pem", self._folder / f"{stem}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
        made.private_key_pem.write_to_path(str(key))
        return certificate, key


@asynccontextmanager
async def listening(certificate: ServerCertificate) -> AsyncIterator[int]:
    """The port of an event socket that speaks TLS."""
    async with running_engine() as engine:
        _, port = await engine.nursery.start(
            lambda task_status: serve_websocket(
                engine.sockets, "127.0.0.1", 0, tokens=engine.tokens, schema=lambda: b"{}",
                ssl_context=certificate.context, task_status=task_status,
            )
        )  # fmt: skip
        yield port


async def welcomed(port: int, context: ssl.SSLContext, host: str = "127.0.0.1") -> None:
    headers = {"Authorization": f"Bearer {ADMIN.secret}"}
    async with connect(f"wss://{host}:{port}/v1/socket", ssl=context, additional_headers=headers) as socket:
        await socket.send('{"type": "hello", "app": "monitor"}')
        assert '"welcome"' in await socket.recv()


@run_trio
async def test_who_trusts_the_authority_is_welcomed_and_who_does_not_goes_away(tmp_path: Path):
    ours, other = Authority(tmp_path), Authority(tmp_path, "other")
    async with listening(ServerCertificate(*ours.issue("127.0.0.1"))) as port:
        await welcomed(port, trusting(ours.file))
        with pytest.raises(trio.BrokenResourceError) as caught:
            await welcomed(port, trusting(other.file))
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)


@run_trio
async def test_a_certificate_for_another_name_is_not_trusted(tmp_path: Path):
    ours = Authority(tmp_path)
    async with listening(ServerCertificate(*ours.issue("pbx.example"))) as port:
        with pytest.raises(trio.BrokenResourceError):
            await welcomed(port, trusting(ours.file))


@run_trio
async def test_a_pinned_certificate_is_trusted_by_any_name_and_no_other_of_its_authority(tmp_path: Path):
    ours = Authority(tmp_path)
    certificate, key = ours.issue("pbx.example")
    chain = tmp_path / "chain.pem"
    chain.write_bytes(certificate.read_bytes() + ours.file.read_bytes())
    async with listening(ServerCertificate(certificate, key)) as port:
        await welcomed(port, pinned(chain))
    async with listening(ServerCertificate(*ours.issue("pbx.example", stem="next"))) as port:
        with pytest.raises(trio.BrokenResourceError):
            await welcomed(port, pinned(chain))


@run_trio
async def test_a_renewed_certificate_is_shown_from_then_on_and_connections_go_on(tmp_path: Path):
    first, second = Authority(tmp_path), Authority(tmp_path, "second")
    certificate = ServerCertificate(*first.issue("127.0.0.1"))
    headers = {"Authorization": f"Bearer {ADMIN.secret}"}
    async with listening(certificate) as port:
        async with connect(
            f"wss://127.0.0.1:{port}/v1/socket", ssl=trusting(first.file), additional_headers=headers
        ) as kept:
            second.issue("127.0.0.1")
            certificate.renew()
            await welcomed(port, trusting(second.file))
            with pytest.raises(trio.BrokenResourceError):
                await welcomed(port, trusting(first.file))
            await kept.send('{"type": "hello", "app": "monitor"}')
            assert '"welcome"' in await kept.recv()


@run_trio
async def test_files_that_change_are_renewed_by_themselves_and_bad_ones_are_not_taken(tmp_path: Path):
    first, second = Authority(tmp_path), Authority(tmp_path, "second")
    server, key = first.issue("127.0.0.1")
    certificate = ServerCertificate(server, key)
    async with listening(certificate) as port, trio.open_nursery() as nursery:
        nursery.start_soon(certificate.watch)
        server.write_text("nonsense")
        await welcomed(port, trusting(first.file))

        async def is_renewed() -> bool:
            second.issue("127.0.0.1")  # again and again: the watcher may not be up yet
            try:
                await welcomed(port, trusting(second.file))
            except trio.BrokenResourceError:
                return False
            return True

        while not await is_renewed():  # noqa: ASYNC110
            await trio.sleep(0.1)
        nursery.cancel_scope.cancel()


@run_trio
async def test_the_engine_dials_an_app_whose_certificate_it_trusts_and_no_other(
    tmp_path: Path,
):
    ours, other = Authority(tmp_path), Authority(tmp_path, "other")
    context = ServerCertificate(*ours.issue("127.0.0.1")).context
    is_dialled = trio.Event()

    async def app(socket: ServerConnection) -> None:
        is_dialled.set()
        await socket.wait_closed()

    async with running_engine() as engine:
        server = await engine.nursery.start(functools.partial(serve, app, 0, host="127.0.0.1", ssl=context))
        url = f"wss://127.0.0.1:{server.listeners[0].socket.getsockname()[1]}/"
        trusted = {url: Destination(url, ssl_context=trusting(ours.file))}
        contexts = {"of another": trusting(other.file), "of the system": None}
        untrusted = {name: Destination(url, ssl_context=context) for name, context in contexts.items()}
        OutboundDoor(engine.sockets, trusted | untrusted, engine.nursery, new_id=lambda: "engine-1")
        refused = [engine.table.create(name, app=name) for name in untrusted]
        await until(lambda: all(channel.performed for channel in refused))
        assert [channel.performed for channel in refused] == [[("engine-1", commands.Reject(reason=503))]] * 2
        assert not is_dialled.is_set()
        engine.table.create("c1", app=url)
        await is_dialled.wait()


@pytest.mark.parametrize("change", ["missing", "nonsense", "another key", "encrypted"])
def test_a_pair_that_cannot_be_used_is_told_off(tmp_path: Path, change: str):
    certificate, key = Authority(tmp_path).issue("127.0.0.1")
    if change == "missing":
        key.unlink()
    elif change == "nonsense":
        certificate.write_text("nonsense")
    elif change == "encrypted":
        key.write_text(ENCRYPTED)
    else:
        _, key = Authority(tmp_path, "other").issue("127.0.0.1", stem="other-server")
    with pytest.raises(CertificateError, match="expected a"):
        ServerCertificate(certificate, key)


@run_trio
async def test_of_too_many_handshakes_the_oldest_gives_way():
    [opened] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with HandshakeListener(opened, most=2) as listener:
        port = opened.socket.getsockname()[1]
        streams = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(2)]
        accepted = [await listener.accept() for _ in range(2)]
        listener.done(accepted[0])
        for _ in range(2):
            streams.append(await trio.open_tcp_stream("127.0.0.1", port))
            accepted.append(await listener.accept())
        await until(lambda: accepted[1].socket.fileno() == -1)
        assert [stream.socket.fileno() == -1 for stream in accepted] == [False, True, False, False]
        assert await streams[1].receive_some() == b""
        for stream in (*streams, *accepted):
            await stream.aclose()


ENCRYPTED = """\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAh8hVQp9w1tPQICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEJz0sV2o0bqFXmN5q0JtFd8EgZDd
-----END ENCRYPTED PRIVATE KEY-----
"""
