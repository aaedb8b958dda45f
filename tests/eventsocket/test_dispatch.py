"""Commands: known, allowed, in time, said before; and what queries answer."""

import math

import msgspec
import pytest
import trio

from callflow.protocol import commands
from callflow.protocol.events import ChannelRinging
from callflow.protocol.frames import BridgeState, CaughtUp, ChannelState, CommandFrame, Snapshot
from callflow.protocol.queries import AppState, EngineStatus, PastEvents
from tests.trio_tests import run_virtual

from .engine import ADMIN, ANY, OWNER, READER, running_engine


def packed(value):
    return msgspec.Raw(msgspec.msgpack.encode(value))


async def reply_to(app, **frame):
    await app.send(CommandFrame(**frame))
    while not hasattr(reply := await app.next(), "ok"):
        pass
    return reply


@run_virtual
async def test_a_command_is_performed_with_its_id():
    async with running_engine() as engine:
        app = await engine.app(token=OWNER)
        channel = engine.call("c1")
        reply = await app.do(commands.Play(sources=("hello.wav",)), channel="c1", id="p1")
        assert (reply.ok, reply.seq) == (True, 2)
        assert channel.performed == [("p1", commands.Play(sources=("hello.wav",)))]


@run_virtual
async def test_a_reply_may_carry_data():
    async with running_engine() as engine:
        app = await engine.app(token=OWNER)
        engine.call("c1")
        await app.do(commands.Set(variables={"language": "en"}), channel="c1")
        reply = await app.do(commands.Get(), channel="c1")
        assert app.connection.data(reply, commands.Get.replies_with) == {"language": "en"}


@run_virtual
@pytest.mark.parametrize(
    ("code", "says", "frame"),
    [
        ("unsupported", "there is no command 'fly'", {"name": "fly"}),
        ("bad_argument", "play: Object missing required field `sources`", {"name": "play", "channel": "c1"}),
        ("bad_argument", "unknown field `colour`", {"name": "hangup", "channel": "c1", "args": packed({"colour": 1})}),
        ("bad_argument", "answer: expected a channel", {"name": "answer"}),
        ("bad_argument", "1 to 128 characters, got 129", {"name": "status", "id": "x" * 129}),
        ("bad_argument", "1 to 128 characters, got 0", {"name": "status", "id": ""}),
        ("bad_argument", "no event is called", {"name": "subscribe", "args": packed({"events": ["no.such"]})}),
        ("bad_argument", "a limit of 1 to 1000", {"name": "channels", "args": packed({"limit": 0})}),
        ("unsupported", "to a bridge", {"name": "status", "bridge": "b1"}),
        ("deadline", "had passed", {"name": "answer", "channel": "c1", "deadline": 0.0}),
        ("deadline", "had passed", {"name": "answer", "channel": "c1", "deadline": math.nan}),
        ("not_found", "no channel 'c9'", {"name": "answer", "channel": "c9"}),
        ("not_owner", "not of this session", {"name": "answer", "channel": "c2"}),
        ("call_ended", "has ended", {"name": "answer", "channel": "c3"}),
    ],
)
async def test_a_command_that_is_not_accepted(code, says, frame):
    async with running_engine() as engine:
        app, other = await engine.app(), await engine.app("other")
        engine.call("c1"), engine.call("c2", app="other"), engine.call("c3").end()
        reply = await reply_to(app, **{"id": "1", **frame})
        assert (reply.ok, reply.error.code) == (False, code)
        assert says in reply.error.message
        assert other.session != app.session


@run_virtual
async def test_a_channel_says_itself_why_not_and_a_fault_of_ours_is_internal():
    async with running_engine() as engine:
        app = await engine.app(token=OWNER)
        engine.call("c1")
        reply = await app.do(commands.Play(sources=("missing.wav",)), channel="c1")
        assert reply.error.code == "bad_argument"
        assert reply.error.details == {"source": "missing.wav"}
        assert (await app.do(commands.Play(sources=("bug.wav",)), channel="c1")).error.code == "internal"
        assert (await app.do(commands.Answer(), channel="c1")).ok


@run_virtual
async def test_a_watcher_is_told_of_commands_before_what_they_bring_about_and_of_those_refused():
    told = []

    class Watcher:
        def begin(self, frame, command):
            told.append((frame.id, command, list(channel.performed)))

        def refuse(self, frame, error):
            told.append((frame.id, error.code))

    async with running_engine() as engine:
        app = await engine.app(token=OWNER)
        channel = engine.call("c1")
        engine.sockets.watch(Watcher())
        await app.do(commands.Answer(), channel="c1", id="a")
        await reply_to(app, id="b", name="answer", channel="c9")
    assert told == [
        ("a", commands.Answer(), []),
        ("b", commands.Answer(), [("a", commands.Answer())]),
        ("b", "not_found"),
    ]


@run_virtual
async def test_the_same_id_gets_the_same_reply_and_is_done_once():
    async with running_engine() as engine:
        app = await engine.app(token=OWNER)
        channel = engine.call("c1")
        first = await app.do(commands.Answer(), channel="c1", id="a1")
        channel.emit(ChannelRinging())
        assert await app.do(commands.Answer(), channel="c1", id="a1") == first
        assert len(channel.performed) == 1
        other = await app.do(commands.Hangup(), channel="c1", id="a1")
        assert (other.error.code, other.error.message) == (
            "bad_argument",
            "expected a new id for hangup, 'a1' was a answer before",
        )


@run_virtual
async def test_a_refusal_is_remembered_too_and_an_ended_call_forgets():
    async with running_engine() as engine:
        app = await engine.app(token=OWNER)
        engine.call("c1")
        refused = await app.do(commands.Play(sources=("missing.wav",)), channel="c1", id="p1")
        assert await app.do(commands.Play(sources=("hello.wav",)), channel="c1", id="p1") == refused
        await app.do(commands.Hangup(), channel="c1", id="h1")
        assert (await app.do(commands.Hangup(), channel="c1", id="h1")).error.code == "call_ended"


@run_virtual
async def test_ids_without_a_channel_are_kept_for_ten_minutes_across_an_apps_sessions():
    async with running_engine() as engine:
        app, again, other = await engine.app(), await engine.app(), await engine.app("other")
        first = await app.do(commands.Status(), id="s1")
        engine.log.emit(ChannelRinging())
        assert await again.do(commands.Status(), id="s1") == first
        assert await other.do(commands.Status(), id="s1") != first
        await trio.sleep(601)
        assert await app.do(commands.Status(), id="s1") != first


@run_virtual
async def test_a_subscription_belongs_to_the_session_that_asked():
    async with running_engine() as engine:
        first, second = await engine.app("monitor"), await engine.app("monitor")
        for app in (first, second):
            assert (await app.do(commands.Subscribe(events=("channel.*",)), id="s1")).ok
        engine.table.create("c1")
        for app in (first, second):
            assert (await app.event()).channel == "c1"
        assert (await first.do(commands.Unsubscribe(events=("channel.*",)))).ok
        engine.table.create("c2")
        await second.event()
        assert not [frame for frame in first.frames if frame.name]


@run_virtual
async def test_who_may_hang_up_any_may_only_do_that():
    async with running_engine() as engine:
        await engine.app(token=OWNER)
        engine.call("c1"), engine.call("c2")
        cli, reader = await engine.app("cli", token=ANY), await engine.app("cli", token=READER)
        assert (await cli.do(commands.Answer(), channel="c1")).error.code == "not_owner"
        assert (await reader.do(commands.Hangup(), channel="c1")).error.code == "unauthorized"
        assert (await cli.do(commands.Hangup(), channel="c1")).ok
        assert list(engine.table.channels) == ["c2"]


@run_virtual
async def test_queries_answer_page_by_page_in_the_order_of_ids():
    async with running_engine() as engine:
        app = await engine.app("monitor", token=READER)
        for number in (3, 1, 2):
            engine.table.create(f"c{number}")
        engine.table.bridges = [BridgeState("b1", ("c1", "c2"))]
        page = await app.do(commands.Channels(limit=2))
        assert [state.id for state in app.connection.data(page, list[ChannelState])] == ["c1", "c2"]
        page = await app.do(commands.Channels(limit=2, after="c2"))
        assert [state.id for state in app.connection.data(page, list[ChannelState])] == ["c3"]
        assert app.connection.data(await app.do(commands.Bridges()), list[BridgeState]) == engine.table.bridges
        assert app.connection.data(await app.do(commands.Registrations()), list) == []


@run_virtual
async def test_apps_and_status_are_told_to_those_who_may_read():
    async with running_engine() as engine:
        app = await engine.app("monitor", token=READER)
        worker = await engine.app(token=OWNER, routes=("1...",))
        engine.call("c1")
        apps = app.connection.data(await app.do(commands.Apps()), list[AppState])
        assert [(each.id, each.routes, each.sessions[0].channels) for each in apps] == [
            ("ivr", ("1...",), 1),
            ("monitor", (), 0),
        ]
        status = app.connection.data(await app.do(commands.Status()), EngineStatus)
        assert (status.channels, status.sessions, status.seq) == (1, 2, 3)
        for query in (commands.Apps(), commands.Status(), commands.Registrations()):
            assert (await worker.do(query)).error.code == "unauthorized"


@run_virtual
async def test_an_owner_sees_its_own_channels_only():
    async with running_engine() as engine:
        app = await engine.app(token=OWNER)
        await engine.app("other", token=OWNER)
        engine.call("c1"), engine.call("c2", app="other")
        engine.table.bridges = [BridgeState("b1", ("c1", "c9")), BridgeState("b2", ("c2", "c8"))]
        states = app.connection.data(await app.do(commands.Channels()), list[ChannelState])
        assert [state.id for state in states] == ["c1"]
        bridges = app.connection.data(await app.do(commands.Bridges()), list[BridgeState])
        assert [bridge.id for bridge in bridges] == ["b1"]


@run_virtual
async def test_a_snapshot_follows_its_reply_a_hundred_channels_at_a_time():
    async with running_engine() as engine:
        app = await engine.app("monitor", token=READER)
        for number in range(250):
            engine.table.create(f"c{number}")
        reply = await app.do(commands.SnapshotCommand())
        pages = [await app.next() for _ in range(4)]
        assert [type(page) for page in pages] == [Snapshot, Snapshot, Snapshot, CaughtUp]
        assert [(len(page.channels), page.more) for page in pages[:3]] == [(100, True), (100, True), (50, False)]
        assert pages[3].seq == reply.seq == 251


@run_virtual
async def test_a_snapshot_frame_stays_within_a_message_however_long_variables_are():
    async with running_engine() as engine:
        app = await engine.app("monitor", token=ADMIN)
        for number in range(10):
            engine.table.create(f"c{number}").variables["long"] = "x" * 200_000
        await app.do(commands.SnapshotCommand())
        ids, more = [], True
        while more:
            page = await app.next()
            ids += [state.id for state in page.channels]
            more = page.more
        assert ids == [f"c{number}" for number in range(10)]


@run_virtual
async def test_events_are_what_the_log_keeps_page_by_page_the_newest_first():
    async with running_engine(max_events=100) as engine:
        app = await engine.app("monitor", token=READER)
        channel = engine.table.create("c1")
        for _ in range(150):
            channel.emit(ChannelRinging())
        newest = engine.log.last_seq
        reply = await app.do(commands.Events(events=("channel.*",), last=3))
        past = app.connection.data(reply, PastEvents)
        assert [(event.seq, event.name) for event in past.events] == [
            (seq, "channel.ringing") for seq in range(newest - 2, newest + 1)
        ]
        assert past.searched == newest - 2
        past = app.connection.data(await app.do(commands.Events(last=1000, before=past.searched)), PastEvents)
        assert [event.seq for event in past.events] == list(range(newest - 99, newest - 2))
        assert past.searched == 0
        past = app.connection.data(await app.do(commands.Events(channel="c2")), PastEvents)
        assert past == PastEvents((), 0)


@run_virtual
async def test_events_are_for_those_who_may_read_and_ask_for_something():
    async with running_engine() as engine:
        app = await engine.app("monitor", token=OWNER)
        assert (await app.do(commands.Events())).error.code == "unauthorized"
        app = await engine.app("monitor", token=READER)
        assert (await app.do(commands.Events(last=0))).error.code == "bad_argument"
        assert (await app.do(commands.Events(events=("nothing",)))).error.code == "bad_argument"
