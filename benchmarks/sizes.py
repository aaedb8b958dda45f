"""How much of everything is measured: long enough to trust, short enough to wait for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Numbers per measurement; times are seconds."""

    repetitions: int
    call_time: float  # seconds of calls for their cost, once per repetition
    shares: tuple[
        float, ...
    ]  # of the highest rate, at which the cost is taken beside: does it grow with what there is?
    search_steps: int  # of the search for the highest rate
    search_time: float  # each step
    playing_legs: int
    bridged_calls: int
    coded_calls: int  # of a wide-band codec on one side
    secured_calls: int  # whose phones encrypt, too
    members: int  # in one conference
    most_members: int  # that a conference may have
    small_conferences: int  # of three
    setup_rate: float  # calls per second while legs are brought up
    many_legs: int  # at the limit: playback, and twice as many as the calls of the relay
    scaled_legs: int  # too many for one core, not for two
    settle_time: float  # until every stream flows
    media_time: float  # once per repetition
    idle_time: float
    held_calls: int  # per step of the memory measurement
    burst_calls: int  # one after another, after which memory is to come back
    linger_time: float  # until what they left has run out
    starts: int
    reloads: int
    round_trips: int
    subscribers: int
    esl_events: int
    connections: int  # that only stand
    keys: int  # pressed, once per repetition
    standing_legs: int  # beside too many calls
    overload_time: float
    refreshes: int  # of registrations
    crowds: tuple[int, ...]  # of phones
    streams: int
    stream_delays: int  # sounds there and back, and clears
    plays: int  # one after another, once per repetition


FULL = Sizes(
    repetitions=3, call_time=3.0, shares=(0.1, 0.5, 0.9), search_steps=6, search_time=3.0, playing_legs=1000,
    bridged_calls=500, coded_calls=30, secured_calls=150,
    members=300, most_members=1000, small_conferences=100, many_legs=3000, scaled_legs=5500,
    setup_rate=200, settle_time=1.0, media_time=4.0, idle_time=2.0, held_calls=300,
    burst_calls=10_000, linger_time=35.0,
    starts=5, reloads=10,
    round_trips=3000, subscribers=10, esl_events=40_000, connections=5000, keys=200, standing_legs=100,
    overload_time=10.0, refreshes=2000, crowds=(1_000, 10_000, 100_000),
    streams=50, stream_delays=50, plays=100,
)  # fmt: skip
QUICK = Sizes(
    repetitions=2, call_time=0.7, shares=(0.1, 0.5, 0.9), search_steps=3, search_time=0.7, playing_legs=300,
    bridged_calls=150, coded_calls=15, secured_calls=50,
    members=100, most_members=200, small_conferences=33, many_legs=600, scaled_legs=600,
    setup_rate=400, settle_time=1.0, media_time=1.0, idle_time=0.4, held_calls=50, burst_calls=500, linger_time=1.0,
    starts=2, reloads=3,
    round_trips=500, subscribers=5, esl_events=10_000, connections=500, keys=50, standing_legs=50, overload_time=4.0,
    refreshes=200, crowds=(1_000, 10_000, 100_000),
    streams=20, stream_delays=10, plays=30,
)  # fmt: skip
