"""What no agent sends, over TCP to a running engine: bounded, answered where it can be, logged once, and harmless."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import trio

from engine.sip.messages import Response, StreamReader
from tests.trio_tests import run_trio

from .engine import RunningEngine, engine
from .places import CALLS
from .process import until
from .wire import message, peer

MANY = tuple(f"X-Many: {number}" for number in range(1000))
SMUGGLED = b"INVITE sip:3003@127.0.0.1 SIP/2.0\r\n"


def with_length(data: bytes, length: str) -> bytes:
    return data.replace(b"Content-Length: 0", f"Content-Length: {length}".encode())


async def converse(running: RunningEngine, data: bytes, *, has_more: bool = False) -> list[int]:
    """The statuses of the answers on a connection of its own, until the engine closes it; we do, unless `has_more`."""
    reader, found = StreamReader(), []
    async with await trio.open_tcp_stream(*running.tcp) as stream:
        with suppress(trio.BrokenResourceError):
            await stream.send_all(data)
            if not has_more:
                await stream.send_eof()
            async for piece in stream:
                found += [each.status for each in reader.feed(piece) if isinstance(each, Response)]
    return found


def malformed(running: RunningEngine) -> int:
    """How many lines of the log tell of a message that was none."""
    return running.log.count("malformed")


@run_trio
async def test_what_is_too_large_or_says_two_things_is_answered_once_and_logged_once(tmp_path: Path):
    by_tcp = message("OPTIONS", transport="TCP")
    cases = [
        (with_length(by_tcp, str(10 << 20)) + bytes(1 << 20), 513),  # 10 MB: not one octet of it is waited for
        (message("OPTIONS", transport="TCP", headers=MANY), 513),
        (
            message("OPTIONS", transport="TCP", headers=(f"X-Long: {'x' * (64 << 10)}",))[: (64 << 10) + 1],
            513,
        ),  # no end
        (message("OPTIONS", transport="TCP", headers=("Content-Length: 7",)), 400),
        (with_length(by_tcp, "-1"), 400),
        (with_length(by_tcp, "0x10"), 400),
        (message("OPTIONS", transport="TCP", headers=("X-Bare: a\rX-Smuggled: b",)), 400),
        (message("OPTIONS", transport="TCP", headers=("X-Bare: a\nX-Smuggled: b",)), 400),
    ]
    async with engine(tmp_path / "engine", CALLS) as running:
        for count, (data, status) in enumerate(cases, 1):
            assert await converse(running, data, has_more=len(data) > 1 << 20) == [status], data[:600]
            await until(lambda count=count: malformed(running) >= count)
            assert malformed(running) == count, data[:600]
        assert await converse(running, message("OPTIONS", transport="TCP")) == [200]


@run_trio
async def test_half_a_message_is_waited_for_so_long_and_no_longer_however_it_trickles(tmp_path: Path):
    by_tcp = with_length(message("OPTIONS", transport="TCP"), "9")
    half_a_body, half_a_head = by_tcp + b"v=0", by_tcp[: by_tcp.index(b"Content-Length")]
    async with engine(tmp_path / "engine", CALLS, is_impatient=True) as running:
        found: dict[bytes, list[int]] = {}

        async def play(data: bytes) -> None:
            found[data] = await converse(running, data, has_more=True)

        async def trickle() -> None:
            async with await trio.open_tcp_stream(*running.tcp) as stream:
                with suppress(trio.BrokenResourceError):
                    for octet in half_a_head * 10:
                        await stream.send_all(bytes([octet]))
                        await trio.sleep(0.05)

        async with trio.open_nursery() as nursery:
            for data in (half_a_body, half_a_head, by_tcp[:40]):
                nursery.start_soon(play, data)
            nursery.start_soon(trickle)
        assert found == {half_a_body: [400], half_a_head: [400], by_tcp[:40]: []}
        await until(lambda: malformed(running) == 4)
        assert await converse(running, message("OPTIONS", transport="TCP")) == [200]


@run_trio
async def test_a_thousand_headers_of_a_kind_by_udp_are_refused_and_the_next_is_served(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, peer("127.0.0.1", running.udp) as stranger:
        assert (await stranger.ask(message("OPTIONS", headers=MANY))).status == 513
        assert (await stranger.ask(message("OPTIONS"))).status == 200
        await until(lambda: malformed(running) == 1)


@run_trio
async def test_what_stands_in_a_body_is_no_message(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running:
        smuggled = SMUGGLED + message("INVITE", transport="TCP").partition(b"\r\n")[2]
        data = with_length(message("OPTIONS", transport="TCP"), str(len(smuggled))) + smuggled
        assert await converse(running, data) == [200]
        assert await running.listed("calls") == []
