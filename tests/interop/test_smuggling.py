"""A call that is passed on: no header goes out that the engine did not write itself, whatever came in."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from engine.sip.messages import Request
from tests.trio_tests import run_trio

from .engine import engine
from .places import CALLS
from .wire import OFFER, message, peer

TRUNKS = """\
[[trunk]]
name = "carrier"
targets = ["udp:127.0.0.1:{callee}"]
health = 0
identity = "pai"

[[trunk]]
name = "home"
targets = ["udp:127.0.0.1:{caller}"]
health = 0
identity = "pai"
"""
LINE = "%0D%0AX-Smuggled:%20yes"  # of a URI, unescaped once it is read
ODD = (
    "Subject: lunch",
    "X-Folded: a\r\n X-Smuggled: yes",
    f"X-Escaped: {LINE}",
    "v: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK-other",
    "Record-Route: <sip:192.0.2.8;lr>",
    "Call-Info: <http://192.0.2.9/>",
    f'P-Asserted-Identity: "a\\"{LINE}" <sip:boss{LINE}@127.0.0.1>',
    f"P-Preferred-Identity: <sip:boss{LINE}@127.0.0.1>",
    f'Remote-Party-ID: "a\\"{LINE}" <sip:boss{LINE}@127.0.0.1>;party=calling',
    f"Diversion: <sip:one{LINE}@127.0.0.1>;reason=unconditional",
    f"History-Info: <sip:two{LINE}@127.0.0.1>;index=1",
    f"Referred-By: <sip:three{LINE}@127.0.0.1>",
    "User-to-User: 00",
    "Supported: smuggling",
    "Alert-Info: <http://192.0.2.9/>",
    "Content-Disposition: session",
)
ONCE = (
    "via", "max-forwards", "from", "to", "call-id", "cseq", "contact", "allow", "supported", "user-agent",
    "session-expires", "min-se", "p-asserted-identity", "content-type", "content-length",
)  # fmt: skip
_NAME = re.compile(r"^([^:\s]+)[ \t]*:", re.MULTILINE)


def names(request: Request) -> Counter[str]:
    """How often each header stands in it, read by other means than its parser."""
    head = request.raw.decode().partition("\r\n\r\n")[0].partition("\r\n")[2]
    return Counter(name.lower() for name in _NAME.findall(head.replace("\r", "\n")))


@run_trio
async def test_a_call_that_is_passed_on_has_our_headers_and_no_others(tmp_path: Path):
    async with peer("127.0.0.1") as callee, peer("127.0.0.1") as caller:
        tables = TRUNKS.format(callee=callee.port, caller=caller.port)
        async with engine(tmp_path / "engine", CALLS, tables=tables) as running:
            await caller.connect(running.udp)
            await callee.connect(running.udp)
            invite = message("INVITE", user="0301234", headers=ODD, body=OFFER)
            await caller.send(invite.replace(b"<sip:stranger@", f'"b\\"{LINE}" <sip:stranger{LINE}@'.encode(), 1))
            passed = await callee.receive()
            assert isinstance(passed, Request)
            assert names(passed) == Counter(ONCE)
            assert passed.vias[0].host != "192.0.2.7"
            assert b"192.0.2" not in passed.raw
