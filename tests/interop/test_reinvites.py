"""What changes a call that is up, by phones not written by us: every hold, session timers, requests that cross."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import trio

from callflow.protocol.events import ChannelEnded
from tests.trio_tests import run_trio

from . import needs
from .engine import RunningEngine, engine
from .places import HERE
from .sipp import SDP, Keys, run_sipp, sipp
from .watch import watch

pytestmark = needs.program("sipp")
FLOWS = HERE / "flows.py"
HOLDS = {
    "sendonly": (SDP.replace("[direction]", "sendonly"), "recvonly"),
    "inactive": (SDP.replace("[direction]", "inactive"), "inactive"),
    "recvonly": (SDP.replace("[direction]", "recvonly"), "sendonly"),
    "no_address": (SDP.replace("[media_ip]", "0.0.0.0"), "recvonly"),
}
# In the 200 of a callee, or the INVITE of a caller.
TIMER = "Allow: INVITE, ACK, BYE, CANCEL{methods}\nSupported: timer\nSession-Expires: {seconds};refresher={refresher}"
CALLEE = {"begin": "[callee_answers]", "end": "[callee_hangs_up]"}


def timer(seconds: int, refresher: str, *, methods: str = "") -> str:
    return TIMER.format(seconds=seconds, refresher=refresher, methods=methods)


async def call(running: RunningEngine, scenario: str, folder: Path, keys: Keys) -> None:
    """SIPp calls, and tells how it went."""
    await run_sipp(scenario, folder, running.udp, keys=keys)


async def be_called(running: RunningEngine, scenario: str, folder: Path, keys: Keys) -> None:
    """SIPp calls SIPp through the engine."""
    caller = "is_hung_up" if "callee_hangs_up" in str(keys.get("end", "")) else "established"
    async with sipp(scenario, folder / "callee", keys=keys) as callee:
        await run_sipp(caller, folder / "caller", running.udp, keys={"number": f"to-{callee.port}"})
        await callee.wait()


@run_trio
async def test_a_phone_holds_in_every_way_of_rfc_3264(tmp_path: Path):
    async with engine(tmp_path / "engine", FLOWS) as running, watch(running) as seen:
        async with trio.open_nursery() as phones:
            for name, (hold, answer) in HOLDS.items():
                keys = {"number": "answers", "hold": hold.replace("[version]", "2"), "answer": answer}
                phones.start_soon(call, running, "hold", tmp_path / name, keys)
        await seen.wait("channel.ended", count=len(HOLDS))
    names = seen.names()
    assert (names.count("channel.held"), names.count("channel.resumed")) == (3, 3)  # recvonly listens on


@run_trio
async def test_sessions_are_refreshed_by_either_side_and_requests_that_cross_are_sorted_out(tmp_path: Path):
    async with engine(tmp_path / "engine", FLOWS, has_short_sessions=True) as running, watch(running) as seen:
        async with trio.open_nursery() as phones:

            def start(play: object, scenario: str, name: str, **keys: str) -> None:
                phones.start_soon(play, running, scenario, tmp_path / name, {"number": "answers", **keys})  # type: ignore[arg-type]

            start(call, "is_hung_up", "unrefreshed", headers=timer(4, "uac"))
            start(call, "refresh_meets_glare", "our_callee_waits", headers=timer(10, "uas"))
            start(call, "glare", "glare", headers=timer(8, "uas"))
            start(call, "bye_meets_our_reinvite", "bye", headers=timer(8, "uas"))
            start(call, "reinvite_meets_our_bye", "late", number="hangs_up")
            start(be_called, "wants_longer_session", "longer")
            update = timer(8, "uac", methods=", UPDATE")
            start(be_called, "refreshed_by_update", "update", interval="8", headers=update, end="[callee_hangs_up]")
            start(be_called, "refresh_meets_glare", "our_caller_waits", headers=timer(12, "uac"), **CALLEE)
        await seen.wait("channel.ended", count=5 + 2 * 3)
    causes = Counter(event.cause_name for _, event in seen.seen if isinstance(event, ChannelEnded))
    assert causes == {"normal_clearing": 10, "recovery_on_timer_expiry": 1}
