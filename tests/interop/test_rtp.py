"""Our RTP as tshark reads it: in time and in order, with RTCP, and keys as RFC 4733 has them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

from tests.trio_tests import run_trio

from . import needs
from .capture import Capture, capture, sdp_port, tshark
from .engine import RunningEngine, engine
from .places import CALLS
from .terminal import terminal

pytestmark = [needs.program("tshark"), needs.raw_sockets()]


@dataclass(frozen=True, slots=True)
class Call:
    """What was on the wire of one call."""

    capture: Path
    sip: int
    rtp: int  # the engine's port

    async def tshark(self, *arguments: str) -> str:
        return await tshark(self.capture, "-d", f"udp.port=={self.sip},sip", *arguments)

    async def fields(self, display_filter: str, *names: str) -> list[list[str]]:
        """Those fields of each packet that the filter takes."""
        fields = [word for name in names for word in ("-e", name)]
        said = await self.tshark("-Y", display_filter, "-T", "fields", "-E", "occurrence=f", *fields)
        return [line.split("\t") for line in said.splitlines()]


async def observe(folder: Path, running: RunningEngine, number: str, *, seconds: float | None = None) -> Call:
    """Call a number and listen, to so many seconds of RTP or until the far end hangs up."""
    async with capture() as wire, terminal() as guest:
        call = await guest.call(running.sip(number))
        assert await call.wait_answered()
        await wire.wait(lambda: answers(wire, running))
        ours = sdp_port(answers(wire, running)[0])
        if seconds is None:
            await call.wait_ended()
        else:
            await wire.wait(lambda: len(wire.rtp(source=ours)) >= seconds * 50)
        call.hang_up()
        await wire.wait(
            lambda: any(m.startswith("SIP/2.0 200") and "BYE" in m for _, m in wire.messages(running.udp[1]))
        )
        await wire.wait(lambda: any(d.source == ours + 1 and is_goodbye(d.data) for d in wire.datagrams))
    return Call(wire.save(folder / "call.pcap", running.udp[1], ours, ours + 1), running.udp[1], ours)


def answers(wire: Capture, running: RunningEngine) -> list[str]:
    """The 200s that have an SDP."""
    return [m for _, m in wire.messages(running.udp[1]) if m.startswith("SIP/2.0 200") and "m=audio" in m]


def is_goodbye(data: bytes) -> bool:
    """A compound of RTCP that has a BYE in it (RFC 3550 6.1)."""
    while len(data) >= 4:
        if data[1] == 203:
            return True
        data = data[4 + 4 * int.from_bytes(data[2:4], "big") :]
    return False


@run_trio
async def test_a_playback_leaves_every_20_ms_and_nothing_is_lost(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running:
        call = await observe(tmp_path, running, "3003", seconds=3)
    table = await call.tshark("-q", "-z", "rtp,streams")
    [ours] = [line.split() for line in table.splitlines() if re.match(rf" *\S+ +\S+ +127\.0\.0\.1 +{call.rtp} ", line)]
    payload, packets, lost = ours[7], int(ours[8]), ours[9]
    assert payload == "g711U"
    assert packets >= 150
    assert lost == "0"
    times = [float(at) for (at,) in await call.fields(f"rtp and udp.srcport == {call.rtp}", "frame.time_epoch")]
    seconds = [later - at for at, later in zip(times, times[100:], strict=False)]
    assert 1.98 < median(seconds) < 2.02  # for most: how late one may be is a figure of the benchmarks
    marked = await call.fields(f"rtp.marker == 1 and udp.srcport == {call.rtp}", "rtp.seq")
    assert len(marked) == 1  # the first of the talk spurt (RFC 3551 4.1)


@run_trio
async def test_rtcp_tells_what_was_sent_and_says_goodbye(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running:
        call = await observe(tmp_path, running, "3003", seconds=1)
    sent = await call.fields(f"rtp and udp.srcport == {call.rtp}", "rtp.ssrc")
    reports = await call.fields(
        f"rtcp and udp.srcport == {call.rtp + 1}",
        "rtcp.pt",
        "rtcp.senderssrc",
        "rtcp.sender.packetcount",
        "rtcp.sdes.type",
    )
    assert reports
    last = reports[-1]
    assert last[:3] == ["200", sent[0][0], str(len(sent))]
    assert last[3] == "1"  # a CNAME in every compound (RFC 3550 6.1)
    assert await call.fields(f"rtcp.pt == 203 and udp.srcport == {call.rtp + 1}", "frame.number")
    assert not await call.fields("rtcp.length_check == 0", "frame.number")
    assert not await call.fields("_ws.malformed", "frame.number")


@run_trio
async def test_keys_are_sent_as_rfc_4733_has_them(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running:
        call = await observe(tmp_path, running, "3006")
    rows = await call.fields(
        f"rtpevent and udp.srcport == {call.rtp}",
        "rtp.timestamp", "rtpevent.event_id", "rtpevent.end_of_event", "rtpevent.duration", "rtp.marker", "rtp.seq",
    )  # fmt: skip
    events: dict[str, list[list[str]]] = {}
    for timestamp, *rest in rows:
        events.setdefault(timestamp, []).append(rest)
    assert [packets[0][0] for packets in events.values()] == ["1", "9", "10", "11"]
    for packets in events.values():
        assert [is_marked for _, _, _, is_marked, _ in packets] == ["1"] + ["0"] * (len(packets) - 1)
        assert [is_end for _, is_end, *_ in packets] == ["0"] * (len(packets) - 3) + ["1"] * 3
        durations = [int(duration) for _, _, duration, _, _ in packets]
        assert durations == sorted(durations)
        assert durations[-1] == 800  # 100 ms
    numbers = [int(seq) for (seq,) in await call.fields(f"rtp and udp.srcport == {call.rtp}", "rtp.seq")]
    assert all((after - before) % 65536 == 1 for before, after in pairwise(numbers))
