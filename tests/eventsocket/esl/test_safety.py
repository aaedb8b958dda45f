"""Clients that send nonsense, guess passwords, or read nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from callflow.protocol.commands import Answer, Hangup
from engine.eventsocket.esl.client import CLOSED, Client
from engine.eventsocket.esl.event import EslEvent
from engine.eventsocket.esl.guard import MAX_FAILURES, Guard
from engine.eventsocket.esl.inbound import Login
from engine.eventsocket.esl.steering import Steering
from engine.eventsocket.memory import memory_streams
from tests.trio_tests import run_trio, run_virtual

from .place import place, registered


@run_trio
async def test_a_wrong_password_is_invalid_and_the_end(tmp_path: Path):
    async with place(tmp_path) as running:
        client = await running.open()
        await client.packet()
        assert (await client.command("auth wrong")).text == "-ERR invalid"
        [notice] = await client.rest()
        assert notice.headers["Content-Type"] == "text/disconnect-notice"


@pytest.mark.parametrize("length", ["-1", "99999999999", "x", "5\nContent-Length: 5"])
@run_trio
async def test_a_length_that_is_none_ends_the_connection_with_a_reason(tmp_path: Path, length: str):
    async with place(tmp_path) as running:
        stranger = await running.open()
        await stranger.packet()
        await stranger.send(f"auth x\nContent-Length: {length}\n\n")
        reply, notice = await stranger.rest()
        assert reply.text.startswith("-ERR expected")
        assert notice.headers["Content-Type"] == "text/disconnect-notice"
        client = await running.login()
        await client.send(f"sendevent X\nContent-Length: {length}\n\n")
        assert (await client.rest())[0].text.startswith("-ERR expected")


@run_trio
async def test_half_a_command_is_never_done(tmp_path: Path):
    async with place(tmp_path) as running:
        client, other = await running.login(), await running.login()
        await client.send("api global_setvar half=done\n")
        await client.stream.send_eof()  # type: ignore[attr-defined]  # it is a socket's
        await client.rest()
        assert await other.api("global_getvar half") == "-ERR no reply\n"


@run_trio
async def test_an_address_that_guesses_too_often_is_not_let_in(tmp_path: Path):
    async with place(tmp_path) as running, trio.open_nursery() as nursery:

        async def guess() -> None:
            client = await running.open()
            await client.packet()
            await client.send("auth wrong\n\n")

        for _ in range(MAX_FAILURES):
            nursery.start_soon(guess)
        while True:
            client = await running.open()
            first = await client.packet()
            if first.headers["Content-Type"] == "text/rude-rejection":
                break
        assert first.body == "Access Denied, go away.\n"


@run_trio
async def test_no_value_becomes_a_header(tmp_path: Path):
    async with place(tmp_path) as running:
        client, listener = await running.login(), await running.login("ALL")
        evil = "x%0d%0aInjected: yes"
        await client.command(f"bgapi url_decode {evil}\nJob-UUID: a\rInjected: yes")
        event = await listener.event("BACKGROUND_JOB")
        assert "Injected" not in event
        reply = await client.command("filter X \rInjected: yes")
        assert set(reply.headers) == {"Content-Type", "Reply-Text"}


@pytest.mark.parametrize(
    "command",
    [
        "sendevent CUSTOM\nEvent-Subclass: s::s\nEvil: a\rInjected: yes",
        "sendevent CUSTOM\nEvent-Subclass: s::s\nEv\ril: a",
        "bgapi echo a\rInjected: yes",
        "api global_setvar x=a\rInjected: yes",
        "log info\rInjected: yes",
        "nixevent DTMF\rInjected: yes",
        "userauth x\rInjected: yes",
        "a\rInjected: yes",
    ],
)
@run_trio
async def test_no_carriage_return_of_a_command_begins_a_line(tmp_path: Path, command: str):
    async with place(tmp_path) as running:
        client, listener = await running.login(), await running.login("CUSTOM", "s::s")
        answer = await client.command(command)
        assert "Injected" not in answer.headers
        await client.command("sendevent CUSTOM\nEvent-Subclass: s::s\nLast: yes")
        while "Last" not in (event := await listener.event("CUSTOM")):
            assert "Injected" not in event
        assert "Injected" not in event


@run_trio
async def test_commands_that_come_in_pieces_or_all_at_once_are_done_in_order(tmp_path: Path):
    async with place(tmp_path) as running:
        client = await running.login()
        for piece in ("api ec", "ho 1\n", "\napi echo 2\n\napi echo 3\n\napi ", "echo 4\n\n"):
            await client.send(piece)
        assert [(await client.packet()).body for _ in range(4)] == ["1", "2", "3", "4"]


@run_virtual
async def test_each_wrong_password_is_answered_later_than_the_one_before():
    guard, waited = Guard(), []
    for _ in range(3):
        ours, theirs = memory_streams()
        client = Client(ours, _Hub(), peer="test")  # type: ignore[arg-type]
        login = Login(client, "127.0.0.1", b"secret", guard)
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.serve, login.receive)
            await theirs.send_all(b"auth wrong\n\n")
            assert b"-ERR invalid" in await theirs.receive_some()
            waited.append(trio.current_time() - began)
            nursery.cancel_scope.cancel()
    assert waited == [0.5, 1.0, 2.0]


@run_virtual
async def test_commands_of_all_clients_have_one_limit_and_each_has_its_turn():
    done: list[str] = []

    class Sockets:
        async def host(self, hello: object, token: object, peer: str, run: Callable[..., Awaitable[None]]) -> None:
            await run(Session(), ())

    class Session:
        id, owner, is_closing, reader = "s", None, False, SimpleNamespace(close=lambda: None)

        def perform(self, id: str, command: object, channel: str | None) -> None:
            done.append(channel or "")

        async def wait(self, until: float) -> None:
            await trio.sleep_forever()

    steering = Steering(Sockets(), new_id=lambda: "id", sounds=None, rate=10.0)  # type: ignore[arg-type]

    async def ask(who: str, times: int) -> None:
        for _ in range(times):
            await steering.command(who, Answer())

    async with trio.open_nursery() as nursery:
        await nursery.start(steering.run)
        nursery.start_soon(ask, "noisy", 1000)
        await trio.sleep(5)
        assert 55 <= len(done) <= 65  # ten at once, and ten a second
        began = trio.current_time()
        await ask("quiet", 3)
        assert trio.current_time() - began < 1.0
        await steering.command("quiet", Hangup())  # what relieves the engine waits for nobody
        assert done[-1] == "quiet"
        nursery.cancel_scope.cancel()


@run_trio
async def test_idle_connections_cost_the_others_nothing(tmp_path: Path):
    async with place(tmp_path) as running:
        idle = [await running.open() for _ in range(200)]
        client = await running.login()
        assert await client.api("echo still here") == "still here"
        assert len(idle) == 200


@run_virtual
async def test_a_client_that_reads_nothing_is_closed_and_told_why():
    ours, theirs = memory_streams()
    hub = _Hub()
    client = Client(ours, hub, peer="test", max_owed=100_000)  # type: ignore[arg-type]
    client.interest.add(["ALL"])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.serve, _ignore)
        await trio.testing.wait_all_tasks_blocked()
        for number in range(2000):
            client.deliver(EslEvent("DTMF", {"Event-Name": "DTMF", "Number": str(number), "Filler": "x" * 100}))
            if number % 50 == 0:
                await trio.testing.wait_all_tasks_blocked()
        assert client.is_closing
        said = b""
        while data := await theirs.receive_some():
            said += data
    assert CLOSED.replace(":", "%3A").encode() in said
    assert said.endswith(b"http://www.cluecon.com/\n")
    assert len(said) < 400_000


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_whatever_is_said_before_the_password_opens_nothing(data: bytes):
    async def talk() -> bytes:
        ours, theirs = memory_streams()
        client = Client(ours, _Hub(), peer="test")  # type: ignore[arg-type]
        login = Login(client, "127.0.0.1", b"secret", Guard())
        said = b""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.serve, login.receive)
            await theirs.send_all(b"api status\n\n" + data.replace(b"secret", b"") + b"\n\nexit\n\n")
            while chunk := await theirs.receive_some():
                said += chunk
        assert not login.is_done
        return said

    assert b"api/response" not in trio.run(talk, clock=trio.testing.MockClock(autojump_threshold=0))


class _Hub:
    """As much of a hub as a client needs that is closed."""

    def __init__(self) -> None:
        self.listeners: set[Client] = set()
        self.log_readers: set[Client] = set()

    @property
    def core(self) -> _Hub:
        return self

    def headers(self, name: str, at: float, subclass: str = "") -> dict[str, str]:
        return {"Event-Subclass": subclass, "Event-Name": name}

    def epoch(self) -> float:
        return 0.0


async def _ignore(client: Client, request: object) -> None:
    return None


@run_trio
async def test_line_ends_in_what_a_client_dials_are_refused_or_left_out(tmp_path: Path):
    end = "\rX-Smuggled: yes"
    async with place(tmp_path) as running, registered(running, "desk") as desk:
        client = await running.login()
        for dialled in (
            f"{{sip_h_X-A='a{end}'}}user/desk",
            f"{{sip_h_X-A{end}='a'}}user/desk",
            f"user/desk{end}",
            f"sofia/internal/sip:desk@192.0.2.1{end}",
            f"sofia/gateway/carrier/030{end}",
        ):
            assert (await client.api(f"originate {dialled.replace(' ', '')} &park()")).startswith("-ERR "), dialled
        name = f"origination_caller_id_name='Eve{end}',origination_caller_id_number='1001{end}'".replace(" ", "")
        await client.send(f"api originate {{{name}}}user/desk &park()\n\n")
        call = await desk.wait_call()
        request = call.invite.request
        assert request.from_.name == "EveX-Smuggled:yes"
        assert [name for name, _ in request.header_items() if "smuggled" in name.lower()] == []
        assert b"\r" not in request.raw.replace(b"\r\n", b"")
        call.hang_up()
        assert (await client.packet()).body.startswith("-ERR ")
