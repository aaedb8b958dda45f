"""The WebSocket doors, with real sockets and a foreign client."""

import json
import urllib.error
import urllib.parse
import urllib.request

import msgpack
import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock, wait_all_tasks_blocked
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.trio.client import connect

from callflow.protocol.events import ChannelAnswered
from callflow.protocol.frames import CloseCode
from tests.trio_tests import run_trio

from .door import HELLO, exchange, listening, mute_client
from .engine import OWNER, READER, until

JSON, MSGPACK = "callflow.v1.json", "callflow.v1.msgpack"


async def get(url):
    def read():
        with urllib.request.urlopen(url, timeout=60) as response:
            assert response.headers["Content-Type"] == "application/json"
            return json.load(response)

    return await trio.to_thread.run_sync(read)


@run_trio
async def test_json_in_text_messages():
    async with listening() as engine, connect(engine.url, subprotocols=[JSON]) as socket:
        assert socket.subprotocol == JSON
        [welcome] = await exchange(socket, HELLO)
        assert welcome["type"] == "welcome"
        [reply] = await exchange(socket, {"type": "command", "id": "1", "name": "status"})
        assert reply["ok"]
        assert reply["data"]["engine"] == "callflow/test"


@run_trio
async def test_msgpack_in_binary_messages():
    async with listening() as engine, connect(engine.url, subprotocols=[MSGPACK]) as socket:
        await socket.send(msgpack.packb(HELLO) + msgpack.packb({"type": "command", "id": "1", "name": "status"}))
        unpacker, frames = msgpack.Unpacker(), []
        while len(frames) < 2:
            unpacker.feed(await socket.recv())
            frames += unpacker
        assert [frame["type"] for frame in frames] == ["welcome", "reply"]
        assert frames[1]["data"]["epoch"] == "epoch-1"


@run_trio
async def test_who_offers_no_subprotocol_is_answered_as_it_speaks():
    async with listening() as engine:
        async with connect(engine.url) as socket:
            assert (await exchange(socket, HELLO))[0]["type"] == "welcome"
        async with connect(engine.url) as socket:
            await socket.send(msgpack.packb(HELLO))
            assert msgpack.unpackb(await socket.recv())["type"] == "welcome"


@run_trio
async def test_a_bearer_token_makes_one_in_hello_needless():
    headers = {"Authorization": f"Bearer {OWNER.secret}"}
    async with listening() as engine, connect(engine.url, additional_headers=headers) as socket:
        assert (await exchange(socket, {"type": "hello", "app": "ivr"}))[0]["type"] == "welcome"


@run_trio
async def test_handshakes_that_are_refused():
    async with listening(origins=["https://console.example"]) as engine:
        for status, change in {
            401: {"additional_headers": {"Authorization": "Bearer wrong"}},
            403: {"origin": "https://evil.example"},
            404: {"uri": engine.url + "s"},
        }.items():
            with pytest.raises(InvalidStatus) as refused:
                async with connect(**{"uri": engine.url, **change}):
                    pass
            assert refused.value.response.status_code == status
        async with connect(engine.url, origin="https://console.example") as socket:
            assert (await exchange(socket, HELLO))[0]["type"] == "welcome"


async def metrics_status(engine, **headers):
    """What GET /metrics gives whoever sends these headers."""
    request = urllib.request.Request(engine.http + "/metrics", headers=headers)

    def read():
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, b""

    return await trio.to_thread.run_sync(read)


async def figures():
    await trio.lowlevel.checkpoint()
    return b"callflow_channels 1\n"


@run_trio
async def test_metrics_are_for_this_machine_and_for_tokens_that_may_read():
    async with listening(metrics=figures) as engine:
        assert await metrics_status(engine) == (200, b"callflow_channels 1\n")
        assert await metrics_status(engine, Authorization=f"Bearer {READER.secret}") == (200, b"callflow_channels 1\n")
        assert await metrics_status(engine, Authorization="Bearer wrong") == (401, b"")
        assert await metrics_status(engine, Authorization=f"Bearer {OWNER.secret}") == (401, b"")
    async with listening() as engine:
        assert await metrics_status(engine) == (404, b"")


@run_trio
async def test_health_and_schema_are_plain_http():
    async with listening() as engine:
        health = {"status": "ok", "engine": "callflow/test", "epoch": "epoch-1"}
        assert await get(engine.http + "/v1/health") == health
        assert await get(engine.http + "/v1/schema") == {"schema": 1}
        with pytest.raises(urllib.error.HTTPError, match="404") as error:
            await get(engine.http + "/")
        error.value.close()


@run_trio
@pytest.mark.parametrize(
    ("code", "frame"),
    [
        (CloseCode.UNAUTHORIZED, {"type": "hello", "app": "ivr", "token": "wrong"}),
        (CloseCode.UNSUPPORTED, {**HELLO, "protocol": 9}),
        (CloseCode.BAD_HELLO, {**HELLO, "app": "no spaces"}),
        (CloseCode.NO_HELLO, {"type": "command", "id": "1", "name": "status"}),
        (CloseCode.MALFORMED, {"type": "goodbye"}),
    ],
)
async def test_a_refusal_is_a_frame_and_a_close_code_with_its_reason(code, frame):
    async with listening() as engine, connect(engine.url) as socket:
        [reply] = await exchange(socket, frame)
        assert (reply["id"], reply["ok"]) == ("hello", False)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd.code == code
        assert closed.value.rcvd.reason == reply["error"]["message"]


@run_trio
async def test_a_message_too_big_closes_the_session_with_its_reason():
    async with listening() as engine, connect(engine.url) as socket:
        await exchange(socket, HELLO)
        await socket.send("x" * (1 << 20) + "x")
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd.code == 1009


@run_trio
async def test_a_stopping_engine_says_so():
    async with listening() as engine, connect(engine.url) as socket:
        await exchange(socket, HELLO)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(engine.sockets.close)
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1001, "the engine stops")


def tasks_of(nursery):
    """How many tasks there are in a nursery, all the way down."""
    return sum(1 + sum(map(tasks_of, task.child_nurseries)) for task in nursery.child_tasks)


@run_trio
async def test_a_close_ends_though_reading_is_paused_by_back_pressure():
    """websockets 17: the close waits for a reader that waits for a queue that nobody empties."""
    async with listening() as engine, mute_client(engine) as client:
        await client.send(HELLO)
        await until(lambda: len(engine.sessions))
        of_session = 3  # the connection's own, its keepalive, the session's writer
        without = tasks_of(engine.nursery) - of_session
        engine.call("c1").variables["long"] = "x" * 500_000
        [session] = engine.sessions.all()
        for number in range(60):  # more than the engine will owe, and more messages than its queue holds
            client.protocol.send_text(json.dumps({"type": "command", "id": str(number), "name": "snapshot"}).encode())
        await client.stream.send_all(b"".join(client.protocol.data_to_send()))
        await until(lambda: session.is_paused)
        with trio.fail_after(60):
            await session.abort(CloseCode.STALLED, "the test says so")
            await until(lambda: tasks_of(engine.nursery) == without)


@run_trio
async def test_a_close_in_the_middle_of_a_long_send_leaves_whole_messages():
    """websockets 17: a send that is cancelled corrupts what follows. None is."""
    async with listening() as engine, mute_client(engine) as client:
        await client.send({**HELLO, "subscribe": ["channel.answered"]})
        await until(lambda: len(engine.sessions))
        [session] = engine.sessions.all()
        channel = engine.table.create("c1")
        for _ in range(200):
            channel.emit(ChannelAnswered(codec="x" * 100_000))
        await until(lambda: session.sending_since is not None)
        engine.nursery.start_soon(engine.sockets.close)
        seqs = [frame["seq"] for frame in await client.read_all() if frame["type"] == "event"]
        assert seqs == list(range(3, 203))
        assert (client.protocol.close_code, client.protocol.close_reason) == (1001, "the engine stops")


def test_a_client_that_answers_no_ping_is_dead_when_it_has_missed_two():
    clock = MockClock()

    async def main():
        async with listening() as engine, mute_client(engine) as client:
            await client.send(HELLO)
            while not len(engine.sessions):
                await trio.lowlevel.checkpoint()
            channel = engine.call("c1")
            for seconds in (15.5, 30.5):
                assert "c1" in engine.table.channels
                await wait_all_tasks_blocked(0.01)
                clock.jump(seconds)
            while len(engine.sessions):
                await wait_all_tasks_blocked(0.01)
                clock.jump(1)
            assert channel.id not in engine.table.channels

    trio.run(main, clock=clock)


@run_trio
async def test_a_dead_client_costs_nothing_and_others_get_their_events_meanwhile():
    async with listening() as engine, mute_client(engine) as dead, connect(engine.url) as live:
        await dead.send({**HELLO, "subscribe": ["channel.answered"]})
        await exchange(live, {**HELLO, "subscribe": ["channel.answered"]})
        channel = engine.table.create("c1")
        seen = 0
        for number in range(100):
            channel.emit(ChannelAnswered(codec="x" * 100_000))
            while seen <= number:
                seen += len((await live.recv()).split("\n"))
        assert seen == 100
