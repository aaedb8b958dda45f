"""A trunk to Kamailio, a carrier not written by us: registered by password, called through it, called by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from callflow.protocol.events import ChannelAnswered, ChannelCreated, ChannelEnded, TrunkRegistered
from tests.trio_tests import run_trio

from . import needs
from .audio import ulaw_tone
from .engine import engine, run_callflow
from .kamailio import PASSWORD, USER, carrier
from .places import CALLS
from .sipp import sipp
from .watch import watch

pytestmark = [needs.program("kamailio"), needs.program("sipp")]

TRUNK = f"""
[[trunk]]
name = "carrier"
targets = "127.0.0.1:{{port}}"
username = "{USER}"
password = "{PASSWORD}"
register = true
expires = {{expires}}
health = 5
"""


def trunk(port: int, *, expires: int = 600) -> str:
    return TRUNK.format(port=port, expires=expires)


def by_trunk(event: object) -> bool:
    return isinstance(event, ChannelCreated) and event.trunk == "carrier"


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@run_trio
async def test_a_call_goes_out_by_a_trunk_that_asks_who_calls(tmp_path: Path, algorithm: str):
    tone = tmp_path / "tone.ulaw"
    tone.write_bytes(ulaw_tone(700, 1))
    async with (
        sipp("answer", tmp_path / "callee", keys={"tone": tone}) as callee,
        carrier(tmp_path / "carrier", callee=callee.port, algorithm=algorithm) as (_, port),
        engine(tmp_path / "engine", CALLS, tables=trunk(port)) as running,
        watch(running) as seen,
    ):
        done = await running.run("dial", "0301234", "--duration", "1")
        assert done.code == 0, done.output + done.errors
        created = await seen.wait("channel.created", by_trunk)
        assert isinstance(created, ChannelCreated)
        assert created.callee.uri == f"sip:0301234@127.0.0.1:{port}"
        answered = await seen.wait("channel.answered", count=2)
        assert isinstance(answered, ChannelAnswered)
        assert answered.codec == "PCMU"
        ended = await seen.wait("channel.ended", count=2)
        assert isinstance(ended, ChannelEnded)
        await callee.wait()  # it has had the BYE, through the carrier


@run_trio
async def test_the_carrier_s_calls_come_to_where_we_have_registered_and_are_known_as_the_trunk_s(tmp_path: Path):
    async with (
        carrier(tmp_path / "carrier", callee=9) as (_, port),
        engine(tmp_path / "engine", CALLS, tables=trunk(port)) as running,
        watch(running) as seen,
    ):
        if not any(state["registration"] == "registered" for state in await running.listed("trunks")):
            await seen.wait("trunk.registered")
        done = await run_callflow(tmp_path, "dial", f"sip:{USER}@127.0.0.1:{port}", "--duration", "2")
        assert done.code == 0, done.output + done.errors
        created = await seen.wait("channel.created")
        assert isinstance(created, ChannelCreated)
        assert (created.trunk, created.to, created.user) == ("carrier", USER, None)
        await seen.wait("channel.answered")
        table = await running.command("trunks")
        assert "carrier" in table
        assert "registered" in table


@run_trio
async def test_a_registration_is_taken_back_when_the_engine_stops(tmp_path: Path):
    async with carrier(tmp_path / "carrier", callee=9) as (_, port):
        async with engine(tmp_path / "engine", CALLS, tables=trunk(port)) as running, watch(running) as seen:
            if not any(state["registration"] == "registered" for state in await running.listed("trunks")):
                assert isinstance(await seen.wait("trunk.registered"), TrunkRegistered)
        done = await run_callflow(tmp_path, "dial", f"sip:{USER}@127.0.0.1:{port}")
        assert "404" in done.output + done.errors
