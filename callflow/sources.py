"""Sources as scripts write them: one, or several."""

from __future__ import annotations

from collections.abc import Sequence

from .protocol.commands import Source


def as_sources(sources: Source | Sequence[Source]) -> tuple[Source, ...]:
    """All of them, of one or several."""
    if isinstance(sources, str) or not isinstance(sources, Sequence):
        return (sources,)
    return tuple(sources)
