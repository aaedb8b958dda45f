"""A callee behind a proxy that forks: SIPp plays the proxy and both phones."""

from __future__ import annotations

from pathlib import Path

from tests.trio_tests import run_trio

from . import needs
from .engine import PASSWORDS, engine
from .places import CALLS
from .process import until
from .sipp import run_sipp, sipp
from .terminal import terminal
from .watch import watch

pytestmark = [needs.program("sipp"), needs.raw_sockets()]


@run_trio
async def test_of_two_phones_that_answer_one_call_the_first_has_it_and_the_other_is_ended(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        async with sipp("forked", tmp_path / "desk") as desk, terminal() as guest:
            account = {"user": "desk", "password": PASSWORDS["desk"], "keys": {"contact_port": desk.port}}
            await run_sipp("register", tmp_path / "register", running.udp, **account)
            call = await guest.call(running.sip("2003"))
            await call.wait_answered()
            await seen.wait("channel.bridged")
            await until(lambda: "BYE sip:one@" in desk.said())  # the other has answered, too
            call.hang_up()
            await desk.wait()
            await seen.wait("channel.ended", count=2)
            status = await seen.client.status()
    assert status.channels == 0
