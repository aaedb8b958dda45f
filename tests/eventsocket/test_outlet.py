"""What is written at once, and the frames of a server's WebSocket messages."""

from __future__ import annotations

import socket

import pytest
import trio
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from engine.eventsocket.outlet import framed, write_now
from tests.trio_tests import run_trio


@pytest.mark.parametrize("length", [0, 1, 125, 126, 0xFFFF, 0x10000])
@pytest.mark.parametrize(("is_text", "opcode"), [(True, Opcode.TEXT), (False, Opcode.BINARY)])
def test_a_client_reads_the_message_in_one_frame(length, is_text, opcode):
    reader = StreamReader()
    reader.feed_data(framed(b"x" * length, is_text=is_text))
    parsing = Frame.parse(reader.read_exact, mask=False)
    with pytest.raises(StopIteration) as parsed:
        next(parsing)
    assert parsed.value.value == Frame(opcode, b"x" * length)


@run_trio
async def test_what_the_kernel_has_room_for_is_written_at_once():
    ours, theirs = streams()
    async with ours, theirs:
        assert write_now(ours, b"hello") == 5
        assert await theirs.receive_some() == b"hello"


@run_trio
async def test_a_full_socket_takes_a_part_and_then_nothing():
    ours, theirs = streams()
    async with ours, theirs:
        taken = write_now(ours, b"x" * (64 << 20))
        assert 0 < taken < 64 << 20
        while write_now(ours, b"x"):
            pass
        assert write_now(ours, b"x") == 0


@run_trio
async def test_a_closed_socket_takes_nothing():
    ours, theirs = streams()
    async with theirs:
        await ours.aclose()
        assert write_now(ours, b"x") == 0


@run_trio
async def test_a_broken_socket_takes_nothing():
    ours, theirs = streams()
    async with ours:
        await theirs.aclose()
        assert write_now(ours, b"x") == 0


def streams() -> tuple[trio.SocketStream, trio.SocketStream]:
    pair = socket.socketpair()
    ours, theirs = (trio.SocketStream(trio.socket.from_stdlib_socket(end)) for end in pair)
    return ours, theirs
