"""Whom `originate` and `bridge` reach besides users and addresses: trunks, groups, numbers of our own routes."""

from __future__ import annotations

from pathlib import Path

from callflow.phone import Phone
from callflow.testing import BUSY
from engine.trunks.spec import TargetSpec, TrunkSpec
from tests.interop.terminal import terminal
from tests.trio_tests import run_trio

from .place import EslClient, Place, place, registered


def carrier(phone: Phone) -> TrunkSpec:
    """A trunk whose only target is that phone."""
    [listener] = phone.endpoint.listeners
    _, host, port = listener
    return TrunkSpec(name="carrier", targets=(TargetSpec(host=host, port=port),), health=0)


async def ask(running: Place, command: str) -> EslClient:
    """A client that waits for the answer to an api command."""
    client = await running.login()
    await client.send(f"api {command}\n\n")
    return client


@run_trio
async def test_a_gateway_is_a_trunk(tmp_path: Path):
    async with terminal("carrier") as peer, place(tmp_path, trunks=[carrier(peer)]) as running:
        client = await ask(running, "originate {origination_uuid=out}sofia/gateway/carrier/0301234 &park()")
        call = await peer.wait_call()
        assert call.invite.request.uri.user == "0301234"
        call.answer()
        assert (await client.packet()).body == "+OK out\n"
        assert await client.api("originate sofia/gateway/nobody/0301234 &park()") == "-ERR INVALID_GATEWAY\n"
        assert await client.api("uuid_kill out") == "+OK\n"
        await call.wait_ended()


@run_trio
async def test_busy_in_early_media_counts_where_it_is_asked_for(tmp_path: Path):
    async with terminal("carrier") as peer, place(tmp_path, trunks=[carrier(peer)]) as running:
        wants = "{monitor_early_media_fail=user_busy:2:480+620}"
        client = await ask(running, f"originate {wants}sofia/gateway/carrier/0301234 &park()")
        call = await peer.wait_call()
        call.progress(*BUSY)
        assert (await client.packet()).body == "-ERR USER_BUSY\n"
        await call.wait_ended()


@run_trio
async def test_a_group_is_rung_together(tmp_path: Path):
    async with place(tmp_path) as running, registered(running, "desk") as desk, registered(running, "mobile") as mobile:
        client = await ask(running, "originate group/everybody &park()")
        first, second = await desk.wait_call(), await mobile.wait_call()
        second.answer()
        assert (await client.packet()).body.startswith("+OK ")
        await first.wait_ended()
        assert await client.api("originate group/nobody &park()") == "-ERR NO_ROUTE_DESTINATION\n"
        assert await client.api("group_call everybody") == "user/alice,user/desk,user/mobile"
        assert await client.api("group_call everybody+F") == "user/alice|user/desk|user/mobile"
        assert await client.api("group_call nobody") == "error/NO_ROUTE_DESTINATION"


@run_trio
async def test_a_loopback_is_a_call_to_a_number_of_ours(tmp_path: Path):
    async with place(tmp_path) as running:
        client, watcher = await running.login(), await running.login("ALL")
        await client.send("api originate {origination_uuid=a}loopback/4000/default &park()\n\n")
        parked = await watcher.event("CHANNEL_PARK")
        far = parked["Unique-ID"]
        assert (parked["Caller-Destination-Number"], parked["Call-Direction"]) == ("4000", "inbound")
        await watcher.execute(far, "answer")
        assert (await client.packet()).body == "+OK a\n"
        await watcher.event("CHANNEL_PARK", Unique_ID="a")
        await client.api("uuid_kill a")
        await watcher.event("CHANNEL_DESTROY", Unique_ID=far)


@run_trio
async def test_a_caller_is_bridged_to_a_number_of_ours(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client = await running.login("ALL")
        call = await running.call(guest, "1000")
        channel = (await client.event("CHANNEL_PARK"))["Unique-ID"]
        await client.execute(channel, "bridge", "loopback/4000")
        far = (await client.event("CHANNEL_PARK", Caller_Destination_Number="4000"))["Unique-ID"]
        await client.execute(far, "answer")
        assert (await client.event("CHANNEL_BRIDGE"))["Bridge-A-Unique-ID"] == channel
        await client.api(f"uuid_kill {far}")
        await client.event("CHANNEL_UNBRIDGE")
        call.hang_up()
        await call.wait_ended()


@run_trio
async def test_a_gateway_that_is_not_there_fails_a_bridge(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client = await running.login("ALL")
        call = await running.call(guest, "1000")
        channel = (await client.event("CHANNEL_PARK"))["Unique-ID"]
        await client.execute(channel, "bridge", "sofia/gateway/nobody/5")
        assert (await client.event("CHANNEL_HANGUP", Unique_ID=channel))["Hangup-Cause"] == "INVALID_GATEWAY"
        await call.wait_ended()
