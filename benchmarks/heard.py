"""Sounds to be told apart, always the same ones: who answers a call, and the tones that say something.

The speech is the words that callflow ships, in several voices (read faster or slower), at several levels, over noise,
through G.711. Nothing of it was spoken for this, and no recording of a real answer is among it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.float64]

RATE = 8000
_WORDS = Path(__file__).parents[1] / "callflow/sounds/en"
_HUMAN = (
    "hello", "yes", "hello hello", "sales", "hello sales", "good time", "hello this is sales", "support hello",
    "yes hello who", "hello letter-j letter-m", "office hello", "this is letter-k", "hello park office good today",
    "thank you for calling sales this is letter-a",
)  # fmt: skip
_MACHINE = (
    "hello you have the voicemail of your operator please leave a message",
    "the caller you have dial is not available please leave a message",
    "this is the office we are not in leave your name and number",
    "thank you for your call our office is now off please try again tomorrow or leave a message",
    "please leave a message", "sorry i cannot answer the call now , please leave a message",
    "welcome to the sales department , all our lines are busy , please hold",
    "5 5 1 2 3 4 is not available", "hello , this is letter-k , leave a message and i call you tomorrow",
)  # fmt: skip
_NAMED = {"calling": "call", "of": "is", "we": "you", "try": "again", "lines": "line", "who": "you", "i": "a"}
_SIT = (
    ((913.8, 1370.6, 1776.7), (276, 274, 380)),
    ((985.2, 1428.5, 1776.7), (380, 380, 380)),
    ((950.0, 1400.0, 1800.0), (330, 330, 330)),
)


@dataclass(frozen=True)
class Case:
    """A sound, and what it is."""

    what: str
    samples: Samples


def answers(count: int, seed: int = 1) -> Iterator[Case]:
    """Answers of people and of machines, a half each; and, as one in ten, nobody."""
    rng = random.Random(seed)
    for number in range(count):
        kind = "unknown" if number % 10 == 9 else ("human", "machine")[number % 2]
        voice, quiet = rng.uniform(0.85, 1.2), _silence(rng.uniform(0.1, 1.2))
        said = _silence(1.0)
        if kind == "human":
            said = _say(rng.choice(_HUMAN), voice, rng.uniform(0.02, 0.12))
        elif kind == "machine":
            beep = _tone((rng.choice((440.0, 800.0, 1000.0, 1400.0)),), rng.uniform(0.15, 0.8))
            said = np.concatenate([_say(rng.choice(_MACHINE), voice, rng.uniform(0.02, 0.12)), _silence(0.6), beep])
        yield Case(kind, _line(np.concatenate([quiet, said, _silence(8.0)]), rng))


def machine_greeting() -> Samples:
    """That of one machine, said without taking breath, with its beep."""
    beep = _tone((1000.0,), 0.4)
    return np.concatenate([
        _silence(0.3),
        _say("hello you have the voicemail of letter-k", 1.0, 0.0),
        _silence(0.6),
        beep,
    ])


def tones(count: int, seed: int = 2) -> Iterator[Case]:
    """Tones that say something, so many of each, a little beside their frequencies; and as much that is none."""
    rng = random.Random(seed)
    for _ in range(count):
        off = rng.uniform(0.99, 1.01)
        for what in ("busy", "congestion", "sit", "cng", "ced", "beep"):
            yield Case(what, _line(_signal(what, off, rng), rng))
        yield Case("", _line(_nothing(rng), rng))


def _signal(what: str, off: float, rng: random.Random) -> Samples:
    lead = _silence(rng.uniform(0.05, 0.6))
    if what in ("busy", "congestion"):
        frequencies = rng.choice(((425.0,), (480.0, 620.0), (440.0,), (400.0,)))
        seconds = rng.uniform(0.37, 0.52) if what == "busy" else rng.uniform(0.2, 0.26)
        once = [_tone([each * off for each in frequencies], seconds), _silence(seconds)]
        return np.concatenate([lead, *once * 7])
    if what == "sit":
        frequencies, lengths = rng.choice(_SIT)
        said = [_tone((each * off,), length / 1000) for each, length in zip(frequencies, lengths, strict=True)]
        return np.concatenate([lead, *said, _silence(1.0)])
    if what == "cng":
        return np.concatenate([lead, *[_tone((1100 * off,), rng.uniform(0.45, 0.55)), _silence(3.0)] * 2])
    if what == "ced":
        return np.concatenate([lead, _tone((2100 * (1 + (off - 1) / 2),), rng.uniform(2.0, 3.5)), _silence(1.0)])
    beep = _tone((rng.choice((440.0, 620.0, 750.0, 1000.0, 1200.0, 1400.0, 2000.0)) * off,), rng.uniform(0.12, 1.2))
    said = _say(rng.choice(_MACHINE), 1.0, 0.05)
    return np.concatenate([lead, said, _silence(rng.uniform(0.2, 1)), beep, _silence(1.0)])


def _nothing(rng: random.Random) -> Samples:
    """Ringing, a dial tone, keys, a melody, talk."""
    which = rng.randrange(6)
    if which == 0:
        return np.concatenate([_tone((440.0, 480.0), 2.0), _silence(4.0), _tone((440.0, 480.0), 2.0), _silence(1.0)])
    if which == 1:
        return _tone(rng.choice(((425.0,), (350.0, 440.0))), 6.0)
    if which == 2:
        keys = [(row, column) for row in (697.0, 770.0, 852.0, 941.0) for column in (1209.0, 1336.0, 1477.0)]
        return np.concatenate([part for _ in range(9) for part in (_tone(rng.choice(keys), 0.1), _silence(0.1))])
    if which == 3:
        chords = [220.0 * 2 ** (rng.randrange(24) / 12) for _ in range(20)]
        return np.concatenate([_tone((each, each * 1.26, each * 1.5), 0.3) for each in chords])
    return _say(" ".join(rng.choice(_MACHINE) for _ in range(3)), rng.uniform(0.8, 1.25), 0.05)


def _say(text: str, voice: float, pause: float) -> Samples:
    parts: list[Samples] = []
    for word in text.split():
        parts += [_silence(0.35)] if word == "," else [_word(_NAMED.get(word, word), voice), _silence(pause)]
    return np.concatenate(parts)


def _word(name: str, voice: float) -> Samples:
    with (_WORDS / f"{name}.wav").open("rb") as file:
        octets = np.frombuffer(file.read()[58:], np.uint8)
    samples = _expand(octets)
    places = np.arange(0, len(samples) - 1, voice)
    return np.interp(places, np.arange(len(samples)), samples)


def _tone(frequencies: Sequence[float], seconds: float) -> Samples:
    time = np.arange(round(seconds * RATE)) / RATE
    return sum((np.sin(2 * np.pi * each * time) for each in frequencies), np.zeros_like(time)) * 6000


def _silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE))


def _line(samples: Samples, rng: random.Random) -> Samples:
    """As it comes out of a network: softer, noisy, through mu-law."""
    level = 32768 * 10 ** (rng.uniform(-65, -50) / 20)
    noise = np.random.default_rng(rng.randrange(1 << 30)).normal(0, level, len(samples))
    return _expand(_compress(samples * 10 ** (rng.uniform(-12, 0) / 20) + noise))


def _compress(samples: Samples) -> NDArray[np.uint8]:
    """G.711, mu-law."""
    clipped = np.clip(samples, -32635, 32635)
    size = np.abs(clipped).astype(np.int64) + 132
    exponent = np.clip(np.floor(np.log2(size)).astype(np.int64) - 7, 0, 7)
    mantissa = (size >> (exponent + 3)) & 15
    return (~((clipped < 0) * 128 | exponent << 4 | mantissa) & 255).astype(np.uint8)


def _expand(octets: NDArray[np.uint8]) -> Samples:
    bits = (~octets.astype(np.int64)) & 255
    size = (((bits & 15) << 3) + 132 << ((bits >> 4) & 7)) - 132
    return np.where(bits & 128, -size, size).astype(np.float64)
