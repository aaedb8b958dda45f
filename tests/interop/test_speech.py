"""What is said in a real call, by German recordings and by espeak-ng in its helper: `callflow dial` hears it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.media.fake.sound import Library
from engine.speech.text import spoken
from tests.places.ear import find
from tests.trio_tests import run_trio

from .audio import samples
from .engine import engine

GERMAN = Path(__file__).parents[2] / "callflow/sounds/de"
TEXT = "Your parcel has arrived."
SCRIPT = f"""
from callflow import App, Call, Say, Silence, Text

app = App("post")


@app.route("1000")
async def post(call: Call) -> None:
    await call.answer()
    await call.play(Silence(0.3), Say("42", kind="number", language="de"), Text("{TEXT}"))
    unknown = await call.play(Text("Hello", voice="nosuchvoice"))
    if unknown.reason == "failed" and "no voice 'nosuchvoice'" in str(unknown.error):
        await call.play(Say("hundert", language="de"), Silence(0.3))
"""


def sound(path: Path) -> np.ndarray:
    return np.array(Library().open(path).samples(), dtype=float) / 32768


def place(prompt: np.ndarray, heard: np.ndarray, *, after: int) -> int:
    """Where the beginning of a prompt is heard."""
    first = int(np.flatnonzero(np.abs(prompt) > 0.02)[0])
    at = find(prompt[first : first + 2000], heard, after=after)
    assert at is not None
    return at


@run_trio
async def test_a_caller_hears_a_number_in_german_and_a_spoken_text(tmp_path: Path):
    script = tmp_path / "post.py"
    script.write_text(SCRIPT)
    async with engine(tmp_path / "engine", script) as running:
        done = await running.run("dial", running.sip("1000"), "--record", str(tmp_path / "heard.wav"))
        assert done.code == 0, done.errors
        speech = sound(running.data / "cache/speech" / f"{spoken(TEXT, 'en').name}.wav")
    heard, after = samples(tmp_path / "heard.wav"), 0
    for prompt in (
        *(sound(GERMAN / f"{word}.wav") for word in ("2", "und", "40")),
        speech,
        sound(GERMAN / "hundert.wav"),
    ):
        after = place(prompt, heard, after=after)
