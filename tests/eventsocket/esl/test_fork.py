"""What a start says, and the events of a stream, as FreeSWITCH's modules have them."""

from __future__ import annotations

import json

import pytest

from callflow.protocol.outcomes import Streamed
from engine.eventsocket.esl.fork import BadStart, Fork, finished, overrun, read_audio, read_start, texted

URL = "ws://127.0.0.1:9/"


@pytest.mark.parametrize(
    ("rest", "name", "metadata", "direction"),
    [
        ("", "audio_fork", "", "send"),
        ('{"a": 1}', "audio_fork", '{"a": 1}', "send"),
        ("plain words", "audio_fork", "plain words", "send"),
        ('ears {"a": "b c"}', "ears", '{"a": "b c"}', "send"),
        ("""ears '{"a": 1}' true true 16000""", "ears", '{"a": 1}', "both"),
        ("ears {} false", "ears", "{}", "send"),
    ],
)
def test_a_fork_may_have_a_name_metadata_and_a_voice(rest, name, metadata, direction):
    start = read_start("audio_fork", f"{URL} mono 16k {rest}".strip(), {})
    assert (start.name, start.metadata, start.command.direction) == (name, metadata, direction)
    assert (start.command.rate, start.command.tracks, start.command.dialect) == (16000, "inbound", "raw")


def test_the_metadata_of_an_audio_stream_is_all_that_follows():
    start = read_start("audio_stream", f"{URL} stereo 8000 ears {{}}", {})
    assert (start.metadata, start.command.direction, start.command.tracks) == ("ears {}", "both", "both")


def test_http_is_a_websocket_too():
    assert read_start("audio_fork", "https://bots.example/x mono", {}).command.url == "wss://bots.example/x"


def test_variables_are_headers_of_the_handshake():
    variables = {"MOD_AUDIO_BASIC_AUTH_USERNAME": "a", "MOD_AUDIO_BASIC_AUTH_PASSWORD": "b"}
    variables["STREAM_EXTRA_HEADERS"] = '{"X-Account": 7}'
    headers = read_start("audio_stream", f"{URL} mono", variables).command.headers
    assert headers == {"Authorization": "Basic YTpi", "X-Account": "7"}
    with pytest.raises(BadStart, match="STREAM_EXTRA_HEADERS"):
        read_start("audio_stream", f"{URL} mono", {"STREAM_EXTRA_HEADERS": "[" * 100_000})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"type": "transcription", "data": {"a": "ü"}}', ("mod_audio_fork::transcription", '{"a":"ü"}')),
        ('{"type": "killAudio", "data": 1}', ("mod_audio_fork::kill_audio", None)),
        ('{"type": "json", "x": 1}', ("mod_audio_fork::json", '{"type": "json", "x": 1}')),
        ('{"type": []}', None),
        ("[1]", None),
        ("no JSON", None),
        ("[" * 100_000, None),
    ],
)
def test_a_message_of_a_type_is_an_event(text, told):
    assert texted(Fork("audio_fork", "audio_fork"), text) == told


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        ({"audioContentType": "raw", "sampleRate": 8000, "audioContent": "QUI="}, ".r8"),
        ({"audioContentType": "raw", "audioContent": "QUI="}, ".r16"),
        ({"audioContentType": "wave", "sampleRate": 8000, "audioContent": "QUI="}, ".wav"),
        ({"audioContentType": "mp3", "audioContent": "QUI="}, None),
        ({"audioContentType": "raw", "audioContent": "no base64"}, None),
        ({"audioContentType": "raw", "audioContent": 7}, None),
        ({"audioContentType": ["raw"], "audioContent": "QUI="}, None),
        ([], None),
    ],
)
def test_what_is_to_be_played_is_told_by_its_type(data, suffix):
    audio = read_audio({"type": "playAudio", "data": data})
    assert (audio and audio.suffix) == suffix
    if audio is not None:
        assert audio.octets == b"AB"
        assert "audioContent" not in audio.data


def test_an_overrun_is_told_once():
    fork = Fork("audio_fork", "audio_fork")
    assert (overrun(fork), overrun(fork)) == (("mod_audio_fork::buffer_overrun", None), None)


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Streamed("stopped"), {"status": "disconnected", "message": {"code": 1000, "reason": "Normal closure"}}),
        (
            Streamed("closed", 4000, error="enough"),
            {"status": "disconnected", "message": {"code": 4000, "reason": "enough"}},
        ),
        (
            Streamed("refused", 403, error="no"),
            {"status": "error", "message": {"retries": 1, "error": "no", "wait_time": 0, "http_status": 403}},
        ),
    ],
)
def test_the_end_of_an_audio_stream_says_why(outcome, told):
    subclass, body = finished(Fork("audio_stream", "audio_stream"), outcome) or ("", "")
    assert subclass == f"mod_audio_stream::{'error' if outcome.reason == 'refused' else 'disconnect'}"
    assert json.loads(body or "") == told


def test_a_fork_that_was_told_to_shut_down_is_not_told_as_disconnected():
    fork = Fork("audio_fork", "audio_fork")
    assert finished(fork, Streamed("closed", 1000)) == ("mod_audio_fork::disconnect", None)
    fork.is_ending = True
    assert finished(fork, Streamed("closed", 1000)) is None
