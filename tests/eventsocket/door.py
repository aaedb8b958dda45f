"""The WebSocket door of an engine, and clients of it that are not ours."""

import json
import urllib.parse
from contextlib import asynccontextmanager
from functools import partial

import trio
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from engine.eventsocket.websocket import serve_websocket

from .engine import ADMIN, running_engine

HELLO = {"type": "hello", "app": "ivr", "token": ADMIN.secret}


@asynccontextmanager
async def listening(**settings):
    async with running_engine() as engine:
        serve = partial(serve_websocket, tokens=engine.tokens, schema=lambda: b'{"schema":1}', **settings)
        engine.nursery.start_soon(engine.sockets.run)
        host, port = await engine.nursery.start(serve, engine.sockets, "127.0.0.1", 0)
        engine.url = f"ws://{host}:{port}/v1/socket"
        engine.http = f"http://{host}:{port}"
        yield engine


async def exchange(socket, *frames):
    """Send JSON frames; the next message, as a list of frames."""
    await socket.send("\n".join(map(json.dumps, frames)))
    return list(map(json.loads, (await socket.recv()).split("\n")))


class Mute:
    """A client that sends, and reads nothing after the handshake."""

    def __init__(self, stream, url):
        self.stream, self.protocol = stream, ClientProtocol(parse_uri(url))

    async def open(self):
        self.protocol.send_request(self.protocol.connect())
        await self.flush()
        while self.protocol.state is State.CONNECTING:
            self.protocol.receive_data(await self.stream.receive_some())

    async def send(self, frame):
        self.protocol.send_text(json.dumps(frame).encode())
        await self.flush()

    async def read_frames(self):
        """What has come since, as the frames of the WebSocket; it is not over."""
        data = await self.stream.receive_some()
        assert data
        self.protocol.receive_data(data)
        return [event for event in self.protocol.events_received() if isinstance(event, Frame)]

    async def read_all(self):
        """Every frame until the engine closes, at last."""
        frames = []
        while data := await self.stream.receive_some():
            self.protocol.receive_data(data)
            await self.flush()
            for event in self.protocol.events_received():
                if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    frames += map(json.loads, event.data.split(b"\n"))
        self.protocol.receive_eof()
        return frames

    async def flush(self):
        for data in self.protocol.data_to_send():
            await self.stream.send_all(data)


@asynccontextmanager
async def mute_client(engine, *, is_open=True):
    host, port = urllib.parse.urlsplit(engine.url).netloc.split(":")
    async with await trio.open_tcp_stream(host, int(port)) as stream:
        client = Mute(stream, engine.url)
        if is_open:
            await client.open()
        yield client
