"""Regular expressions over digits, matched in linear time, with a question `re` cannot answer: can more keys follow?

A program's pattern is matched in the engine's own loop, so it must not backtrack: `(1+)+2` would stop every call. This
is a set-of-states automaton (Thompson's construction) for what dial plans use: digits `0-9*#A-D` (`*` as `\\*` or
`[*]`), `.`, `\\d`, `[1-3*]`, `[^0]`, groups, `|`, `?`, `*`, `+`, `{2}`, `{2,}`, `{2,4}`; always over the whole entry.
"""

from __future__ import annotations

from functools import lru_cache

from .errors import CommandError

KEYS = "0123456789*#ABCD"
_ANY = frozenset(KEYS)
_NUMBERS = frozenset("0123456789")
_LONGEST = 256  # characters of a pattern
_MOST_STATES = 4096
_DEEPEST = 32  # groups in groups


class DigitPattern:
    """One pattern, ready to match. Raises CommandError for what is not a pattern."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._keys: list[frozenset[str]] = []  # by state: the keys that lead on
        self._next: list[list[int]] = []  # by state: where to, by key if it has keys, for free if not
        if len(text) > _LONGEST:
            raise self._error(f"at most {_LONGEST} characters")
        if text.startswith("^"):
            self._at += 1
        start, end = self._alternatives()
        if self._peek() == "$" and self._at == len(text) - 1:
            self._at += 1
        if self._at < len(text):
            raise self._error("an end of the pattern")
        self._accept = end
        self._start = self._closure({start})

    def matches(self, entry: str) -> bool:
        """Does the whole entry match?"""
        return self._accept in self._after(entry)

    def is_complete(self, entry: str) -> bool:
        """Does it match, and could no longer entry that begins with it?"""
        states = self._after(entry)
        return self._accept in states and not any(self._keys[state] for state in states)

    def examples(self, *, least: int, most: int) -> list[str]:
        """For each key that an entry may begin with, the shortest that matches, of `least` to `most` keys."""
        found = (self._complete(key, least=least, most=most) for key in KEYS)
        return [entry for entry in found if entry is not None]

    def _complete(self, entry: str, *, least: int, most: int) -> str | None:
        waiting, seen = [(entry, self._after(entry))], set[tuple[int, frozenset[int]]]()
        for entry, states in waiting:  # breadth first; it grows
            if self._accept in states and len(entry) >= least:
                return entry
            for key in KEYS if len(entry) < most else "":
                after = self._step(states, key)
                if after and (len(entry), after) not in seen:
                    seen.add((len(entry), after))
                    waiting.append((entry + key, after))
        return None

    def _after(self, entry: str) -> frozenset[int]:
        states = self._start
        for key in entry:
            states = self._step(states, key)
        return states

    def _step(self, states: frozenset[int], key: str) -> frozenset[int]:
        return self._closure({to for state in states if key in self._keys[state] for to in self._next[state]})

    def _closure(self, states: set[int]) -> frozenset[int]:
        waiting = list(states)
        while waiting:
            state = waiting.pop()
            if not self._keys[state]:
                fresh = [to for to in self._next[state] if to not in states]
                states.update(fresh)
                waiting += fresh
        return frozenset(states)

    def _state(self, keys: frozenset[str] = frozenset()) -> int:
        if len(self._keys) >= _MOST_STATES:
            raise self._error("fewer repetitions")
        self._keys.append(keys)
        self._next.append([])
        return len(self._keys) - 1

    def _alternatives(self) -> tuple[int, int]:
        start, end = self._state(), self._state()
        while True:
            first, last = self._sequence()
            self._next[start].append(first)
            self._next[last].append(end)
            if self._peek() != "|":
                return start, end
            self._at += 1

    def _sequence(self) -> tuple[int, int]:
        start = last = self._state()
        while self._peek() not in ("", "|", ")") and not (self._peek() == "$" and self._at == len(self._text) - 1):
            begin = self._at
            first, end = self._atom()
            after = self._at
            least, most = self._quantity()
            resume = self._at
            if (least, most) != (1, 1):
                first, end = self._repeat(begin, after, least, most)
                self._at = resume
            self._next[last].append(first)
            last = end
        return start, last

    def _repeat(self, begin: int, after: int, least: int, most: int | None) -> tuple[int, int]:
        """Parse the atom again for each repetition: every copy has states of its own."""
        start = last = self._state()
        skips: list[int] = []
        for number in range(max(least, most or least, 1)):
            if number >= least:
                skips.append(last)
            self._at = begin
            first, end = self._atom()
            assert self._at == after
            self._next[last].append(first)
            last = end
        finish = self._state()
        self._next[last].append(finish)
        for state in skips:
            self._next[state].append(finish)
        if most is None:
            self._next[last].append(first)
            if least == 0:
                self._next[start].append(finish)
        if most == 0:
            self._next[start] = [finish]
        return start, finish

    def _atom(self) -> tuple[int, int]:
        character = self._peek()
        self._at += 1
        if character == "(":
            return self._group()
        if character == "[":
            keys = self._class()
        elif character == "\\":
            keys = self._escaped()
        elif character == ".":
            keys = _ANY
        elif character in _ANY and character != "*":
            keys = frozenset(character)
        else:
            self._at -= 1
            raise self._error("a digit, a class or a group")
        start, end = self._state(keys), self._state()
        self._next[start].append(end)
        return start, end

    def _group(self) -> tuple[int, int]:
        if self._text.startswith("?:", self._at):
            self._at += 2
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error("fewer groups in groups")
        inner = self._alternatives()
        self._depth -= 1
        if self._peek() != ")":
            raise self._error("a closing parenthesis")
        self._at += 1
        return inner

    def _escaped(self) -> frozenset[str]:
        character = self._peek()
        self._at += 1
        if character == "d":
            return _NUMBERS
        if character and character in "*#":
            return frozenset(character)
        self._at -= 1
        raise self._error("\\d, \\* or \\#")

    def _class(self) -> frozenset[str]:
        is_negated = self._peek() == "^"
        self._at += is_negated
        keys: set[str] = set()
        while (character := self._peek()) != "]":
            self._at += 1
            if character == "\\":
                keys |= self._escaped()
            elif not character or character not in KEYS:
                self._at -= 1
                raise self._error("digits and a closing bracket")
            elif self._peek() == "-" and self._text[self._at + 1 : self._at + 2] in [*KEYS]:
                keys |= self._range(character, self._text[self._at + 1])
                self._at += 2
            else:
                keys.add(character)
        self._at += 1
        chosen = _ANY - keys if is_negated else frozenset(keys)
        if not chosen:
            raise self._error("a class that allows a key")
        return chosen

    def _range(self, first: str, last: str) -> set[str]:
        if not first <= last or {first, last} & {"*", "#"} or first.isdigit() != last.isdigit():
            raise self._error(f"a range upwards, instead of {first}-{last}")
        return {key for key in KEYS if first <= key <= last}

    def _quantity(self) -> tuple[int, int | None]:
        character = self._peek()
        if character and character in "?*+":
            self._at += 1
            return {"?": (0, 1), "*": (0, None), "+": (1, None)}[character]
        if character != "{":
            return 1, 1
        inside, closing, _ = self._text[self._at + 1 :].partition("}")
        least, comma, most = inside.partition(",")
        if not closing or not _is_count(least) or (most and not _is_count(most)):
            raise self._error("{2}, {2,} or {2,4}")
        self._at += len(inside) + 2
        if not comma:
            return int(least), int(least)
        if most and int(most) < int(least):
            raise self._error("a repetition upwards")
        return int(least), int(most) if most else None

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _error(self, expected: str) -> CommandError:
        return CommandError(
            "bad_argument",
            f"expected {expected} in the pattern {self._text[:64]!r} at character {self._at + 1}",
        )


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3


@lru_cache(maxsize=256)
def digit_pattern(text: str) -> DigitPattern:
    """The pattern of that text, kept for the next call of the same script."""
    return DigitPattern(text)
