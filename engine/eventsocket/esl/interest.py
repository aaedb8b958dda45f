"""What one client wants to hear: names of events, subclasses of CUSTOM, filters, its own channel. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .event import KINDS, EslEvent
from .vocabulary import EVENT_NAMES, MY_EVENTS

MAX_FILTERS = 1000
_REPEATS = 3  # in one pattern: `*`, `+` and `{}` take time by their number
MAX_SUBCLASSES = 1000
_LONGEST_MATCH = 256  # characters that a filter's pattern looks at


@dataclass(frozen=True, slots=True)
class Filter:
    """`pattern` is set for a value between slashes."""

    header: str
    value: str
    is_negative: bool
    pattern: re.Pattern[str] | None = None

    def matches(self, headers: Mapping[str, str]) -> bool:
        found = headers.get(self.header)
        if found is None:
            return False
        if self.pattern is not None:
            return self.pattern.search(found[:_LONGEST_MATCH]) is not None
        return found.lower() == self.value.lower()


class Interest:
    """The subscriptions of one client. `kind` is how it wants events to be spelled, of all events the last one said."""

    def __init__(self) -> None:
        self.kind = "plain"
        self.names: set[str] = set()
        self.subclasses: set[str] = set()
        self.filters: list[Filter] = []
        self.channel: str | None = None  # whose events are its own, by myevents

    @property
    def is_listening(self) -> bool:
        return bool(self.names or self.subclasses)

    def wants(self, name: str, subclass: str = "") -> bool:
        """Whether an event of that name may be for it: before it is made."""
        if "ALL" in self.names:
            return True
        if name == "CUSTOM":
            return subclass in self.subclasses
        return name in self.names

    def passes(self, event: EslEvent) -> bool:
        """Whether the event is for it."""
        if not self.wants(event.name, event.subclass):
            return False
        if self.channel is not None and not self._is_own(event):
            return False
        if not self.filters:
            return True
        is_found = False
        for each in self.filters:
            if each.matches(event.headers):
                if each.is_negative:
                    return False
                is_found = True
        return is_found or all(each.is_negative for each in self.filters)

    def add(self, words: Sequence[str]) -> bool:
        """Subscribe to these names; after CUSTOM all are subclasses. False: there was none."""
        names, subclasses = read_names(words)
        self.names |= names
        self.subclasses |= set(sorted(subclasses)[: MAX_SUBCLASSES - len(self.subclasses)])
        return bool(names or subclasses)

    def remove(self, words: Sequence[str]) -> bool:
        names, subclasses = read_names(words)
        self.names -= names
        self.subclasses -= subclasses
        return bool(names or subclasses)

    def clear(self) -> bool:
        """Hear nothing any more. False: nothing was heard before."""
        was_listening = self.is_listening
        self.names.clear()
        self.subclasses.clear()
        self.channel = None
        return was_listening

    def follow(self, channel: str) -> bool:
        """Hear of this channel what is its own. False: so it was already."""
        if self.channel is not None:
            return False
        self.channel = channel
        self.names |= MY_EVENTS
        return True

    def add_filter(self, header: str, value: str) -> bool:
        """False: it is none, or there are too many."""
        is_negative = value.startswith("-") and len(value) > 1
        value = value[1:] if is_negative else value
        pattern = None
        if len(value) > 2 and value[0] == value[-1] == "/":
            try:
                pattern = compiled(value[1:-1])
            except (re.error, RecursionError, OverflowError):
                return False
        if len(self.filters) >= MAX_FILTERS:
            return False
        self.filters.append(Filter(header, value, is_negative, pattern))
        return True

    def remove_filter(self, header: str, value: str) -> None:
        self.filters = [
            each
            for each in self.filters
            if header.lower() != "all" and not (each.header == header and value in ("", each.value))
        ]

    def _is_own(self, event: EslEvent) -> bool:
        headers = event.headers
        return self.channel in (headers.get("Unique-ID"), headers.get("Job-Owner-UUID"))


def read_names(words: Sequence[str]) -> tuple[set[str], set[str]]:
    """The names among these words, and the subclasses."""
    names: set[str] = set()
    for at, word in enumerate(words):
        name = word.upper().removeprefix("SWITCH_EVENT_")
        if name == "CUSTOM":
            return names, set(words[at + 1 :])
        if name in EVENT_NAMES:
            names.add(name)
    return names, set()


def read_kind(words: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    """A spelling at the beginning, and the rest."""
    if words and words[0].lower() in KINDS:
        return words[0].lower(), words[1:]
    return None, words


def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern that takes no time to speak of. Raises re.error."""
    is_slow = re.search(r"[*+}]\)?[*+{]|\)[*+{]", pattern) is not None or len(re.findall(r"[*+{]", pattern)) > _REPEATS
    if len(pattern) > 128 or is_slow:
        raise re.error(f"expected at most 128 characters with {_REPEATS} repetitions, none of them of a group")
    return re.compile(pattern)
