"""What the kernel says of a process."""

from __future__ import annotations

import mmap
import os
import time

from benchmarks.load_media import Cadence
from benchmarks.process import choose_cores, cpu_seconds, memory_kb


def test_cpu_time_is_that_of_the_process():
    before, own = cpu_seconds(os.getpid()), time.process_time()
    while time.process_time() - own < 0.02:
        pass
    assert 0.02 <= cpu_seconds(os.getpid()) - before < 0.1


def test_memory_is_that_of_the_process():
    before = memory_kb(os.getpid())
    with mmap.mmap(-1, 20_000_000) as held:  # new from the kernel, whatever the allocator has kept
        held.write(b"x" * len(held))
        assert memory_kb(os.getpid()) - before > 15_000


def test_cores_are_ours():
    assert set(choose_cores()) <= os.sched_getaffinity(0)


def test_a_stream_is_clean_when_next_to_nothing_is_lost_and_nothing_late():
    whole = Cadence(streams=10, seconds=4.0, packets=2000, lost=0, delayed=0, jitter_ms=0.1)
    assert whole.is_clean
    assert Cadence(streams=10, seconds=4.0, packets=1991, lost=0, delayed=0, jitter_ms=0.1).is_clean  # the edges
    assert not Cadence(streams=10, seconds=4.0, packets=1990, lost=10, delayed=0, jitter_ms=0.1).is_clean
    assert not Cadence(streams=10, seconds=4.0, packets=2000, lost=0, delayed=20, jitter_ms=0.1).is_clean
    assert not Cadence(streams=10, seconds=4.0, packets=1900, lost=0, delayed=0, jitter_ms=0.1).is_clean
