"""The engine dials an application for each call."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest

from engine.config import Route
from engine.eventsocket.esl.address import Application
from tests.interop.terminal import terminal
from tests.trio_tests import run_trio

from .application import listening
from .place import place


def routes(port: int, flags: str) -> list[Route]:
    return [Route(to=".*", socket=f"esl://127.0.0.1:{port}{flags}")]


@pytest.mark.parametrize("url", ["ws://a:1", "esl://", "esl://a:1/path", "esl://a:1?fast", "esl://a:99999"])
def test_an_address_that_is_none_is_refused(url: str):
    with pytest.raises(ValueError, match=r"esl://|[Pp]ort"):
        Application.parse(url)


@run_trio
async def test_connect_tells_the_whole_channel_without_a_length(tmp_path: Path):
    async with listening() as app, place(tmp_path, routes=routes(app.port, "?async&full")) as running:
        async with terminal() as guest:
            call = await running.call(guest, "1000")
            _, data = await app.begin()
            assert (data["Content-Type"], data["Reply-Text"]) == ("command/reply", "%2BOK%0A")
            assert (data["Socket-Mode"], data["Control"]) == ("async", "full")
            assert data["Event-Name"] == "CHANNEL_DATA"
            assert data["Unique-ID"] == data["Channel-Unique-ID"] == data["variable_uuid"] == data["Caller-Unique-ID"]
            assert data["Channel-Destination-Number"] == data["variable_sip_req_user"] == "1000"
            assert unquote(data["Channel-Name"]).startswith("sofia/internal/guest@")
            assert data["variable_sip_contact_user"] == "guest"
            assert unquote(data["variable_sip_full_from"]).startswith("<sip:guest@")
            assert "Content-Length" not in data
            call.hang_up()


@run_trio
async def test_an_application_with_linger_reads_the_end_of_its_call(tmp_path: Path):
    async with listening() as app, place(tmp_path, routes=routes(app.port, "?async&full")) as running:
        async with terminal() as guest:
            call = await running.call(guest, "1000")
            client, data = await app.begin("linger", "myevents", "filter Unique-ID x", "filter delete all")
            await client.execute("", "answer")
            await client.event("CHANNEL_EXECUTE_COMPLETE")
            await call.wait_answered()
            call.hang_up()
            names = await client.names_until("CHANNEL_HANGUP_COMPLETE")
            assert names == ["CHANNEL_HANGUP", "CHANNEL_STATE", "CHANNEL_STATE", "CHANNEL_HANGUP_COMPLETE"]
            reply = await client.command("linger")
            assert reply.text == "+OK will linger"
            [notice] = client.notices
            assert notice.headers["Content-Disposition"] == "linger"
            assert notice.headers["Controlled-Session-UUID"] == data["Unique-ID"]
            assert (notice.headers["Linger-Time"], notice.headers["Content-Length"]) == ("-1", "0")
            assert (await client.command("exit")).text == "+OK bye"
            [last] = await client.rest()
            assert last.headers["Content-Disposition"] == "disconnect"
            assert client.events == []


@run_trio
async def test_without_linger_the_connection_ends_with_the_call(tmp_path: Path):
    async with listening() as app, place(tmp_path, routes=routes(app.port, "?async&full")) as running:
        async with terminal() as guest:
            call = await running.call(guest, "1000")
            client, data = await app.begin()
            call.hang_up()
            [notice] = await client.rest()
            assert notice.headers["Controlled-Session-UUID"] == data["Unique-ID"]
            assert len(notice.body) == 67


@run_trio
async def test_a_static_socket_is_answered_when_the_application_has_ended_and_hears_of_it_afterwards(tmp_path: Path):
    async with listening() as app, place(tmp_path, routes=routes(app.port, "?full")) as running:
        async with terminal() as guest:
            call = await running.call(guest, "1000")
            client, data = await app.begin("myevents")
            assert data["Socket-Mode"] == "static"
            await client.execute("", "answer")
            assert client.events == []
            await client.execute("", "playback", "tone_stream://%(200,0,440)")
            assert {event.get("Application", "answer") for event in client.events} == {"answer"}
            await client.event("CHANNEL_EXECUTE_COMPLETE", Application="playback")
            call.hang_up()


@run_trio
async def test_without_full_only_the_own_channel_is_steered(tmp_path: Path):
    async with listening() as app, place(tmp_path, routes=routes(app.port, "?async")) as running:
        async with terminal() as guest:
            call = await running.call(guest, "1000")
            client, data = await app.begin()
            assert data["Control"] == "single-channel"
            for command in ("api status", "event plain ALL", "linger", "bgapi status", "log debug"):
                assert (await client.command(command)).text == "-ERR command not found"
            assert (await client.command("getvar direction")).text == "inbound"
            assert (await client.command("getvar nothing")).text == "-ERR command not found"
            assert (await client.command("divert_events on")).text == "+OK events diverted"
            assert (await client.execute("", "answer")).text == "+OK"
            assert await call.wait_answered()
            call.hang_up()


@run_trio
async def test_a_call_whose_application_goes_ends(tmp_path: Path):
    async with listening() as app, place(tmp_path, routes=routes(app.port, "?async&full")) as running:
        async with terminal() as guest:
            call = await running.call(guest, "1000")
            client, _ = await app.begin()
            await client.execute("", "answer")
            await call.wait_answered()
            await client.command("exit")
            await call.wait_ended()


@run_trio
async def test_an_application_that_is_not_there_costs_the_caller_a_503(tmp_path: Path):
    async with listening() as app:
        port = app.port
    async with place(tmp_path, routes=routes(port, "?async&full")) as running, terminal() as guest:
        call = await running.call(guest, "1000")
        assert (await call.wait_ended()).status == 503
