"""Users of the door: what each may hear and ask, and how they are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.eventsocket.esl.permission import ANYBODY, EslUser, find_user
from tests.trio_tests import run_trio

from .place import EslClient, Place, place

WATCHER = EslUser(
    name="watcher",
    password="sees-only",
    events=("CHANNEL_CREATE", "CHANNEL_DESTROY", "CUSTOM sofia::register"),
    api=("status", "show", "expand"),
    log=False,
)
ADMIN = EslUser(name="admin", password="does-all")


async def login(running: Place, shown: str) -> tuple[EslClient, dict[str, str]]:
    client = await running.open()
    await client.packet()
    return client, (await client.command(f"userauth {shown}")).headers


@run_trio
async def test_a_user_is_told_what_is_allowed_and_refused_the_rest(tmp_path: Path):
    async with place(tmp_path, users=[WATCHER, ADMIN]) as running:
        client, headers = await login(running, "watcher@example.com:sees-only")
        assert headers == {
            "Content-Type": "command/reply",
            "Reply-Text": "+OK accepted",
            "Allowed-Events": "CHANNEL_CREATE CHANNEL_DESTROY CUSTOM sofia::register",
            "Allowed-API": "status show expand",
            "Allowed-LOG": "false",
        }
        assert (await client.api("status")).startswith("UP ")
        assert await client.api("expand hupall") == "-ERR permission denied\n"
        asked = [
            "api hupall",
            "bgapi hupall",
            "event plain ALL",
            "event plain CHANNEL_CREATE DTMF",
            "event plain CUSTOM sofia::expire",
            "myevents some-id",
            "sendevent DTMF",
            "log",
            "sendmsg x\ncall-command: hangup",
        ]
        assert [(await client.command(command)).text for command in asked] == ["-ERR permission denied"] * len(asked)
        allowed = "event plain CHANNEL_CREATE CUSTOM sofia::register"
        assert (await client.command(allowed)).text == "+OK event listener enabled plain"


@run_trio
async def test_a_user_who_may_do_all_does_all(tmp_path: Path):
    async with place(tmp_path, users=[WATCHER, ADMIN]) as running:
        client, headers = await login(running, "admin@example.com:does-all")
        assert (headers["Allowed-Events"], headers["Allowed-API"], headers["Allowed-LOG"]) == ("all", "all", "true")
        assert (await client.command("event plain ALL")).text == "+OK event listener enabled plain"
        assert (await client.api("hupall")).startswith("+OK")


@pytest.mark.parametrize("shown", ["nobody@example.com:sees-only", "watcher@example.com:wrong", "watcher", ":", ""])
def test_who_is_no_user_is_nobody(shown: str):
    assert find_user(shown, {"watcher": WATCHER}, b"of-the-door") is None


def test_where_there_are_no_users_the_password_of_the_door_is_that_of_any_name():
    assert find_user("anybody@example.com:of-the-door", {}, b"of-the-door") is ANYBODY
    assert find_user("anybody@example.com:wrong", {}, b"of-the-door") is None


def test_users_do_not_have_the_password_of_the_door():
    assert find_user("watcher:of-the-door", {"watcher": WATCHER}, b"of-the-door") is None


@run_trio
async def test_who_is_refused_is_told_and_closed(tmp_path: Path):
    async with place(tmp_path, users=[WATCHER]) as running:
        client, headers = await login(running, "watcher@example.com:wrong")
        assert headers["Reply-Text"] == "-ERR invalid"
        [notice] = await client.rest()
        assert notice.headers["Content-Type"] == "text/disconnect-notice"
