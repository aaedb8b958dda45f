"""How much of everything is measured: long enough to trust, short enough to wait for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Numbers per measurement; times are seconds."""

    repetitions: int
    call_rate: float  # calls per second at which the cost of a call is taken
    call_time: float  # for so long, once per repetition
    search_steps: int  # of the search for the highest rate
    search_time: float  # each step
    playing_legs: int
    bridged_calls: int
    setup_rate: float  # calls per second while legs are brought up
    media_time: float  # once per repetition
    idle_time: float
    held_calls: int  # per step of the memory measurement
    starts: int
    round_trips: int
    subscribers: int


FULL = Sizes(
    repetitions=3, call_rate=200, call_time=5.0, search_steps=6, search_time=4.0, playing_legs=400, bridged_calls=200,
    setup_rate=100, media_time=5.0, idle_time=2.0, held_calls=300, starts=5, round_trips=3000, subscribers=10,
)  # fmt: skip
QUICK = Sizes(
    repetitions=2, call_rate=100, call_time=1.5, search_steps=4, search_time=1.0, playing_legs=100, bridged_calls=50,
    setup_rate=100, media_time=1.5, idle_time=0.5, held_calls=50, starts=2, round_trips=500, subscribers=5,
)  # fmt: skip
