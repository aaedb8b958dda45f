"""What was fetched is found again, also by the next engine; the longest unused goes first."""

from __future__ import annotations

import pytest

from engine.web.shelf import MAX_AGE, Kept, Shelf, key_of


def put(shelf, url, octets=b"sound"):
    shelf.part(url).write_bytes(octets)
    shelf.keep(Kept(url=url, etag='"e"'))


def test_what_is_kept_is_there_for_the_next_engine_but_not_what_is_unfinished(tmp_path):
    shelf = Shelf(tmp_path, now=0)
    put(shelf, "http://a/x.mp3")
    part = shelf.part("http://a/y.mp3")
    part.write_bytes(b"half")
    again = Shelf(tmp_path, now=0)
    assert again.find("http://a/x.mp3").etag == '"e"'
    assert again.path("http://a/x.mp3").read_bytes() == b"sound"
    assert again.find("http://a/y.mp3") is None
    assert not part.parent.exists()


def test_the_longest_unused_is_thrown_away(tmp_path):
    shelf = Shelf(tmp_path, now=0, max_octets=12)
    put(shelf, "http://a/1")
    put(shelf, "http://a/2")
    assert shelf.find("http://a/1") is not None
    put(shelf, "http://a/3")
    assert [shelf.find(f"http://a/{n}") is not None for n in (1, 2, 3)] == [True, False, True]
    assert shelf.octets == 10
    assert not shelf.path("http://a/2").exists()


def test_what_nobody_plays_for_a_month_is_thrown_away(tmp_path):
    put(Shelf(tmp_path, now=0), "http://a/1")
    used_at = (tmp_path / key_of("http://a/1") / "about.json").stat().st_mtime
    assert Shelf(tmp_path, now=used_at + MAX_AGE - 1).find("http://a/1") is not None
    assert Shelf(tmp_path, now=used_at + MAX_AGE + 1).find("http://a/1") is None


def test_what_somebody_else_has_removed_or_written_is_not_there(tmp_path):
    shelf = Shelf(tmp_path, now=0)
    put(shelf, "http://a/1")
    shelf.path("http://a/1").unlink()
    assert shelf.find("http://a/1") is None
    put(shelf, "http://a/2")
    (tmp_path / key_of("http://a/2") / "about.json").write_text("{")
    assert Shelf(tmp_path, now=0).find("http://a/2") is None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://a/b/c.mp3?d=e/f.wav", "c.mp3"),
        ("http://a/b/%2e%2e%2fetc%2fpasswd", "_etc_passwd"),
        ("http://a/..", "sound"),
        ("http://a/", "sound"),
        ("http://a/part", "sound"),
        ("http://a/about.json", "sound"),
        ("http://a/" + "x" * 100 + ".ul", "x" * 61 + ".ul"),
        ("http://a/a b\u00fc.sln16", "a_b_.sln16"),
    ],
)
def test_a_sound_has_the_name_that_its_url_ends_in(url, name, tmp_path):
    path = Shelf(tmp_path, now=0).path(url)
    assert path.name == name
    assert path.parent.parent == tmp_path
