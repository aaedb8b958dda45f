"""Who answered, a person or a machine? Pure: told of talk, pauses and tones with their times, it decides once.

A person says a short word and waits; a machine greets at length. Times are milliseconds since it began to listen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from callflow.protocol.commands import AnswererRules
from callflow.protocol.outcomes import Greeting

Who: TypeAlias = Literal["human", "machine", "unknown"]
Why: TypeAlias = Literal["short", "long", "words", "tone", "silence", "undecided"]

_MACHINES = ("beep", "sit", "cng", "ced")  # what no person sends; a busy tone is nobody's answer
_MOST_PAUSES = 16


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who it was, and what was heard of it until then."""

    who: Who
    greeting: Greeting


@dataclass(slots=True)
class Answerer:
    """What was heard so far."""

    rules: AnswererRules
    _begun_ms: int | None = None  # the first word
    _since_ms: int | None = None  # the word that goes on
    _ended_ms: int = 0  # the last word
    _words: int = 0
    _longest_ms: int = 0
    _pauses: list[int] = field(default_factory=list)

    def start_talk(self, at_ms: int) -> Verdict | None:
        """A word begins."""
        if (verdict := self.pass_time(at_ms)) is not None:
            return verdict
        if self._begun_ms is None:
            self._begun_ms = at_ms
        elif len(self._pauses) < _MOST_PAUSES:
            self._pauses.append(at_ms - self._ended_ms)
        self._since_ms = at_ms
        self._words += 1
        return self._decide("machine", "words", at_ms) if self._words > self.rules.words else None

    def stop_talk(self, at_ms: int) -> Verdict | None:
        """The word has ended."""
        if (verdict := self.pass_time(at_ms)) is not None or self._since_ms is None:
            return verdict
        self._longest_ms = max(self._longest_ms, at_ms - self._since_ms)
        self._since_ms, self._ended_ms = None, at_ms
        return None

    def hear_tone(self, tone: str, at_ms: int) -> Verdict:
        """A tone that says something, whatever was said before."""
        return self._decide("machine" if tone in _MACHINES else "unknown", "tone", at_ms)

    def pass_time(self, now_ms: float) -> Verdict | None:
        """Is it decided by what was not heard until then?"""
        due, who, why = self._due()
        return self._decide(who, why, math.ceil(due)) if now_ms >= due else None

    @property
    def due_ms(self) -> float:
        """When time alone decides it, if nothing is heard until then."""
        return self._due()[0]

    def _due(self) -> tuple[float, Who, Why]:
        rules = self.rules
        total: tuple[float, Who, Why] = (1000 * rules.total, "unknown", "undecided")
        if self._begun_ms is None:
            return min((1000 * rules.silence, "unknown", "silence"), total)
        if self._since_ms is not None:
            return min((self._begun_ms + 1000 * rules.greeting, "machine", "long"), total)
        return min((self._ended_ms + 1000 * rules.pause, "human", "short"), total)

    def _decide(self, who: Who, why: Why, now_ms: int) -> Verdict:
        begun = self._begun_ms if self._begun_ms is not None else now_ms
        ended = now_ms if self._since_ms is not None else max(self._ended_ms, begun)
        longest = max(self._longest_ms, now_ms - self._since_ms if self._since_ms is not None else 0)
        greeting = Greeting(
            why=why,
            silence_ms=begun,
            greeting_ms=ended - begun if self._words else 0,
            words=self._words,
            longest_word_ms=longest,
            pauses_ms=tuple(self._pauses),
        )
        return Verdict(who, greeting)
