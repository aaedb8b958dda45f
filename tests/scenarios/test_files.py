"""Files of several formats and sounds from elsewhere, in whole calls: what is heard, and what came of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from callflow import App, Call
from callflow.protocol.outcomes import Played

SEEDS = Path(__file__).parents[2] / "engine/native/fuzz/seeds/sound"
app = App("files")
outcomes: list[Played] = []
pytestmark = pytest.mark.callflow(app)


@pytest.fixture(autouse=True)
def no_outcomes():
    outcomes.clear()


@app.route("100")
async def play(call: Call) -> None:
    await call.answer()
    outcomes.append(
        await call.play("tone.mp3", "https://cdn.example/news.mp3", "tone.opus", stop_on="1", fade_out_ms=400)
    )


@pytest.fixture
def files(simulation):
    for name in ("tone.mp3", "tone.opus"):
        shutil.copyfile(SEEDS / name, simulation.folder / name)


async def test_files_and_a_sound_from_elsewhere_follow_each_other(simulation, files):
    alice = simulation.phone("alice")
    alice.call("100")
    for name in ("tone.mp3", "news.mp3", "tone.opus"):
        await alice.heard(name)
    await alice.ended()
    assert outcomes == [Played(2000, "completed")]


async def test_a_key_lets_it_fade_out(simulation, files):
    alice = simulation.phone("alice")
    alice.call("100")
    await alice.hears("news.mp3")
    alice.press("1")
    await alice.ended()
    assert (outcomes[0].reason, outcomes[0].digit) == ("digit", "1")
    assert 880 <= outcomes[0].heard_ms <= 1100


async def test_what_is_elsewhere_and_broken_is_heard_so_far_and_named(simulation, files, tmp_path):
    cut = tmp_path / "cut.flac"
    cut.write_bytes((SEEDS / "tone.flac").read_bytes()[:-3000])
    simulation.web_sounds["https://cdn.example/news.mp3"] = cut
    alice = simulation.phone("alice")
    alice.call("100")
    await alice.hears("cut.flac")
    await alice.ended()
    assert outcomes[0].reason == "failed"
    assert 500 < outcomes[0].heard_ms < 1000
    assert "cut.flac: it is cut off" in (outcomes[0].error or "")


async def test_what_cannot_be_had_fails_before_anything_is_heard(simulation, files):
    simulation.web_sounds["https://cdn.example/news.mp3"] = None
    alice = simulation.phone("alice")
    alice.call("100")
    await alice.ended()
    assert (outcomes[0].reason, outcomes[0].heard_ms) == ("failed", 0)
    assert "news.mp3" in (outcomes[0].error or "")
