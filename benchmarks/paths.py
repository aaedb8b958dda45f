"""The hot paths of Python, each so many times: what `check` counts. Chance has no part in them."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from callflow import App, Call
from callflow.protocol.connection import Spelling
from callflow.protocol.events import ChannelAnswered
from callflow.testing import Simulation
from engine.eventsocket.log import EventLog
from engine.eventsocket.reader import Reader
from engine.sip.events import Flow, InviteReceived
from engine.sip.stack import SipStack

SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
FLOW = Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))
TO = re.compile(rb"\r\n(To: [^\r]+)")

app = App("checked")


@app.route("1000")
async def answer(call: Call) -> None:
    await call.answer()
    await call.wait_hangup()


def answered_calls(calls: int) -> None:
    """All of it, simulated: two ends of SIP, a channel, fake media, the event socket, a script."""
    with TemporaryDirectory() as folder:
        simulation = Simulation(app, folder=Path(folder))

        async def play() -> None:
            for number in range(calls):
                caller = simulation.phone(f"caller{number}")
                caller.call("1000")
                await caller.answered()
                caller.hang_up()
                await caller.ended()

        simulation.run(play)


def sip_calls(calls: int) -> None:
    """INVITE, 200, ACK, BYE, 200 through a stack."""
    tokens = count(1 << 60)
    stack = SipStack(new_token=lambda: f"{next(tokens):x}")
    for number in range(calls):
        stack.receive_datagram(message("INVITE", number, 1, body=SDP), FLOW, now=0.0)
        received = stack.next_event()
        assert isinstance(received, InviteReceived)
        stack.answer(received.invite, body=SDP, now=0.0)
        *_, (ok, _) = stack.datagrams_to_send()
        to = TO.search(ok)
        assert to is not None
        for method, sequence in (("ACK", 1), ("BYE", 2)):
            stack.receive_datagram(message(method, number, sequence, to=to[1]), FLOW, now=0.0)
            stack.next_event()
        assert stack.datagrams_to_send()


def events(many: int) -> None:
    """Events that are encoded, kept, and read by a subscriber."""
    log = EventLog("e1", lambda: 0.0)
    reader = Reader(log, owners=frozenset({"s1"}), may_read=True, wake=lambda: None)
    for number in range(many):
        log.emit(ChannelAnswered(codec="PCMU"), channel="c1", call_seq=number, owner="s1")
        assert [entry.spelled(Spelling.MSGPACK) for entry in reader.take()[0]]


def message(
    method: str, number: int, sequence: int, *, to: bytes = b"To: <sip:1000@192.0.2.2>", body: bytes = b""
) -> bytes:
    return (
        b"%s sip:1000@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK%d-%d-%s\r\n"
        b"From: <sip:load@192.0.2.1>;tag=f%d\r\n%s\r\nCall-ID: c%d@192.0.2.1\r\nCSeq: %d %s\r\n"
        b"Contact: <sip:load@192.0.2.1:5060>\r\nMax-Forwards: 70\r\n%sContent-Length: %d\r\n\r\n%s"
    ) % (
        method.encode(), number, sequence, method.encode(), number, to, number, sequence, method.encode(),
        b"Content-Type: application/sdp\r\n" if body else b"", len(body), body,
    )  # fmt: skip
