"""Dialogs as phones not written by us lead them: offers in the 200, CANCEL and its race, re-INVITE, what is lost."""

from __future__ import annotations

import subprocess
from pathlib import Path

import trio

from callflow.protocol.events import ChannelAnswered, ChannelEnded, DialBranch
from tests.trio_tests import run_trio

from . import needs
from .baresip import phone
from .engine import PASSWORDS, engine
from .places import CALLS
from .sipp import run_sipp, sipp
from .terminal import terminal
from .watch import watch

pytestmark = [needs.program("sipp"), needs.program("baresip"), needs.program("sipsak"), needs.raw_sockets()]


@run_trio
async def test_an_invite_without_offer_gets_ours_in_the_200_and_the_ack_answers_it(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        async with sipp("delayed_offer", tmp_path / "call", server=running.udp, keys={"number": "3003"}) as caller:
            await seen.wait("playback.started")
            await seen.client.hangup(await seen.channel())
            await caller.wait()
        ended = await seen.wait("channel.ended")
    assert isinstance(ended, ChannelEnded)
    assert ended.phase == "answered"
    assert ended.sent.packets > 0


@run_trio
async def test_a_caller_who_cancels_frees_the_phone_that_rings(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        async with phone(tmp_path, running, seen, "desk", answers=False) as desk, terminal() as guest:
            call = await guest.call(running.sip("2001"))
            await desk.wait_event("CALL_INCOMING")
            await seen.wait("dial.branch", lambda event: isinstance(event, DialBranch) and event.state == "ringing")
            call.hang_up()
            assert (await call.wait_ended()).status == 487
            await desk.wait_event("CALL_CLOSED")
            ended = await seen.wait("channel.ended", lambda event: isinstance(event, ChannelEnded), count=2)
    assert isinstance(ended, ChannelEnded)
    assert not [event for _, event in seen.seen if isinstance(event, ChannelAnswered)]


@run_trio
async def test_cancel_while_it_rings_gets_its_200_and_the_invite_487(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        await run_sipp("cancel", tmp_path / "call", running.udp, keys={"number": "3004"})
        ended = await seen.wait("channel.ended")
    assert isinstance(ended, ChannelEnded)
    assert (ended.ended_by, ended.phase, ended.sip_status) == ("caller", "ringing", 487)


@run_trio
async def test_a_cancel_that_crosses_our_answer_has_no_effect(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        async with sipp("late_cancel", tmp_path / "call", server=running.udp, keys={"number": "3003"}) as caller:
            await seen.wait("playback.started")
            await seen.client.hangup(await seen.channel())
            await caller.wait()
        ended = await seen.wait("channel.ended")
    assert isinstance(ended, ChannelEnded)
    assert (ended.ended_by, ended.phase) == ("app", "answered")


@run_trio
async def test_an_answer_that_crosses_our_cancel_is_acknowledged_and_ended(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        async with sipp("answer_crossing_cancel", tmp_path / "desk") as desk, terminal() as guest:
            account = {"user": "desk", "password": PASSWORDS["desk"], "keys": {"contact_port": desk.port}}
            await run_sipp("register", tmp_path / "register", running.udp, **account)
            call = await guest.call(running.sip("2002"))
            await desk.wait()
            assert (await call.wait_ended()).by == "peer"
            await seen.wait("channel.ended", count=2)
            status = await seen.client.status()
    assert status.channels == 0


@run_trio
async def test_what_is_lost_is_sent_again_and_makes_no_second_call(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS, is_impatient=True) as running, watch(running) as seen:
        await run_sipp("lost_ack", tmp_path / "call", running.udp, keys={"number": "3003"}, arguments=("-nr",))
        ended = await seen.wait("channel.ended")
    assert isinstance(ended, ChannelEnded)
    assert (ended.cause_name, ended.ended_by) == ("recovery_on_timer_expiry", "network")
    assert seen.names().count("channel.created") == 1


@run_trio
async def test_hold_by_reinvite_and_resumption_without_an_offer(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        await run_sipp("reinvite", tmp_path / "call", running.udp, keys={"number": "3003"})
        ended = await seen.wait("channel.ended")
    assert isinstance(ended, ChannelEnded)
    assert (ended.cause_name, ended.ended_by) == ("normal_clearing", "caller")
    names = seen.names()
    assert names.index("channel.held") < names.index("channel.resumed")


@run_trio
async def test_a_session_timer_is_agreed_on_and_refreshed_by_update(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        await run_sipp("session_timer", tmp_path / "call", running.udp, keys={"number": "3003"})
        await seen.wait("channel.ended")
    assert "channel.held" in seen.names()


@run_trio
async def test_options_is_answered_with_what_we_can(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running:
        done = await trio.run_process(
            ["sipsak", "-vv", "-s", running.sip("1000")], capture_stdout=True, stderr=subprocess.STDOUT, check=False
        )
    said = done.stdout.decode()
    assert done.returncode == 0, said
    assert "SIP/2.0 200 OK" in said
    assert "Allow: " in said
    assert "Accept: application/sdp" in said
