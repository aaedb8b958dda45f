"""Hold and resume by baresip, checked on the wire: what the SDP says, and what RTP does."""

from __future__ import annotations

from pathlib import Path

from tests.trio_tests import run_trio

from . import needs
from .baresip import phone
from .capture import Capture, Datagram, capture, sdp_port
from .engine import engine
from .places import CALLS
from .watch import watch

pytestmark = [needs.program("baresip"), needs.raw_sockets()]


def answers(wire: Capture, port: int) -> list[tuple[Datagram, str]]:
    """The 200s with SDP that a port sent, once each."""
    found = {message: datagram for datagram, message in reversed(wire.messages(port))
             if datagram.source == port and message.startswith("SIP/2.0 200") and "m=audio" in message}  # fmt: skip
    return sorted(((datagram, message) for message, datagram in found.items()), key=lambda answer: answer[0].at)


@run_trio
async def test_hold_is_answered_recvonly_and_silences_us_until_the_resumption(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen, capture() as wire:
        async with phone(tmp_path, running, seen, "alice") as alice:
            await alice.dial("3003")
            await alice.wait_event("CALL_ESTABLISHED")
            await wire.wait(lambda: answers(wire, running.udp[1]))
            ours = sdp_port(answers(wire, running.udp[1])[0][1])
            await wire.wait_more(source=ours, seconds=0.5)
            await alice.hold()
            await seen.wait("channel.held")
            await wire.wait_time(1.5)
            await alice.resume()
            await seen.wait("channel.resumed")
            await wire.wait_more(source=ours, seconds=0.5)
            await alice.hang_up()
            await seen.wait("channel.ended")
    (first, talk), (held, hold), (resumed, resume) = answers(wire, running.udp[1])
    assert "a=sendrecv" in talk
    assert "a=recvonly" in hold
    assert "a=sendrecv" in resume
    assert first.at < held.at < resumed.at
    asked = max(d.at for d, m in wire.messages(running.udp[1]) if m.startswith("INVITE ") and d.at < resumed.at)
    assert [d for d in wire.rtp(source=ours) if held.at + 0.5 < d.at < asked] == []
    assert asked - held.at > 1.5
    versions = [
        next(line for line in sdp.splitlines() if line.startswith("o=")).split()[2] for sdp in (talk, hold, resume)
    ]
    assert [int(version) - int(versions[0]) for version in versions] == [0, 1, 2]
