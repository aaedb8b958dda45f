"""What a session wants to hear: name patterns, precompiled to sets of event names, for all channels or for some."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from callflow.protocol.events import EVENTS

MAX_CHANNELS = 1000  # named in the subscriptions of one session
MAX_PATTERN = 64


def names_matching(pattern: str) -> frozenset[str]:
    """The event names that a pattern means. Raises ValueError when there is none, for a typing error must be seen."""
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"expected a pattern of at most {MAX_PATTERN} characters, got {len(pattern)}")
    names = frozenset(name for name in EVENTS if fnmatchcase(name, pattern))
    if not names:
        raise ValueError(f"no event is called {pattern!r}; expected * or a name such as channel.answered or channel.*")
    return names


class Subscriptions:
    """The subscriptions of one session. They tell `everywhere`, the names wanted of all channels, and `by_channel`."""

    def __init__(self) -> None:
        self.everywhere: frozenset[str] = frozenset()
        self.by_channel: dict[str, frozenset[str]] = {}
        self._patterns: dict[str, frozenset[str] | None] = {}  # pattern -> the channels it is for, None: all

    def add(self, patterns: Iterable[str], channels: Iterable[str] = ()) -> None:
        """Subscribe. Raises ValueError, and then nothing has changed."""
        wanted = frozenset(channels)
        patterns = tuple(patterns)
        for pattern in patterns:
            names_matching(pattern)
        if len(wanted | self.by_channel.keys()) > MAX_CHANNELS:
            raise ValueError(f"expected subscriptions to at most {MAX_CHANNELS} channels")
        for pattern in patterns:
            before = self._patterns.get(pattern, frozenset())
            self._patterns[pattern] = None if before is None or not wanted else before | wanted
        self._compile()

    def remove(self, patterns: Iterable[str]) -> None:
        """Take back; a pattern that was not subscribed to does no harm."""
        for pattern in patterns:
            self._patterns.pop(pattern, None)
        self._compile()

    def forget(self, channel: str) -> None:
        """The channel has ended; nothing will come of it."""
        if self.by_channel.pop(channel, None) is not None:
            for pattern, channels in tuple(self._patterns.items()):
                if channels and channel in channels:
                    self._forget_in(pattern, channels - {channel})

    def _forget_in(self, pattern: str, rest: frozenset[str]) -> None:
        if rest:
            self._patterns[pattern] = rest
        else:
            del self._patterns[pattern]

    def _compile(self) -> None:
        everywhere: frozenset[str] = frozenset()
        by_channel: dict[str, frozenset[str]] = {}
        for pattern, channels in self._patterns.items():
            names = names_matching(pattern)
            if channels is None:
                everywhere |= names
            for channel in channels or ():
                by_channel[channel] = by_channel.get(channel, frozenset()) | names
        self.everywhere, self.by_channel = everywhere, by_channel
