"""Each measurement runs, at a size that measures nothing: what breaks it is found before someone needs a figure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from benchmarks import (
    measure_both,
    measure_bridge,
    measure_calls,
    measure_crowd,
    measure_digits,
    measure_esl,
    measure_handshake,
    measure_log,
    measure_lua,
    measure_media,
    measure_memory,
    measure_overload,
    measure_play,
    measure_registrar,
    measure_reload,
    measure_seeing,
    measure_simulation,
    measure_socket,
    measure_sources,
    measure_start,
    measure_streams,
)
from benchmarks.bench import Bench
from benchmarks.figure import Figure
from benchmarks.process import choose_cores
from benchmarks.sizes import Sizes

TINY = Sizes(
    repetitions=1, call_time=0.2, shares=(), search_steps=1, search_time=0.1, playing_legs=3, bridged_calls=2,
    coded_calls=2, members=3, most_members=4, small_conferences=2, many_legs=4, scaled_legs=5, setup_rate=100,
    settle_time=0.2, media_time=0.2, idle_time=0.1, held_calls=2, burst_calls=5, linger_time=0.1,
    starts=1, reloads=1, round_trips=5,
    subscribers=2, esl_events=1000, connections=5, keys=3, standing_legs=2, overload_time=0.2, refreshes=10,
    secured_calls=2, crowds=(5, 20), streams=2, stream_delays=2, plays=3,
)  # fmt: skip

NAMES = {
    measure_both.measure: {"calls answered beside 3 playing legs": "calls/s"},
    measure_bridge.measure: {
        "calls dialled on and bridged": "calls/s", "call dialled on and bridged": "CPU-ms/call",
    },
    measure_calls.measure: {
        "calls answered by a script worker": "calls/s", "call answered by a script worker": "CPU-ms/call",
        "calls answered by a Lua script": "calls/s", "call answered by a Lua script": "CPU-ms/call",
        "calls answered by a WebSocket app": "calls/s", "call answered by a WebSocket app": "CPU-ms/call",
        "calls answered by an outbound ESL app": "calls/s", "call answered by an outbound ESL app": "CPU-ms/call",
    },
    measure_esl.measure: {
        "ESL api round trip, p50": "us", "ESL api round trip, p99": "us", "ESL event, sent and delivered": "events/s",
        "ESL event of a call, to a plain subscriber": "events/s of a core",
        "memory of 5 idle ESL connections": "kB/connection",
    },
    measure_handshake.measure: {"DTLS handshake, one side": "CPU-ms"},
    measure_crowd.measure: {
        "command round trip among 2 calls, p50": "us", "command round trip among 2 calls, p99": "us",
    },
    measure_log.measure: {"events to one subscriber who catches up": "events/s"},
    measure_digits.measure: {
        "key to its event, p50": "ms", "key to its event, p99": "ms",
        "key to its event among 3 playing legs, p50": "ms", "key to its event among 3 playing legs, p99": "ms",
    },
    measure_lua.measure: {
        "verb of a Lua script, without arguments": "CPU-us/verb",
        "verb of a Lua script, with a table each way": "CPU-us/verb",
        "memory of 2000 calls in one Lua script": "MB",
    },
    measure_media.measure: {
        "playback to 2": "CPU-us/leg-second", "relay of 1": "CPU-us/call-second",
        "playback": "CPU-us/leg-second", "playback to 4": "CPU-us/leg-second",
        "playback by 1": "CPU-us/leg-second", "playback by 2": "CPU-us/leg-second",
        "playback by SRTP": "CPU-us/leg-second",
        "two-way relay": "CPU-us/call-second", "transcoded relay": "CPU-us/call-second",
        "PCMU to G.722": "CPU-us/call-second", "PCMU to Opus": "CPU-us/call-second",
        "relay of 2": "CPU-us/call-second",
        "relay, plain": "CPU-us/call-second", "relay by SRTP": "CPU-us/call-second",
        "PCMU to L16": "CPU-us/call-second",
        "member, 1 conference of 3": "CPU-us/member-second", "member, 1 conference of 4": "CPU-us/member-second",
        "member, 2 conferences of 3": "CPU-us/member-second",
    },
    measure_sources.measure: {
        **{f"{form} decoded": "CPU-us/second of sound" for form in ("wav", "mp3", "flac", "ogg", "opus")},
        "playback of a long WAV": "CPU-us/leg-second", "playback of a long MP3": "CPU-us/leg-second",
    },
    measure_registrar.measure: {
        "a refresh among 5 phones": "CPU-us", "a refresh among 20 phones": "x that among 5",
    },
    measure_memory.measure: {
        "memory, idle": "MB", "memory per call": "kB/call", "call that only stands": "CPU-us/call-second",
        "memory that a burst of 5 calls leaves": "MB",
    },
    measure_overload.measure: {
        "calls answered at 3 times the capacity": "x", "all well again after that": "s",
        "call that is refused": "x one answered",
    },
    measure_socket.measure: {
        "command round trip, p50": "us", "command round trip, p99": "us",
        "command round trip, bare client, p50": "us", "command round trip, bare client, p99": "us",
        "event to one subscriber": "CPU-us/event",
    },
    measure_play.measure: {"play to the first packet, p50": "ms", "play to the first packet, p99": "ms"},
    measure_reload.measure: {"save to new version": "s"},
    measure_seeing.measure: {
        "call traced with OpenTelemetry": "CPU-us/call", "look at how a leg sounds": "CPU-us",
    },
    measure_simulation.measure: {"half an hour simulated": "s"},
    measure_start.measure: {"start to first answer": "s"},
    measure_streams.measure: {
        "stream, send": "CPU-us/stream-second", "stream, both ways": "CPU-us/stream-second",
        "stream, both ways, 24 kHz": "CPU-us/stream-second", "stream, both ways, twilio": "CPU-us/stream-second",
        "stream, send, mixed": "CPU-us/stream-second",
        "sound to a program and back, p50": "ms", "sound to a program and back, p99": "ms",
        "clear of a stream, p50": "ms", "clear of a stream, p99": "ms",
    },
}  # fmt: skip


@pytest.mark.parametrize("measure", NAMES, ids=lambda measure: measure.__module__.rpartition("_")[2])
def test_it_runs_and_every_figure_is_told(tmp_path: Path, measure: Callable[[Bench], Awaitable[list[Figure]]]):
    figures = trio.run(measure, Bench(choose_cores(), tmp_path, TINY, lambda text: None))
    assert {figure.name: figure.unit for figure in figures} == NAMES[measure]
    for figure in figures:
        assert figure.values
        assert figure.how
