"""A connection whose frames we read and write ourselves, between the library's handshake and its close."""

from __future__ import annotations

import json

import pytest
import trio
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode
from websockets.protocol import State
from websockets.trio.client import connect

from callflow.protocol.events import ChannelAnswered
from tests.trio_tests import run_trio

from .door import HELLO, exchange, listening, mute_client
from .engine import until

STATUS = json.dumps({"type": "command", "id": "1", "name": "status"})


@run_trio
async def test_a_message_in_parts_with_a_ping_between_them_is_one_message():
    async with listening() as engine, connect(engine.url) as socket:
        await exchange(socket, HELLO)

        async def parts():
            yield STATUS[:5]
            pong = await socket.ping("now")
            await pong.wait()
            yield STATUS[5:9]
            yield STATUS[9:]

        await socket.send(parts())
        assert json.loads(await socket.recv())["ok"]
        assert (await exchange(socket, {"type": "command", "id": "2", "name": "status"}))[0]["ok"]


@run_trio
async def test_a_text_that_is_none_closes_with_1007():
    async with listening() as engine, connect(engine.url) as socket:
        await exchange(socket, HELLO)
        await socket.send(b"\xff\xfe", text=True)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd.code == 1007


@run_trio
async def test_a_close_is_answered_and_ends_the_session():
    async with listening() as engine, connect(engine.url) as socket:
        await exchange(socket, HELLO)
        await socket.aclose(1000, "done")
        assert (socket.close_code, socket.close_reason) == (1000, "done")
        await until(lambda: not len(engine.sessions))


@run_trio
async def test_frames_that_come_with_the_handshake_are_read():
    async with listening() as engine, mute_client(engine, is_open=False) as client:
        client.protocol.send_request(client.protocol.connect())
        request = b"".join(client.protocol.data_to_send())
        client.protocol.state = State.OPEN  # it does not wait for the answer
        client.protocol.send_text(json.dumps(HELLO).encode())
        hello = b"".join(client.protocol.data_to_send())
        client.protocol.send_text(STATUS.encode())
        status = b"".join(client.protocol.data_to_send())
        client.protocol.state = State.CONNECTING
        await client.stream.send_all(request + hello + status[:3])
        await until(lambda: len(engine.sessions))
        await client.stream.send_all(status[3:])
        said = []
        while not any(frame["type"] == "reply" for frame in said):
            said += [
                json.loads(line) for frame in await client.read_frames() for line in bytes(frame.data).split(b"\n")
            ]
        assert said[0]["type"] == "welcome"


@run_trio
async def test_the_rest_of_a_frame_goes_before_the_pong():
    """Of what was sent at once, the kernel takes a part; the library answers a ping meanwhile."""
    async with listening() as engine, mute_client(engine) as client:
        await client.send({**HELLO, "subscribe": ["channel.answered"]})
        await until(lambda: len(engine.sessions))
        [session] = engine.sessions.all()
        channel = engine.table.create("c1")
        count = 0
        while session.sending_since is None:
            channel.emit(ChannelAnswered(codec="x" * 10_000))
            count += 1
            await trio.lowlevel.checkpoint()
        client.protocol.send_ping(b"there?")
        await client.flush()
        answered, ponged = [], False
        while len(answered) < count or not ponged:
            for frame in await client.read_frames():
                ponged = ponged or (frame.opcode is Opcode.PONG and bytes(frame.data) == b"there?")
                if frame.opcode is Opcode.TEXT:
                    said = map(json.loads, bytes(frame.data).split(b"\n"))
                    answered += [frame["seq"] for frame in said if frame["type"] == "event"]
        assert answered == list(range(answered[0], answered[0] + count))
