"""What peers not written by us ask of a call and are asked: other ways, other people, what scripts send; loops end."""

from __future__ import annotations

from pathlib import Path

import trio

from callflow.protocol.events import TransferFinished, TransferRequested
from callflow.protocol.outcomes import Transferred
from tests.trio_tests import run_trio

from . import needs
from .engine import RunningEngine, engine
from .places import HERE
from .sipp import PIECES, run_sipp, sipp
from .watch import Watch, watch

pytestmark = needs.program("sipp")
FLOWS = HERE / "flows.py"
SPENT = PIECES["caller"].replace("Max-Forwards: 70", "Max-Forwards: 0")
REFER = """\
<send retrans="500"><![CDATA[
REFER [next_url] SIP/2.0
[callee]
CSeq: 1 REFER
Supported: norefersub
Refer-Sub: false
Refer-To: <sip:other@127.0.0.1:{port}>
Referred-By: <sip:boss@example.com>
Content-Length: 0

]]></send>
<recv response="202">
  <action><ereg regexp="false" search_in="hdr" header="Refer-Sub:" check_it="true" assign_to="silent"/></action>
</recv>
<Reference variables="silent"/>
"""
ASKED = """\
<recv request="{method}"/>
<send><![CDATA[
SIP/2.0 {status}
[reply]
{header}
Content-Length: 0

]]></send>
"""
IS_CONNECTED = ASKED.format(method="INFO", status="200 OK", header="X-Phone: yes")
IS_REFERRED = ASKED.format(method="REFER", status="202 Accepted", header="Refer-Sub: false")

TOLD = {"INFO": "200 OK", "MESSAGE": "202 Accepted", "OPTIONS": "200 OK", "NOTIFY": "489 Bad Event"}


@run_trio
async def test_calls_are_redirected_transferred_without_a_word_told_things_and_kept_from_looping(tmp_path: Path):
    async with engine(tmp_path / "engine", FLOWS) as running, watch(running) as seen:
        async with trio.open_nursery() as phones:
            phones.start_soon(_follow_a_redirection, running, tmp_path / "followed")
            phones.start_soon(_leave_a_redirection, running, tmp_path / "left")
            phones.start_soon(_transfer_without_notify, running, seen, tmp_path / "refer")
            phones.start_soon(_be_sent_elsewhere, running, seen, tmp_path / "sent")
            phones.start_soon(_be_told, running, tmp_path / "told")
            phones.start_soon(_loop, running, tmp_path / "loop")
        await seen.wait("channel.ended", count=2 * 2 + 2 + 2 + 3 + 2 + 1)


async def _follow_a_redirection(running: RunningEngine, folder: Path) -> None:
    async with sipp("called", folder / "new", keys={"end": "[is_hung_up]"}) as new:
        async with sipp("moved", folder / "old", keys={"elsewhere": new.port}) as old:
            await run_sipp("established", folder / "caller", running.udp, keys={"number": f"follow-{old.port}"})
            await old.wait()
        await new.wait()


async def _leave_a_redirection(running: RunningEngine, folder: Path) -> None:
    async with sipp("moved", folder / "old", keys={"elsewhere": 9}) as old:
        keys = {"number": f"to-{old.port}", "status": 486}
        await run_sipp("refused", folder / "caller", running.udp, keys=keys)
        await old.wait()


async def _transfer_without_notify(running: RunningEngine, seen: Watch, folder: Path) -> None:
    """RFC 4488, RFC 3892: the phone hears a BYE and no NOTIFY; who it was is told to the script and to the target."""
    async with sipp("called", folder / "target", keys={"end": "[callee_hangs_up]"}) as target:
        steps = IS_CONNECTED + REFER.format(port=target.port)
        keys = {"steps": steps, "end": "[is_hung_up]"}
        async with sipp("called", folder / "phone", keys=keys) as phone:
            await run_sipp("is_hung_up", folder / "caller", running.udp, keys={"number": f"transfers-{phone.port}"})
            await phone.wait()
        await target.wait()
    asked = await seen.wait("channel.transfer_requested")
    assert isinstance(asked, TransferRequested)
    assert asked.referred_by == "<sip:boss@example.com>"
    assert "\nReferred-By: <sip:boss@example.com>\n" in target.received("INVITE")[0]
    assert phone.received("NOTIFY") == []


async def _be_sent_elsewhere(running: RunningEngine, seen: Watch, folder: Path) -> None:
    """The headers of a script are in each request, and in the answer to the caller."""
    async with sipp("called", folder / "phone", keys={"steps": IS_REFERRED, "end": "[is_hung_up]"}) as phone:
        number = f"sent-{phone.port}"
        caller = await run_sipp("is_hung_up", folder / "caller", running.udp, keys={"number": number})
        await phone.wait()
    finished = await seen.wait("transfer.finished")
    assert isinstance(finished, TransferFinished)
    assert isinstance(finished.outcome, Transferred)
    (invite, *_), (refer, *_), (bye, *_) = (phone.received(method) for method in ("INVITE", "REFER", "BYE"))
    assert "\nX-Step: dials\n" in invite
    assert "\nX-Step: sends away\n" in refer
    assert "\nReferred-By: <sip:" in refer
    assert "\nX-Step: hangs up\n" in bye
    assert "\nX-Step: answers\n" in caller.received("SIP/2.0 200")[0]


async def _be_told(running: RunningEngine, folder: Path) -> None:
    steps = "".join(ASKED.format(method=each, status=told, header="X-Phone: yes") for each, told in TOLD.items())
    async with sipp("called", folder / "phone", keys={"steps": steps, "end": "[is_hung_up]"}) as phone:
        await run_sipp("is_hung_up", folder / "caller", running.udp, keys={"number": f"told-{phone.port}"})
        await phone.wait()
    for method in TOLD:
        assert "\nX-Step: tells\n" in phone.received(method)[0]


async def _loop(running: RunningEngine, folder: Path) -> None:
    """RFC 3261 8.1.1.6, 8.2.2.2: no way is left to go; the same by two ways."""
    keys = {"number": "answers", "status": 483, "caller": SPENT}
    await run_sipp("refused", folder / "spent", running.udp, keys=keys)
    merged = await run_sipp("merged", folder / "merged", running.udp, keys={"number": "rings"})
    assert "\nX-Step: rings\n" in merged.received("SIP/2.0 180")[0]
    refused = await run_sipp("refused", folder / "refused", running.udp, keys={"number": "refuses", "status": 486})
    assert "\nX-Step: refuses\n" in refused.received("SIP/2.0 486")[0]
