"""Apps that the engine dials, one connection per call."""

import contextlib
import json
from functools import partial

import trio
from websockets.exceptions import ConnectionClosed
from websockets.trio.server import serve

from callflow.protocol import commands
from engine.eventsocket.outbound import Destination, OutboundDoor
from tests.trio_tests import run_trio

from .engine import running_engine, until


@contextlib.asynccontextmanager
async def app_listening(handler, **settings):
    """An engine with a route to an app that is a foreign server; `engine.url` is what the route's channels say."""
    async with running_engine() as engine:
        server = await engine.nursery.start(partial(serve, handler, 0, host="127.0.0.1"))
        engine.url = f"ws://127.0.0.1:{server.listeners[0].socket.getsockname()[1]}/call"
        destinations = {engine.url: Destination(engine.url, "route-secret")}
        OutboundDoor(engine.sockets, destinations, engine.nursery, new_id=lambda: "engine-1", **settings)
        yield engine


async def say(socket, **frame):
    await socket.send(json.dumps(frame))


@run_trio
async def test_a_call_dials_its_app_which_owns_it_and_steers_it():
    seen, done = [], trio.Event()

    async def app(socket):
        seen.append((socket.request.path, socket.request.headers["Authorization"], socket.subprotocol))
        await say(socket, type="hello", app="remote")
        while seen[-1] == seen[0] or seen[-1]["type"] != "reply":
            for frame in map(json.loads, (await socket.recv()).split("\n")):
                seen.append(frame)
                if frame.get("name") == "channel.owner_changed":
                    await say(socket, type="command", id="h1", name="hangup", channel="c1")
        done.set()

    async with app_listening(app) as engine:
        channel = engine.table.create("c1", app=engine.url)
        await done.wait()
        handshake, welcome, *rest = seen
        assert handshake == ("/call", "Bearer route-secret", None)
        assert welcome["owns"] == ["c1"]
        names = [frame.get("name") for frame in rest]
        assert names == ["channel.created", "channel.owner_changed", "channel.ended", None]
        assert channel.performed == [("h1", commands.Hangup())]


@run_trio
async def test_an_app_that_goes_away_loses_its_call():
    async def app(socket):
        await say(socket, type="hello", app="remote")
        await socket.recv()

    async with app_listening(app) as engine:
        monitor = await engine.app("monitor", subscribe=("channel.*",))
        engine.table.create("c1", app=engine.url)
        assert (await monitor.event("channel.owner_lost")).channel == "c1"
        assert (await monitor.event("channel.ended")).channel == "c1"


@run_trio
async def test_an_app_that_cannot_be_reached_costs_the_call():
    async with running_engine() as engine:
        url = "ws://127.0.0.1:1/call"
        OutboundDoor(engine.sockets, {url: Destination(url)}, engine.nursery, new_id=lambda: "engine-1")
        channel = engine.table.create("c1", app=url)
        await until(lambda: channel.performed)
        assert channel.performed == [("engine-1", commands.Reject(reason=503))]


@run_trio
async def test_an_app_that_refuses_the_token_costs_the_call():
    async def app(socket):
        await socket.aclose(4001, "who are you?")

    async with app_listening(app) as engine:
        channel = engine.table.create("c1", app=engine.url)
        await until(lambda: channel.performed)
        assert channel.performed == [("engine-1", commands.Reject(reason=503))]


@run_trio
async def test_a_call_that_ends_before_its_app_says_hello_ends_the_connection():
    connected, closed = trio.Event(), trio.Event()

    async def app(socket):
        connected.set()
        with contextlib.suppress(ConnectionClosed):  # politely or not: the engine may still be shaking hands
            await socket.recv()
        closed.set()

    async with app_listening(app) as engine:
        channel = engine.table.create("c1", app=engine.url)
        await connected.wait()
        channel.end()
        await closed.wait()
        assert not channel.performed


@run_trio
async def test_an_app_that_stays_after_its_call_is_parted_with():
    reasons = []

    async def app(socket):
        await say(socket, type="hello", app="remote")
        async for _ in socket:
            pass
        reasons.append(socket.close_reason)

    async with app_listening(app, linger=0) as engine:
        channel = engine.table.create("c1", app=engine.url)
        await until(lambda: channel.owner)
        channel.end()
        await until(lambda: reasons)
        assert reasons == ["the call has ended"]
