"""Names in their order, as lists are shown page by page: a page costs what is on it, however many names there are."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

# No name has a space. With one at its end no name is the beginning of another, and they are in the order of the ids
# that begin with them.
_END = " "


class Names:
    """A set of them. One more, or one less, costs a short move of memory."""

    def __init__(self) -> None:
        self._ends: list[str] = []

    def add(self, name: str) -> None:
        """One that is not there yet."""
        insort(self._ends, name + _END)

    def remove(self, name: str) -> None:
        """One that is there."""
        del self._ends[bisect_left(self._ends, name + _END)]

    def since(self, id: str) -> Iterator[str]:
        """Those from the name of this id on; from the first if it is empty. Not for names that change meanwhile."""
        name = id.partition(_END)[0]
        for at in range(bisect_left(self._ends, name + _END) if name else 0, len(self._ends)):
            yield self._ends[at][: -len(_END)]
