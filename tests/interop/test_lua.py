"""Lua scripts in the engine as its user starts it: loaded, reloaded, rolled back; and in processes of their own."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import msgspec
import pytest
import trio

from callflow.phone import Phone, PhoneCall
from callflow.protocol.commands import Rollback, Versions
from callflow.protocol.events import ScriptFailed, ScriptRetired
from callflow.protocol.queries import VersionState
from tests.lua.test_world import web
from tests.trio_tests import run_trio

from .engine import RunningEngine, engine
from .process import children
from .terminal import terminal
from .watch import Watch, watch

SCRIPT = """\
local app = callflow.app("flow")
local version = require("version")

app:route("1000", function(call)
  call:answer()
  callflow.store.add("calls")
  call:set{ version = version, calls = tostring(callflow.store.get("calls")) }
  call:play(callflow.tone("440"))
end)

app:route("1001", function(call)
  call:answer()
  error("on purpose")
end)

app:route("1002", function(call)
  call:answer()
  while true do end
end)
"""


def write_version(folder: Path, version: str, *, rest: str = "", running: RunningEngine | None = None) -> Path:
    """Save a script that sets its version as a variable of each call; all at once for the engine, if it is running."""
    folder.mkdir(exist_ok=True)
    with running.stopped() if running is not None else nullcontext():
        (folder / "version.lua").write_text(f'return "{version}"\n')
        (folder / "flow.lua").write_text(SCRIPT + rest)
    return folder / "flow.lua"


async def holding(guest: Phone, running: RunningEngine, number: str = "1000") -> PhoneCall:
    """A call that is answered."""
    call = await guest.call(running.sip(number))
    assert await call.wait_answered()
    return call


async def variables(seen: Watch, *, calls: int = 1) -> list[dict[str, str]]:
    """Those of each live call, oldest first, when so many have come so far that they hear the tone."""
    await seen.wait("playback.started", count=calls)
    states = sorted(await seen.client.channels(), key=lambda state: state.created_at)
    return [state.variables for state in states]


async def versions(seen: Watch) -> dict[str, VersionState]:
    """The versions by their names."""
    states = msgspec.convert(await seen.client.command(Versions()), list[VersionState])
    return {state.version: state for state in states}


async def pids(seen: Watch) -> list[int | None]:
    """The processes of the app's sessions."""
    return [session.pid for app in await seen.client.apps() if app.id == "flow" for session in app.sessions]


def failures(seen: Watch) -> list[ScriptFailed]:
    """What was told of scripts that failed."""
    return [event for _, event in seen.seen if isinstance(event, ScriptFailed)]


@run_trio
async def test_versions_of_a_lua_script_are_loaded_pinned_rolled_back_and_retired(tmp_path: Path):
    script = write_version(tmp_path / "app", "one")
    async with engine(tmp_path / "engine", script) as running, watch(running) as seen, terminal() as guest:
        assert await pids(seen) == [None]  # it runs inside the engine
        first = await holding(guest, running)
        write_version(tmp_path / "app", "two", running=running)
        await seen.wait("script.loaded")
        second = await holding(guest, running)
        assert await variables(seen, calls=2) == [{"version": "one", "calls": "1"}, {"version": "two", "calls": "2"}]
        await seen.client.command(Rollback(app="flow"))
        third = await holding(guest, running)
        assert (await variables(seen, calls=3))[2] == {"version": "one", "calls": "3"}
        second.hang_up()
        await seen.wait("script.retired")
        states = {name: (version.state, version.live) for name, version in (await versions(seen)).items()}
        assert states == {"1": ("active", 2), "2": ("retired", 0)}
        for call in (first, third):
            call.hang_up()


@run_trio
async def test_a_version_that_does_not_load_is_refused_with_its_place_and_changes_nothing(tmp_path: Path):
    script = write_version(tmp_path / "app", "one")
    async with engine(tmp_path / "engine", script) as running, watch(running) as seen, terminal() as guest:
        write_version(tmp_path / "app", "two", rest="local nothing\nprint(nothing.at_all)\n", running=running)
        await seen.wait("script.failed")
        failed = failures(seen)[0]
        assert f"{tmp_path}/app/flow.lua:21: attempt to index a nil value (local 'nothing')" in failed.error
        write_version(tmp_path / "app", "three", rest="this is no Lua\n", running=running)
        await seen.wait("script.failed", count=2)
        await holding(guest, running)
        assert (await variables(seen))[0]["version"] == "one"


@run_trio
async def test_a_call_whose_function_fails_is_an_event_and_so_is_one_that_was_ended(tmp_path: Path):
    script = write_version(tmp_path / "app", "one")
    async with engine(tmp_path / "engine", script) as running, watch(running) as seen, terminal() as guest:
        call = await holding(guest, running, "1001")
        await seen.wait("script.failed")
        await call.wait_ended()
        other = await holding(guest, running, "1002")
        assert (await other.wait_ended()).reason == "temporary_failure"
        await seen.wait("script.failed", count=2)
        raised, killed = failures(seen)
        assert "flow.lua:13: on purpose" in raised.error
        assert "flow.lua:18: in function <flow.lua:16>" in killed.traceback
        assert (await versions(seen))["1"].errors == 2


AFTER = """
app:route("1003", function(call)
  call:policy{ route = "1000" }
  call:answer()
  while true do end
end)
"""


@pytest.mark.parametrize("isolation", ["engine", "process"])
@run_trio
async def test_the_call_of_a_script_that_was_ended_has_its_policy_wherever_it_runs(tmp_path: Path, isolation: str):
    script = write_version(tmp_path / "app", "one", rest=AFTER)
    tables = f'[[app]]\nname = "flow"\nscript = "{script}"\nisolation = "{isolation}"'
    async with engine(tmp_path / "engine", tables=tables) as running, watch(running) as seen, terminal() as guest:
        other = await holding(guest, running)
        call = await holding(guest, running, "1003")
        assert (await variables(seen, calls=2))[1] == {"version": "one", "calls": "2"}
        failed = await seen.wait("script.failed")  # of a process it is told on its own way
        assert isinstance(failed, ScriptFailed)
        assert "it computes for too long" in failed.error
        for each in (call, other):
            assert each.ended is None
            each.hang_up()


@run_trio
async def test_isolation_gives_a_lua_script_a_process_of_its_own(tmp_path: Path):
    script = write_version(tmp_path / "app", "one")
    tables = f'[[app]]\nname = "flow"\nscript = "{script}"\nisolation = "process"'
    async with engine(tmp_path / "engine", tables=tables) as running, watch(running) as seen, terminal() as guest:
        (pid,) = await pids(seen)
        assert pid in children(running.process.pid)
        call = await holding(guest, running)
        assert (await variables(seen))[0] == {"version": "one", "calls": "1"}
        ended = await (await holding(guest, running, "1002")).wait_ended()
        assert ended.reason == "temporary_failure"
        await (await holding(guest, running, "1001")).wait_ended()
        await seen.wait("script.failed", count=2)
        await seen.wait("channel.ended", count=2)
        assert (await versions(seen))["1"].live == 1
        call.hang_up()


OUTSIDE = """\
callflow.app("flow"):route("1000", function(call)
  call:answer()
  local db = callflow.db
  db.execute("CREATE TABLE IF NOT EXISTS calls (number TEXT)")
  db.execute("INSERT INTO calls VALUES (?)", call.caller.number)
  local answer = callflow.http.post("http://HOST/seen", { json = { to = call.to }, timeout = 60 })
  local _, problem = pcall(callflow.http.get, "http://HOST:1/")
  call:set{
    rows = tostring(db.query("SELECT count(*) AS n FROM calls").first.n), name = answer.json.name, code = problem.code,
  }
  call:play(callflow.tone("440"))
end)
"""


@pytest.mark.parametrize("isolation", ["engine", "process"])
@run_trio
async def test_a_lua_script_asks_the_web_and_its_database(tmp_path: Path, isolation: str):
    async def serve(stream: trio.SocketStream, head: bytes) -> None:
        body = b'{"name": "Zoe"}'
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n".encode()
        await stream.send_all(head + b"Connection: close\r\n\r\n" + body)

    async with web(serve) as host:
        script = tmp_path / "app" / "flow.lua"
        script.parent.mkdir()
        script.write_text(OUTSIDE.replace("HOST:1", "127.0.0.1:1").replace("HOST", host))
        tables = f'[[app]]\nname = "flow"\nscript = "{script}"\nisolation = "{isolation}"\nhttp = ["{host}"]'
        async with engine(tmp_path / "engine", tables=tables) as running, watch(running) as seen, terminal() as guest:
            call = await holding(guest, running)
            assert await variables(seen) == [{"rows": "1", "name": "Zoe", "code": "unauthorized"}]
            call.hang_up()
    assert len(list((tmp_path / "engine").rglob("databases/flow.db"))) == 1


@run_trio
async def test_a_canary_in_lua_takes_its_share_and_goes_back_while_calls_stay_where_they_began(tmp_path: Path):
    script = write_version(tmp_path / "app", "one")
    async with engine(tmp_path / "engine", script) as running, watch(running) as seen, terminal() as guest:
        assert "takes 50% of the new calls" in await running.command("reload", "flow", "--share", "50%")
        calls = [await holding(guest, running) for _ in range(4)]
        assert {name: version.calls for name, version in (await versions(seen)).items()} == {"1": 2, "2": 2}
        await seen.client.command(Rollback(app="flow"))
        await seen.wait("script.draining")
        calls.append(await holding(guest, running))
        found = {name: (version.state, version.live) for name, version in (await versions(seen)).items()}
        assert found == {"1": ("active", 3), "2": ("draining", 2)}
        for call in calls:
            assert call.ended is None
            call.hang_up()


@run_trio
async def test_a_new_version_in_lua_whose_calls_fail_is_rolled_back_by_itself(tmp_path: Path):
    script = write_version(tmp_path / "app", "one")
    async with engine(tmp_path / "engine", script) as running, watch(running) as seen, terminal() as guest:
        draft = tmp_path / "draft.lua"
        draft.write_text(
            SCRIPT.replace("  call:answer()\n  callflow.store", "  call:answer()\n  error(1) callflow.store")
        )
        draft.replace(script)
        await seen.wait("script.loaded")
        for _ in range(5):
            assert (await (await guest.call(running.sip("1000"))).wait_ended()).reason == "temporary_failure"
        await seen.wait("script.failed", lambda event: isinstance(event, ScriptFailed) and "rolled back" in event.error)
        good = await holding(guest, running)
        assert (await variables(seen, calls=6))[-1]["version"] == "one"  # after five tones of errors
        good.hang_up()


FLOW_TEST = """\
async def test_a_caller_hears_the_tone(simulation):
    caller = simulation.phone("caller")
    caller.call("1000")
    await caller.hears(440.0)
"""


@run_trio
async def test_a_version_in_lua_whose_flow_tests_fail_takes_no_calls(tmp_path: Path):
    script = write_version(tmp_path / "app", "one")
    (tmp_path / "app" / "test_flow.py").write_text(FLOW_TEST)
    tested = f'[[app]]\nname = "flow"\nscript = "{script}"\ntest = true\n'
    async with engine(tmp_path / "engine", tables=tested) as running, watch(running) as seen, terminal() as guest:
        draft = tmp_path / "draft.lua"
        draft.write_text(SCRIPT.replace('"440"', '"600"'))
        draft.replace(script)
        failed = await seen.wait("script.failed")
        assert isinstance(failed, ScriptFailed)
        assert failed.error == "its flow tests failed: test_flow.py::test_a_caller_hears_the_tone"
        call = await holding(guest, running)
        assert {name: version.state for name, version in (await versions(seen)).items()} == {
            "1": "active",
            "2": "failed",
        }
        call.hang_up()


@run_trio
async def test_a_version_in_lua_that_drains_for_too_long_is_retired_with_its_calls(tmp_path: Path):
    script = write_version(tmp_path / "app", "one")
    limits = "[limits]\ndrain = 0.5"
    async with engine(tmp_path / "engine", script, tables=limits) as running, watch(running) as seen:
        async with terminal() as guest:
            call = await holding(guest, running)
            await running.command("reload", "flow")
            assert isinstance(retired := await seen.wait("script.retired"), ScriptRetired)
            assert (retired.version, retired.reason) == ("1", "limit")
            assert (await call.wait_ended()).reason == "temporary_failure"
