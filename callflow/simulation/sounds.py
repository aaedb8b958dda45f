"""What is heard, as a person would say it: whether it is what was asked for, and what to call it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

from engine.media.fake import Digit, Heard
from engine.media.session import FileSource, PipeSource, SilenceSource, ToneSource

FRAME_SECONDS = 0.02
STREAM = "stream"  # what a program says to whom the call is streamed
What: TypeAlias = str | float  # a file's name, a text, "stream", or a frequency in Hz
When: TypeAlias = Callable[[Heard], float | None]  # at which moment it counts as heard; None: it does not


class Attention:
    """What was asked for so far: things are asked for in their order, and each once."""

    def __init__(self) -> None:
        self._until = -math.inf
        self._asked_for: set[tuple[str, object, float]] = set()

    def find(self, heard: Iterable[Heard], what: What, verb: str, when: When) -> tuple[float, Heard | None]:
        """The first that matches and was not asked for before, and when it comes about."""
        for sound in heard:
            at = when(sound) if matches(sound, what) else None
            if at is not None and at >= self._until and (verb, sound.what, sound.started_at) not in self._asked_for:
                return at, sound
        return math.inf, None

    def note(self, verb: str, sound: Heard, *, at: float) -> None:
        """This was asked for."""
        self._until = at
        self._asked_for.add((verb, sound.what, sound.started_at))


def join_repeated(sounds: Sequence[Heard]) -> list[Heard]:
    """The same, with what was played again and again as one."""
    joined: list[Heard] = []
    for heard in sounds:
        if joined and _goes_on(joined[-1], heard):
            joined[-1] = replace(joined[-1], ended_at=heard.ended_at)
        else:
            joined.append(heard)
    return joined


def matches(heard: Heard, what: What) -> bool:
    if isinstance(heard.what, PipeSource):
        return what == STREAM
    if isinstance(heard.what, FileSource):
        return isinstance(what, str) and (heard.what.text == what or heard.what.path.as_posix().endswith(f"/{what}"))
    return isinstance(heard.what, ToneSource) and what in heard.what.frequencies


def name_of(heard: Heard) -> str:
    match heard.what:
        case FileSource(path=path, text=text):
            name = path.name if text is None else f'"{text}"'
        case ToneSource(frequencies=frequencies):
            name = "+".join(f"{frequency:g}" for frequency in frequencies) + " Hz"
        case Digit(digit=digit):
            name = f"the key {digit}"
        case SilenceSource():
            name = "silence"
        case PipeSource():
            name = STREAM
    offset = f" from {heard.offset_ms} ms on" if heard.offset_ms else ""
    return name + offset + (f" until {heard.ended_at:.3f}" if heard.ended_at is not None else "")


def _goes_on(before: Heard, heard: Heard) -> bool:
    is_same = before.what == heard.what and before.origin == heard.origin
    return is_same and before.ended_at is not None and heard.started_at - before.ended_at < FRAME_SECONDS
