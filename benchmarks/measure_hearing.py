"""How well is it heard who answers, and which tone it is? Precision and recall on a set that is always the same.

python -m benchmarks.measure_hearing

What a packet brings goes through the engine's own detector (engine/native) and through what decides of its reports
(engine/channels/answerer.py).
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable

import numpy as np

from callflow.protocol.commands import AnswererRules
from engine._native import media
from engine.channels.answerer import Answerer

from .heard import Case, answers, tones

LEVEL_DBOV = -42.0
_END_MS = 60_000


def who_answers(case: Case) -> str:
    """Human, machine or unknown, as `detect` would tell."""
    answerer = Answerer(AnswererRules())
    for noticed, at_ms, _, _ in _detected(case):
        if noticed == "talk_started":
            verdict = answerer.start_talk(at_ms)
        elif noticed == "talk_stopped":
            verdict = answerer.stop_talk(at_ms)
        else:
            verdict = answerer.hear_tone(noticed, at_ms)
        if verdict is not None:
            return verdict.who
    verdict = answerer.pass_time(_END_MS)
    return verdict.who if verdict is not None else "unknown"


def tones_in(case: Case) -> set[str]:
    """The tones that are told of it."""
    return {noticed for noticed, *_ in _detected(case)} - {"talk_started", "talk_stopped"}


def count(pairs: Iterable[tuple[str, set[str]]]) -> dict[str, tuple[int, float, float]]:
    """Of each class: how many there were, precision, recall. From what was there and what was heard."""
    there: Counter[str] = Counter()
    told: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for what, heard in pairs:
        there[what] += 1
        told.update(heard)
        right.update({what} & heard)
    return {what: (there[what], right[what] / max(told[what], 1), right[what] / there[what]) for what in there if what}


def of_answers(number: int) -> dict[str, tuple[int, float, float]]:
    """Who answers, in so many cases."""
    return count((case.what, {who_answers(case)}) for case in answers(number))


def of_tones(number: int) -> dict[str, tuple[int, float, float]]:
    """Which tone, in so many cases of each."""
    return count((case.what, tones_in(case)) for case in tones(number))


def _detected(case: Case) -> list[tuple[str, int, int, int]]:
    return media.detect(case.samples.astype(np.int16).tolist(), LEVEL_DBOV)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--answers", type=int, default=400)
    parser.add_argument("--tones", type=int, default=60, help="of each")
    arguments = parser.parse_args()
    print(f"{'heard':<12}{'cases':>6}{'precision':>11}{'recall':>8}")
    for what, (cases, precision, recall) in (of_answers(arguments.answers) | of_tones(arguments.tones)).items():
        print(f"{what:<12}{cases:>6}{precision:>11.3f}{recall:>8.3f}")


if __name__ == "__main__":
    main()
