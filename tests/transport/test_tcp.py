"""TCP over real sockets: pieces, floods, slow and silent peers."""

from __future__ import annotations

import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
import trio.testing

from engine.sip.events import AckReceived, InviteEnded, InviteReceived
from engine.transport.tcp import TcpLimits
from tests.sip.messages_by_hand import request
from tests.transport.agents import ANSWER, OFFER, Agent, answer_everything, running
from tests.trio_tests import run_trio

VIA = "SIP/2.0/TCP 127.0.0.1:5060"


@asynccontextmanager
async def server(**limits) -> AsyncIterator[tuple[Agent, tuple[str, int]]]:
    agent = Agent("bob", react=answer_everything, tcp_limits=TcpLimits(**limits))
    async with running(agent):
        yield agent, await agent.endpoint.listen("tcp", "127.0.0.1", 0)


async def connect(address: tuple[str, int]) -> trio.SocketStream:
    return await trio.open_tcp_stream(*address)


async def is_closed(stream: trio.SocketStream) -> bool:
    """Waits for the end, reading what comes before it."""
    try:
        while await stream.receive_some(65536):
            pass
    except trio.BrokenResourceError:
        pass
    return True


async def read_until(stream: trio.SocketStream, end: bytes) -> bytes:
    data = b""
    while end not in data:
        piece = await stream.receive_some(65536)
        assert piece, data
        data += piece
    return data


@run_trio
async def test_an_invite_in_pieces_is_answered():
    async with server() as (agent, address):
        stream = await connect(address)
        data = request(via=VIA, body=OFFER)
        for start in range(0, len(data), 7):
            await stream.send_all(data[start : start + 7])
            await trio.lowlevel.checkpoint()
        received = await agent.wait_for(InviteReceived)
        assert received.request.body == OFFER
        assert ANSWER in await read_until(stream, ANSWER)
        await stream.aclose()
        assert (await agent.wait_for(InviteEnded)).by == "transport"


@run_trio
async def test_a_keep_alive_is_answered():
    async with server() as (_, address):
        stream = await connect(address)
        await stream.send_all(b"\r\n\r\n")
        assert await stream.receive_some(10) == b"\r\n"
        await stream.aclose()


@run_trio
async def test_a_connection_that_is_no_sip_is_closed():
    async with server() as (agent, address):
        stream = await connect(address)
        await stream.send_all(b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n")
        assert await is_closed(stream)
        await stream.aclose()
        await no_connections(agent)


@run_trio
async def test_what_came_before_what_is_no_sip_has_its_answer():
    async with server() as (_, address):
        stream = await connect(address)
        await stream.send_all(request(via=VIA, body=OFFER) + b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n")
        assert ANSWER in await read_until(stream, ANSWER)
        assert await is_closed(stream)
        await stream.aclose()


async def no_connections(agent: Agent) -> None:
    while agent.stack.counts.streams:
        await trio.lowlevel.checkpoint()


@run_trio
async def test_a_silent_connection_is_closed():
    async with server(silent_timeout=0.05) as (_, address):
        stream = await connect(address)
        assert await is_closed(stream)
        await stream.aclose()


@run_trio
async def test_an_idle_connection_is_closed_unless_it_has_a_call():
    async with server(idle_timeout=0.5) as (agent, address):
        busy, idle = await connect(address), await connect(address)
        await busy.send_all(request(via=VIA, body=OFFER))
        ok = await read_until(busy, ANSWER)
        tag = ok.rpartition(b"To: ")[2].partition(b"tag=")[2].partition(b"\r\n")[0].decode()
        await busy.send_all(request("ACK", via=VIA, to=f"<sip:bob@192.0.2.1>;tag={tag}", branch="z9hG4bKack"))
        await agent.wait_for(AckReceived)
        await idle.send_all(request("OPTIONS", via=VIA))
        assert await is_closed(idle)
        assert agent.stack.counts.invites == 1
        await busy.send_all(request("BYE", via=VIA, to=f"<sip:bob@192.0.2.1>;tag={tag}", branch="z9hG4bKbye", cseq=2))
        assert await is_closed(busy)
        for stream in (busy, idle):
            await stream.aclose()


@run_trio
async def test_connections_of_one_address_are_bounded():
    async with server(connections_per_address=3) as (_, address):
        streams = [await connect(address) for _ in range(10)]
        closed = 0
        for stream in streams[3:]:
            closed += await is_closed(stream)
        assert closed == 7
        await streams[0].send_all(b"\r\n\r\n")
        assert await streams[0].receive_some(10) == b"\r\n"
        await streams[1].aclose()
        while not await is_welcome(address):  # as soon as one is gone there is room for another
            pass
        for stream in streams:
            await stream.aclose()


async def is_welcome(address: tuple[str, int]) -> bool:
    async with await connect(address) as stream:
        try:
            await stream.send_all(b"\r\n\r\n")
            return bool(await stream.receive_some(10))
        except trio.BrokenResourceError:
            return False


async def flood(stream: trio.SocketStream) -> None:
    """Ask and ask, and read no answer, until the other side has had enough."""
    requests = b"".join(request("OPTIONS", via=VIA, branch=f"z9hG4bK{number}") for number in range(1000))
    try:
        while True:
            await stream.send_all(requests)
    except trio.BrokenResourceError:
        await stream.aclose()


@run_trio
async def test_a_peer_that_does_not_read_is_dropped():
    async with server(unsent=20_000, send_buffer=4096) as (agent, address):
        stream = await connect(address)
        await flood(stream)
        await no_connections(agent)


@run_trio
async def test_a_peer_that_reads_slowly_gets_everything():
    async with server(send_buffer=4096, unsent=8_000_000) as (_, address):
        stream = await connect(address)
        count = 3000
        flood = b"".join(request("OPTIONS", via=VIA, branch=f"z9hG4bK{number}") for number in range(count))
        seen = 0

        async def read() -> None:
            nonlocal seen
            rest = b""
            while seen < count:
                await trio.testing.wait_all_tasks_blocked()  # now the server can send no more
                piece = await stream.receive_some(4096)
                assert piece, "the connection was closed"
                rest += piece
                *whole, rest = rest.split(b"\r\n\r\n")
                seen += len(whole)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.send_all, flood)
            nursery.start_soon(read)
        assert seen == count
        await stream.aclose()


@run_trio
async def test_a_peer_that_stops_reading_is_given_up():
    async with server(send_buffer=4096, silent_timeout=0.05) as (agent, address):
        stream = await connect(address)
        await flood(stream)
        await no_connections(agent)


@run_trio
async def test_an_answer_to_a_peer_that_is_gone_ends_the_call():
    agent = Agent("bob", tcp_limits=TcpLimits())
    async with running(agent):
        stream = await connect(await agent.endpoint.listen("tcp", "127.0.0.1", 0))
        await stream.send_all(request(via=VIA, body=OFFER))
        received = await agent.wait_for(InviteReceived)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # ends with a reset
        await stream.aclose()
        agent.endpoint.answer(received.invite, body=ANSWER)
        while agent.stack.counts.invites:
            await trio.lowlevel.checkpoint()
