"""An app killed in the middle of its menu, with real processes, sockets and sound: the caller is never in dead air."""

from __future__ import annotations

import itertools
import os
import signal
import struct
import subprocess
import sys
import time
import wave
from pathlib import Path

CALLFLOW = [sys.executable, "-m", "callflow.cli"]
FRAME = 160  # samples: 20 ms

MENU = """
import os
from pathlib import Path
from callflow import App, Call, Tone

app = App("menu")

@app.route("1000")
async def menu(call: Call) -> None:
    await call.answer()
    await call.policy(route="2000")
    Path({pid!r}).write_text(str(os.getpid()))
    await call.gather(Tone("440"), timeout=60)
"""
RESCUE = """
from callflow import App, Call, Tone

app = App("rescue")

@app.route("2000")
async def rescue(call: Call) -> None:
    await call.play(Tone("880", seconds=2))
"""


def pid_in(file: Path) -> int:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if file.exists() and file.read_text():
            return int(file.read_text())
        time.sleep(0.05)
    raise AssertionError("the script never took the call")


def frames_of(path: Path) -> list[tuple[int, ...]]:
    with wave.open(str(path)) as file:
        samples = struct.unpack(f"<{file.getnframes()}h", file.readframes(file.getnframes()))
    return [samples[at : at + FRAME] for at in range(0, len(samples) - FRAME, FRAME)]


def frequency_of(frames: list[tuple[int, ...]]) -> float:
    """By zero crossings, in Hz."""
    samples = [sample for frame in frames for sample in frame]
    crossings = sum((a < 0) != (b < 0) for a, b in itertools.pairwise(samples))
    return crossings / 2 / (len(samples) / 8000)


def sounding(frames: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """From the first sound to the last."""
    loud = [at for at, frame in enumerate(frames) if max(map(abs, frame)) > 300]
    return frames[loud[0] : loud[-1] + 1]


def longest_silence(frames: list[tuple[int, ...]]) -> float:
    """In seconds."""
    longest = silent = 0
    for frame in frames:
        silent = 0 if max(map(abs, frame)) > 300 else silent + 1
        longest = max(longest, silent)
    return longest * 0.02


def test_the_caller_hears_the_fallback_within_two_seconds_of_a_kill(tmp_path):
    (tmp_path / "menu.py").write_text(MENU.format(pid=str(tmp_path / "pid")))
    (tmp_path / "rescue.py").write_text(RESCUE)
    heard = tmp_path / "heard.wav"
    environment = os.environ | {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    options = ["--sip", "udp:127.0.0.1:0", "--socket", "127.0.0.1:0", "--data", str(tmp_path / "data")]
    scripts = [str(tmp_path / name) for name in ("menu.py", "rescue.py")]
    with subprocess.Popen(
        [*CALLFLOW, "run", *scripts, *options], env=environment, stdout=subprocess.PIPE, text=True
    ) as engine:
        try:
            assert engine.stdout is not None
            while "Ctrl-C" not in engine.stdout.readline():
                assert engine.poll() is None
            call = [*CALLFLOW, "dial", "1000", "--data", str(tmp_path / "data"), "--record", str(heard)]
            with subprocess.Popen(call, env=environment, stdout=subprocess.PIPE, text=True) as caller:
                worker = pid_in(tmp_path / "pid")
                time.sleep(1)  # of the menu's tone, in real time
                os.kill(worker, signal.SIGKILL)
                told, _ = caller.communicate(timeout=90)
        finally:
            engine.terminate()
            engine.communicate()
    frames = sounding(frames_of(heard))
    assert abs(frequency_of(frames[10:40]) - 440) < 30, told
    assert abs(frequency_of(frames[-60:-10]) - 880) < 60, told
    assert longest_silence(frames) < 2.0, told
