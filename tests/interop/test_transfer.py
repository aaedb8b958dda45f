"""Transfers by a phone not written by us, and of one."""

from __future__ import annotations

from pathlib import Path

from callflow.protocol.events import ChannelAnswered, ChannelBridged, ChannelTransferred, TransferFinished
from callflow.protocol.outcomes import Transferred
from tests.trio_tests import run_trio

from . import needs
from .baresip import phone
from .engine import PASSWORDS, engine
from .places import CALLS
from .sipp import run_sipp, sipp
from .watch import watch

pytestmark = [needs.program("baresip"), needs.program("sipp")]


@run_trio
async def test_a_phone_transfers_its_caller_to_another(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        async with (
            phone(tmp_path, running, seen, "alice") as alice,
            phone(tmp_path, running, seen, "desk") as desk,
            phone(tmp_path, running, seen, "mobile") as mobile,
        ):
            await alice.dial("2003")
            await seen.wait("channel.bridged", count=2)
            await desk.wait_event("CALL_ESTABLISHED")
            await desk.transfer(running.sip("mobile"))
            transferred = await seen.wait("channel.transferred")
            await mobile.wait_event("CALL_ESTABLISHED")
            await desk.wait_event("CALL_CLOSED")
            bridged = await seen.wait("channel.bridged", count=3)
            await alice.hang_up()
            await mobile.wait_event("CALL_CLOSED")
    assert isinstance(transferred, ChannelTransferred)
    assert transferred.outcome == Transferred("mobile")
    assert isinstance(bridged, ChannelBridged)
    assert bridged.other == transferred.to


@run_trio
async def test_a_phone_asks_another_and_connects_its_caller_with_it(tmp_path: Path):
    """baresip 1.0 knows blind transfers only: SIPp is the phone in the middle."""
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        keys = {"number": "2005", "engine_host": running.udp[0], "engine_port": running.udp[1]}
        account = {"user": "desk", "password": PASSWORDS["desk"]}
        async with (
            phone(tmp_path, running, seen, "alice") as alice,
            phone(tmp_path, running, seen, "mobile") as mobile,
            sipp("attended", tmp_path / "desk", keys=keys, **account) as desk,
        ):
            at = {"contact_port": desk.port}
            await run_sipp("register", tmp_path / "register", running.udp, keys=at, **account)
            await alice.dial("2006")
            await desk.wait()
            transferred = await seen.wait("channel.transferred")
            await mobile.wait_event("CALL_ESTABLISHED")
            await seen.wait("channel.ended", count=2)
            await alice.hang_up()
            await mobile.wait_event("CALL_CLOSED")
    assert isinstance(transferred, ChannelTransferred)
    assert isinstance(transferred.outcome, Transferred), transferred
    bridged = [event for _, event in seen.seen if isinstance(event, ChannelBridged)]
    assert bridged[-1].other == transferred.to or bridged[-2].other == transferred.to


@run_trio
async def test_a_phone_goes_where_a_script_sends_it(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        async with phone(tmp_path, running, seen, "alice") as alice, phone(tmp_path, running, seen, "desk"):
            await alice.dial("2004")
            finished = await seen.wait("transfer.finished")
            await seen.wait("channel.answered", lambda event: isinstance(event, ChannelAnswered), count=2)
            await alice.wait_event("CALL_CLOSED")
    assert isinstance(finished, TransferFinished)
    assert isinstance(finished.outcome, Transferred), finished
