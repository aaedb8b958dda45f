"""Sounds by HTTP, from a real server on loopback: once for all, kept, asked for again; and all that goes wrong."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trustme

from callflow.runtime.lua.hosts import is_allowed
from engine.media.probe import expect_sound
from engine.web.shelf import Shelf
from engine.web.sounds import MAX_PER_HOST, WebSounds
from engine.web.terms import Terms
from engine.web.web import WebError

from .server import response, serving

SEEDS = Path(__file__).parents[2] / "engine/native/fuzz/seeds/sound"
MP3 = (SEEDS / "tone.mp3").read_bytes()


def run(test):
    """On the real clock, and never for ever."""

    def real(tmp_path):
        async def main():
            with trio.fail_after(120):
                await test(tmp_path)

        trio.run(main)

    real.__name__ = test.__name__
    return real


class Epoch:
    now = 1e9

    def __call__(self):
        return self.now


@asynccontextmanager
async def fetching(folder, *hosts, epoch=None, **options):
    terms = Terms(hosts, is_allowed, **{"silent_for": 100, "within": 100, **options})
    sounds = WebSounds(Shelf(folder / "web", now=1e9), terms, epoch=epoch or Epoch(), expect_sound=expect_sound)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sounds.run)
        yield sounds
        nursery.cancel_scope.cancel()


async def have(sounds, url):
    """Where it is, and what went wrong."""
    path, done, errors = sounds.path(url), trio.Event(), []

    def end(error):
        errors.append(error)
        done.set()

    if not sounds.wait(path, end):
        return path, "kept"
    await done.wait()
    return path, errors[0]


@run
async def test_a_sound_is_fetched_once_for_all_who_ask_and_kept_under_its_name(tmp_path):
    async with serving() as server, fetching(tmp_path, server.host) as sounds:
        server.answers["/p/intro.mp3?v=2"] = response(body=MP3, cache_control="max-age=60")
        url = server.url("/p/intro.mp3?v=2")
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(have, sounds, url)
        path, said = await have(sounds, url)
        assert (path.name, said, path.read_bytes()) == ("intro.mp3", "kept", MP3)
        assert len(server.asked) == 1


@run
async def test_what_is_no_longer_fresh_is_asked_for_again_and_may_have_stayed_the_same(tmp_path):
    epoch = Epoch()
    async with serving() as server, fetching(tmp_path, server.host, epoch=epoch) as sounds:
        url = server.url("/a.mp3")
        server.answers["/a.mp3"] = response(body=MP3, cache_control="max-age=60", etag='"one"')
        await have(sounds, url)
        server.answers["/a.mp3"] = response(304, reason="Not Modified", cache_control="max-age=60")
        epoch.now += 61
        path, said = await have(sounds, url)
        assert (said, path.read_bytes()) == (None, MP3)
        assert 'if-none-match: "one"' in server.asked[1].lower()
        assert (await have(sounds, url))[1] == "kept"
        epoch.now += 61
        server.answers["/a.mp3"] = response(body=MP3 * 2, etag='"two"')
        path, said = await have(sounds, url)
        assert (said, len(path.read_bytes())) == (None, len(MP3) * 2)


@run
async def test_what_was_had_before_is_played_while_the_server_is_away_but_not_once_it_is_gone(tmp_path):
    epoch = Epoch()
    async with serving() as server, fetching(tmp_path, server.host, epoch=epoch) as sounds:
        url = server.url("/a.mp3")
        server.answers["/a.mp3"] = response(body=MP3, cache_control="no-cache")
        await have(sounds, url)
        server.answers["/a.mp3"] = response(503, reason="Service Unavailable")
        assert (await have(sounds, url))[1] is None
        assert (await have(sounds, url))[1] == "kept"  # for ten seconds, so that not every play waits
        epoch.now += 11
        del server.answers["/a.mp3"]
        assert (await have(sounds, url))[1] == f"{url}: 404 Not Found"


async def _endless(stream):
    await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        await stream.send_all(bytes(65_536))


async def _broken(stream):
    await stream.send_all(response(body=MP3)[:-10])


async def _silent(stream):
    await trio.sleep_forever()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (response(404, reason="Not Found"), "404 Not Found"),
        (response(500, reason="Broken"), "500 Broken"),
        (response(body=b"<html>no sound</html>"), "expected a WAV, MP3, Ogg or FLAC file, got something else"),
        (response(body=b""), "an empty file"),
        (response(body=bytes(200_000)), "expected at most 100000 octets, got 200000"),
        (_endless, "expected at most 100000 octets, got more"),
        (_broken, "it did not come"),
        (response(302, location="http://elsewhere.example/a"), "elsewhere.example is no host that sounds come from"),
        (response(302, location="file:///etc/passwd"), "expected a URL that begins with http"),
        (response(302, location="/a.mp3"), "redirected more than 5 times"),
        (b"no HTTP at all\r\n\r\n", "it did not come"),
    ],
)  # fmt: skip
def test_what_does_not_come_says_why_and_leaves_nothing(answer, says, tmp_path):
    @run
    async def test(tmp_path):
        async with serving() as server, fetching(tmp_path, server.host, max_octets=100_000) as sounds:
            server.answers["/a.mp3"] = answer
            path, error = await have(sounds, server.url("/a.mp3"))
            assert error.startswith(server.url("/a.mp3"))
            assert says in error
            assert list(path.parent.iterdir()) == []

    test(tmp_path)


@run
async def test_a_server_that_says_nothing_is_given_up_and_holds_nobody_else_up(tmp_path):
    async with serving() as server, fetching(tmp_path, server.host) as sounds:
        server.answers.update({"/stalled.mp3": _silent, "/good.mp3": response(body=MP3)})
        stalled = sounds.path(server.url("/stalled.mp3"))
        assert sounds.wait(stalled, lambda error: None)
        assert (await have(sounds, server.url("/good.mp3")))[1] is None
        assert sounds.wait(stalled, lambda error: None)
    async with serving() as server, fetching(tmp_path, server.host, silent_for=0.2) as sounds:
        server.answers["/stalled.mp3"] = _silent
        assert (await have(sounds, server.url("/stalled.mp3")))[1].endswith("nothing came for 0.2 s")
    async with serving() as server, fetching(tmp_path, server.host, within=0.2) as sounds:
        server.answers["/stalled.mp3"] = _silent
        assert (await have(sounds, server.url("/stalled.mp3")))[1].endswith("it did not come within 0.2 s")


@run
async def test_no_more_are_fetched_of_one_host_at_a_time_than_it_bears(tmp_path):
    async with serving() as server, fetching(tmp_path, server.host) as sounds:
        for number in range(MAX_PER_HOST):
            sounds.path(server.url(f"/{number}.mp3"))
        with pytest.raises(WebError, match="expected at most 20") as refused:
            sounds.path(server.url("/more.mp3"))
        assert refused.value.code == "overloaded"


@run
async def test_a_redirection_to_an_allowed_host_is_followed(tmp_path):
    async with serving() as server, serving() as other, fetching(tmp_path, server.host, other.host) as sounds:
        server.answers["/a.mp3"] = response(302, location=other.url("/b"))
        other.answers["/b"] = response(body=MP3)
        path, error = await have(sounds, server.url("/a.mp3"))
        assert (error, path.read_bytes()) == (None, MP3)


@run
async def test_a_private_address_must_be_named_itself(tmp_path):
    async with serving() as server, fetching(tmp_path, "*") as sounds:
        _, error = await have(sounds, server.url("/a.mp3"))
        assert "127.0.0.1 has a private address" in error
        assert server.asked == []


@run
async def test_a_sound_comes_over_tls_from_whom_the_authority_knows(tmp_path):
    authority = trustme.CA()
    ours, theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(ours)
    authority.configure_trust(theirs)
    async with serving(ours) as server:
        server.answers["/a.mp3"] = response(body=MP3)
        async with fetching(tmp_path, server.host, trust=theirs) as sounds:
            assert (await have(sounds, server.url("/a.mp3")))[1] is None
        async with fetching(tmp_path / "b", server.host) as sounds:
            assert "certificate" in (await have(sounds, server.url("/a.mp3")))[1].lower()


@pytest.mark.parametrize(
    ("url", "code", "says"),
    [
        ("https://cdn.example/a.mp3", "unauthorized", 'write http = ["cdn.example"] to [sounds]'),
        ("http://127.0.0.1:81/a.mp3", "unauthorized", 'write http = ["127.0.0.1:81"] to [sounds]'),
        ("https:///a.mp3", "bad_argument", "expected a URL that begins with"),
        ("https://me:secret@sounds.example/a", "bad_argument", "without a name and a password"),
        ("https://sounds.example:x/a", "bad_argument", "expected a URL"),
        ("https://sounds.example/\n", "bad_argument", "expected a URL"),
        ("https://sounds.example/" + "a" * 2048, "bad_argument", "at most 2048"),
    ],
)
def test_what_may_not_be_asked_for_is_refused_at_once(url, code, says, tmp_path):
    terms = Terms(("sounds.example",), is_allowed)
    sounds = WebSounds(Shelf(tmp_path, now=0), terms, epoch=Epoch(), expect_sound=expect_sound)
    with pytest.raises(WebError) as refused:
        sounds.path(url)
    assert refused.value.code == code
    assert says in str(refused.value)
