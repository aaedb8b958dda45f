"""Calls made in simulation and saved as `callflow save` would, and their replay."""

from __future__ import annotations

import wave
from collections.abc import Awaitable, Callable
from pathlib import Path

from callflow.replay.comparison import Comparison
from callflow.replay.recorder import Recorder
from callflow.replay.replaying import Replayer, compare_with
from callflow.replay.saved import SavedCall
from callflow.testing import Simulation

Act = Callable[[Simulation], Awaitable[None]]

HEAD = """
from callflow import Answered, App, Call, Digits, Recorded, Say, Silence, TimedOut, Tone

app = App("ivr")

"""


def write_script(folder: Path, body: str, **prompts: float) -> Path:
    """A script `ivr.py` with the route 1000, and prompts so many seconds long."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "ivr.py"
    lines = "\n".join(f"    {line}" for line in body.strip("\n").splitlines())
    script.write_text(f'{HEAD}@app.route("1000")\nasync def menu(call: Call) -> None:\n{lines}\n')
    for name, seconds in prompts.items():
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(b"\x10\x20" * round(8000 * seconds))
    return script


def record(script: Path, act: Act, folder: Path) -> SavedCall:
    """Make a call in simulation, as `act` says, and save it."""
    folder.mkdir(parents=True, exist_ok=True)
    simulation = Simulation(script, folder=folder, latency=0.03, seed=11)
    found: list[Recorder] = []

    async def main() -> None:
        found.append(Recorder(simulation.switch))
        await act(simulation)

    simulation.run(main)
    [recorder] = found
    return recorder.saved(recorder.calls[0])


def replay_with(saved: SavedCall, script: Path, folder: Path) -> Comparison:
    """Replay a call with another script."""
    folder.mkdir(parents=True, exist_ok=True)
    replayed = Replayer(script, folder=folder).replay(saved)
    return compare_with(saved, replayed, old_name="saved", new_name="new")
