"""baresip hears files of every format, and one that comes by HTTP, as they were before they were compressed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import trio

from callflow.protocol.events import PlaybackFinished
from callflow.protocol.outcomes import Played
from engine._native import media
from tests.trio_tests import run_trio
from tests.web.server import response, serving

from . import needs
from .audio import is_in, samples
from .baresip import phone
from .engine import engine
from .watch import watch

pytestmark = [needs.program("baresip"), needs.program("ffmpeg")]

WORDS = Path(__file__).parents[2] / "callflow/sounds/en"
FORMATS = {
    "one.mp3": ("-codec:a", "libmp3lame", "-b:a", "48k", "-ar", "44100"),
    "two.ogg": ("-codec:a", "libvorbis", "-q:a", "3", "-ar", "32000", "-ac", "2"),
    "three.opus": ("-codec:a", "libopus", "-b:a", "32k"),
    "four.flac": ("-codec:a", "flac", "-ar", "96000"),
    "five.ul": ("-f", "mulaw", "-ar", "8000"),
    "six.sln16": ("-f", "s16le", "-ar", "16000"),
}
ELSEWHERE = "seven.mp3"
SAID = ("11th", "12", "13th", "14", "15th", "16th", "10th")  # no two of which sound alike
SCRIPT = """\
from callflow import App, Call

app = App("sources")

@app.route("1000")
async def play(call: Call) -> None:
    await call.answer()
    await call.play(*{sources!r})
    await call.wait_hangup()
"""


def compress(word: Path, to: Path, *options: str) -> None:
    subprocess.run(["ffmpeg", "-loglevel", "error", "-y", "-i", word, *options, to], check=True)


def said(word: Path) -> np.ndarray:
    return np.frombuffer(media.samples(word), dtype=np.int16).astype(float) / 32768


@run_trio
async def test_a_phone_hears_every_format_and_what_comes_from_elsewhere(tmp_path: Path):
    app, words = tmp_path / "app", [WORDS / f"{name}.wav" for name in SAID]
    app.mkdir()
    for word, (name, options) in zip(words, FORMATS.items(), strict=False):
        await trio.to_thread.run_sync(compress, word, app / name, *options)
    await trio.to_thread.run_sync(compress, words[-1], tmp_path / ELSEWHERE, *FORMATS["one.mp3"])
    async with serving() as server:
        server.answers[f"/{ELSEWHERE}"] = response(body=(tmp_path / ELSEWHERE).read_bytes())
        script = app / "sources.py"
        script.write_text(SCRIPT.format(sources=[*FORMATS, server.url(f"/{ELSEWHERE}")]))
        tables = f'[sounds]\nhttp = ["{server.host}"]\n'
        async with (
            engine(tmp_path / "engine", script, tables=tables) as running,
            watch(running) as seen,
            phone(tmp_path, running, seen, "alice") as alice,
        ):
            await alice.dial("1000")
            finished = await seen.wait("playback.finished")
            await alice.hang_up()
            await alice.wait_event("CALL_CLOSED")
        assert isinstance(finished, PlaybackFinished)
        assert isinstance(finished.outcome, Played)
        assert finished.outcome.reason == "completed", finished.outcome.error
    [heard] = map(samples, alice.heard())
    likeness = {name: is_in(said(word), heard) for word, name in zip(words, [*FORMATS, ELSEWHERE], strict=True)}
    assert all(how_much > 0.8 for how_much in likeness.values()), likeness
