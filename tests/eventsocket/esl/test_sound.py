"""FreeSWITCH's file names: files below our folders, tones, silence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflow.protocol.source import Say, Silence, Tone
from engine.eventsocket.esl.sound import Sound, said, sound_of, sources_of


@pytest.mark.parametrize(
    ("name", "sound"),
    [
        ("ivr/welcome.wav", Sound(("ivr/welcome.wav",))),
        ("/srv/sounds/ivr/welcome.wav", Sound(("ivr/welcome.wav",))),
        ("/tmp/a.wav", Sound(("tmp/a.wav",))),
        ("{loops=1}a.wav", Sound(("a.wav",))),
        ("file_string://a.wav!b.wav", Sound(("a.wav", "b.wav"))),
        ("https://cdn.example/a.mp3", Sound(("https://cdn.example/a.mp3",))),
        ("http_cache://https://cdn.example/a.mp3", Sound(("https://cdn.example/a.mp3",))),
        ("shout://radio.example/a.mp3", Sound(("http://radio.example/a.mp3",))),
        ("file_string://a.wav!https://cdn.example/a.mp3", Sound(("a.wav", "https://cdn.example/a.mp3"))),
        ("silence_stream://250", Sound((Silence(0.25),))),
        ("silence_stream://-1", Sound((Silence(3600.0),), 0)),
        ("tone_stream://%(500,250,350,440);loops=3", Sound((Tone("350+440", 0.5), Silence(0.25)), 3)),
        ("tone_stream://%(1000,0,640);loops=-1", Sound((Tone("640", 1.0),), 0)),
        ("", Sound(())),
    ],
)
def test_a_name_is_a_sound(name: str, sound: Sound):
    assert sound_of(name, "/srv/sounds") == sound


def test_a_prompt_may_be_missing():
    assert sources_of("None") == sources_of("silence") == ()


@pytest.mark.parametrize(
    ("kind", "method", "text", "words"),
    [
        ("NUMBER", "pronounced", "12", Say("12", "en", "number")),
        ("NUMBER", "counted", "12", Say("12", "en", "ordinal")),
        ("NUMBER", "iterated", "12", Say("12", "en", "digits")),
        ("NAME_SPELLED", "pronounced", "ab", Say("ab", "en", "spelled")),
        ("CURRENT_DATE", "pronounced", "2026-12-25", Say("2026-12-25", "en", "date")),
        ("unheard_of", "pronounced", "x", Say("x", "en", "words")),
    ],
)
def test_what_is_said_has_a_kind(kind: str, method: str, text: str, words: Say):
    assert said(kind, method, text) == words


@given(st.text(alphabet="%(),;=loopstne_ream:/silc0123.-!", max_size=60))
def test_no_name_is_an_error(name: str):
    sound_of(name)
    sound_of(f"tone_stream://{name}")
