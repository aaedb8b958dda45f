"""The flows of RFC 3665, played by SIPp; with Kamailio where one of them has a proxy."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from callflow.protocol.events import ChannelEnded, DialFinished
from callflow.protocol.outcomes import Failed
from tests.trio_tests import run_trio

from . import needs
from .audio import ulaw_tone
from .engine import PASSWORDS, engine
from .kamailio import carrier
from .places import HERE
from .sipp import run_sipp, sipp
from .watch import watch

pytestmark = [needs.program("sipp"), needs.program("kamailio")]
CALLEES = HERE / "rfc3665.py"
TRUNKS = """
[[trunk]]
name = "proxies"
targets = ["127.0.0.1:{silent}", "127.0.0.1:{callee}"]
failover = 0.5
health = 0
[[trunk]]
name = "nowhere"
targets = "127.0.0.1:{silent}"
health = 0
"""


@run_trio
async def test_calls_are_established_refused_given_up_and_redirected_as_in_rfc_3665(tmp_path: Path):
    """3.1 success, 3.6 redirection, 3.8 no answer, 3.9 busy, 3.11 unavailable."""
    async with engine(tmp_path / "engine", CALLEES) as running, watch(running) as seen:
        server = running.udp
        await run_sipp("established", tmp_path / "3.1", server, keys={"number": "1001"})
        await run_sipp("redirected", tmp_path / "3.6", server, keys={"number": "1006"})
        await run_sipp("cancel", tmp_path / "3.8", server, keys={"number": "1003"})
        await run_sipp("refused", tmp_path / "3.9", server, keys={"number": "1004", "status": 486})
        await run_sipp("refused", tmp_path / "3.11", server, keys={"number": "1005", "status": 480})
        await seen.wait("channel.ended", count=6)
    ends = [event.sip_status for _, event in seen.seen if isinstance(event, ChannelEnded)]
    assert ends == [200, 302, 200, 487, 486, 480]


@run_trio
async def test_a_proxy_that_fails_is_passed_over_and_a_callee_that_does_not_respond_is_given_up(tmp_path: Path):
    """3.4 proxy failure, 3.5 an ALG, which the engine is for media, 3.10 no response."""
    tone = tmp_path / "tone.ulaw"
    tone.write_bytes(ulaw_tone(700, 1))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        async with sipp("answer", tmp_path / "callee", keys={"tone": tone}) as callee:
            tables = TRUNKS.format(silent=silent.getsockname()[1], callee=callee.port)
            async with engine(tmp_path / "engine", CALLEES, tables=tables, is_impatient=True) as running:
                async with watch(running) as seen:
                    async with sipp(
                        "established", tmp_path / "3.4", server=running.udp, keys={"number": "1007"}
                    ) as caller:
                        await caller.wait()
                    await callee.wait()
                    await run_sipp("refused", tmp_path / "3.10", running.udp, keys={"number": "1008", "status": 480})
                    failed = await seen.wait("dial.finished", _has_failed)
    assert isinstance(failed, DialFinished)
    assert isinstance(failed.outcome, Failed)
    assert [(branch.reason, branch.sip_status) for branch in failed.outcome.branches] == [("unreachable", 408)]
    offered = re.search(r"m=audio [0-9]+ ", caller.said())
    assert offered is not None
    assert offered[0] not in callee.said()


def _has_failed(event: object) -> bool:
    return isinstance(event, DialFinished) and isinstance(event.outcome, Failed)


@run_trio
async def test_requests_in_a_call_go_by_the_proxy_that_stayed_in_its_path(tmp_path: Path):
    """3.2: each side's BYE follows the route set."""
    async with (
        engine(tmp_path / "engine", CALLEES) as running,
        watch(running) as seen,
        carrier(tmp_path / "proxy", callee=running.udp[1], asks=False) as proxy,
    ):
        await run_sipp("established", tmp_path / "caller", proxy, keys={"number": "1001"})
        await run_sipp("ended_by_route", tmp_path / "callee", proxy, keys={"number": "1002", "proxy_port": proxy[1]})
        await seen.wait("channel.ended", count=2)
    ends = [(event.sip_status, event.ended_by) for _, event in seen.seen if isinstance(event, ChannelEnded)]
    assert ends == [(200, "caller"), (200, "app")]


@run_trio
async def test_a_phone_registers_asks_and_goes_as_in_rfc_3665(tmp_path: Path):
    """2.1 new registration, 2.3 the list of contacts, 2.4 cancellation, 2.5 a wrong password."""
    async with engine(tmp_path / "engine", CALLEES) as running, watch(running) as seen:
        await run_sipp("registrations", tmp_path / "2", running.udp, user="alice", password=PASSWORDS["alice"])
        await seen.wait("registration.removed")
    names = [frame.name for frame, _ in seen.seen]
    assert [name for name in names if name.startswith("registration.")] == [
        "registration.added",
        "registration.removed",
    ]
