"""A session over the memory door: welcome, events and replies in their order, the end."""

import trio
from trio.testing import wait_all_tasks_blocked

from callflow.protocol import commands
from callflow.protocol.events import ChannelAnswered, ChannelRinging
from callflow.protocol.frames import CommandFrame, Hello, ReplyFrame, Welcome
from engine.eventsocket.memory import open_memory_session
from tests.trio_tests import run_virtual

from .engine import ADMIN, OWNER, READER, App, running_engine


@run_virtual
async def test_an_app_is_welcomed_and_told_where_the_log_is():
    async with running_engine() as engine:
        engine.table.create("c1")
        app = await engine.app("monitor")
        assert app.welcome == Welcome(
            engine="callflow/test", protocol=1, epoch="epoch-1", seq=1, session="session-1", owns=()
        )


@run_virtual
async def test_an_app_gets_what_it_subscribed_to_and_nothing_else():
    async with running_engine() as engine:
        app = await engine.app("monitor", token=READER, subscribe=("channel.answered",))
        channel = engine.table.create("c1")
        channel.emit(ChannelRinging())
        channel.emit(ChannelAnswered(codec="PCMU"))
        frame = await app.event()
        assert (frame.seq, frame.name, frame.channel, frame.call_seq) == (4, "channel.answered", "c1", 3)
        assert app.connection.event(frame) == ChannelAnswered(codec="PCMU")


@run_virtual
async def test_an_owner_gets_its_channels_events_without_subscribing():
    async with running_engine() as engine:
        app, other = await engine.app(token=OWNER), await engine.app("other", token=OWNER)
        engine.call("c1").emit(ChannelAnswered())
        engine.call("c2", app="other").emit(ChannelRinging())
        assert [(await app.event()).name for _ in range(2)] == ["channel.created", "channel.answered"]
        assert [(await other.event()).channel for _ in range(2)] == ["c2", "c2"]


@run_virtual
async def test_a_burst_of_events_is_one_message():
    async with running_engine() as engine:
        app = await engine.app("monitor", subscribe=("*",))
        await app.event("app.connected")
        before = app.messages
        channel = engine.table.create("c1")
        for _ in range(400):
            channel.emit(ChannelAnswered())
        seqs = [(await app.event()).seq for _ in range(401)]
        assert seqs == list(range(2, 403))
        assert app.messages == before + 1


@run_virtual
async def test_a_reply_comes_after_the_events_it_caused_and_before_later_ones():
    async with running_engine() as engine:
        app = await engine.app()
        channel = engine.call("c1")
        await app.start(commands.Hangup(), channel="c1", id="h1")
        await wait_all_tasks_blocked()
        engine.call("c2")
        frames = [await app.next() for _ in range(4)]
        assert [frame.id if isinstance(frame, ReplyFrame) else (frame.channel, frame.name) for frame in frames] == [
            ("c1", "channel.created"),
            ("c1", "channel.ended"),
            "h1",
            ("c2", "channel.created"),
        ]
        assert frames[2].seq == frames[1].seq
        assert channel.performed == [("h1", commands.Hangup())]


@run_virtual
async def test_a_session_that_is_lost_loses_its_calls_and_no_others():
    async with running_engine() as engine:
        monitor = await engine.app("monitor", subscribe=("*",))
        app, other = await engine.app(), await engine.app("other")
        engine.call("c1"), engine.call("c2", app="other")
        await app.close()
        lost = await monitor.event("app.lost")
        assert monitor.connection.event(lost).session == app.session
        assert [(await monitor.event()).channel for _ in range(2)] == ["c1", "c1"]
        assert list(engine.table.channels) == ["c2"]
        assert engine.sessions.of("ivr") == ()
        assert engine.sessions.get(other.session).owned == {"c2"}


@run_virtual
async def test_waiting_calls_are_given_to_the_app_with_their_history():
    async with running_engine() as engine:
        engine.table.create("before", app="other")
        channel = engine.call("c1")
        channel.emit(ChannelRinging())
        app = await engine.app(token=OWNER)
        assert app.welcome.owns == ("c1",)
        frames = [await app.event() for _ in range(3)]
        assert [frame.name for frame in frames] == ["channel.created", "channel.ringing", "channel.owner_changed"]
        assert [frame.call_seq for frame in frames] == [1, 2, 3]
        assert channel.owner.session == app.session


@run_virtual
async def test_sessions_of_one_app_take_turns():
    async with running_engine() as engine:
        first, second = await engine.app(), await engine.app()
        await engine.app(token=READER)  # may own none
        owners = [engine.call(f"c{number}").owner.session for number in range(4)]
        assert owners == [first.session, second.session] * 2


@run_virtual
async def test_nobody_says_hello_for_ten_seconds():
    async with running_engine() as engine:
        app = App(open_memory_session(engine.sockets, engine.nursery, tokens=engine.tokens))
        began = trio.current_time()
        reply = await app.next()
        assert (reply.id, reply.ok, reply.error.message) == ("hello", False, "expected hello within 10 s")
        assert trio.current_time() - began == 10
        assert await app.next() is None


@run_virtual
async def test_a_hello_that_is_refused_says_why():
    refusals = {
        "expected another token": Hello(app="ivr", token="wrong"),
        "expected a token": Hello(app="ivr"),
        "expected protocol 1, got 2": Hello(app="ivr", protocol=2, token=ADMIN.secret),
        "expected an app's name": Hello(app="../ivr", token=ADMIN.secret),
        "no event is called 'chanel.*'": Hello(app="ivr", subscribe=("chanel.*",), token=ADMIN.secret),
        "lacks the scope calls:own": Hello(app="ivr", routes=("1000",), token=READER.secret),
        "expected hello first": CommandFrame(id="1", name="status"),
    }
    async with running_engine() as engine:
        for reason, frame in refusals.items():
            app = App(open_memory_session(engine.sockets, engine.nursery, tokens=engine.tokens))
            await app.send(frame)
            reply = await app.next()
            assert reply.id == "hello"
            assert reason in reply.error.message
            assert await app.next() is None
        assert engine.log.last_seq == 0


@run_virtual
async def test_a_malformed_message_ends_the_session_in_words():
    async with running_engine() as engine:
        app = await engine.app()
        engine.call("c1")
        await app.stream.send_all(b"\x00\x00\x00\x02\xc1\xc1")
        assert (await app.event()).channel == "c1"
        reply = await app.next()
        assert (reply.id, reply.error.code) == ("", "bad_argument")
        assert "malformed" in reply.error.message
        assert await app.next() is None


@run_virtual
async def test_a_second_hello_is_malformed():
    async with running_engine() as engine:
        app = await engine.app()
        await app.send(Hello(app="ivr"))
        assert "second hello" in (await app.next()).error.message


@run_virtual
async def test_an_app_that_floods_commands_and_reads_no_replies_is_not_read_further():
    async with running_engine() as engine:
        app = await engine.app()
        engine.call("c1")
        await app.do(commands.Set(variables={"long": "x" * 100_000}), channel="c1")
        sent = 0
        with trio.move_on_after(5):
            while True:
                await app.start(commands.Get(), channel="c1")
                sent += 1
        assert sent < 100
        replies = [await app.next() for _ in range(sent)]
        assert len({reply.id for reply in replies}) == sent


@run_virtual
async def test_the_engine_stops_and_sends_what_it_owes_before():
    async with running_engine() as engine:
        app = await engine.app("monitor", subscribe=("channel.*",))
        engine.table.create("c1").end()
        await engine.sockets.close()
        frames = [await app.next() for _ in range(3)]
        assert [frame.name for frame in frames[:2]] == ["channel.created", "channel.ended"]
        assert frames[2] is None
        late = App(open_memory_session(engine.sockets, engine.nursery, tokens=engine.tokens))
        await late.send(Hello(app="ivr", token=ADMIN.secret))
        assert (await late.next()).error.message == "the engine stops"


@run_virtual
async def test_closing_does_not_wait_for_an_app_that_reads_nothing():
    async with running_engine() as engine:
        await engine.app("monitor", subscribe=("*",))
        channel = engine.table.create("c1")
        for _ in range(30):
            channel.emit(ChannelAnswered(codec="x" * 200_000))
            await trio.sleep(0.1)
        began = trio.current_time()
        await engine.sockets.close()
        assert trio.current_time() - began == 5


@run_virtual
async def test_an_owner_that_reads_nothing_is_dead_like_one_that_does_not_answer_pings():
    async with running_engine() as engine:
        engine.nursery.start_soon(engine.sockets.run)
        monitor, app = await engine.app("monitor", subscribe=("channel.*",)), await engine.app(subscribe=("*",))
        channel = engine.call("c1")
        with trio.move_on_after(120) as waiting:
            async with trio.open_nursery() as nursery:

                @nursery.start_soon
                async def flood():
                    while "c1" in engine.table.channels:
                        channel.emit(ChannelAnswered(codec="x" * 200_000))
                        await trio.sleep(0.1)

                ended = await monitor.event("channel.owner_lost")
        assert not waiting.cancelled_caught
        assert ended.channel == "c1"
        assert engine.sessions.get(app.session) is None


@run_virtual
async def test_commands_beyond_the_bound_are_overloaded_until_time_has_passed():
    async with running_engine(commands_a_second=10) as engine:
        app = await engine.app()
        engine.call("c1")
        replies = [await app.do(commands.Get(), channel="c1") for _ in range(21)]
        assert [reply.ok for reply in replies] == [True] * 20 + [False]
        assert replies[-1].error.code == "overloaded"
        assert replies[-1].error.message == "get: expected at most 10 commands a second from one session"
        await trio.sleep(0.1)
        assert (await app.do(commands.Get(), channel="c1")).ok


@run_virtual
async def test_a_command_that_was_overloaded_may_come_again_under_its_id():
    async with running_engine(commands_a_second=1) as engine:
        app = await engine.app()
        engine.call("c1")
        replies = [await app.do(commands.Set(variables={"a": "b"}), channel="c1", id=f"x{n}") for n in range(3)]
        assert [reply.ok for reply in replies] == [True, True, False]
        await trio.sleep(1)
        assert (await app.do(commands.Set(variables={"a": "b"}), channel="c1", id="x2")).ok


@run_virtual
async def test_a_query_counts_as_ten_and_a_hangup_is_never_refused():
    async with running_engine(commands_a_second=10) as engine:
        app = await engine.app()
        engine.call("c1")
        assert [(await app.do(commands.Channels())).ok for _ in range(3)] == [True, True, False]
        assert (await app.do(commands.Hangup(), channel="c1")).ok


@run_virtual
async def test_a_flood_of_one_session_does_not_keep_another_waiting():
    async with running_engine(commands_a_second=1000) as engine:
        flooder, other = await engine.app("flooder"), await engine.app("other")
        engine.call("c1", app="flooder")
        engine.call("c2", app="other")
        flood = [flooder.connection.command(f"f{number}", commands.Get(), channel="c1") for number in range(5000)]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(flooder.send, *flood)
            began = trio.current_time()
            assert all([(await other.do(commands.Get(), channel="c2")).ok for _ in range(100)])
            assert trio.current_time() - began < 0.1
            await wait_all_tasks_blocked()
            assert 2000 <= len(engine.table.channels["c1"].performed) < 2100
            nursery.cancel_scope.cancel()
