"""Texts that wait until their user has a phone again: so many of each, for so long. Without I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from engine.store.texts import Text

MAX_OF_USER = 50
MAX_ALL = 10_000
MAX_AGE = 7 * 24 * 3600.0  # seconds


class Kept:
    """Those of all users, each in the order in which they came."""

    def __init__(
        self,
        *,
        epoch: Callable[[], float],
        on_put: Callable[[Text], None] = lambda text: None,
        on_drop: Callable[[Text], None] = lambda text: None,
    ) -> None:
        """`epoch`: seconds since the epoch. `on_put` and `on_drop` write it down."""
        self._epoch, self._on_put, self._on_drop = epoch, on_put, on_drop
        self._of: dict[str, dict[str, Text]] = {}  # by user, then id
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def load(self, texts: Iterable[Text]) -> None:
        """What was kept before: it is written down already."""
        for text in texts:
            self._add(text)
        for user, of in self._of.items():  # some may have come before those of before could be read
            self._of[user] = dict(sorted(of.items(), key=lambda item: item[1].at))

    def put(self, text: Text) -> bool:
        """Keep one. False: there is no room."""
        if len(self.of(text.to)) >= MAX_OF_USER or self._count >= MAX_ALL:
            return False
        self._add(text)
        self._on_put(text)
        return True

    def drop(self, text: Text) -> None:
        """It was delivered."""
        texts = self._of.get(text.to, {})
        if texts.pop(text.id, None) is not None:
            self._count -= 1
            self._on_drop(text)
        if not texts:
            self._of.pop(text.to, None)

    def of(self, user: str) -> Sequence[Text]:
        """Those of a user, oldest first; what is too old is gone."""
        oldest = self._epoch() - MAX_AGE
        for text in [text for text in self._of.get(user, {}).values() if text.at < oldest]:
            self.drop(text)
        return list(self._of.get(user, {}).values())

    def _add(self, text: Text) -> None:
        self._count += text.id not in self._of.get(text.to, {})
        self._of.setdefault(text.to, {})[text.id] = text
