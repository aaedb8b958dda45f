"""What stands for speech in simulations."""

import wave

import pytest

from engine.speech.stand_in import StandIn
from engine.speech.text import SpeechError


def test_a_text_is_as_long_as_it_takes_to_say_it_and_made_once(tmp_path):
    stand_in = StandIn(tmp_path / "speech")
    path = stand_in.path("x" * 100, "en")
    with wave.open(str(path)) as wav:
        assert wav.getnframes() == 7 * 8000
    made_at = path.stat().st_mtime_ns
    assert stand_in.path("x" * 100, "en") == path
    assert path.stat().st_mtime_ns == made_at


def test_it_speaks_what_can_be_spoken(tmp_path):
    with pytest.raises(SpeechError):
        StandIn(tmp_path).path("", "en")
