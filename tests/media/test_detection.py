"""What a session hears, of both engines: talk, pauses, tones; and nothing when nobody asks."""

from __future__ import annotations

import pytest

from engine.media.session import PlaybackFinished, SilenceSource, SoundDetected, ToneSource

from .harness import on_both_engines

SPEECH = (310.0, 440.0)


def names(leg):
    return [event.noticed for event in leg.all(SoundDetected)]


@on_both_engines
async def test_talk_and_its_end_are_reported_with_their_times(floor):
    switch, phone = floor.pair()
    switch.session.detect(level_dbov=-42.0)
    phone.session.play("p", [SilenceSource(200), ToneSource(SPEECH, duration_ms=600), SilenceSource(400)])
    ended = await switch.wait(SoundDetected, 2)
    assert names(switch) == ["talk_started", "talk_stopped"]
    assert ended.lasted_ms == pytest.approx(600, abs=80)
    assert -25 <= ended.level_dbov <= -12


@on_both_engines
async def test_tones_are_named_and_are_no_talk(floor):
    switch, phone = floor.pair()
    switch.session.detect(level_dbov=-42.0)
    phone.session.play(
        "p",
        [
            SilenceSource(200),
            ToneSource((1000.0,), duration_ms=300),
            SilenceSource(300),
            *(ToneSource((frequency,), duration_ms=330) for frequency in (950.0, 1400.0, 1800.0)),
            SilenceSource(300),
            ToneSource((480.0, 620.0), (250, 250), duration_ms=1400),
        ],
    )
    await switch.wait(SoundDetected, 3)
    assert names(switch) == ["beep", "sit", "congestion"]


@on_both_engines
async def test_nothing_is_reported_that_nobody_asked_for(floor):
    switch, phone = floor.pair()
    phone.session.play("p", [ToneSource(SPEECH, duration_ms=300)])
    await phone.wait(PlaybackFinished)
    switch.session.detect(level_dbov=-42.0)
    switch.session.detect(level_dbov=None)
    phone.session.play("q", [ToneSource(SPEECH, duration_ms=300), SilenceSource(200)])
    await phone.wait(PlaybackFinished, 2)
    assert names(switch) == []


@on_both_engines
async def test_what_is_relayed_to_another_is_heard_all_the_same(floor):
    switch, phone = floor.pair()
    other, _ = floor.pair()
    switch.session.relay(other.session)
    switch.session.detect(level_dbov=-42.0)
    phone.session.play("p", [ToneSource((425.0,), (240, 240))])
    await switch.wait(SoundDetected)
    assert names(switch) == ["congestion"]
