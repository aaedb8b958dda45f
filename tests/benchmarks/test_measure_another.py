"""Another server is measured as far as it is known; here it is ours, of which nothing is used but its address."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import trio

from benchmarks.bench import Bench
from benchmarks.engine import free_port, running_engine
from benchmarks.measure_another import Another, measure_another
from benchmarks.measure_media import NO_LIMIT
from benchmarks.process import choose_cores
from benchmarks.script import BRIDGE, CONFERENCE, PLAY

from .test_measurements import TINY


def test_what_has_a_number_is_measured_by_its_process_or_by_what_is_heard(tmp_path: Path):
    bench = Bench(choose_cores(), tmp_path, replace(TINY, shares=(0.5,)), lambda text: None)
    port = free_port()

    async def measure() -> None:
        async with running_engine(bench, more=NO_LIMIT) as server:
            numbers = Another(
                server=server.server, playback=PLAY, relay=BRIDGE.format(port=port), callee_port=port,
                conference=CONFERENCE.format(room=0), legs=4,
            )  # fmt: skip
            with_process = await measure_another(bench, replace(numbers, pid=server.pid))
            by_address = await measure_another(bench, numbers)
            calls_alone = await measure_another(bench, Another(server=server.server))
        at = numbers.name
        assert {figure.name: figure.unit for figure in with_process} == {
            f"calls answered by {at}": "calls/s", f"call answered by {at}": "CPU-ms/call",
            f"playback by {at}": "CPU-us/leg-second", f"two-way relay by {at}": "CPU-us/call-second",
            f"member of a conference by {at}": "CPU-us/member-second",
        }  # fmt: skip
        assert "at 50 %" in with_process[1].beside
        assert {figure.name: figure.unit for figure in by_address} == {
            f"calls answered by {at}": "calls/s", f"playback by {at}": "x what was due",
            f"two-way relay by {at}": "x what was due", f"member of a conference by {at}": "x what was due",
        }  # fmt: skip
        assert [figure.name for figure in calls_alone] == [f"calls answered by {at}"]

    trio.run(measure)
