"""Files of an app on another machine: asked for, verified, kept within bounds; and plays that wait for them."""

import hashlib
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from callflow.protocol.frames import MAX_PART, Blob, Need
from engine.channels.errors import CommandError
from engine.eventsocket.prompts import MAX_WANTED, WAIT, FilesOf, Prompts
from engine.media.awaiting import AwaitingMedia
from engine.media.fake import FakeMediaEngine, FakeMediaNetwork
from engine.media.session import FileSource, PlaybackFinished, SilenceSource
from tests.trio_tests import run_virtual

from .engine import OWNER, running_engine

HELLO = b"RIFF hello"


def sha(data):
    return hashlib.sha256(data).hexdigest()


class Place:
    """An engine with a cache, and an app that is asked for files."""

    def __init__(self, engine, prompts, app):
        self.engine, self.prompts, self.app = engine, prompts, app
        self.files = FilesOf(prompts, "ivr", app.session)
        self.told = []

    def want(self, data, name="hello.wav"):
        path = self.files.path(name, sha(data))
        assert self.prompts.wait(path, self.told.append)
        return path

    async def send(self, data, *, app=None, content=None, part=0, last=True):
        await (app or self.app).send(Blob(sha256=sha(data), part=part, data=content or data, last=last))
        await wait_all_tasks_blocked()


def with_place(**limits):
    def decorate(test):
        @run_virtual
        async def run(tmp_path):
            async with running_engine(cache=tmp_path, **limits) as engine:
                engine.nursery.start_soon(engine.prompts.run)
                await test(Place(engine, engine.prompts, await engine.app(token=OWNER)))

        return run

    return decorate


@with_place()
async def test_a_file_that_is_missing_is_asked_for_once_and_kept(place):
    path = place.want(HELLO)
    assert place.want(HELLO) == path
    assert await place.app.next() == Need(sha256=sha(HELLO), name="hello.wav")
    await place.send(HELLO)
    assert place.told == [None, None]
    assert path.read_bytes() == HELLO
    assert not place.prompts.wait(place.files.path("hello.wav", sha(HELLO)), place.told.append)


@with_place()
async def test_a_file_comes_in_parts(place):
    data = bytes(MAX_PART) + b"end"
    path = place.want(data)
    await place.send(data, content=data[:MAX_PART], last=False)
    assert place.told == []
    await place.send(data, content=b"end", part=1)
    assert place.told == [None]
    assert path.read_bytes() == data


@with_place()
async def test_what_has_another_hash_is_not_kept(place):
    path = place.want(HELLO)
    await place.send(HELLO, content=b"something else")
    assert place.told == ["no file 'hello.wav': what the app sent has another hash"]
    assert list(path.parent.iterdir()) == []


@with_place()
async def test_an_app_may_say_that_it_has_no_such_file(place):
    place.want(HELLO)
    await place.app.send(Blob(sha256=sha(HELLO), last=True))
    await wait_all_tasks_blocked()
    assert place.told == ["no file 'hello.wav': the app does not have it"]


@with_place()
async def test_a_file_that_does_not_come_is_given_up(place):
    place.want(HELLO)
    started_at = trio.current_time()
    await trio.sleep(WAIT + 1)
    assert place.told == ["no file 'hello.wav': the app has not sent it for 10 s"]
    assert trio.current_time() - started_at <= WAIT + 1


@with_place(max_file=1000)
async def test_a_file_that_is_too_long_or_out_of_order_is_given_up(place):
    place.want(b"x" * 1001)
    await place.send(b"x" * 1001)
    assert "expected at most 1000 octets" in place.told[0]
    place.want(HELLO)
    await place.send(HELLO, part=1)
    assert place.told[1].endswith("expected part 0, got 1")


@with_place()
async def test_what_nobody_asked_for_and_what_another_app_sends_is_passed_over(place):
    other = await place.engine.app("other", token=OWNER)
    path = place.want(HELLO)
    await place.send(HELLO, app=other)
    await place.send(b"unasked")
    assert place.told == []
    assert not path.exists()


@with_place()
async def test_a_session_that_comes_back_is_asked_again(place):
    place.want(HELLO)
    await place.send(HELLO, content=HELLO[:3], last=False)
    await place.app.close()
    await wait_all_tasks_blocked()
    app = await place.engine.app(token=OWNER)
    assert await app.next() == Need(sha256=sha(HELLO), name="hello.wav")
    await place.send(HELLO, app=app)
    assert place.told == [None]


@with_place(max_octets=25)
async def test_the_longest_unused_is_thrown_away(place):
    files = [b"file number %d" % at for at in range(3)]  # 13 octets each
    for data in files:
        place.want(data)
        await place.send(data)
    assert place.prompts.octets == 13
    again = Prompts(place.files.path("x", sha(files[2])).parent, place.engine.sessions)
    assert again.octets == 13


@with_place()
async def test_names_and_numbers_are_bounded(place):
    for bad in ("", "ab", "../" + "a" * 61, "A" * 64):
        with pytest.raises(CommandError):
            place.files.path("x", bad)
    for at in range(MAX_WANTED):
        place.files.path("x", sha(b"%d" % at))
    with pytest.raises(CommandError) as refused:
        place.files.path("x", sha(b"one more"))
    assert refused.value.code == "overloaded"


class Files:
    """Files on their way, that a test lets arrive."""

    def __init__(self, *paths):
        self.waiting = {path: [] for path in paths}

    def wait(self, path, then):
        if path in self.waiting:
            self.waiting[path].append(then)
        return path in self.waiting

    def arrive(self, path, error=None):
        for then in self.waiting.pop(path):
            then(error)


async def leg(nursery, files):
    """A session that waits for files, and what it reports."""
    told = []
    media = AwaitingMedia(FakeMediaEngine(FakeMediaNetwork(), "127.0.0.1", (20000, 20009)), files)
    nursery.start_soon(media.run)
    return media.open(told.append), told


@run_virtual
async def test_a_play_waits_for_all_its_files_and_fails_with_any():
    one, two = Path("/nowhere/one.wav"), Path("/nowhere/two.wav")
    files = Files(one, two)
    async with trio.open_nursery() as nursery:
        session, told = await leg(nursery, files)
        session.play("p1", [FileSource(one), FileSource(two), SilenceSource(100)])
        files.arrive(one)
        await trio.sleep(1)
        assert told == []
        files.arrive(two, "no file 'two.wav': the app does not have it")
        await trio.sleep(1)
        assert told == [PlaybackFinished("p1", 0, "failed", "no file 'two.wav': the app does not have it")]
        nursery.cancel_scope.cancel()


@run_virtual
async def test_a_play_that_waits_can_be_stopped_and_replaced():
    one = Path("/nowhere/one.wav")
    files = Files(one)
    async with trio.open_nursery() as nursery:
        session, told = await leg(nursery, files)
        session.play("p1", [FileSource(one)])
        session.play("p2", [FileSource(one)])
        session.stop("p2")
        await trio.sleep(1)
        assert told == [PlaybackFinished("p1", 0, "stopped"), PlaybackFinished("p2", 0, "stopped")]
        session.play("p3", [FileSource(one)])
        session.close()
        files.arrive(one)
        await trio.sleep(1)
        assert len(told) == 2
        nursery.cancel_scope.cancel()
