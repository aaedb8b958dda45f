"""An engine behind a router: what a peer elsewhere is told in SIP and in SDP."""

from __future__ import annotations

from pathlib import Path

import trio

from tests.sip.messages_by_hand import request
from tests.trio_tests import run_within

from .engine import engine
from .places import CALLS

FROM = "<sip:guest@192.0.2.9>;tag=guest"
OFFER = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"


@run_within(60)
async def test_contact_and_media_name_the_advertised_address(tmp_path: Path):
    sip = 'advertise = "203.0.113.5"\nlocal = ["10.0.0.0/8"]'
    async with engine(tmp_path / "engine", CALLS, sip=sip) as running:
        with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as phone:
            await phone.bind(("127.0.0.1", 0))
            via = f"SIP/2.0/UDP 127.0.0.1:{phone.getsockname()[1]}"
            await phone.sendto(request(uri="sip:3001@203.0.113.5", from_=FROM, via=via, body=OFFER), running.udp)
            while not (answer := await phone.recv(65535)).startswith(b"SIP/2.0 200"):
                assert answer.startswith(b"SIP/2.0 1"), answer
            assert (
                f"@203.0.113.5:{running.udp[1]}>".encode() in answer
                or f"<sip:203.0.113.5:{running.udp[1]}>".encode() in answer
            )
            assert b"c=IN IP4 203.0.113.5\r\n" in answer
            tag = answer.partition(b"To: ")[2].partition(b"tag=")[2].partition(b"\r\n")[0].decode()
            to = f"<sip:bob@192.0.2.1>;tag={tag}"
            await phone.sendto(request("ACK", from_=FROM, via=via, to=to, branch="z9hG4bKack"), running.udp)
            await phone.sendto(request("BYE", from_=FROM, via=via, to=to, branch="z9hG4bKbye", cseq=2), running.udp)
            while b"CSeq: 2 BYE" not in (answer := await phone.recv(65535)):
                pass
            assert answer.startswith(b"SIP/2.0 200")
