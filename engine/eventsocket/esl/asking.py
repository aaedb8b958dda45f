"""play_and_get_digits, read: what the far end keys."""

from __future__ import annotations

from dataclasses import dataclass

from callflow.protocol import commands
from callflow.protocol.outcomes import AnyOutcome, Digits
from callflow.protocol.source import Source

from .dialstring import split_arguments
from .sound import sources_of
from .stage import NONE, Stage
from .steering import Refused

_MOST_TRIES = 128
_SHORTEST = 0.1  # seconds
_LONGEST = 3600.0


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked, as often as it takes."""

    gather: commands.Gather
    variable: str
    tries: int = 1
    invalid: tuple[Source, ...] = ()


async def play_and_get_digits(stage: Stage, data: str) -> str:
    words = split_arguments(data)
    if len(words) < 9:
        return "-ERR expected: min max tries timeout terminators file invalid_file variable regexp [digit_timeout]"
    folder = stage.hub.sounds
    timeout = _seconds(words[3], 5.0)
    pattern = words[8].strip("'")
    question = _Question(
        commands.Gather(
            prompt=sources_of(words[5], folder),
            min=_count(words[0], 1),
            max=_count(words[1], 1),
            terminators=_keys(words[4]),
            timeout=timeout,
            digit_timeout=_seconds(words[9], timeout) if len(words) > 9 else timeout,
            valid=pattern if pattern.lower() not in ("none", "_undef_") else "",
        ),
        words[7],
        tries=min(_count(words[2], 1), _MOST_TRIES),
        invalid=sources_of(words[6], folder),
    )
    return await _ask(stage, question)


async def read(stage: Stage, data: str) -> str:
    words = split_arguments(data)
    if len(words) < 5:
        return "-ERR expected: min max file variable timeout [terminators] [digit_timeout]"
    timeout = _seconds(words[4], 5.0)
    gather = commands.Gather(
        prompt=sources_of(words[2], stage.hub.sounds),
        min=_count(words[0], 1),
        max=_count(words[1], 1),
        terminators=_keys(words[5]) if len(words) > 5 else "#",
        timeout=timeout,
        digit_timeout=_seconds(words[6], timeout) if len(words) > 6 else timeout,
    )
    return await _ask(stage, _Question(gather, words[3]))


async def _ask(stage: Stage, question: _Question) -> str:
    outcome: AnyOutcome | None = None
    for _ in range(question.tries):
        try:
            outcome = await stage.run(question.gather)
        except Refused as refused:
            if refused.code != "not_found":
                raise
            break  # the prompt is missing
        if isinstance(outcome, Digits) or stage.execution.is_broken:
            break
        if question.invalid:
            await stage.run(commands.Play(sources=question.invalid))
    await _tell(stage, question.variable, outcome)
    return NONE


async def _tell(stage: Stage, variable: str, outcome: AnyOutcome | None) -> None:
    if isinstance(outcome, Digits):
        await stage.set(variable, outcome.value)
        stage.leg.variables["read_result"] = "success"
        if outcome.terminator is not None:
            stage.leg.variables["read_terminator_used"] = outcome.terminator
        return
    await stage.set(variable, None)
    stage.leg.variables["read_result"] = "timeout" if type(outcome).__name__ == "TimedOut" else "failure"


def _count(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else otherwise


def _seconds(text: str, otherwise: float) -> float:
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        return otherwise
    return min(max(int(text) / 1000, _SHORTEST), _LONGEST)


def _keys(text: str) -> str:
    return "" if text.lower() in ("none", "_undef_") else "".join(key for key in text if key in "0123456789*#")[:16]
