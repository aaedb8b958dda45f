"""SIP over TLS: real sockets, certificates made for the test."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import trio

from engine.eventsocket.certificate import ServerCertificate, trusting
from engine.sip.events import AckReceived, InviteEnded, InviteReceived
from engine.sip.messages import Uri
from engine.transport.errors import Unreachable
from engine.transport.tcp import TcpLimits
from engine.transport.tls import TlsContexts, TlsSession
from tests.eventsocket.test_tls import Authority
from tests.transport.agents import Agent, answer_everything, running
from tests.trio_tests import run_trio


def caller(authority: Authority, name: str = "alice") -> Agent:
    return Agent(name, tls=TlsContexts(lambda: trusting(authority.file)))


async def end_of(stream: trio.SocketStream) -> None:
    """Read to the end, whatever it is."""
    with suppress(trio.BrokenResourceError):
        while await stream.receive_some():
            pass


@asynccontextmanager
async def server(certificate: ServerCertificate, *callers: Agent, **limits) -> AsyncIterator[tuple[Agent, int]]:
    tls = TlsContexts(ssl.create_default_context, certificate.context)
    agent = Agent("bob", react=answer_everything, tls=tls, tcp_limits=TcpLimits(**limits))
    async with running(agent, *callers):
        _, port = await agent.endpoint.listen("tls", "127.0.0.1", 0)
        yield agent, port


def certified(folder: Path, *names: str) -> tuple[Authority, ServerCertificate]:
    authority = Authority(folder)
    return authority, ServerCertificate(*authority.issue(*names))


@run_trio
async def test_a_call_over_tls(tmp_path: Path):
    authority, certificate = certified(tmp_path, "127.0.0.1")
    alice = caller(authority)
    async with server(certificate, alice) as (bob, port):
        invite = await alice.call("127.0.0.1", port, transport="tls")
        received = await bob.wait_for(InviteReceived)
        assert received.flow.transport == "tls"
        assert received.request.via.transport == "TLS"
        await bob.wait_for(AckReceived)
        alice.endpoint.hang_up(invite)
        await bob.wait_for(InviteEnded)


@run_trio
async def test_sips_is_tls_and_two_requests_share_a_connection(tmp_path: Path):
    authority, certificate = certified(tmp_path, "localhost")
    alice = caller(authority)
    async with server(certificate, alice) as (_, port):
        first = await alice.endpoint.resolve(Uri.parse(f"sips:bob@localhost:{port}"))
        again = await alice.endpoint.resolve(Uri.parse(f"sip:bob@localhost:{port};transport=tls"))
        assert first == again
        assert first.transport == "tls"


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
@run_trio
async def test_a_certificate_that_names_somebody_else_is_not_taken(tmp_path: Path, name: str):
    authority, certificate = certified(tmp_path, "sip.example.net")
    alice = caller(authority)
    async with server(certificate, alice) as (_, port):
        with pytest.raises(Unreachable, match=r"(?i)TLS failed: .*(mismatch|not valid for)"):
            await alice.endpoint.resolve(Uri.parse(f"sips:bob@{name}:{port}"))


@run_trio
async def test_a_certificate_of_another_authority_is_not_taken(tmp_path: Path):
    _, certificate = certified(tmp_path, "127.0.0.1")
    alice = caller(Authority(tmp_path, "other"))
    async with server(certificate, alice) as (_, port):
        with pytest.raises(Unreachable, match=r"TLS failed: .*certificate"):
            await alice.call("127.0.0.1", port, transport="tls")


@run_trio
async def test_a_renewed_certificate_is_shown_to_who_connects_then(tmp_path: Path):
    authority, certificate = certified(tmp_path, "127.0.0.1")
    other = Authority(tmp_path, "other")
    alice = caller(other)
    async with server(certificate, alice) as (_, port):
        other.issue("127.0.0.1")
        with pytest.raises(Unreachable):
            await alice.call("127.0.0.1", port, transport="tls")
        certificate.renew()
        await alice.call("127.0.0.1", port, transport="tls")
    assert authority.file != other.file


@run_trio
async def test_a_call_goes_on_with_the_certificate_that_it_began_with(tmp_path: Path):
    authority, certificate = certified(tmp_path, "127.0.0.1")
    other = Authority(tmp_path, "other")
    alice, carol = caller(authority), caller(other, "carol")
    async with server(certificate, alice, carol) as (bob, port):
        invite = await alice.call("127.0.0.1", port, transport="tls")
        await bob.wait_for(AckReceived)
        other.issue("127.0.0.1")
        certificate.renew()
        await carol.call("127.0.0.1", port, transport="tls")
        await bob.wait_for(AckReceived)
        alice.endpoint.hang_up(invite)
        assert (await bob.wait_for(InviteEnded)).by == "peer"


@run_trio
async def test_a_call_over_tls_and_ipv6(tmp_path: Path):
    authority, certificate = certified(tmp_path, "::1")
    alice = caller(authority)
    tls = TlsContexts(ssl.create_default_context, certificate.context)
    bob = Agent("bob", react=answer_everything, tls=tls)
    async with running(alice, bob):
        _, port = await bob.endpoint.listen("tls", "::1", 0)
        invite = await alice.call("[::1]", port, transport="tls")
        assert (await bob.wait_for(InviteReceived)).flow.remote[0] == "::1"
        await bob.wait_for(AckReceived)
        alice.endpoint.hang_up(invite)
        assert (await bob.wait_for(InviteEnded)).by == "peer"


@run_trio
async def test_who_speaks_no_tls_to_it_is_shut_out(tmp_path: Path):
    _, certificate = certified(tmp_path, "127.0.0.1")
    async with server(certificate) as (bob, port):
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(b"OPTIONS sip:bob@127.0.0.1 SIP/2.0\r\n\r\n")
            await end_of(stream)
        assert bob.events == []


@run_trio
async def test_who_trickles_the_handshake_is_shut_out_like_one_who_says_nothing(tmp_path: Path):
    _, certificate = certified(tmp_path, "127.0.0.1")
    async with server(certificate, silent_timeout=0.1) as (_, port):
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await trickle(stream, b"\x16\x03\x01\x3f\xff\x01\x00\x3f\xfb")


async def trickle(stream: trio.SocketStream, beginning: bytes) -> None:
    """Say something again and again, until the other side has had enough."""
    with suppress(trio.BrokenResourceError):
        await stream.send_all(beginning)
        while True:
            with trio.move_on_after(0.02):
                assert not await stream.receive_some(), "nothing of this is to be answered"
                return
            await stream.send_all(b"\0")


@run_trio
async def test_who_never_finishes_the_handshake_is_shut_out(tmp_path: Path):
    _, certificate = certified(tmp_path, "127.0.0.1")
    async with server(certificate, silent_timeout=0.1) as (_, port):
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await end_of(stream)


def test_what_is_sent_before_the_handshake_is_over_arrives_after_it_however_it_is_cut(tmp_path: Path):
    authority, certificate = certified(tmp_path, "example.net")
    client = TlsSession(trusting(authority.file), server_name="example.net")
    ours = TlsSession(certificate.context)
    to_server, received = client.begin() + client.send(b"hello"), b""
    while to_server:
        to_client = b""
        for at in range(0, len(to_server), 7):
            data, answer = ours.receive(to_server[at : at + 7])
            received += data
            to_client += answer
        _, to_server = client.receive(to_client)
    assert received == b"hello"
