"""What the tests of streams begin with."""

from __future__ import annotations

from dataclasses import replace

from engine.streams.message import Opening


def opening(**changes: object) -> Opening:
    """Of a stream both ways, one track."""
    usual = Opening(
        stream="c1/s1",
        call="c1",
        caller="alice",
        callee="2000",
        speaks=True,
        tracks=("inbound",),
        encoding="l16",
        rate=8000,
        parameters={"topic": "weather"},
    )
    return replace(usual, **changes)  # type: ignore[arg-type]
