"""The same seed, the same log to the byte: in two processes whose hashes differ, on a network that does its worst."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from callflow import Answered, App, Call, Digits
from callflow.testing import Simulation

app = App("busy")


@app.route("1")
async def menu(call: Call) -> None:
    await call.answer()
    await call.set(purpose="test", colour="red")
    if await call.gather("prompt.wav", max=1, timeout=2) == Digits("1"):
        result = await call.dial(["bob", "carol", "sip:1@carrier"], "dave", timeout=8, ringback="us")
        if isinstance(result, Answered):
            await call.bridge(result.leg)


@app.route("2")
async def broken(call: Call) -> None:
    await call.answer()
    raise RuntimeError("broken")


def simulate(seed: int, folder: Path) -> bytes:
    """Some busy minutes; their log."""
    simulation = Simulation(
        app, folder=folder, seed=seed, latency=0.03, loss=0.1, duplicate=0.1, reorder=0.2, rtp_loss=0.05
    )
    logs = []

    async def main() -> None:
        callers = [simulation.phone(f"caller{number}") for number in range(6)]
        simulation.phone("bob", answers_after=3)
        simulation.phone("carol", answers_after=3)
        simulation.phone("dave")
        carrier = simulation.trunk("carrier", answers_after=2)
        for turn in range(4):
            for number, caller in enumerate(callers):
                if not caller.is_in_call:
                    caller.call("2" if (turn + number) % 5 == 0 else "1")
            await simulation.wait(3)
            for caller in callers[::2]:
                if caller.is_in_call and caller.session is not None:
                    caller.press("1")
            await simulation.wait(6)
            if turn == 1:
                carrier.vanish()
                simulation.media_network.loss = 0.2
            if turn == 2:
                simulation.kill()
                carrier.come_back()
                carrier.fail()
            for caller in callers[turn:]:
                caller.hang_up()
            await simulation.wait(1)
        logs.append(simulation.log)

    simulation.run(main)
    return logs[0]


def simulate_elsewhere(seed: int, folder: Path, hash_seed: str) -> str:
    """The same in a process of its own; the log's hash."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "tests.testing.test_determinism", str(seed), str(folder)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()[-1]


@pytest.mark.parametrize("seed", [1, 2])
def test_two_processes_with_one_seed_write_the_same_log(seed, tmp_path):
    hashes = {simulate_elsewhere(seed, tmp_path, hash_seed) for hash_seed in ("0", "4711")}
    assert len(hashes) == 1


def test_one_process_may_do_it_twice(tmp_path):
    assert simulate(3, tmp_path) == simulate(3, tmp_path)


def test_another_seed_takes_another_course(tmp_path):
    assert simulate(4, tmp_path) != simulate(5, tmp_path)


if __name__ == "__main__":
    sys.stdout.write(hashlib.sha256(simulate(int(sys.argv[1]), Path(sys.argv[2]))).hexdigest())
