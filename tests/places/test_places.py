"""One script, three places: the examples' own tests, unchanged, with a worker, and with an app on another machine.

In the third place, simulation, they run by themselves (examples/*/test_*.py). CALLFLOW_PLACES=all runs all of them
here, too; else those that take little time, which is real here. The app elsewhere speaks TLS, shows a token, and has
the prompts: the engine fetches them by their hashes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import trio

from callflow.client import Engine, connect
from callflow.testing import Simulation
from examples.followme import test_followme
from examples.ivr import test_ivr
from tests.eventsocket.test_tls import Authority
from tests.interop.engine import RunningEngine, engine
from tests.trio_tests import run_within

from .world import PASSWORDS, World, settled, world

EXAMPLES = Path(__file__).parents[2] / "examples"
TOKENS = 'tokens = [{ name = "app", token = "of-the-app", scopes = ["calls:own"] },' + (
    ' { name = "test", token = "of-the-test", scopes = ["read"] }]'
)
IS_WHOLE = os.environ.get("CALLFLOW_PLACES") == "all"
LIMIT = 600 if IS_WHOLE else 120  # seconds
Test: TypeAlias = Callable[[Any], Awaitable[None]]  # Any: a Simulation, or a World


async def an_order_s_parcels_are_told(simulation: Simulation | World) -> None:
    """For examples/outbound, whose own tests are about its process."""
    caller = simulation.phone("caller")
    caller.call("5000")
    await caller.heard("order.wav")
    caller.press("12")
    await caller.heard("parcels.wav")
    await caller.ended()


# Those that ring the same phones wait for one another.
QUICK: dict[str, list[list[Test]]] = {
    "ivr": [[test_ivr.test_an_echo_gives_the_caller_his_voice], [test_ivr.test_alice_is_put_through]],
    "followme": [[test_followme.test_nobody_is_there]],
    "outbound": [[an_order_s_parcels_are_told]],
}
WHOLE: dict[str, list[list[Test]]] = {
    "ivr": [
        [test_ivr.test_an_echo_gives_the_caller_his_voice],
        [test_ivr.test_alice_is_put_through, test_ivr.test_without_alice_the_caller_comes_back_to_the_menu],
        [test_ivr.test_a_wrong_key_is_pointed_out],
        [test_ivr.test_a_caller_hears_the_menu_and_is_told_about_us],
        [test_ivr.test_a_caller_who_presses_nothing_is_asked_three_times],
        [test_ivr.test_a_message_is_recorded_and_played_back],
    ],
    "followme": [
        [
            *QUICK["followme"][0],
            test_followme.test_the_desk_answers_and_the_mobile_never_rings,
            test_followme.test_the_mobile_answers_when_the_desk_does_not,
        ]
    ],
    "outbound": QUICK["outbound"],
}
CHOSEN = WHOLE if IS_WHOLE else QUICK


def script_of(example: str) -> Path:
    return EXAMPLES / example / f"{example}.py"


def test_all_tests_of_the_examples_are_here():
    own = {name for module in (test_ivr, test_followme) for name in vars(module) if name.startswith("test_")}
    run = {test.__name__ for tests in WHOLE.values() for line in tests for test in line}
    assert run - own == {"an_order_s_parcels_are_told"}
    assert own <= run


@pytest.mark.callflow(script_of("outbound"))
async def test_parcels_are_told_in_simulation(simulation: Simulation) -> None:
    await an_order_s_parcels_are_told(simulation)


@run_within(LIMIT)
async def test_the_examples_do_the_same_in_workers(tmp_path: Path):
    authority = Authority(tmp_path)
    scripts = [script_of(example) for example in CHOSEN]
    async with place(tmp_path / "engine", authority, *scripts) as there:
        await there.run(*CHOSEN)


@run_within(LIMIT)
async def test_the_examples_do_the_same_on_another_machine_with_tls_a_token_and_prompts_of_their_own(tmp_path: Path):
    authority = Authority(tmp_path)
    async with place(tmp_path / "engine", authority) as there:
        url, ca = there.running.socket.replace("127.0.0.1", "localhost"), str(authority.file)
        async with remote("join", "ivr", url, ca), remote("join", "followme", url, ca):
            await there.joined("ivr", "followme")
            await there.run("ivr", "followme")
        prompts = there.running.data / "cache" / "prompts"
        assert len([file for file in prompts.rglob("*") if file.is_file()]) >= 5


@run_within(LIMIT)
async def test_the_examples_do_the_same_where_the_engine_dials_them_over_tls(tmp_path: Path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("localhost", stem="app")
    async with remote("serve", "outbound", str(certificate), str(key)) as app:
        port = int((await app.said()).split()[1])
        route = f'[[route]]\nto = "5000"\nsocket = "wss://localhost:{port}/"\ntoken = "of-the-app"\n'
        async with place(tmp_path / "engine", authority, tables=f'{route}ca = "{authority.file}"\n') as there:
            await there.run("outbound")


@dataclass(frozen=True, slots=True)
class Place:
    """An engine, which speaks TLS, and a connection to it."""

    running: RunningEngine
    link: Engine
    folder: Path

    async def joined(self, *apps: str) -> None:
        """Wait until these apps take calls."""
        while not set(apps) <= {app.id for app in await self.link.apps()}:  # noqa: ASYNC110
            await trio.sleep(0.05)

    async def run(self, *examples: str) -> None:
        """Run the tests of these examples, and see that nothing is left of their calls."""
        async with trio.open_nursery() as nursery:
            for example in examples:
                for line in CHOSEN[example]:
                    nursery.start_soon(self._run_line, example, line)
        await settled(self.link)

    async def _run_line(self, example: str, line: Sequence[Test]) -> None:
        for test in line:
            async with world(
                f"sip:127.0.0.1:{self.running.udp[1]}",
                files=[EXAMPLES / example / "prompts"],
                recordings=self.running.data / "recordings",
                folder=self.folder / test.__name__,
            ) as made:
                await test(made)


@asynccontextmanager
async def place(folder: Path, authority: Authority, *scripts: Path, tables: str = "") -> AsyncIterator[Place]:
    """An engine with users for the phones, and these scripts in workers."""
    certificate, key = authority.issue("127.0.0.1", "localhost", stem="engine")
    socket = f'certificate = "{certificate}"\nkey = "{key}"\n{TOKENS}'
    caller = f'[[user]]\nname = "caller"\npassword = "{PASSWORDS["caller"]}"\n'
    async with engine(folder, *scripts, tables=caller + tables, socket=socket) as running:
        async with connect(running.socket, token="of-the-test", ca=authority.file) as link:
            yield Place(running, link, folder)


@dataclass(frozen=True, slots=True)
class Remote:
    """An app in a process of its own."""

    process: trio.Process

    async def said(self) -> str:
        """The line that it printed."""
        assert self.process.stdout is not None
        said = b""
        while not said.endswith(b"\n"):
            said += await self.process.stdout.receive_some()
        return said.decode()


@asynccontextmanager
async def remote(how: str, example: str, first: str, second: str) -> AsyncIterator[Remote]:
    """Start an example's app, see tests/places/remote.py."""
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "tests.places.remote", how, str(script_of(example)), first, second],
        stdout=subprocess.PIPE, env={**os.environ, "REMOTE_TOKEN": "of-the-app"}, cwd=EXAMPLES.parent,
    )  # fmt: skip
    try:
        yield Remote(process)
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
            assert process.stdout is not None
            await process.stdout.aclose()
