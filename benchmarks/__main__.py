"""`python -m benchmarks [--quick] [--only NAME] [--json FILE]`."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import trio
from rich.console import Console

from . import (
    measure_bridge,
    measure_calls,
    measure_digits,
    measure_esl,
    measure_lua,
    measure_media,
    measure_memory,
    measure_reader,
    measure_reload,
    measure_simulation,
    measure_socket,
    measure_start,
)
from .bench import Bench
from .figure import Figure
from .machine import Neighbours, machine_facts
from .process import Cores, choose_cores, raise_file_limit
from .report import print_report, write_json
from .sizes import FULL, QUICK, Sizes

MEASUREMENTS: Mapping[str, Callable[[Bench], Awaitable[list[Figure]]]] = MappingProxyType({
    "bridge": measure_bridge.measure,
    "calls": measure_calls.measure,
    "digits": measure_digits.measure,
    "esl": measure_esl.measure,
    "lua": measure_lua.measure,
    "media": measure_media.measure,
    "memory": measure_memory.measure,
    "reader": measure_reader.measure,
    "reload": measure_reload.measure,
    "simulation": measure_simulation.measure,
    "socket": measure_socket.measure,
    "start": measure_start.measure,
})


def main() -> None:
    """Measure and tell."""
    options = _options()
    cores = choose_cores()
    facts = machine_facts(cores)
    raise_file_limit()
    os.sched_setaffinity(0, {cores.load})
    neighbours, started_at = Neighbours(), time.perf_counter()
    figures = trio.run(partial(_measure, cores, QUICK if options.quick else FULL, options.only or list(MEASUREMENTS)))
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
    return parser.parse_args()


async def _measure(cores: Cores, sizes: Sizes, names: list[str]) -> list[Figure]:
    console = Console(stderr=True)
    figures: list[Figure] = []
    with TemporaryDirectory(prefix="callflow-bench-") as folder:
        bench = Bench(cores, Path(folder), sizes, lambda text: console.print(f"... {text}", style="dim"))
        for name in names:
            figures += await MEASUREMENTS[name](bench)
    return figures


if __name__ == "__main__":
    main()
