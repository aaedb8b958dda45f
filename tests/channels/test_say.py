"""Words from recordings: numbers, dates and money in English, the app's own recordings first."""

import pytest

from callflow.protocol import commands as c
from engine.channels.errors import CommandError
from engine.channels.ports import Owner
from engine.channels.source import SOUNDS, resolve_sources
from engine.channels.speech import words_of
from engine.media.session import FileSource, SilenceSource


def said(text, kind="words", language="en"):
    words = words_of(text, kind=kind, language=language, is_known=lambda word: (SOUNDS / f"en/{word}.wav").is_file())
    return " ".join(words)


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("digits", "*12 #", "star 1 2 hash"),
        ("spelled", "A-1@x", "letter-a dash 1 at letter-x"),
        ("number", "0", "0"),
        ("number", "17", "17"),
        ("number", "-1234567.05", "minus 1 million 2 hundred 30 4 thousand 5 hundred 60 7 point 0 5"),
        ("time", "00:05", "12 oh 5 am"),
        ("time", "13:00", "1 oclock pm"),
        ("time", "23:59", "11 50 9 pm"),
        ("date", "2026-12-25", "december 25th 20 20 6"),
        ("date", "1905-01-22", "january 22nd 19 oh 5"),
        ("date", "2000-03-13", "march 13th 2 thousand"),
        ("date", "1900-03-01", "march 1st 19 hundred"),
        ("money", "1.01 USD", "1 dollar and 1 cent"),
        ("money", "2 EUR", "2 euros"),
        ("money", "0.50 GBP", "50 pence"),
        ("words", "Call from zq. Press 1 to accept", "call from letter-z letter-q , press 1 to accept"),
        ("words", "1234 or 0301", "1 thousand 2 hundred 30 4 or 0 3 0 1"),
    ],
)
def test_a_text_is_said_so(kind, text, words):
    assert said(text, kind) == words
    resolve_sources([c.Say(text, kind=kind)], None, 64)  # and all of it is shipped


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("digits", "12a"), ("number", "1e9"), ("time", "25:00"), ("date", "2026-02-30"), ("money", "3 XXX"),
        ("words", ""), ("words", "x" * 300), ("spelled", "…"),
    ],
)  # fmt: skip
def test_what_is_none_of_its_kind_is_refused(kind, text):
    with pytest.raises(CommandError) as refused:
        resolve_sources([c.Say(text, kind=kind)], None, 64)
    assert refused.value.code == "bad_argument"


def test_the_apps_own_recordings_go_first(tmp_path):
    own = tmp_path / "say/en/press.wav"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"RIFF")
    sources = resolve_sources([c.Say("press, 1")], Owner("a", "s", tmp_path), 64)
    assert sources == (FileSource(own.resolve()), SilenceSource(250), FileSource(SOUNDS / "en/1.wav"))


def test_another_language_is_the_apps_to_record(tmp_path):
    with pytest.raises(CommandError) as refused:
        resolve_sources([c.Say("42", language="de", kind="digits")], Owner("a", "s", tmp_path), 64)
    assert refused.value.details["missing"] == ["2", "4"]
    with pytest.raises(CommandError) as refused:
        resolve_sources([c.Say("42", language="de", kind="number")], None, 64)
    assert refused.value.code == "unsupported"


@pytest.mark.parametrize("text", ["/etc/passwd", "../../etc/passwd", "a/b"])
def test_no_text_names_a_file_elsewhere(text, tmp_path):
    sources = resolve_sources([c.Say(text)], Owner("a", "s", tmp_path), 64)
    assert all(source.path.parent == SOUNDS / "en" for source in sources if isinstance(source, FileSource))


def test_a_file_of_another_machine_is_asked_for_by_its_hash(tmp_path):
    class Files:
        def path(self, name, sha256):
            return tmp_path / f"{name} {sha256}"

    owner, sha256 = Owner("a", "s", tmp_path, files=Files()), "ab" * 32
    assert resolve_sources([c.File("x.wav", sha256)], owner, 64) == (FileSource(tmp_path / f"x.wav {sha256}"),)
    with pytest.raises(CommandError):
        resolve_sources([c.File("x.wav", "../x")], owner, 64)
    with pytest.raises(CommandError) as refused:
        resolve_sources([c.File("x.wav", sha256)], Owner("a", "s", tmp_path), 64)
    assert refused.value.code == "not_found"
