"""Workers: real processes, against a door that the test holds open."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio

from callflow.protocol import commands
from callflow.protocol.events import Event, ScriptFailed, ScriptLoaded
from callflow.protocol.outcomes import Played
from engine.eventsocket.tokens import Tokens
from engine.scripting.copies import Copies
from engine.scripting.limits import WorkerLimits
from engine.scripting.spare import Spare
from engine.scripting.supervised import AppSpec, LoadFailed
from engine.scripting.supervisor import LOAD_WITHIN, Supervisor
from tests.interop.process import is_running
from tests.runtime.test_worker import TrioStream
from tests.sdk.scripted_engine import ScriptedEngine
from tests.trio_tests import run_trio

GOOD = """
from callflow import App, Call
app = App("x")
@app.route("bug")
async def bug(call: Call) -> None:
    print("about to fail")
    raise ValueError("on purpose")
"""
BUSY = """
import time
from callflow import App, Call
app = App("x")
@app.route("1000")
async def busy(call: Call) -> None:
    await call.answer()
    time.sleep(60)
"""


@dataclass
class Session:
    id: str
    pid: int | None
    engine: ScriptedEngine
    owned: set[str] = field(default_factory=set)
    is_closed: bool = False

    def close(self, code, reason):
        self.is_closed = True


class Door:
    """What the event socket does for a supervisor, for one worker at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tokens = Tokens()
        self.on_change: list[Callable[[str], None]] = []
        self.choose: Callable[[str], str | None] = lambda app: None
        self.events: list[Event] = []
        self.last_seq = 0
        self.engines: list[ScriptedEngine] = []
        self._sessions: dict[str, list[Session]] = {}
        self._changed = trio.Event()

    def of(self, app):
        return self._sessions.get(app, [])

    def engine_of(self, app: str) -> ScriptedEngine:
        """That of the app's newest worker."""
        return self._sessions[app][-1].engine

    def watch(self, kind, watcher):
        pass

    def emit(self, event, *, channel=None, call_seq=None, owner=None):
        self.events.append(event)
        self._wake()
        return 0

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()

    def seen(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        with trio.socket.socket(trio.socket.AF_UNIX) as listening:
            await listening.bind(str(self.path))
            listening.listen()
            async with trio.open_nursery() as nursery:
                task_status.started()
                while True:
                    connection, _ = await listening.accept()
                    nursery.start_soon(self._serve, trio.SocketStream(connection))

    async def _serve(self, stream: trio.SocketStream) -> None:
        engine = ScriptedEngine(TrioStream(stream))
        hello = await engine.greet()
        token = self.tokens.find(hello.token or "")
        assert token is not None
        assert (token.app, token.allows("calls:own"), token.allows("read")) == (hello.app, True, False)
        self.engines.append(engine)
        self._sessions.setdefault(hello.app, []).append(Session(str(len(self.engines)), hello.pid, engine))
        for hook in self.on_change:
            hook(hello.app)
        self._wake()
        with stream.socket:
            await trio.sleep_forever()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


async def supervised(
    folder: Path,
    scripts: dict[str, str],
    scenario: Callable[[Supervisor, Door], Awaitable[None]],
    *,
    limits: WorkerLimits | None = None,
    load_within: float = LOAD_WITHIN,
    spare: Spare | None = None,
) -> Door:
    """Run the scenario while the scripts are supervised."""
    door = Door(folder / "socket")
    apps = []
    for name, text in scripts.items():
        (folder / name).mkdir()
        script = folder / name / "script.py"
        script.write_text(text)
        apps.append(AppSpec(name, script, limits or WorkerLimits()))
    secrets = iter(f"{number:032d}" for number in range(1000))
    supervisor = Supervisor(
        apps, socket=door.path, tokens=door.tokens, sessions=door, events=door,
        copies=Copies(folder / "data" / "versions"), new_token=lambda: next(secrets), epoch=lambda: 1.0,
        load_within=load_within, spare=spare,
    )  # fmt: skip
    async with trio.open_nursery() as nursery:
        await nursery.start(door.run)
        nursery.start_soon(supervisor.run)
        await scenario(supervisor, door)
        nursery.cancel_scope.cancel()
    return door


def is_alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


@run_trio
async def test_workers_start_and_are_gone_at_the_end(tmp_path):
    pids: list[int] = []

    async def scenario(supervisor: Supervisor, door: Door) -> None:
        await supervisor.wait_ready()
        pids.extend(supervisor.pids.values())
        assert sorted(supervisor.pids) == ["one", "two"]
        assert sorted(event.app for event in door.seen(ScriptLoaded)) == ["one", "two"]
        assert all(is_alive(pid) and os.getpgid(pid) == pid for pid in pids)

    door = await supervised(tmp_path, {"one": GOOD, "two": GOOD}, scenario)
    assert not any(is_alive(pid) for pid in pids)
    assert door.tokens.find("0" * 32) is None


@run_trio
async def test_a_worker_that_waits_already_is_the_first_one(tmp_path):
    spare = Spare()
    await spare.begin()
    waiting = spare.pid

    async def scenario(supervisor: Supervisor, door: Door) -> None:
        await supervisor.wait_ready()
        assert supervisor.pids["one"] == waiting

    await supervised(tmp_path, {"one": GOOD}, scenario, spare=spare)


@run_trio
async def test_a_script_that_does_not_load_is_told_and_not_tried_again(tmp_path):
    async def scenario(supervisor: Supervisor, door: Door) -> None:
        with pytest.raises(LoadFailed) as caught:
            await supervisor.wait_ready()
        assert caught.value.app == "broken"
        assert 'script.py", line 3' in caught.value.report
        assert "ZeroDivisionError" in caught.value.report
        await trio.sleep(0.3)

    door = await supervised(tmp_path, {"broken": "\n\n1 / 0\n"}, scenario)
    (failed,) = door.seen(ScriptFailed)
    assert failed.error == f"cannot load {tmp_path}/broken/script.py:3: ZeroDivisionError: division by zero"


@run_trio
async def test_a_worker_that_is_killed_is_replaced(tmp_path):
    async def scenario(supervisor: Supervisor, door: Door) -> None:
        await supervisor.wait_ready()
        first = supervisor.pids["one"]
        os.kill(first, signal.SIGKILL)
        await door.wait_for(lambda: len(door.seen(ScriptLoaded)) == 2)
        assert supervisor.pids["one"] != first

    door = await supervised(tmp_path, {"one": GOOD}, scenario)
    assert door.seen(ScriptFailed)[0].error == "the worker was killed by SIGKILL"


@run_trio
async def test_a_worker_that_is_too_busy_to_stop_is_killed(tmp_path):
    pids: list[int] = []

    async def scenario(supervisor: Supervisor, door: Door) -> None:
        await supervisor.wait_ready()
        pids.extend(supervisor.pids.values())
        await door.engines[0].call(to="1000")
        await door.engines[0].accept(commands.Answer)

    await supervised(tmp_path, {"one": BUSY}, scenario)
    assert not is_alive(pids[0])


@run_trio
async def test_what_a_script_leaves_behind_goes_with_its_worker(tmp_path):
    pid_file = tmp_path / "child"
    text = GOOD + f"import subprocess\nopen({str(pid_file)!r}, 'w').write(str(subprocess.Popen(['sleep', '60']).pid))\n"

    async def scenario(supervisor: Supervisor, door: Door) -> None:
        await supervisor.wait_ready()

    await supervised(tmp_path, {"one": text}, scenario)
    child = int(await trio.Path(pid_file).read_text())
    while is_running(child):  # noqa: ASYNC110 - killed, which it may not know yet
        await trio.sleep(0.01)


@run_trio
async def test_a_script_that_raises_is_an_event_with_its_traceback(tmp_path):
    async def scenario(supervisor: Supervisor, door: Door) -> None:
        await supervisor.wait_ready()
        engine = door.engines[0]
        await engine.call("call-7", to="bug")
        await engine.end(commands.Play, Played(heard_ms=500, reason="completed"))
        await engine.expect_hangup("call-7", cause="temporary_failure")
        await door.wait_for(lambda: bool(door.seen(ScriptFailed)))

    door = await supervised(tmp_path, {"one": GOOD}, scenario)
    failed = door.seen(ScriptFailed)[0]
    assert "call-7" in failed.error
    assert 'raise ValueError("on purpose")' in failed.traceback
