"""`python -m benchmarks [--quick] [--only NAME] [--json FILE] [--against HOST:PORT ...]`: ours, or another server."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TypeAlias

import trio
from rich.console import Console

from . import (
    measure_both,
    measure_bridge,
    measure_calls,
    measure_crowd,
    measure_digits,
    measure_esl,
    measure_handshake,
    measure_log,
    measure_lua,
    measure_media,
    measure_memory,
    measure_overload,
    measure_play,
    measure_reader,
    measure_registrar,
    measure_reload,
    measure_seeing,
    measure_simulation,
    measure_socket,
    measure_sources,
    measure_start,
    measure_streams,
)
from .bench import Bench
from .figure import Figure
from .machine import Neighbours, machine_facts
from .measure_another import Another, measure_another
from .process import Cores, choose_cores, raise_file_limit
from .report import print_report, write_json
from .script import ANSWER
from .sizes import FULL, QUICK, Sizes

Measurement: TypeAlias = Callable[[Bench], Awaitable[list[Figure]]]

MEASUREMENTS: Mapping[str, Measurement] = MappingProxyType({
    "both": measure_both.measure,
    "bridge": measure_bridge.measure,
    "calls": measure_calls.measure,
    "crowd": measure_crowd.measure,
    "digits": measure_digits.measure,
    "esl": measure_esl.measure,
    "handshake": measure_handshake.measure,
    "log": measure_log.measure,
    "lua": measure_lua.measure,
    "media": measure_media.measure,
    "memory": measure_memory.measure,
    "overload": measure_overload.measure,
    "play": measure_play.measure,
    "reader": measure_reader.measure,
    "registrar": measure_registrar.measure,
    "reload": measure_reload.measure,
    "seeing": measure_seeing.measure,
    "simulation": measure_simulation.measure,
    "socket": measure_socket.measure,
    "sources": measure_sources.measure,
    "start": measure_start.measure,
    "streams": measure_streams.measure,
})


def main() -> None:
    """Measure and tell."""
    options = _options()
    cores = choose_cores()
    facts = machine_facts(cores)
    raise_file_limit()
    os.sched_setaffinity(0, {cores.load})
    neighbours, started_at = Neighbours(), time.perf_counter()
    figures = trio.run(partial(_measure, cores, QUICK if options.quick else FULL, _wanted(options)))
    facts["others"] = f"{neighbours.cores_used():.2f} cores were used by others meanwhile"
    console = Console(width=None if Console().is_terminal else 160)
    print_report(console, facts, figures, seconds=time.perf_counter() - started_at)
    if options.json:
        write_json(options.json, facts, figures)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and short: half a minute, and less to trust")
    parser.add_argument("--only", action="append", choices=list(MEASUREMENTS), help="this measurement; repeatable")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    other = parser.add_argument_group("another SIP server, on this machine")
    other.add_argument("--against", type=_address, metavar="HOST:PORT", help="measure that, by UDP, in place of ours")
    other.add_argument("--number", default=ANSWER, help="that it answers, and whose calls it lets us hang up")
    other.add_argument("--playback-number", default="", metavar="NUMBER", help="that plays for ever")
    other.add_argument("--relay-number", default="", metavar="NUMBER", help="that dials on to us, and relays")
    other.add_argument("--callee-port", type=int, default=5070, metavar="PORT", help="of 127.0.0.1, where that is")
    other.add_argument("--conference-number", default="", metavar="NUMBER", help="where all hear each other")
    other.add_argument("--legs", type=int, default=0, help="of each of those; otherwise as many as for ours")
    other.add_argument("--pid", type=int, default=0, help="its process, if it is one: its CPU is told, too")
    return parser.parse_args()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def _wanted(options: argparse.Namespace) -> list[Measurement]:
    if options.against:
        return [partial(measure_another, another=_another(options))]
    return [MEASUREMENTS[name] for name in options.only or MEASUREMENTS]


def _another(options: argparse.Namespace) -> Another:
    return Another(
        server=options.against,
        pid=options.pid,
        number=options.number,
        playback=options.playback_number,
        relay=options.relay_number,
        conference=options.conference_number,
        callee_port=options.callee_port if options.relay_number else 0,
        legs=options.legs,
    )


async def _measure(cores: Cores, sizes: Sizes, measurements: list[Measurement]) -> list[Figure]:
    console = Console(stderr=True)
    figures: list[Figure] = []
    with TemporaryDirectory(prefix="callflow-bench-") as folder:
        bench = Bench(cores, Path(folder), sizes, lambda text: console.print(f"... {text}", style="dim"))
        for measure in measurements:
            figures += await measure(bench)
    return figures


if __name__ == "__main__":
    main()
