"""SIPp running one of our scenarios: a phone that does exactly what the file says, and fails if the other does not.

A scenario holds `[keys]`, SIPp's own and those given here. Its ports are the first that it finds free.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from .process import listening_ports, until

SCENARIOS = Path(__file__).parent / "sipp_scenarios"
# What the messages of all scenarios have in common.
SDP = """\
Content-Type: application/sdp
Content-Length: [len]

v=0
o=phone 1 [version] IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP [codec] 101
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=[direction]
"""
PIECES = {
    "caller": """\
Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]
From: <sip:[user]@[remote_ip]>;tag=[pid]c[call_number]
Call-ID: [call_id]
Contact: <sip:[user]@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70""",
    "reply": "[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]",
    "reply_with_tag": """\
[last_Via:]
[last_From:]
[last_To:];tag=[pid]a[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>""",
    "sdp": SDP,
    "held_sdp": SDP.replace("[direction]", "sendonly").replace("[version]", "2"),
    "resumed_sdp": SDP.replace("[version]", "3"),
    "version": "1",
    "direction": "sendrecv",
    "codec": "0",
}
# Steps that many scenarios begin or end with. `[$callee]`, or `[$caller]` and `[$us]`, are the addresses of the dialog.
STEPS = {
    "begin": "[caller_is_answered]",
    "end": "[caller_hangs_up]",
    "hold": "[held_sdp]",
    "steps": "",
    "caller_is_answered": """\
<send retrans="500"><![CDATA[
INVITE sip:[number]@[remote_ip]:[remote_port] SIP/2.0
[caller]
To: <sip:[number]@[remote_ip]>
CSeq: 1 INVITE
[headers]
[sdp]
]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="183" optional="true"/>
<recv response="200" rrs="true">
  <action><ereg regexp="[^ ].*" search_in="hdr" header="To:" check_it="true" assign_to="callee"/></action>
</recv>
<Reference variables="callee"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
[caller]
To: [$callee]
CSeq: 1 ACK
Content-Length: 0

]]></send>""",
    "callee_answers": """\
<recv request="INVITE" rrs="true">
  <action>
    <ereg regexp="[^ ].*" search_in="hdr" header="From:" check_it="true" assign_to="caller"/>
    <ereg regexp="[^ ].*" search_in="hdr" header="To:" check_it="true" assign_to="us"/>
  </action>
</recv>
<Reference variables="caller,us"/>
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
[reply_with_tag]
[headers]
[sdp]
]]></send>
<recv request="ACK"/>""",
    "caller_hangs_up": """\
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
[caller]
To: [$callee]
CSeq: 99 BYE
Content-Length: 0

]]></send>
<recv response="200"/>""",
    "callee_hangs_up": """\
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
[callee]
CSeq: 99 BYE
Content-Length: 0

]]></send>
<recv response="200"/>""",
    "is_hung_up": """\
<recv request="BYE"/>
<send><![CDATA[
SIP/2.0 200 OK
[reply]
Content-Length: 0

]]></send>""",
    # In requests of the callee.
    "callee": """\
Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]
From: [$us];tag=[pid]a[call_number]
To: [$caller]
Call-ID: [call_id]
Contact: <sip:[local_ip]:[local_port]>
Max-Forwards: 70""",
    "caller_of_both": """\
From: <sip:[user]@[remote_ip]>;tag=[pid]c[call_number]
Call-ID: [call_id]
Contact: <sip:[user]@[local_ip]:[local_port]>
Max-Forwards: 70""",
    "headers": "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, MESSAGE, NOTIFY, REFER",  # no UPDATE
}
Keys = Mapping[str, str | int | Path]


class Sipp:
    """A running SIPp."""

    def __init__(self, process: trio.Process, folder: Path) -> None:
        self._process = process
        self._folder = folder
        self.port = 0  # where it takes calls
        self.media_port = 0

    async def wait(self) -> None:
        """Wait until the scenario is over. An AssertionError shows what SIPp did not expect."""
        await self._process.wait()
        assert self._process.returncode == 0, self._report()

    def said(self) -> str:
        """The messages it sent and received."""
        return _text(self._folder / "messages")

    def received(self, method: str) -> list[str]:
        """The requests of that method that came, once it has ended."""
        parts = re.split(r"^-{20,}.*\n", self.said(), flags=re.MULTILINE)
        messages = [part.partition("\n\n")[2] for part in parts if "message received" in part.partition("\n\n")[0]]
        return [message for message in messages if message.startswith(f"{method} ")]

    async def find_ports(self, transport: str) -> None:
        """Wait until it has opened them: that of SIP, two of RTP, and that of its remote control."""
        count = {"udp": 4, "tcp": 3}[transport]
        ports: list[int] = []  # a later look may miss one: the kernel's list changes while it is read

        def has_opened() -> bool:
            ports[:] = self._ports()
            return len(ports) >= count

        await until(lambda: self._process.poll() is not None or has_opened())
        if len(ports) < count:  # a short scenario
            assert self._process.returncode == 0, self._report()
            return
        self.port = ports[0] if transport == "udp" else next(iter(listening_ports(self._process.pid)), 0)
        self.media_port = ports[-3]

    def _ports(self) -> list[int]:
        try:
            return listening_ports(self._process.pid, "udp")
        except FileNotFoundError:  # it has ended
            return []

    def _report(self) -> str:
        told = "\n".join(_text(self._folder / name)[-6000:] for name in ("output", "errors", "messages"))
        return f"SIPp ended with {self._process.returncode}:\n{told}"


@asynccontextmanager
async def sipp(
    scenario: str,
    folder: Path,
    *,
    server: tuple[str, int] | None = None,
    user: str = "",
    password: str = "",
    keys: Keys | None = None,
    calls: int = 1,
    transport: str = "udp",
    arguments: tuple[str, ...] = (),
) -> AsyncIterator[Sipp]:
    """Run a scenario, to be waited for; without a server it is called. What is unfinished on exit is killed."""
    program = shutil.which("sipp")
    assert program, "sipp is not installed (apt-get install sip-tester)"
    folder.mkdir(parents=True)
    text = (SCENARIOS / f"{scenario}.xml").read_text()
    said = {"user": user or "guest", "password": password, **(keys or {})}
    for key, value in {**STEPS, **PIECES, **said}.items():
        text = text.replace(f"[{key}]", str(said.get(key, value)))
    (folder / "scenario.xml").write_text(text)
    command = [
        program, *([f"{server[0]}:{server[1]}"] if server else []), "-sf", "scenario.xml", "-i", "127.0.0.1",
        "-t", {"udp": "u1", "tcp": "t1"}[transport], "-m", str(calls), "-nostdin",
        "-trace_err", "-error_file", "errors", "-trace_msg", "-message_file", "messages",
        "-timeout", "100", "-timeout_error", *arguments,
    ]  # fmt: skip
    if user:
        command += ["-au", user, "-ap", password]
    with (folder / "output").open("wb") as output:
        process = await trio.lowlevel.open_process(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        running = Sipp(process, folder)
        await running.find_ports(transport)
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


async def run_sipp(scenario: str, folder: Path, server: tuple[str, int], **options: object) -> Sipp:
    """Run a scenario to its end."""
    async with sipp(scenario, folder, server=server, **options) as running:  # type: ignore[arg-type]
        await running.wait()
    return running


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""
