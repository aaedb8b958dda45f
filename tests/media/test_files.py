"""Files of every format, broken ones, long ones, and fades: the same of both engines."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.media.session import FileSource, PlaybackFinished, PlaybackStarted, RecordingFinished, SilenceSource

from .harness import on_both_engines, read_wav, share_of_time

SEEDS = Path(__file__).parents[2] / "engine/native/fuzz/seeds/sound"  # half a second of 440 Hz each
FORMATS = ("mp3", "ogg", "opus", "flac")
TONE = 440.0


def seed(floor, form, name=None):
    """A file of that format in the test's folder."""
    path = floor.folder / (name or f"tone.{form}")
    shutil.copyfile(SEEDS / f"tone.{form}", path)
    return path


async def heard_of(floor, *sources, **options):
    """What is heard of them, and how it ended."""
    switch, phone = floor.pair()
    path = floor.folder / "heard.wav"
    phone.session.record("r", path, max_ms=60_000)
    switch.session.play("p", sources, **options)
    finished = await switch.wait(PlaybackFinished)
    await floor.until(lambda: phone.session.statistics().packets_received >= finished.heard_ms // 20)
    phone.session.stop("r")
    await phone.wait(RecordingFinished)
    return read_wav(path), finished


@on_both_engines
async def test_files_of_every_format_follow_each_other_without_a_gap_whatever_their_names(floor):
    files = [FileSource(seed(floor, form, f"{form}.wav")) for form in FORMATS]
    samples, finished = await heard_of(floor, *files)
    assert finished == PlaybackFinished("p", 2000, "completed")
    assert share_of_time(samples, TONE) * len(samples) / 8000 == pytest.approx(2, abs=0.25)


@pytest.mark.parametrize(("name", "suffix"), [("prompt.ul", None), ("prompt.wav", "ul")])
@on_both_engines
async def test_raw_samples_are_what_their_name_says(floor, name, suffix):
    path = floor.folder / name
    path.write_bytes(bytes([0x80, 0x00] * 800))  # as loud as it gets, in mu-law
    samples, finished = await heard_of(floor, FileSource(path, suffix=suffix))
    assert (finished.reason, finished.heard_ms) == ("completed", 200)
    assert sum(abs(sample) > 30_000 for sample in samples) == pytest.approx(1600, abs=400)


@pytest.mark.parametrize("form", ["mp3", "flac"])
@on_both_engines
async def test_a_list_is_heard_up_to_where_a_file_breaks_off_which_is_named(floor, form):
    broken = seed(floor, form, "broken.sound")
    broken.write_bytes(broken.read_bytes()[: -broken.stat().st_size // 4])
    _, finished = await heard_of(
        floor, FileSource(seed(floor, form)), FileSource(broken), SilenceSource(5000), repeat=3
    )
    assert finished.reason == "failed"
    assert "broken.sound: it is cut off" in (finished.error or "")
    assert 500 <= finished.heard_ms < 1000


@on_both_engines
async def test_a_long_file_begins_at_once_and_anywhere(floor):
    path = floor.folder / "long.sln"
    path.write_bytes(bytes(2 * 8000 * 3600) + bytes([0, 64, 0, 192] * 800))
    samples, finished = await heard_of(floor, FileSource(path), offset_ms=3_600_000 - 100)
    assert (finished.reason, finished.heard_ms) == ("completed", 300)
    assert sum(abs(sample) > 10_000 for sample in samples) == pytest.approx(1600, abs=400)


@on_both_engines
async def test_stopped_it_fades_out_and_that_is_heard_too(floor):
    switch, _ = floor.pair()
    switch.session.play("p", [FileSource(seed(floor, "mp3"))], repeat=0, fades_ms=(100, 400))
    await switch.wait(PlaybackStarted)
    await floor.until(lambda: switch.session.statistics().packets_sent >= 10)
    sent = switch.session.statistics().packets_sent
    switch.session.stop("p")
    finished = await switch.wait(PlaybackFinished)
    assert finished.reason == "stopped"
    assert finished.heard_ms >= sent * 20 + 380


@on_both_engines
async def test_stopped_twice_it_ends_at_once(floor):
    switch, _ = floor.pair()
    switch.session.play("p", [SilenceSource(1000)], repeat=0, fades_ms=(0, 10_000))
    await switch.wait(PlaybackStarted)
    switch.session.stop("p")
    switch.session.stop("p")
    finished = await switch.wait(PlaybackFinished)
    assert (finished.reason, finished.heard_ms < 10_000) == ("stopped", True)


@on_both_engines
async def test_a_fade_at_the_end_changes_nothing_of_how_long_it_is(floor):
    _, finished = await heard_of(floor, FileSource(seed(floor, "flac")), fades_ms=(200, 200))
    assert finished == PlaybackFinished("p", 500, "completed")
