"""An exchange with a peer that reads, does not, closes, babbles: on a virtual clock."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence

import pytest
import trio

from engine.streams.exchange import MOST_FRAMES, STALLED_AFTER, Ending, Exchange
from engine.streams.message import Digit, Frame, Message, Said
from engine.streams.own import OwnDialect
from engine.streams.socket import StreamClosed
from tests.trio_tests import run_virtual

from .opening import opening


class Peer:
    """Fulfils StreamSocket: what was sent to it, what it says."""

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.reads = True
        self.closed_with: int | None = None
        self.is_aborted = False
        self.says, self._said = trio.open_memory_channel[Message | Exception](math.inf)

    async def send(self, messages: Sequence[Message]) -> None:
        await trio.lowlevel.checkpoint()
        if not self.reads:
            await trio.sleep_forever()
        self.got += messages

    async def receive(self) -> Message:
        said = await self._said.receive()
        if isinstance(said, Exception):
            raise said
        return said

    def keep_alive(self) -> None: ...

    async def close(self, code: int = 1000) -> None:
        await trio.lowlevel.checkpoint()
        self.closed_with = code

    async def abort(self) -> None:
        await trio.lowlevel.checkpoint()
        self.is_aborted = True


class Scene:
    def __init__(self) -> None:
        self.peer = Peer()
        self.said: list[Said] = []
        self.dropped: list[int] = []
        self.ending: Ending | None = None
        self.exchange = Exchange(OwnDialect(opening()), on_said=self.said.append, on_dropped=self.dropped.append)

    async def run(self) -> None:
        self.ending = await self.exchange.run(self.peer)

    def frame(self, number: int) -> None:
        self.exchange.tell(Frame(True, number * 20, b"x"))

    def times(self) -> list[int]:
        return [int.from_bytes(message[4:8]) for message in self.peer.got if isinstance(message, bytes)]


def with_scene(play: Callable[[Scene], Awaitable[None]]) -> Callable[[], None]:
    """The play goes on while the exchange does; then the exchange is over by itself."""

    @run_virtual
    async def run() -> None:
        scene = Scene()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(scene.run)
            await trio.testing.wait_all_tasks_blocked()
            await play(scene)
            with trio.fail_after(60):
                while scene.ending is None:  # noqa: ASYNC110 - virtual time
                    await trio.sleep(0.1)
        assert scene.peer.is_aborted

    run.__name__ = play.__name__
    return run


@with_scene
async def test_it_opens_sends_what_it_is_told_and_says_goodbye(scene):
    scene.frame(1)
    scene.exchange.tell(Digit("5"))
    await trio.testing.wait_all_tasks_blocked()
    scene.frame(2)
    scene.exchange.stop("hangup")
    scene.frame(3)  # too late
    await trio.testing.wait_all_tasks_blocked()
    kinds = [message if isinstance(message, str) else message[4:8] for message in scene.peer.got]
    assert '"start"' in kinds[0]
    assert kinds[1:] == [
        (20).to_bytes(4), '{"event":"digit","digit":"5"}', (40).to_bytes(4), '{"event":"stop","reason":"hangup"}'
    ]  # fmt: skip
    assert (scene.ending, scene.peer.closed_with) == (Ending("stopped"), 1000)
    assert (scene.exchange.frames_sent, scene.exchange.frames_dropped) == (2, 0)


@with_scene
async def test_a_peer_that_does_not_read_loses_the_oldest_and_nobody_waits(scene):
    scene.peer.reads = False
    scene.exchange.tell(Digit("1"))
    await trio.testing.wait_all_tasks_blocked()  # it is being sent
    scene.exchange.tell(Digit("2"))
    for number in range(MOST_FRAMES + 100):
        scene.frame(number)
    assert scene.exchange.frames_dropped == 100
    assert scene.dropped == [1]  # the rest is told a second later
    await trio.sleep(1)
    scene.frame(MOST_FRAMES + 100)
    assert scene.dropped == [1, 100]


@with_scene
async def test_when_it_reads_again_it_has_the_newest_and_every_key(scene):
    await trio.testing.wait_all_tasks_blocked()
    scene.exchange.tell(Digit("2"))
    for number in range(MOST_FRAMES + 100):
        scene.frame(number)
    await trio.testing.wait_all_tasks_blocked()
    assert scene.times() == [number * 20 for number in range(100, MOST_FRAMES + 100)]
    assert '{"event":"digit","digit":"2"}' in scene.peer.got
    scene.exchange.stop("stopped")


@with_scene
async def test_a_peer_that_takes_nothing_is_given_up(scene):
    scene.peer.reads = False
    began_at = trio.current_time()
    scene.frame(1)
    while scene.ending is None:  # noqa: ASYNC110 - virtual time
        await trio.sleep(0.1)
    assert trio.current_time() - began_at == pytest.approx(STALLED_AFTER, abs=0.2)
    assert scene.ending.reason == "stalled"
    assert scene.peer.closed_with is None  # a message is cut: nothing may follow it


@with_scene
async def test_a_peer_that_closes_ends_it_with_its_code(scene):
    await scene.peer.says.send(b"sound")
    await scene.peer.says.send(StreamClosed(4000, "enough"))
    await trio.testing.wait_all_tasks_blocked()
    assert len(scene.said) == 1
    assert scene.ending == Ending("closed", 4000, "enough")


@with_scene
async def test_a_peer_that_babbles_is_told_and_left(scene):
    await scene.peer.says.send("{")
    await trio.testing.wait_all_tasks_blocked()
    assert scene.ending is not None
    assert (scene.ending.reason, scene.peer.closed_with) == ("failed", 1008)


@with_scene
async def test_what_is_said_after_the_goodbye_is_not_heard(scene):
    scene.exchange.stop("hangup")
    await scene.peer.says.send(b"sound")
    await trio.testing.wait_all_tasks_blocked()
    assert scene.said == []
