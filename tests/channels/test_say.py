"""Words from recordings: numbers, dates and money in two languages and those of an app, its own recordings first."""

import pytest

from callflow.protocol import commands as c
from engine.channels.errors import CommandError
from engine.channels.language.pack import SOUNDS, Pack
from engine.channels.ports import Owner
from engine.channels.source import resolve_sources
from engine.channels.speech import words_of
from engine.media.session import FileSource, SilenceSource
from engine.speech.text import SpeechError


def said(text, kind="words", language="en"):
    pack = Pack(language, None)
    return " ".join(words_of(text, kind=kind, grammar=pack.grammar(), is_known=pack.has))


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
        ("money", "0.00 USD", "0 dollars"),
        ("money", "5000 JPY", "5 thousand yen"),
        (
            "number",
            "999999999999",
            "9 hundred 90 9 billion 9 hundred 90 9 million 9 hundred 90 9 thousand 9 hundred 90 9",
        ),
        ("number", "1000000000", "1 billion"),
        ("ordinal", "0", "0th"),
        ("ordinal", "31", "31st"),
        ("ordinal", "32", "30 2nd"),
        ("ordinal", "40", "40th"),
        ("ordinal", "112", "1 hundred 12th"),
        ("ordinal", "2000", "2 thousandth"),
        ("date", "1066-10-14", "october 14th 10 60 6"),
        ("date", "0476-09-04", "september 4th 4 hundred 70 6"),
        ("date", "2100-01-01", "january 1st 20 1 hundred"),
        ("duration", "1:01:05", "1 hour 1 minute 5 seconds"),
        ("duration", "172800", "2 days"),
        ("duration", "0", "0 seconds"),
        ("telephone", "+1 (202) 555-0101", "plus 1 , 2 0 2 , 5 5 5 , 0 1 0 1"),
        ("telephone", "2025550101", "2 0 2 , 5 5 5 , 0 1 0 , 1"),
        ("telephone", "*21", "star 2 1"),
        ("words", "Call from zq. Press 1 to accept", "call from letter-z letter-q , press 1 to accept"),
        ("words", "1234 or 0301", "1 thousand 2 hundred 30 4 or 0 3 0 1"),
    ],
)
def test_a_text_is_said_so(kind, text, words):
    assert said(text, kind) == words
    resolve_sources([c.Say(text, kind=kind)], None, 64)  # and all of it is shipped


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("digits", "*12 #", "stern 1 2 raute"),
        ("spelled", "Öl-1", "letter-ö letter-l strich 1"),
        ("number", "0", "0"),
        ("number", "1", "1"),
        ("number", "17", "17"),
        ("number", "21", "ein und 20"),
        ("number", "30", "30"),
        ("number", "101", "ein hundert 1"),
        ("number", "999", "9 hundert 9 und 90"),
        ("number", "1001", "ein tausend 1"),
        ("number", "21021", "ein und 20 tausend ein und 20"),
        ("number", "101000", "ein hundert ein tausend"),
        ("number", "1000001", "eine million 1"),
        ("number", "21000000", "ein und 20 millionen"),
        ("number", "3000000000", "3 milliarden"),
        ("number", "-2.50", "minus 2 komma 5 0"),
        ("ordinal", "3", "3ter"),
        ("ordinal", "21", "ein und 20ter"),
        ("ordinal", "100", "ein hundertster"),
        ("ordinal", "1031", "ein tausend ein und 30ter"),
        ("ordinal", "2000000", "2 millionster"),
        ("time", "00:00", "0 uhr"),
        ("time", "01:01", "ein uhr 1"),
        ("time", "13:30", "13 uhr 30"),
        ("time", "21:59", "ein und 20 uhr 9 und 50"),
        ("date", "2026-12-25", "5 und 20ter dezember 2 tausend 6 und 20"),
        ("date", "1905-03-01", "1ter märz 19 hundert 5"),
        ("date", "1900-03-01", "1ter märz 19 hundert"),
        ("date", "1066-10-14", "14ter oktober ein tausend 6 und 60"),
        ("duration", "1:01:21", "eine stunde eine minute ein und 20 sekunden"),
        ("duration", "86400", "ein tag"),
        ("duration", "0:00:00", "0 sekunden"),
        ("money", "1.00 EUR", "ein euro"),
        ("money", "12.50 EUR", "12 euro 50"),
        ("money", "0.01 EUR", "ein cent"),
        ("money", "21.01 CHF", "ein und 20 franken 1"),
        ("telephone", "+49 30 12", "plus 4 9 , 3 0 , 1 2"),
        ("telephone", "0301234", "0 3 , 0 1 , 2 3 , 4"),
        ("words", "Guten Morgen, 21 neue Nachrichten", "guten morgen , ein und 20 neue nachrichten"),
        ("words", "dru\u0308cken", "drücken"),
    ],
)
def test_a_text_is_said_so_in_german(kind, text, words):
    assert said(text, kind, "de") == words
    resolve_sources([c.Say(text, kind=kind, language="de")], None, 64)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("number", "1000000000000"), ("ordinal", "1000000000000"), ("ordinal", "-1"), ("money", "1000000000000 USD"),
        ("money", "5.10 JPY"), ("duration", "1:60:00"), ("duration", "-5"), ("telephone", "+-"), ("telephone", "12a"),
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


def test_an_unknown_language_names_those_that_there_are(tmp_path):
    with pytest.raises(CommandError) as refused:
        resolve_sources([c.Say("42", language="fr", kind="digits")], Owner("a", "s", tmp_path), 64)
    assert refused.value.code == "unsupported"
    assert str(refused.value) == (
        "expected a language among de, en, or one with say/fr/language.toml in the app's folder, got 'fr'"
    )


FRENCH = """
name = "français"
letters = "abcdefghijklmnopqrstuvwxyz"
time = "hour:cardinal heures minute:cardinal"
date = "day:ordinal month:cardinal year:cardinal"
duration = "minutes:cardinal minutes"
nothing = "0"
largest = 99
[numbers.cardinal]
0-16 = "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"
17 = "10 >"
20 = "20 [>]"
70 = "60 et 11"
80 = "4 20 [>]"
90 = "4 20 11"
[numbers.ordinal]
0 = "=cardinal"
"""


def record(folder, *words):
    folder.mkdir(parents=True, exist_ok=True)
    for word in words:
        (folder / f"{word}.wav").write_bytes(b"RIFF")


def test_an_app_has_a_language_of_its_own(tmp_path):
    record(tmp_path / "say/fr", "4", "20", "2")
    (tmp_path / "say/fr/language.toml").write_text(FRENCH)
    owner = Owner("a", "s", tmp_path)
    sources = resolve_sources([c.Say("82", language="fr", kind="number")], owner, 64)
    assert [source.path.stem for source in sources] == ["4", "20", "2"]
    with pytest.raises(CommandError, match="expected a number up to 99") as refused:
        resolve_sources([c.Say("100", language="fr", kind="number")], owner, 64)
    assert refused.value.code == "bad_argument"


def test_words_without_a_recording_are_named(tmp_path):
    record(tmp_path / "say/fr")
    (tmp_path / "say/fr/language.toml").write_text(FRENCH)
    with pytest.raises(CommandError) as refused:
        resolve_sources([c.Say("42", language="fr", kind="digits")], Owner("a", "s", tmp_path), 64)
    assert refused.value.code == "not_found"
    assert refused.value.details["missing"] == ["2", "4"]


def test_a_language_file_that_is_wrong_says_where(tmp_path):
    record(tmp_path / "say/fr")
    (tmp_path / "say/fr/language.toml").write_text(FRENCH.replace("day:ordinal", "day:nobody"))
    with pytest.raises(
        CommandError, match=r"say/fr/language.toml: expected rules among cardinal, ordinal, got 'nobody'"
    ):
        resolve_sources([c.Say("1", language="fr", kind="number")], Owner("a", "s", tmp_path), 64)


def test_a_language_file_that_was_changed_is_read_again(tmp_path):
    record(tmp_path / "say/fr", "4", "20", "90")
    file, owner = tmp_path / "say/fr/language.toml", Owner("a", "s", tmp_path)
    for rule, words in (("4 20 20", ["4", "20", "20"]), ("90", ["90"])):
        file.write_text(FRENCH.replace("4 20 11", rule))
        sources = resolve_sources([c.Say("90", language="fr", kind="number")], owner, 64)
        assert [source.path.stem for source in sources] == words


@pytest.mark.parametrize("text", ["/etc/passwd", "../../etc/passwd", "a/b"])
def test_no_text_names_a_file_elsewhere(text, tmp_path):
    sources = resolve_sources([c.Say(text)], Owner("a", "s", tmp_path), 64)
    assert all(source.path.parent == SOUNDS / "en" for source in sources if isinstance(source, FileSource))


def test_a_file_of_another_machine_is_asked_for_by_its_hash(tmp_path):
    class Files:
        def path(self, name, sha256):
            return tmp_path / f"{name} {sha256}"

    owner, sha256 = Owner("a", "s", tmp_path, files=Files()), "ab" * 32
    assert resolve_sources([c.File("x.wav", sha256)], owner, 64) == (
        FileSource(tmp_path / f"x.wav {sha256}", suffix="wav"),
    )
    with pytest.raises(CommandError):
        resolve_sources([c.File("x.wav", "../x")], owner, 64)
    with pytest.raises(CommandError) as refused:
        resolve_sources([c.File("x.wav", sha256)], Owner("a", "s", tmp_path), 64)
    assert refused.value.code == "not_found"


def test_the_app_has_a_language_for_what_names_none():
    german = Owner("a", "s", language="de")
    said = [c.Say("1", kind="number"), c.Say("1", kind="number", language="en")]
    for language, folders in (("", ["de", "en"]), ("en", ["en", "en"])):
        sources = resolve_sources(said, german, 64, language=language)
        assert [source.path.parent.name for source in sources] == folders


def test_a_text_is_spoken_by_the_voice_of_its_language_or_its_own(tmp_path):
    class Speech:
        def path(self, text, voice):
            if voice == "xx":
                raise SpeechError("unsupported", "not installed")
            return tmp_path / f"{text} {voice}.wav"

    owner = Owner("a", "s", tmp_path, speech=Speech())
    texts = [c.Text("a"), c.Text("a", language="de"), c.Text("a", language="de", voice="de+f3")]
    assert resolve_sources(texts, owner, 64) == tuple(
        FileSource(tmp_path / f"a {voice}.wav", text="a") for voice in ("en", "de", "de+f3")
    )
    with pytest.raises(CommandError, match="not installed") as refused:
        resolve_sources([c.Text("a", voice="xx")], owner, 64)
    assert refused.value.code == "unsupported"
    with pytest.raises(CommandError, match="no text to speech here"):
        resolve_sources([c.Text("a")], Owner("a", "s", tmp_path), 64)
