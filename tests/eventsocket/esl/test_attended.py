"""att_xfer and three_way: a third one in a conversation. And what scripts of ours do in place of an application."""

from __future__ import annotations

from pathlib import Path

from callflow.phone import Phone, PhoneCall
from callflow.testing import ToneSource
from engine.config import Route
from tests.interop.terminal import terminal
from tests.trio_tests import run_trio

from .place import EslClient, Place, place, registered
from .test_calls import take

VOICE = ToneSource((440.0,), duration_ms=60_000)


async def consult(running: Place, guest: Phone, desk: Phone, mobile: Phone) -> tuple[EslClient, list[PhoneCall]]:
    """A caller who waits, the agent at the desk who asks mobile: all three have answered."""
    client, caller, channel = await take(running, guest)
    await client.execute(channel, "bridge", "user/desk")
    agent = await desk.wait_call()
    agent.answer()
    far = (await client.event("CHANNEL_BRIDGE"))["Bridge-B-Unique-ID"]
    await client.execute(far, "att_xfer", "user/mobile")
    expert = await mobile.wait_call()
    await client.event("CHANNEL_UNBRIDGE")
    expert.answer()
    await client.event("CHANNEL_BRIDGE", Bridge_A_Unique_ID=far)
    return client, [caller, agent, expert]


@run_trio
async def test_who_asked_hangs_up_and_the_two_others_talk(tmp_path: Path):
    async with (
        place(tmp_path) as running, terminal() as guest,
        registered(running, "desk") as desk, registered(running, "mobile") as mobile,
    ):  # fmt: skip
        client, [caller, agent, expert] = await consult(running, guest, desk, mobile)
        agent.hang_up()
        await client.event("CHANNEL_BRIDGE")
        caller.play(VOICE)
        assert await expert.wait_sound()
        expert.hang_up()
        await caller.wait_ended()


@run_trio
async def test_who_was_asked_hangs_up_and_all_is_as_it_was(tmp_path: Path):
    async with (
        place(tmp_path) as running, terminal() as guest,
        registered(running, "desk") as desk, registered(running, "mobile") as mobile,
    ):  # fmt: skip
        client, [caller, agent, expert] = await consult(running, guest, desk, mobile)
        expert.hang_up()
        await client.event("CHANNEL_BRIDGE")
        caller.play(VOICE)
        assert await agent.wait_sound()
        caller.hang_up()
        await agent.wait_ended()


@run_trio
async def test_a_third_one_is_heard_by_both(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest, registered(running, "desk") as desk:
        client, caller, channel = await take(running, guest)
        await client.execute(channel, "bridge", "user/desk")
        agent = await desk.wait_call()
        agent.answer()
        await client.event("CHANNEL_BRIDGE")
        third = await running.call(guest, "1001")
        other = (await client.event("CHANNEL_PARK"))["Unique-ID"]
        await client.execute(other, "three_way", channel)
        assert await third.wait_answered()
        third.play(VOICE)
        assert await caller.wait_sound()
        assert await agent.wait_sound()
        caller.hang_up()
        await agent.wait_ended()


@run_trio
async def test_a_number_of_ours_stands_in_for_an_application(tmp_path: Path):
    routes = (Route(to=".*", app="esl"),)
    async with place(tmp_path, routes=routes, applications={"voicemail": "4000"}) as running, terminal() as guest:
        client, _, channel = await take(running, guest)
        await client.execute(channel, "voicemail", "default ${domain_name} 1001")
        parked = await client.event("CHANNEL_PARK")
        assert parked["Caller-Destination-Number"] == "4000"
        assert parked["variable_application_data"] == "default  1001"
