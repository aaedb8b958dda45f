"""Who follows whom: sessions that come back, that stand by, that refuse others, and that are told so."""

from trio.testing import wait_all_tasks_blocked

from callflow.protocol.commands import Hangup, Set
from callflow.protocol.events import AppConnected, AppReplaced, ChannelRinging
from callflow.protocol.frames import CaughtUp, EventFrame, ReplyFrame, Resume, Snapshot
from tests.trio_tests import run_virtual

from .engine import ADMIN, OWNER, running_engine
from .test_resume import rest_of


def names(frames):
    return [frame.name for frame in frames if isinstance(frame, EventFrame)]


async def lost_owner(engine, **hello):
    """An app that had the call c1, which outlives it, and the seq of the last event that it saw."""
    app = await engine.app(token=OWNER, **hello)
    engine.call("c1").has_policy = True
    seen = (await app.event()).seq
    await app.close()
    await wait_all_tasks_blocked()
    return app, seen


@run_virtual
async def test_a_session_that_comes_back_in_time_has_its_channels_and_every_event():
    async with running_engine() as engine:
        old, seen = await lost_owner(engine)
        engine.table.channels["c1"].emit(ChannelRinging())
        app = await engine.app(token=OWNER, resume=Resume("epoch-1", seen, old.session))
        assert app.welcome.owns == ("c1",)
        frames = await rest_of(app)
        assert names(frames) == ["channel.owner_lost", "channel.ringing", "channel.owner_changed"]
        assert [frame.call_seq for frame in frames[:-1]] == [2, 3, 4]
        assert (await app.do(Set(variables={"a": "b"}), channel="c1")).ok


@run_virtual
async def test_a_session_that_comes_back_too_late_is_told_how_its_channels_ended():
    async with running_engine() as engine:
        old, seen = await lost_owner(engine)
        engine.table.channels["c1"].end("engine")
        app = await engine.app(token=OWNER, resume=Resume("epoch-1", seen, old.session))
        assert app.welcome.owns == ()
        assert names(await rest_of(app)) == ["channel.owner_lost", "channel.ended"]


@run_virtual
async def test_another_instance_that_comes_gets_what_waits_and_its_state():
    async with running_engine() as engine:
        await lost_owner(engine)
        app = await engine.app(token=OWNER)
        assert app.welcome.owns == ("c1",)
        changed, snapshot, caught_up = await rest_of(app)
        assert changed.name == "channel.owner_changed"
        assert [(state.id, state.owner, state.call_seq) for state in snapshot.channels] == [("c1", app.session, 3)]
        assert caught_up == CaughtUp(seq=changed.seq)


@run_virtual
async def test_a_session_that_follows_one_does_not_take_the_channels_of_another():
    async with running_engine() as engine:
        await lost_owner(engine)
        app = await engine.app(token=OWNER, resume=Resume("epoch-1", 1, "session-99"))
        assert app.welcome.owns == ()


@run_virtual
async def test_of_a_line_of_sessions_the_last_has_everything():
    async with running_engine() as engine:
        app, seen = await lost_owner(engine)
        for _ in range(5):
            engine.table.channels["c1"].emit(ChannelRinging())
            app = await engine.app(token=OWNER, resume=Resume("epoch-1", seen, app.session))
            assert app.welcome.owns == ("c1",)
            await app.close()  # it has read nothing
            await wait_all_tasks_blocked()
        app = await engine.app(token=OWNER, resume=Resume("epoch-1", seen, app.session))
        frames = await rest_of(app)
        assert [frame.call_seq for frame in frames[:-1]] == list(range(2, engine.table.channels["c1"].call_seq + 1))


@run_virtual
async def test_a_session_replaces_the_one_it_follows_though_that_still_seems_connected():
    async with running_engine() as engine:
        old = await engine.app(token=OWNER)
        channel = engine.call("c1")  # without a policy
        seen = (await old.event()).seq
        app = await engine.app(token=OWNER, resume=Resume("epoch-1", seen, old.session))
        assert app.welcome.owns == ("c1",)
        assert app.welcome.others == 0
        assert names(await rest_of(app)) == ["channel.owner_changed"]
        assert await old.next() is None
        assert channel.performed == []
        assert (await app.do(Hangup(), channel="c1")).ok


@run_virtual
async def test_nobody_replaces_a_session_of_another_app_or_token():
    async with running_engine() as engine:
        old = await engine.app(token=OWNER)
        engine.call("c1")
        for name, token in (("other", OWNER), ("ivr", ADMIN)):
            app = await engine.app(name, token=token, resume=Resume("epoch-1", 0, old.session))
            assert app.welcome.owns == ()
        assert (await old.do(Set(variables={}), channel="c1")).ok


@run_virtual
async def test_late_commands_of_a_session_whose_channel_is_anothers_are_not_owner():
    async with running_engine() as engine:
        old = await engine.app(token=OWNER)
        channel = engine.call("c1")
        new = await engine.app(token=OWNER)
        channel.give(engine.sessions.get(new.session).owner)
        reply = await old.do(Hangup(), channel="c1")
        assert reply.error.code == "not_owner"
        assert channel.performed == []


@run_virtual
async def test_a_second_session_is_told_that_it_shares_and_so_is_who_listens():
    async with running_engine() as engine:
        first = await engine.app(subscribe=("app.*",))
        second = await engine.app()
        assert (first.welcome.role, first.welcome.others) == ("active", 0)
        assert (second.welcome.role, second.welcome.others) == ("active", 1)
        frame = [frame for frame in await rest_of(first) if frame.name == "app.connected"][-1]
        told = first.connection.event(frame)
        assert told == AppConnected(app="ivr", session=second.session, others=1)


@run_virtual
async def test_one_on_standby_gets_no_calls_until_the_active_one_is_lost_and_then_all():
    async with running_engine() as engine:
        active = await engine.app(token=OWNER, share="standby")
        standby = await engine.app(token=OWNER, share="standby")
        assert (active.welcome.role, standby.welcome.role) == ("active", "standby")
        for id in ("c1", "c2"):
            assert engine.call(id).owner.session == active.session
        await active.close()
        await wait_all_tasks_blocked()
        replaced, *changed, snapshot, _ = await rest_of(standby)
        assert standby.connection.event(replaced) == AppReplaced(
            app="ivr", session=active.session, by=standby.session, channels=2
        )
        assert names(changed) == ["channel.owner_changed"] * 2
        assert isinstance(snapshot, Snapshot)
        assert [state.owner for state in snapshot.channels] == [standby.session] * 2
        assert engine.call("c3").owner.session == standby.session
        back = await engine.app(token=OWNER, share="standby", resume=Resume("epoch-1", 1, active.session))
        assert (back.welcome.role, back.welcome.owns) == ("standby", ())


@run_virtual
async def test_a_standby_that_is_lost_takes_nobodys_place():
    async with running_engine() as engine:
        active = await engine.app(token=OWNER)
        standby = await engine.app(token=OWNER, share="standby")
        engine.call("c1")
        await standby.close()
        await wait_all_tasks_blocked()
        assert (await active.do(Set(variables={}), channel="c1")).ok


@run_virtual
async def test_one_that_refuses_others_is_alone_or_not_there():
    async with running_engine() as engine:
        alone = await engine.app(token=OWNER, share="refuse")
        refused = await engine.app(token=OWNER)
        assert isinstance(refused.welcome, ReplyFrame)
        assert refused.welcome.error.code == "not_owner"
        assert alone.session in refused.welcome.error.message
        assert not isinstance((await engine.app("other", share="refuse")).welcome, ReplyFrame)
        assert isinstance((await engine.app("other", share="refuse")).welcome, ReplyFrame)
        back = await engine.app(token=OWNER, share="refuse", resume=Resume("epoch-1", 1, alone.session))
        assert back.welcome.role == "active"


@run_virtual
async def test_an_app_that_never_read_its_last_welcome_has_its_channels_all_the_same():
    async with running_engine() as engine:
        first, seen = await lost_owner(engine)
        for is_closed in (True, False):  # the engine may have noticed, or not
            unread = await engine.app(token=OWNER, resume=Resume("epoch-1", seen, first.session))
            assert unread.welcome.owns == ("c1",)
            if is_closed:
                await unread.close()
                await wait_all_tasks_blocked()
        app = await engine.app(token=OWNER, resume=Resume("epoch-1", seen, first.session))
        assert app.welcome.owns == ("c1",)
        frames = await rest_of(app)
        assert [frame.call_seq for frame in frames[:-1]] == list(range(2, engine.table.channels["c1"].call_seq + 1))
