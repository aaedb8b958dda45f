"""Nothing is lost and nothing comes twice: an app that owns calls is killed, or its link cut, again and again.

A real engine, more than 50 real calls and hundreds of events a second; the app's ledger of what it applied is compared
with the call records, which are written apart from the event log. LEDGER_CUTS=100 is the whole proof; the default is a
short one.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import trio

from callflow.client import connect
from callflow.protocol.records import CallRecord
from tests.interop.engine import engine

from .callers import Callers
from .link import Link

CUTS = int(os.environ.get("LEDGER_CUTS", "12"))
CALLS = 60
RATE, LIVE = (200, 50) if "LEDGER_CUTS" in os.environ else (50, 25)  # events a second and calls, at least


def test_an_app_that_is_killed_and_cut_off_loses_nothing_and_hears_nothing_twice(tmp_path):
    async def main() -> None:
        with trio.fail_after(120 + 3 * CUTS):
            await prove(tmp_path)

    trio.run(main)


async def prove(tmp_path: Path) -> None:
    dice = random.Random(20261123)
    path = tmp_path / "ledger"
    async with engine(tmp_path) as running, trio.open_nursery() as nursery:
        url = urlsplit(running.socket)
        link = Link((url.hostname, url.port))
        await nursery.start(link.run)
        app = App(f"ws://127.0.0.1:{link.port}{url.path}", path, running.token)
        await app.start()
        await until(lambda: path.exists() and lines(path))  # it is welcome
        callers = Callers(running.sip("1000"), count=CALLS, dice=dice)
        async with trio.open_nursery() as calling:
            calling.start_soon(callers.run)
            await until(lambda: len(callers.answered) >= 50)
            started_at, before, live = trio.current_time(), len(lines(path)), []
            for at in range(CUTS):
                await trio.sleep(dice.uniform(0.1, 1.0))  # the random moment is the test
                live.append(len(callers.answered))
                if at % 4 == 3:
                    await app.kill()
                    await app.start()
                else:
                    link.cut(is_silent=dice.random() < 0.3)
            seconds = trio.current_time() - started_at
            rate = (len(lines(path)) - before) / seconds
            callers.stop()
        records = await finished_records(running, path)
        await app.kill()
        nursery.cancel_scope.cancel()
    calls = f"{min(live)} to {max(live)} calls"
    print(f"{CUTS} cuts in {seconds:.0f} s, {rate:.0f} events/s, {calls}, {len(records)} records")
    compare(lines(path), records, callers)
    assert rate >= RATE
    assert sorted(live)[len(live) // 2] >= LIVE


class App:
    """The app's process."""

    def __init__(self, url: str, path: Path, token: str) -> None:
        self._command = [sys.executable, "-m", "tests.ledger.app", url, str(path)]
        self._environment = {**os.environ, "LEDGER_TOKEN": token}
        self._process: trio.Process | None = None

    async def start(self) -> None:
        self._process = await trio.lowlevel.open_process(self._command, env=self._environment)

    async def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()


def lines(path: Path) -> list[dict]:
    """What the ledger says, in its order."""
    return [json.loads(line) for line in path.read_text().splitlines()]


async def until(condition, seconds=90.0):
    with trio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110
            await trio.sleep(0.02)


async def finished_records(running, path: Path) -> list[CallRecord]:
    """The records, once all calls are over and the app has heard of it."""
    records: list[CallRecord] = []
    async with connect(running.socket, token=running.token) as client:
        with trio.fail_after(100):
            while await client.channels():  # noqa: ASYNC110 - a question to another process
                await trio.sleep(0.05)
            while True:
                after = records[-1].id if records else ""
                page = msgspec.convert(await client.command("records", after=after), list[CallRecord])
                records += page
                if not page:
                    break
            owned = {record.channel for record in records if not never_had_an_app(record)}
            await until(
                lambda: owned <= {line["channel"] for line in lines(path) if line.get("name") == "channel.ended"}
            )
    return records


def never_had_an_app(record: CallRecord) -> bool:
    """The app was away for too long when the call came."""
    return record.sip_status == 503 and record.phase == "setup"


def compare(ledger: list[dict], records: list[CallRecord], callers: Callers) -> None:
    """0 lost, 0 duplicated; and the records are of the calls that were placed."""
    assert [line for line in ledger if "gap" in line] == []
    events = [line for line in ledger if "name" in line]
    assert all(one["seq"] < other["seq"] for one, other in pairwise(events))
    by_channel = defaultdict(list)
    for event in events:
        by_channel[event["channel"]].append(event)
    by_channel.pop(None, None)
    assert len(records) == callers.placed - callers.refused.count(404)  # nobody was there to route it to
    assert len({record.channel for record in records}) == len(records)
    for record in records:
        told = by_channel.pop(record.channel, [])
        if not told:
            assert never_had_an_app(record), record
            continue
        assert [event["call_seq"] for event in told] == list(range(1, len(told) + 1))
        assert (told[0]["name"], told[-1]["name"]) == ("channel.created", "channel.ended")
        assert (told[-1]["cause"], told[-1]["ended_at"]) == (record.cause, record.ended_at)
    assert not by_channel, "the app heard of calls that have no record"
