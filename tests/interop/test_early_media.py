"""Early media that is acknowledged (RFC 3262), with SIPp on either side."""

from __future__ import annotations

from pathlib import Path

from callflow.protocol.events import ChannelEnded, DialFinished
from callflow.protocol.outcomes import Failed
from tests.trio_tests import run_trio

from . import needs
from .audio import ulaw_tone
from .engine import PASSWORDS, engine
from .places import CALLS
from .sipp import run_sipp, sipp
from .terminal import terminal
from .watch import watch

pytestmark = [needs.program("sipp"), needs.raw_sockets()]


@run_trio
async def test_a_caller_without_an_offer_hears_us_before_the_answer(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        await run_sipp("reliable_delayed_offer", tmp_path / "call", running.udp, keys={"number": "3007"})
        ended = await seen.wait("channel.ended")
    assert isinstance(ended, ChannelEnded)
    assert (ended.ended_by, ended.phase) == ("app", "answered")
    assert ended.sent.packets > 0
    assert seen.names().index("channel.progress") < seen.names().index("channel.answered")


@run_trio
async def test_a_callee_that_insists_on_prack_gets_one_for_each_provisional(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        async with sipp("reliable_ringing", tmp_path / "desk") as desk, terminal() as guest:
            account = {"user": "desk", "password": PASSWORDS["desk"], "keys": {"contact_port": desk.port}}
            await run_sipp("register", tmp_path / "register", running.udp, **account)
            call = await guest.call(running.sip("2003"))
            assert await call.wait_answered()
            await seen.wait("channel.bridged")
            call.hang_up()
            await desk.wait()
            await seen.wait("channel.ended", count=2)


@run_trio
async def test_a_network_that_plays_busy_is_busy(tmp_path: Path):
    tone = tmp_path / "busy.ulaw"
    tone.write_bytes(ulaw_tone(425, 0.5) + b"\xff" * 4000)
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        callee = sipp("busy_in_early_media", tmp_path / "desk", keys={"tone": tone})
        async with callee as desk, terminal() as guest:
            account = {"user": "desk", "password": PASSWORDS["desk"], "keys": {"contact_port": desk.port}}
            await run_sipp("register", tmp_path / "register", running.udp, **account)
            await guest.call(running.sip("2003"))
            finished = await seen.wait("dial.finished")
            await desk.wait()
    assert isinstance(finished, DialFinished)
    assert isinstance(finished.outcome, Failed)
    assert [(branch.reason, branch.q850) for branch in finished.outcome.branches] == [("busy", 17)]
