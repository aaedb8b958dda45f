"""Names of files, and tones by country."""

from __future__ import annotations

import pytest

from callflow.protocol.commands import Silence, Tone
from engine.channels.errors import CommandError
from engine.channels.ports import Owner
from engine.channels.source import resolve_ringback, resolve_sources
from engine.channels.tone import COUNTRIES, TONES, tone_of
from engine.media import session as media


def owner(tmp_path):
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "a.wav").write_bytes(b"RIFF")
    return Owner("reception", "s1", folder)


def refusal(source, owner):
    with pytest.raises(CommandError) as caught:
        resolve_sources((source,), owner, 64)
    return caught.value


def test_sources_become_what_the_media_plays(tmp_path):
    assert resolve_sources(
        ("a.wav", Silence(0.5), Tone("440+480", seconds=2), Tone("busy/us")), owner(tmp_path), 64
    ) == (
        media.FileSource(tmp_path / "app/a.wav"),
        media.SilenceSource(500),
        media.ToneSource((440, 480), duration_ms=2000),
        media.ToneSource((480, 620), (500, 500)),
    )


@pytest.mark.parametrize("name", ["/etc/passwd", "../a.wav", "b/../../a.wav", "", "a\0", "x" * 513, "y" * 300])
def test_a_name_that_leads_out_of_the_folder_is_refused(name, tmp_path):
    assert refusal(name, owner(tmp_path)).code in ("bad_argument", "not_found")


def test_a_link_that_leads_out_is_refused_and_one_that_stays_is_followed(tmp_path):
    one = owner(tmp_path)
    (tmp_path / "secret.wav").write_bytes(b"")
    (tmp_path / "app/out.wav").symlink_to(tmp_path / "secret.wav")
    (tmp_path / "app/in.wav").symlink_to(tmp_path / "app/a.wav")
    (tmp_path / "app/circle.wav").symlink_to(tmp_path / "app/circle.wav")
    assert refusal("out.wav", one).code == "bad_argument"
    assert refusal("circle.wav", one).code in ("bad_argument", "not_found")
    assert resolve_sources(("in.wav",), one, 64) == (media.FileSource(tmp_path / "app/a.wav"),)


def test_an_app_without_a_folder_here_plays_what_it_recorded(tmp_path):
    (tmp_path / "m.wav").write_bytes(b"RIFF")
    remote = Owner("remote", "s1", recordings=tmp_path)
    assert resolve_sources(("m.wav",), remote, 64) == (media.FileSource(tmp_path / "m.wav"),)
    assert "the app has no folder here, and no such recording" in refusal("n.wav", remote).message


def test_a_missing_file_and_a_folder_are_not_found(tmp_path):
    one = owner(tmp_path)
    (tmp_path / "app/sub").mkdir()
    error = refusal("nope.wav", one)
    assert (error.code, error.details) == ("not_found", {"file": "nope.wav", "folder": str(tmp_path / "app")})
    assert refusal("sub", one).code == "not_found"


def test_an_app_without_a_folder_plays_no_files():
    assert refusal("a.wav", Owner("remote", "s1")).code == "not_found"
    assert refusal("a.wav", None).code == "not_found"


def test_ringback_is_a_country_or_a_source(tmp_path):
    one = owner(tmp_path)
    assert resolve_ringback("us", one) == media.ToneSource((440, 480), (2000, 4000))
    assert resolve_ringback("a.wav", one) == media.FileSource(tmp_path / "app/a.wav")
    assert resolve_ringback(Tone("busy/uk"), one) == media.ToneSource((400,), (375, 375))


@pytest.mark.parametrize("country", sorted(COUNTRIES))
@pytest.mark.parametrize("name", ["dial", "busy", "ringback", "congestion"])
def test_every_country_has_its_tones(country, name):
    tone = tone_of(f"{name}/{country}")
    assert tone == TONES[f"{name}/{country}"]
    assert tone.duration_ms is None
    assert len(tone.cadence_ms) % 2 == 0


@pytest.mark.parametrize("plan", ["busy/xx", "busy", "", "4", "440+", "440+480+1+2+3", "9999", "440 480", "x" * 1000])
def test_an_unknown_tone_names_the_known_ones(plan):
    with pytest.raises(CommandError, match=r"known are dial, ringback, busy, congestion, of at, .*us") as caught:
        tone_of(plan)
    assert caught.value.code == "bad_argument"
    assert len(caught.value.message) < 600
