"""Sessions over real channels: what an app asks for happens to its call, and ends with it."""

from contextlib import AsyncExitStack, asynccontextmanager

import trio
from trio.testing import wait_all_tasks_blocked

from callflow.protocol import commands
from callflow.protocol.events import ChannelEnded
from callflow.protocol.frames import Blob, ChannelState, Resume
from engine.channels.ports import Admission
from engine.media.awaiting import AwaitingMedia
from tests.channels.switch import open_switch
from tests.trio_tests import run_virtual

from .engine import ADMIN, OWNER, new_log, running_engine


@asynccontextmanager
async def engine_with_channels(folder=None):
    log = new_log()
    async with open_switch(folder, log=log) as switch, running_engine(log=log, table=switch.table) as engine:
        engine.switch = switch
        yield engine
    assert switch.is_empty()


def call(engine):
    """A call comes in for the app `ivr`, whose turn it is or which is on its way."""
    session = engine.sessions.session_for("ivr")
    engine.switch.admission = Admission("ivr", "1...", session.owner if session else None, "alice")
    return engine.switch.call()


@run_virtual
async def test_an_app_answers_and_hangs_up_its_call():
    async with engine_with_channels() as engine:
        app = await engine.app(token=OWNER)
        caller = call(engine)
        created = await app.event("channel.created")
        assert app.connection.event(created).owner == app.session
        assert (await app.do(commands.Answer(), channel=caller.id)).ok
        assert (await app.do(commands.Hangup(), channel=caller.id, id="h1")).ok
        assert caller.invite.verbs[-1] == "hang_up"
        assert (await app.do(commands.Answer(), channel=caller.id)).error.code == "call_ended"


@run_virtual
async def test_the_outcome_of_a_command_survives_a_reconnect_of_a_monitor():
    async with engine_with_channels() as engine:
        app = await engine.app(token=OWNER)
        monitor = await engine.app("monitor", subscribe=("echo.*",))
        caller = call(engine)
        await app.do(commands.Answer(), channel=caller.id)
        assert (await app.do(commands.Echo(), channel=caller.id, id="e1")).ok
        seen = engine.log.last_seq
        await monitor.close()
        caller.bye()
        monitor = await engine.app("monitor", subscribe=("echo.*",), resume=Resume("epoch-1", seen))
        finished = monitor.connection.event(await monitor.event("echo.finished"))
        assert (finished.command, finished.outcome.reason) == ("e1", "hangup")


@run_virtual
async def test_a_lost_session_ends_its_calls_and_leaves_nothing():
    async with engine_with_channels() as engine:
        app, other = await engine.app(token=OWNER), await engine.app(token=OWNER)
        first, second = call(engine), call(engine)
        assert {first.channel.owner.session, second.channel.owner.session} == {app.session, other.session}
        await app.close()
        await other.event("channel.created")
        await wait_all_tasks_blocked()
        assert list(engine.table.channels) == [second.id]
        second.cancel()
        ended = other.connection.event(await other.event("channel.ended"))
        assert isinstance(ended, ChannelEnded)


@run_virtual
async def test_a_call_waits_for_its_app():
    async with engine_with_channels() as engine:
        caller = call(engine)
        app = await engine.app(token=OWNER)
        assert app.welcome.owns == (caller.id,)
        assert [(await app.event()).name for _ in range(2)] == ["channel.created", "channel.owner_changed"]
        [state] = app.connection.data(await app.do(commands.Channels()), list[ChannelState])
        assert (state.id, state.owner, state.app) == (caller.id, app.session, "ivr")
        caller.cancel()
        await app.event("channel.ended")


@run_virtual
async def test_the_command_line_hangs_up_anybodys_call():
    async with engine_with_channels() as engine:
        await engine.app(token=OWNER)
        caller = call(engine)
        cli = await engine.app("cli", token=ADMIN)
        assert (await cli.do(commands.Hangup(), channel=caller.id)).ok
        assert engine.switch.is_empty()


@run_virtual
async def test_a_snapshot_is_true_of_the_live_channels():
    async with engine_with_channels() as engine:
        app = await engine.app(token=ADMIN)
        callers = [call(engine) for _ in range(3)]
        await app.do(commands.Answer(), channel=callers[1].id)
        await app.do(commands.SnapshotCommand())
        snapshot = await app.next()
        assert snapshot.channels == tuple(engine.table.states())
        for caller in callers:
            await app.do(commands.Hangup(), channel=caller.id)


@run_virtual
async def test_an_app_with_a_policy_comes_back_to_its_call_and_hears_all_that_was():
    async with engine_with_channels() as engine:
        app = await engine.app(token=OWNER)
        caller = call(engine)
        await app.do(commands.Policy(wait=5.0), channel=caller.id)
        await app.do(commands.Answer(), channel=caller.id)
        await app.do(commands.Echo(), channel=caller.id, id="e1")
        seen, calls_seen = engine.log.last_seq, caller.channel.snapshot().call_seq
        await app.close()
        await trio.sleep(3)
        app = await engine.app(token=OWNER, resume=Resume("epoch-1", seen, app.session))
        assert app.welcome.owns == (caller.id,)
        told = [await app.event() for _ in range(3)]
        assert [event.name for event in told] == ["channel.owner_lost", "echo.finished", "channel.owner_changed"]
        assert [event.call_seq for event in told] == list(range(calls_seen + 1, calls_seen + 4))
        await trio.sleep(60)  # nothing waits any more
        assert (await app.do(commands.Hangup(), channel=caller.id, id="h1")).ok


@run_virtual
async def test_an_app_that_comes_back_too_late_is_told_that_the_call_has_ended():
    async with engine_with_channels() as engine:
        app = await engine.app(token=OWNER)
        caller = call(engine)
        await app.do(commands.Policy(wait=5.0), channel=caller.id)
        seen = engine.log.last_seq
        await app.close()
        await trio.sleep(6)
        app = await engine.app(token=OWNER, resume=Resume("epoch-1", seen, app.session))
        assert app.welcome.owns == ()
        assert app.connection.event(await app.event("channel.ended")).ended_by == "engine"


@run_virtual
async def test_one_on_standby_has_the_call_at_once_and_what_ran_goes_on():
    async with engine_with_channels() as engine:
        active, standby = [await engine.app(token=OWNER, share="standby") for _ in range(2)]
        caller = call(engine)
        await active.do(commands.Answer(), channel=caller.id)
        await active.do(commands.Echo(), channel=caller.id, id="e1")
        await active.close()
        await standby.event("channel.owner_changed")
        assert (await standby.do(commands.Cancel(command="e1"), channel=caller.id, id="s1")).ok
        assert (await standby.do(commands.Hangup(), channel=caller.id, id="s2")).ok


@run_virtual
async def test_a_play_of_a_file_that_is_asked_for_ends_as_failed_when_the_app_has_it_not(tmp_path):
    log = new_log()
    async with AsyncExitStack() as stack:
        switch = await stack.enter_async_context(open_switch(None, log=log))
        engine = await stack.enter_async_context(running_engine(log=log, table=switch.table, cache=tmp_path))
        engine.switch = switch
        switch.table.media = AwaitingMedia(switch.media, engine.prompts)
        app = await engine.app(token=OWNER)
        caller = call(engine)
        await app.do(commands.Answer(), channel=caller.id)
        source = commands.File(name="hello.wav", sha256="ab" * 32)
        assert (await app.do(commands.Play(sources=(source,)), channel=caller.id, id="p1")).ok
        await app.send(Blob(sha256="ab" * 32, last=True))
        finished = app.connection.event(await app.event("playback.finished"))
        assert finished.command == "p1"
        assert finished.outcome.reason == "failed"
        assert finished.outcome.error == "no file 'hello.wav': the app does not have it"
        assert (await app.do(commands.Play(sources=(source,)), channel=caller.id, id="p2")).ok
        assert (await app.do(commands.Cancel(command="p2"), channel=caller.id)).ok
        finished = app.connection.event(await app.event("playback.finished"))
        assert (finished.command, finished.outcome.reason) == ("p2", "stopped")
        assert (await app.do(commands.Hangup(), channel=caller.id, id="h1")).ok
