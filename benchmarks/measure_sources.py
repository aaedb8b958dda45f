"""What it costs to play files of other formats than WAV: to decode one, once for all; and to play it to many."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import trio

from engine._native import media

from .bench import Bench
from .figure import Figure
from .measure_media import measure_playback

_SECONDS = 300  # of sound: more than is kept as a whole, so that it is read while it plays
_DECODED = 60  # seconds of sound that are decoded at a time
_TONE = "sine=frequency=440:sample_rate=48000"
# By what a file is called: how ffmpeg makes it.
FORMATS: Mapping[str, Sequence[str]] = MappingProxyType({
    "wav": ("-codec:a", "pcm_s16le", "-ar", "48000"),
    "mp3": ("-codec:a", "libmp3lame", "-b:a", "128k", "-ar", "48000"),
    "flac": ("-codec:a", "flac", "-ar", "48000"),
    "ogg": ("-codec:a", "libvorbis", "-q:a", "3", "-ar", "48000"),
    "opus": ("-codec:a", "libopus", "-b:a", "32k"),
})


async def measure(bench: Bench) -> list[Figure]:
    """Every format decoded; the most usual one, long, beside a WAV like it, played."""
    decoded = [await trio.to_thread.run_sync(_decode, bench, form) for form in FORMATS]
    played = []
    for form in ("wav", "mp3"):
        file = await trio.to_thread.run_sync(_make, bench.folder, form, _SECONDS)
        name = f"playback of a long {form.upper()}"
        played.append(await measure_playback(bench, legs=bench.sizes.playing_legs, name=name, prompt=file))
    return [*decoded, *played]


def _decode(bench: Bench, form: str) -> Figure:
    bench.say(f"{form}, decoded")
    file = _make(bench.folder, form, _DECODED)
    values = []
    for _ in range(bench.sizes.repetitions):
        before = time.thread_time()
        media.samples(file)
        values.append((time.thread_time() - before) / _DECODED * 1e6)
    return Figure(
        name=f"{form} decoded",
        unit="CPU-us/second of sound",
        values=tuple(values),
        how=f"{_DECODED} s of a tone at 48 kHz, read, decoded and resampled to 8 kHz, by one thread: once, however "
        "many hear it.",
        beside={"octets": str(file.stat().st_size)},
    )


def _make(folder: Path, form: str, seconds: int) -> Path:
    file = folder / f"{seconds}.{form}"
    if not file.exists():
        source = ("-f", "lavfi", "-i", f"{_TONE}:duration={seconds}")
        subprocess.run(["ffmpeg", "-loglevel", "error", "-y", *source, *FORMATS[form], file], check=True)
    return file
