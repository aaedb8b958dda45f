"""valet_park and fifo: callers that wait with music, and those who take them."""

from __future__ import annotations

from pathlib import Path

from callflow.phone import Phone, PhoneCall
from tests.interop.terminal import terminal
from tests.trio_tests import run_trio

from .place import EslClient, Place, place

ALL = "ALL"


async def call_in(running: Place, client: EslClient, phone: Phone) -> tuple[PhoneCall, str]:
    """A call, and its channel, which is parked."""
    call = await running.call(phone, "1000")
    return call, (await client.event("CHANNEL_PARK"))["Unique-ID"]


async def told(client: EslClient, subclass: str, **wanted: str) -> dict[str, str]:
    return await client.event("CUSTOM", Event_Subclass=subclass, **wanted)


@run_trio
async def test_a_call_waits_at_a_place_of_a_lot_until_another_takes_it(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest, terminal("other") as other:
        client = await running.login(ALL)
        waiting, first = await call_in(running, client, guest)
        await client.execute(first, "set", "valet_hold_music=goodbye.wav")
        await client.execute(first, "valet_park", "lobby 8001")
        await told(client, "valet_parking::info", Action="hold", Valet_Extension="8001")
        assert await waiting.wait_sound()
        assert f'<extension uuid="{first}">8001</extension>' in await client.api("valet_info lobby")
        assert "extension" not in await client.api("valet_info elsewhere")

        taking, second = await call_in(running, client, other)
        await client.execute(second, "valet_park", "lobby 8001")
        bridged = await client.event("CHANNEL_BRIDGE")
        assert (bridged["Bridge-A-Unique-ID"], bridged["Bridge-B-Unique-ID"]) == (second, first)
        assert await client.api("valet_info") == "<lots>\n</lots>\n"
        taking.hang_up()
        assert (await client.event("CHANNEL_DESTROY", Unique_ID=first))["Hangup-Cause"] == "NORMAL_CLEARING"
        await waiting.wait_ended()


@run_trio
async def test_the_first_free_place_is_said_and_who_waited_longest_comes_out(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest, terminal("other") as other:
        client = await running.login(ALL)
        waiting, first = await call_in(running, client, guest)
        await client.execute(first, "valet_park", "lobby auto in 70 71")
        assert (await client.event("PLAYBACK_START"))["Playback-File-Path"] == "say:70"
        await told(client, "valet_parking::info", Action="hold", Valet_Extension="70")
        taking, second = await call_in(running, client, other)
        await client.execute(second, "valet_park", "lobby auto out 70 71")
        await client.event("CHANNEL_BRIDGE", Bridge_B_Unique_ID=first)
        waiting.hang_up()
        await client.event("CHANNEL_DESTROY", Unique_ID=first)
        taking.hang_up()
        await client.event("CHANNEL_DESTROY", Unique_ID=second)


@run_trio
async def test_the_one_who_serves_a_fifo_has_its_callers_one_after_another(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest, terminal("other") as other:
        client = await running.login(ALL)
        agent, serving = await call_in(running, client, other)
        await client.execute(serving, "answer")
        await client.execute(serving, "fifo", "sales out wait")
        one, first = await call_in(running, client, guest)
        await client.execute(first, "fifo", "sales in undef goodbye.wav")
        await told(client, "fifo::info", FIFO_Action="caller_pop", Unique_ID=first)
        await client.event("CHANNEL_BRIDGE", Bridge_B_Unique_ID=first)
        two, second = await call_in(running, client, guest)
        await client.execute(second, "fifo", "sales in")
        await told(client, "fifo::info", FIFO_Action="push", Unique_ID=second)
        one.hang_up()
        await client.event("CHANNEL_BRIDGE", Bridge_B_Unique_ID=second)
        agent.hang_up()
        await client.event("CHANNEL_DESTROY", Unique_ID=second)
        assert (await two.wait_ended()).by == "peer"


@run_trio
async def test_a_caller_who_leaves_a_fifo_is_not_served(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest, terminal("other") as other:
        client = await running.login(ALL)
        one, first = await call_in(running, client, guest)
        await client.execute(first, "fifo", "sales in")
        await told(client, "fifo::info", FIFO_Action="push")
        one.hang_up()
        await client.event("CHANNEL_DESTROY", Unique_ID=first)
        _, second = await call_in(running, client, other)
        await client.execute(second, "fifo", "sales out nowait")
        await client.event("CHANNEL_EXECUTE_COMPLETE", Application="fifo", Unique_ID=second)
