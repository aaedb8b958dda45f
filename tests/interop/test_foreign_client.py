"""The event socket as a program in another language sees it: a plain WebSocket client that knows only the reference."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import pytest
import trio
from websockets.sync.client import ClientConnection, connect

from callflow.phone import Phone
from tests.trio_tests import run_trio

from .engine import RunningEngine, engine
from .places import CALLS
from .terminal import terminal

Frame = dict[str, Any]
BOTH = pytest.mark.parametrize("encoding", ["json", "msgpack"])


class Client:
    """One connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._is_text = connection.subprotocol == "callflow.v1.json"
        self.frames: list[Frame] = []  # all that came

    def send(self, **frame: Any) -> None:
        self._connection.send(json.dumps(frame) if self._is_text else msgpack.packb(frame))

    def until(self, *, after: int = 0, **wanted: Any) -> Frame:
        """The first frame with these fields, of all that came but for so many."""
        while True:
            for frame in self.frames[after:]:
                if wanted.items() <= frame.items():
                    return frame
            self.frames += self._decode(self._connection.recv(timeout=60))

    def command(self, id: str, name: str, **fields: Any) -> Frame:
        """The reply to a command."""
        before = len(self.frames)
        self.send(type="command", id=id, name=name, **fields)
        return self.until(after=before, type="reply", id=id)

    def _decode(self, message: str | bytes) -> list[Frame]:
        assert isinstance(message, str) == self._is_text
        if isinstance(message, str):
            return [json.loads(line) for line in message.splitlines()]
        unpacker = msgpack.Unpacker()
        unpacker.feed(message)
        return list(unpacker)


def open_client(running: RunningEngine, encoding: str) -> ClientConnection:
    return connect(
        running.socket,
        subprotocols=[f"callflow.v1.{encoding}"],  # type: ignore[list-item]
        additional_headers={"Authorization": f"Bearer {running.token}"},
    )


def events(frames: list[Frame]) -> list[Frame]:
    return [frame for frame in frames if frame["type"] == "event"]


async def while_calling(guest: Phone, running: RunningEngine, number: str, work: Callable[[], None]) -> None:
    """Call a number, do blocking work beside it, hang up."""
    call = await guest.call(running.sip(number))
    try:
        await trio.to_thread.run_sync(work)
    finally:
        call.hang_up()
        await call.wait_ended()


@BOTH
@run_trio
async def test_a_foreign_app_takes_a_call_and_steers_it_by_commands_of_its_own_ids(tmp_path: Path, encoding: str):
    async with engine(tmp_path / "engine", CALLS) as running, terminal() as guest:
        with open_client(running, encoding) as connection:
            client = Client(connection)

            def hello() -> None:
                client.send(type="hello", app="foreign", protocol=1, routes=["7[0-9]{3}"])
                welcome = client.until(type="welcome")
                assert welcome["protocol"] == 1
                assert welcome["engine"].startswith("callflow/")

            def steer() -> None:
                created = client.until(type="event", name="channel.created")
                channel = created["channel"]
                assert created["data"]["to"] == "7123"
                assert created["call_seq"] == 1
                first = client.command("mine-1", "answer", channel=channel, args={})
                assert first["ok"]
                assert client.command("mine-1", "answer", channel=channel, args={}) == first
                arguments = {"sources": [{"source": "tone", "plan": "440", "seconds": 0.2}]}
                client.send(type="command", id="mine-2", name="play", channel=channel, args=arguments)
                finished = client.until(type="event", name="playback.finished")
                assert finished["data"]["command"] == "mine-2"
                outcome = {"outcome": "played", "heard_ms": 200, "reason": "completed"}
                assert outcome.items() <= finished["data"]["outcome"].items()
                refused = client.command("mine-3", "play", channel=channel, args={"sources": ["nowhere.wav"]})
                assert not refused["ok"]
                assert refused["error"]["code"] in ("not_found", "bad_argument", "unsupported")
                assert client.command("mine-4", "hangup", channel=channel, args={"cause": "user_busy"})["ok"]
                ended = client.until(type="event", name="channel.ended")
                assert ended["data"]["cause"] == 17
                gone = client.command("mine-5", "play", channel=channel, args=arguments)
                assert gone["error"]["code"] in ("call_ended", "not_found")

            await trio.to_thread.run_sync(hello)
            await while_calling(guest, running, "7123", steer)


@BOTH
@run_trio
async def test_a_monitor_that_was_cut_off_goes_on_exactly_where_it_was(tmp_path: Path, encoding: str):
    async with engine(tmp_path / "engine", CALLS) as running, terminal() as guest:
        seen: list[Frame] = []
        welcome: Frame = {}

        def watch_the_beginning() -> None:
            with open_client(running, encoding) as connection:
                client = Client(connection)
                client.send(type="hello", app="monitor", subscribe=["*"])
                welcome.update(client.until(type="welcome"))
                trio.from_thread.run_sync(begun.set)
                client.until(type="event", name="channel.answered")
                seen.extend(client.frames)

        def watch_the_rest() -> None:
            with open_client(running, encoding) as connection:
                client = Client(connection)
                resume = {"epoch": welcome["epoch"], "seq": events(seen)[-1]["seq"]}
                client.send(type="hello", app="monitor", subscribe=["*"], resume=resume)
                assert client.until(type="welcome")["epoch"] == welcome["epoch"]
                client.until(type="caught_up")
                seen.extend(client.frames)

        begun = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, watch_the_beginning)
            await begun.wait()
            call = await guest.call(running.sip("3003"))
        assert await call.wait_sound()
        call.hang_up()
        again = await guest.call(running.sip("3000"))
        assert await again.wait_answered()
        await trio.to_thread.run_sync(watch_the_rest)
        again.hang_up()
    numbers = [frame["seq"] for frame in events(seen)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    by_call: dict[str, list[int]] = {}
    for frame in events(seen):
        if "call_seq" in frame:
            by_call.setdefault(frame["channel"], []).append(frame["call_seq"])
    assert len(by_call) == 2
    assert all(seqs == list(range(1, len(seqs) + 1)) for seqs in by_call.values())
    assert "channel.ended" in [frame["name"] for frame in events(seen)]
