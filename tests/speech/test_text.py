"""What may be spoken: bounded texts, names of voices, a hash for each."""

import pytest

from engine.speech.text import SpeechError, Spoken, spoken


def test_control_characters_are_spaces():
    assert spoken("a\nb\x00c ", "en") == Spoken("a b c", "en")


@pytest.mark.parametrize(
    ("text", "voice"),
    [
        ("", "en"), (" \n", "en"), ("x" * 1001, "en"), ("\ud83d", "en"), ("x", ""), ("x", "../en"), ("x", "en us"),
        ("x", "-v"), ("x", "e" * 65),
    ],
)  # fmt: skip
def test_what_cannot_be_spoken_is_a_bad_argument(text, voice):
    with pytest.raises(SpeechError) as refused:
        spoken(text, voice)
    assert refused.value.code == "bad_argument"


def test_text_and_voice_make_the_name():
    names = {spoken(text, voice).name for text in ("a", "b") for voice in ("en", "de+f3")}
    assert len(names) == 4
    assert spoken("a ", "en").name == spoken("a", "en").name
