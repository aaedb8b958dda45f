"""Bad input on the wire: whoever sends it gets what he deserves, and nobody else notices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio

from callflow.phone import Ended
from callflow.protocol.events import ChannelEnded
from engine.sip.messages import ParseError, parse_datagram
from tests.ports import free_ports
from tests.sip.test_torture import ROWS, needs_set, octets
from tests.trio_tests import run_trio

from . import needs
from .audio import samples, seconds_of_sound, seconds_of_tone
from .engine import RunningEngine, engine
from .places import CALLS
from .process import until
from .sipp import run_sipp
from .terminal import terminal
from .watch import watch

OURS = [path.read_bytes() for path in sorted((Path(__file__).parents[1] / "sip" / "malformed").glob("*.sip"))]
TORTURE = [octets(row["name"]) for row in ROWS]
OPTIONS = """\
OPTIONS sip:127.0.0.1 SIP/2.0\r
Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKlast{number};rport\r
From: <sip:tester@127.0.0.1>;tag=1\r
To: <sip:127.0.0.1>\r
Call-ID: the-last-{number}@\r
CSeq: 1 OPTIONS\r
Max-Forwards: 70\r
Content-Length: 0\r
\r
"""


def malformed(messages: Sequence[bytes]) -> int:
    """How many of them are no SIP."""
    count = 0
    for message in messages:
        try:
            parse_datagram(message)
        except ParseError:
            count += bool(message.strip(b"\r\n\0 "))
    return count


async def send_datagrams(running: RunningEngine, messages: Sequence[bytes]) -> list[bytes]:
    """What came back until an OPTIONS at the end was answered. A few at a time: none is lost for want of room."""
    answers = [b""]
    with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as sender:
        await sender.connect(running.udp)
        for first in range(0, len(messages), 5):
            for message in [*messages[first : first + 5], OPTIONS.format(number=first).encode()]:
                await sender.send(message)
            while f"the-last-{first}@".encode() not in answers[-1]:
                answers.append(await sender.recv(65536))
    return answers


async def send_streams(running: RunningEngine, messages: Sequence[bytes]) -> None:
    """Each in a connection of its own, until the engine has closed that."""
    for message in messages:
        async with await trio.open_tcp_stream(*running.tcp) as stream:
            try:
                await stream.send_all(message)
                await stream.send_eof()
                async for _ in stream:
                    pass
            except trio.BrokenResourceError:
                pass


@pytest.mark.parametrize(
    "messages", [pytest.param(OURS, id="ours"), pytest.param(TORTURE, id="rfc4475-rfc5118", marks=needs_set)]
)
@run_trio
async def test_malformed_messages_are_counted_and_harm_no_call(tmp_path: Path, messages: list[bytes]):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen, terminal() as guest:
        call = await guest.call(running.sip("3003"))
        call.record(tmp_path / "heard.wav")
        assert await call.wait_sound()
        begun = trio.current_time()

        answers = await send_datagrams(running, messages)
        by_udp = (await seen.client.status()).counters["sip_malformed"]
        await send_streams(running, messages)
        by_both = (await seen.client.status()).counters["sip_malformed"]

        assert b"SIP/2.0 200" in answers[-1]
        assert by_udp == malformed(messages) > 5
        assert by_udp < by_both <= 2 * len(messages)
        assert len(await running.listed("calls")) == 1
        assert call.ended is None
        lasted = trio.current_time() - begun
        call.hang_up()
        await call.wait_closed()
    assert seconds_of_tone(samples(tmp_path / "heard.wav"), 440) > 0.9 * lasted - 0.15
    assert "Traceback" not in running.log


@needs.program("sipp")
@pytest.mark.parametrize(("number", "codec", "status"), [("9999", "0", 404), ("3003", "4", 488)])
@run_trio
async def test_what_cannot_be_is_refused(tmp_path: Path, number: str, codec: str, status: int):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        keys = {"number": number, "codec": codec, "status": status}
        await run_sipp("refused", tmp_path / "call", running.udp, keys=keys)
        assert (await seen.client.status()).counters["media_sessions"] == 0


@run_trio
async def test_a_script_that_raises_ends_its_call_with_a_tone_and_no_other(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen, terminal() as guest:
        other = await guest.call(running.sip("3003"))
        other.record(tmp_path / "other.wav")
        assert await other.wait_answered()

        call = await guest.call(running.sip("3005"))
        call.record(tmp_path / "heard.wav")
        ended = await call.wait_ended()
        await call.wait_closed()
        over = await seen.wait("channel.ended")

        assert ended == Ended("peer", True, 0, "temporary_failure")
        assert isinstance(over, ChannelEnded)
        assert (over.cause, over.ended_by) == (41, "app")
        assert 0.1 < seconds_of_sound(samples(tmp_path / "heard.wav")) < 2
        failed = await seen.wait("script.failed")
        assert "the script has a bug" in str(failed)
        raised = await seen.channel(1)
        await until(lambda: 'raise RuntimeError("the script has a bug")' in running.log)
        assert f"call={raised}" in re.sub(r"\x1b\[[0-9;]*m", "", running.log)

        assert other.ended is None
        other.hang_up()
        await other.wait_closed()
    assert seconds_of_tone(samples(tmp_path / "other.wav"), 440) > 0.1


@run_trio
async def test_a_prompt_that_is_missing_is_named(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen, terminal() as guest:
        call = await guest.call(running.sip("3002"))
        assert (await call.wait_ended()).reason == "temporary_failure"
        failed = await seen.wait("script.failed")
        assert "no-such-prompt.wav" in str(failed)
        await until(lambda: "no-such-prompt.wav" in running.log)


@run_trio
async def test_without_a_free_port_a_call_gets_503_and_with_one_again_it_is_taken(tmp_path: Path):
    first, last = free_ports(4)
    async with (
        engine(tmp_path / "engine", CALLS, ports=f"{first}-{last}") as running,
        watch(running) as seen,
        terminal() as guest,
    ):
        calls = [await guest.call(running.sip("3003")) for _ in range(2)]
        for call in calls:
            assert await call.wait_answered()
        one_too_many = await guest.call(running.sip("3003"))
        assert (await one_too_many.wait_ended()).status == 503
        calls[0].hang_up()
        await seen.wait("channel.ended")
        next_one = await guest.call(running.sip("3003"))
        assert await next_one.wait_answered()
        guest.hang_up_all()
        await seen.wait("channel.ended", count=3)
        assert (await seen.client.status()).counters["media_sessions"] == 0
