"""Recordings that are kept: bounded in octets, the longest unused thrown away, and there after a restart."""

import os

from engine.speech.cache import Cache

A, B, C = (letter * 64 for letter in "abc")


def put(cache, name, octets=10):
    cache.path(name).write_bytes(b"x" * octets)
    cache.keep(name)


def test_the_longest_unused_is_thrown_away(tmp_path):
    cache = Cache(tmp_path, max_octets=25)
    put(cache, A)
    put(cache, B)
    assert cache.has(A)
    put(cache, C)
    assert [cache.has(name) for name in (A, B, C)] == [True, False, True]
    assert cache.octets == 20
    assert not cache.path(B).exists()


def test_one_that_is_too_large_is_kept_until_the_next(tmp_path):
    cache = Cache(tmp_path, max_octets=25)
    put(cache, A, 100)
    assert cache.has(A)
    put(cache, B)
    assert not cache.has(A)


def test_what_an_earlier_run_has_made_is_there_and_what_it_began_is_not(tmp_path):
    put(Cache(tmp_path, max_octets=25), A)
    put(Cache(tmp_path, max_octets=25), B)
    os.utime(tmp_path / f"{B}.wav", (1, 1))
    (tmp_path / f"{C}.part").write_bytes(b"x")
    (tmp_path / "other.txt").write_bytes(b"x")
    cache = Cache(tmp_path, max_octets=25)
    assert cache.octets == 20
    put(cache, C)
    assert not cache.has(B)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{A}.wav", f"{C}.wav", "other.txt"]


def test_what_somebody_has_removed_is_not_there(tmp_path):
    cache = Cache(tmp_path, max_octets=25)
    put(cache, A)
    cache.path(A).unlink()
    assert not cache.has(A)
    assert cache.octets == 0
