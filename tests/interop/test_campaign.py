"""examples/campaign with baresip as the answering machine: its greeting is heard out, and it gets the message."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from benchmarks.heard import machine_greeting
from callflow.protocol.events import DetectFinished, PlaybackFinished
from callflow.protocol.outcomes import Detected
from tests.trio_tests import run_trio

from . import needs
from .audio import is_in, samples
from .baresip import phone
from .engine import engine
from .watch import watch

pytestmark = needs.program("baresip")
CAMPAIGN = Path(__file__).parents[2] / "examples/campaign"
HOME = '[[user]]\nname = "home"\npassword = "garden-7"\n'


def greeting(path: Path) -> Path:
    """A greeting, a beep, and then nothing for longer than anybody listens: 48 kHz, stereo, as baresip wants it."""
    said = np.concatenate([machine_greeting(), np.zeros(8000 * 40)])
    wide = np.interp(np.arange(len(said) * 6) / 6, np.arange(len(said)), said).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 48000, 0, "NONE", ""))
        file.writeframes(np.repeat(wide, 2).tobytes())
    return path


@run_trio
async def test_a_machine_is_known_by_its_greeting_and_gets_the_message_after_the_beep(tmp_path: Path):
    async with engine(tmp_path / "engine", CAMPAIGN / "campaign.py", tables=HOME) as running, watch(running) as seen:
        async with (
            phone(tmp_path, running, seen, "alice") as alice,
            phone(tmp_path, running, seen, "desk", says=greeting(tmp_path / "greeting.wav")) as desk,
        ):
            await alice.dial("7000")
            who, beep = [await seen.wait("detect.finished", count=count) for count in (1, 2)]
            assert isinstance(who, DetectFinished)
            assert isinstance(beep, DetectFinished)
            assert isinstance(who.outcome, Detected)
            assert who.outcome.what == "machine"
            assert isinstance(beep.outcome, Detected)
            assert beep.outcome.what == "beep"
            message = await seen.wait("playback.finished")
            assert isinstance(message, PlaybackFinished)
            await desk.wait_event("CALL_CLOSED")
            await alice.hang_up()
    [heard] = map(samples, desk.heard())
    assert is_in(samples(CAMPAIGN / "prompts/message.wav"), heard) > 0.8
