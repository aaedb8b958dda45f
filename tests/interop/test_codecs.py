"""baresip with its own G.722 (spandsp) and Opus (libopus) hears a prompt; two with one of each hear each other."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from callflow.protocol.events import ChannelAnswered, ChannelEnded, Event
from tests.trio_tests import run_trio

from . import needs
from .audio import is_in, samples, seconds_of_tone
from .baresip import FREQUENCIES, phone
from .engine import engine
from .places import CALLS, IVR, IVR_PROMPTS
from .watch import watch

pytestmark = needs.program("baresip")

G722 = {"codecs": ["g722"], "account": ";audio_codecs=G722/16000/1"}
OPUS = {"codecs": ["opus"], "account": ";audio_codecs=opus/48000/2"}


def heard_by(path: Path) -> np.ndarray:
    """What baresip wrote at its codec's rate, perhaps on two channels, at 8 kHz. All is below 4 kHz."""
    with wave.open(str(path), "rb") as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(float) / 32768
        return sound.reshape(-1, file.getnchannels()).mean(axis=1)[:: file.getframerate() // 8000]


@pytest.mark.parametrize(("codec", "options"), [("G722", G722), ("opus", OPUS)])
@run_trio
async def test_a_phone_hears_a_prompt_in_its_wide_band_codec_and_its_key_is_understood(
    tmp_path: Path, codec: str, options: dict[str, object]
):
    async with engine(tmp_path / "engine", IVR) as running, watch(running) as seen:
        async with phone(tmp_path, running, seen, "alice", **options) as alice:  # type: ignore[arg-type]
            await alice.dial("1000")
            answered = await seen.wait("channel.answered")
            assert isinstance(answered, ChannelAnswered)
            assert answered.codec == codec
            await seen.wait("playback.finished")  # the prompt was heard out
            await alice.press("1")
            await seen.wait("channel.digit_ended")
            await alice.hang_up()
            await seen.wait("channel.ended")
            await alice.wait_event("CALL_CLOSED")
    [heard] = map(heard_by, alice.heard())
    assert is_in(samples(IVR_PROMPTS / "welcome.wav"), heard) > 0.85


@run_trio
async def test_two_phones_with_different_codecs_hear_each_other(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        async with (
            phone(tmp_path, running, seen, "alice", **OPUS) as alice,  # type: ignore[arg-type]
            phone(tmp_path, running, seen, "desk", **G722) as desk,  # type: ignore[arg-type]
        ):
            await alice.dial("2000")
            await seen.wait("channel.unbridged")
            await seen.wait("channel.ended", _is_answered, count=2)
            await alice.wait_event("CALL_CLOSED")
            await desk.wait_event("CALL_CLOSED")
        bridged_for = await seen.at("channel.unbridged") - await seen.at("channel.bridged", count=2)
    [by_alice], [by_desk] = map(heard_by, alice.heard()), map(heard_by, desk.heard())
    assert seconds_of_tone(by_alice, FREQUENCIES["desk"]) > bridged_for - 1
    assert seconds_of_tone(by_desk, FREQUENCIES["alice"]) > bridged_for - 1


def _is_answered(event: Event) -> bool:
    return isinstance(event, ChannelEnded) and event.phase == "answered"
