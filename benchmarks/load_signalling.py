"""Calls by the thousand: SIPp (Debian sip-tester), a process of its own on the core of the load.

Without media: nothing is sent to the ports that its SDP names.
"""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import trio

from .bench import Bench
from .engine import free_port
from .process import cpu_seconds_of_waited, on_core

SCENARIO = Path(__file__).parent / "answered.xml"
REFUSABLE = SCENARIO.with_name("overload.xml")  # a 503 that says when to come again is a proper end, too
GIVE_UP_AFTER = 2.0  # seconds that a message is waited for


class LoadFailed(Exception):
    """The load generator is not there or fell over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLoad:
    """What came of calls that were placed at a rate."""

    offered: float  # calls per second
    calls: int
    answered: int  # or had another end that the scenario takes
    accepted: int  # had a 200
    refused: int  # had a 503 that says when to come again
    seconds: float  # from SIPp's start to its end
    setup_ms: float  # within which 95 % were answered, rounded up to a bound of the scenario
    retransmissions: int
    cpu: float  # seconds, of SIPp

    @property
    def share_answered(self) -> float:
        return self.answered / self.calls

    @property
    def is_kept_up(self) -> bool:
        """>= 99 % answered, 95 % of them within 200 ms, and the load generator itself kept its pace."""
        is_paced = self.seconds < 1.1 * self.calls / self.offered + 0.5
        return self.share_answered >= 0.99 and self.setup_ms <= 200 and is_paced


async def place_calls(
    bench: Bench, server: tuple[str, int], number: str, *, rate: float, seconds: float, scenario: Path = SCENARIO
) -> CallLoad:
    """Place calls at a steady rate: each is answered, and hung up by us at once. Raises LoadFailed."""
    folder = Path(mkdtemp(prefix="sipp-", dir=bench.folder))
    calls = max(int(rate * seconds), 1)
    command = [
        _program(), f"{server[0]}:{server[1]}", "-sf", str(scenario), "-key", "number", number,
        "-i", "127.0.0.1", "-p", str(free_port()), "-r", f"{rate:.0f}", "-m", str(calls),
        "-l", f"{max(rate * 2, 50):.0f}",  # at once: an engine that is behind is not buried
        "-recv_timeout", f"{GIVE_UP_AFTER * 1000:.0f}", "-timeout", f"{seconds + 3 * GIVE_UP_AFTER:.0f}s",
        "-nostdin", "-trace_stat", "-stf", str(folder / "statistics.csv"), "-fd", "1",
        "-trace_err", "-error_file", str(folder / "errors.txt"),
    ]  # fmt: skip
    cpu = cpu_seconds_of_waited()
    done = await trio.run_process(
        on_core(bench.cores.load, command), cwd=folder, check=False, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, capture_stderr=True,
    )  # fmt: skip
    try:
        *_, last = csv.DictReader((folder / "statistics.csv").read_text().splitlines(), delimiter=";")
    except (OSError, ValueError) as error:
        raise LoadFailed(f"SIPp ended with {done.returncode}: {done.stderr.decode()[-500:]}") from error
    return read_statistics(last, offered=rate, cpu=cpu_seconds_of_waited() - cpu)


def read_statistics(row: Mapping[str, str], *, offered: float, cpu: float) -> CallLoad:
    """The last line of SIPp's statistics."""
    return CallLoad(
        offered=offered,
        calls=int(row["TotalCallCreated"]),
        answered=int(row["SuccessfulCall(C)"]),
        accepted=sum(_times(row).values()),
        refused=int(row.get("refused(C)", 0)),
        seconds=_instant(row["CurrentTime"]) - _instant(row["StartTime"]),
        setup_ms=_percentile(row, 0.95),
        retransmissions=int(row["Retransmissions(C)"]),
        cpu=cpu,
    )


def _program() -> str:
    program = shutil.which("sipp")
    if program is None:
        raise LoadFailed("sipp is not installed: apt-get install sip-tester")
    return program


def _instant(text: str) -> float:
    """The seconds since the epoch, which come last."""
    return float(text.split()[-1])


def _times(row: Mapping[str, str]) -> dict[str, int]:
    """How many answers came within each bound of the scenario."""
    return {name: int(count) for name, count in row.items() if name and name.startswith("ResponseTimeRepartition1_")}


def _percentile(row: Mapping[str, str], share: float) -> float:
    """The bound in ms below which that share of the answers came."""
    counts = _times(row)
    wanted, seen = share * sum(counts.values()), 0
    for name, count in counts.items():
        seen += count
        bound = re.search(r"_<(\d+)", name)
        if seen and seen >= wanted and bound:
            return float(bound[1])
    return float("inf")
