"""What SIPp, as a carrier, sees of the calls that a trunk brings it: who calls and what else, and when none come."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import trio

from tests.trio_tests import run_trio

from . import needs
from .engine import RunningEngine, engine
from .places import HERE
from .process import until
from .sipp import Keys, Sipp, run_sipp, sipp

pytestmark = needs.program("sipp")
FLOWS = HERE / "flows.py"
CAROL = 'username = "carol"\npassword = "sesame-5"\n'
POLICIES = {
    "pai": 'identity = "pai"\ncodecs = ["PCMA"]\nheaders = { X-Account = "7" }\nstrip = ["X-Internal"]\n',
    "ppi": 'identity = "ppi"\n',
    "rpid": 'identity = "rpid"\n',
    "plain": "",
    "capped": "calls = 1\n",
    "reserve": "",
    "slow": "rate = 1\n",
    "asks": CAROL,
    "renews": CAROL,
}
# A caller with something to hide.
PRIVATE = """\
Privacy: id
User-Agent: Hidden-Phone/1
Record-Route: <sip:127.0.0.1:[local_port];lr;hidden=yes>
Diversion: <sip:office@example.com>;reason=no-answer
History-Info: <sip:office@example.com>;index=1"""
ASKS = """\
<recv request="{method}"/>
<send><![CDATA[
SIP/2.0 401 Unauthorized
[reply]
WWW-Authenticate: Digest realm="elsewhere", nonce="{method}2b", qop="auth", algorithm=MD5
Content-Length: 0

]]></send>
{ack}
<recv request="{method}">
  <action>
    <verifyauth assign_to="{method}_is_right" username="carol" password="sesame-5"/>
  </action>
</recv>
<nop hide="true" test="{method}_is_right" next="{number}"/>
<recv request="PUBLISH"/>
<label id="{number}"/>
<send><![CDATA[
SIP/2.0 200 OK
[reply]
Refer-Sub: false
Contact: <sip:[local_ip]:[local_port]>
{answer}
]]></send>
{ack}
"""
ACK = '<recv request="ACK"/>'
EMPTY = "Content-Length: 0\n"
SHORT = "Require: timer\nSession-Expires: 10;refresher=uac"
RENEWED = "Require: timer\nSession-Expires: 1800;refresher=uac\n[resumed_sdp]"
CALLEES: Mapping[str, Keys] = {
    "pai": {"codec": 8, "headers": "User-Agent: Hidden-Switch/1"},
    "asks": {
        "steps": ASKS.format(method="REFER", number=1, ack="", answer=EMPTY),
        "end": ASKS.format(method="BYE", number=2, ack="", answer=EMPTY),
    },
    "renews": {
        "headers": SHORT,
        "steps": ASKS.format(method="INVITE", number=1, ack=ACK, answer=RENEWED),
        "end": "[callee_hangs_up]",
    },
}


@asynccontextmanager
async def carriers(folder: Path) -> AsyncIterator[tuple[RunningEngine, dict[str, Sipp]]]:
    """An engine with a trunk to a SIPp for each policy, that takes one call, and to one that is not well."""
    async with AsyncExitStack() as stack:
        found = {}
        for name in POLICIES:
            keys = {"end": "[is_hung_up]", **CALLEES.get(name, {})}
            found[name] = await stack.enter_async_context(sipp("called", folder / name, keys=keys))
        found["ill"] = await stack.enter_async_context(sipp("tells_its_health", folder / "ill", calls=2))
        tables = [_trunk(name, found[name].port, f"health = 0\n{policy}") for name, policy in POLICIES.items()]
        tables.append(_trunk("ill", found["ill"].port, "health = 5\n"))
        running = await stack.enter_async_context(
            engine(folder / "engine", FLOWS, tables="".join(tables), has_short_sessions=True)
        )
        yield running, found


def _trunk(name: str, port: int, policy: str) -> str:
    """None calls us: a caller may have the port of one that has ended."""
    return f'[[trunk]]\nname = "{name}"\ntargets = "127.0.0.1:{port}"\nallow = ["192.0.2.1"]\n{policy}'


@run_trio
async def test_a_carrier_sees_what_its_trunk_s_policy_says_and_nothing_of_the_caller_s_phone(tmp_path: Path):
    async with carriers(tmp_path) as (running, callees):
        async with trio.open_nursery() as phones:
            phones.start_soon(_see_who_calls, running, callees, tmp_path / "callers")
            phones.start_soon(_overflow, running, callees, tmp_path / "overflow")
            phones.start_soon(_ask_who_calls, running, callees, tmp_path / "asked")
            phones.start_soon(_be_ill, running, callees["ill"])


async def _see_who_calls(running: RunningEngine, callees: Mapping[str, Sipp], folder: Path) -> None:
    invites = {}
    for name in ("pai", "ppi", "rpid", "plain"):
        keys: Keys = {"number": f"by-{name}", "headers": PRIVATE, "codec": 8 if name == "pai" else 0}
        async with sipp("calls", folder / name, server=running.udp, keys=keys) as caller:
            await caller.wait()
        await callees[name].wait()
        invites[name] = callees[name].received("INVITE")[0]
        assert re.search(r'\nFrom: "?Anonymous"? <sip:anonymous@anonymous.invalid>', invites[name])
        assert "\nX-Diversion: <sip:office@example.com>;reason=no-answer\n" in invites[name]
        assert "\nX-History-Info: <sip:office@example.com>;index=1\n" in invites[name]
        _have_nothing_in_common(caller, callees[name])
    assert re.search(r"\nP-Asserted-Identity: <sip:guest@", invites["pai"])
    assert re.search(r"\nP-Preferred-Identity: <sip:guest@", invites["ppi"])
    assert re.search(r"\nRemote-Party-ID: <sip:guest@.*privacy=full", invites["rpid"])
    assert "guest" not in invites["plain"]
    assert all("\nPrivacy: id\n" in invite for invite in invites.values())
    assert "\nX-Account: 7\n" in invites["pai"]
    assert "X-Internal" not in invites["pai"]
    assert "\nX-Internal: secret\n" in invites["plain"]
    assert re.search(r"\nm=audio [0-9]+ RTP/AVP 8 [0-9]+\n", invites["pai"])


def _have_nothing_in_common(caller: Sipp, callee: Sipp) -> None:
    """Neither is shown an address, a Call-ID, a tag, a route or a program of the other."""
    came, went = caller.received("SIP/2.0"), [*callee.received("INVITE"), *callee.received("ACK")]
    assert came
    assert "Hidden-Phone" in caller.said()
    for ours, theirs, word in ((caller, went, "idden"), (callee, came, "Hidden-Switch")):
        secrets = {*re.findall(r"\nCall-ID: (\S+)", ours.said()), *re.findall(r"\nVia: (\S+ \S+)", ours.said())}
        secrets |= {word, *re.findall(r";tag=(\S+)", ours.said())}
        assert [secret for secret in secrets for message in theirs if secret in message] == []


async def _overflow(running: RunningEngine, callees: Mapping[str, Sipp], folder: Path) -> None:
    await run_sipp("is_hung_up", folder, running.udp, keys={"number": "overflow"})
    for name, number in {"capped": "031", "reserve": "032"}.items():
        await callees[name].wait()
        assert [invite.split()[1].partition("@")[0] for invite in callees[name].received("INVITE")] == [f"sip:{number}"]
    await callees["slow"].wait()
    assert len(callees["slow"].received("INVITE")) == 1


async def _ask_who_calls(running: RunningEngine, callees: Mapping[str, Sipp], folder: Path) -> None:
    await run_sipp("is_hung_up", folder / "asks", running.udp, keys={"number": "asked"})
    await callees["asks"].wait()
    await run_sipp("is_hung_up", folder / "renews", running.udp, keys={"number": "by-renews"})
    await callees["renews"].wait()


async def _be_ill(running: RunningEngine, ill: Sipp) -> None:
    await ill.wait()
    await until(lambda: "target up" in running.log)
    assert "target down" in running.log
