"""What is changed while it runs, on both engines: pause, place and gain of a playback, pauses of recordings, mute."""

from __future__ import annotations

import pytest

from engine.media.session import (
    DigitEnded,
    FileSource,
    PlaybackFinished,
    PlaybackStarted,
    RecordingFinished,
    SilenceSource,
    ToneSource,
)

from .harness import Floor, Leg, on_both_engines, power_at, read_wav, share_of_time
from .test_sessions import ENDLESS_HIGH, ENDLESS_LOW, HIGH, LOW, record, relayed


@on_both_engines
async def test_a_paused_playback_is_silent_and_the_pause_is_not_heard(floor):
    switch, phone = floor.pair()
    switch.session.play("p", [ToneSource((LOW,), duration_ms=400)])
    await switch.wait(PlaybackStarted)
    await floor.pass_time(0.1)
    switch.session.control("p", is_paused=True)
    await floor.pass_time(0.1)
    assert not any(await record(floor, phone, "paused", max_ms=200))
    assert not switch.all(PlaybackFinished)
    switch.session.control("p", is_paused=False)
    assert await switch.wait(PlaybackFinished) == PlaybackFinished("p", 400, "completed")


@on_both_engines
async def test_a_playback_stopped_in_its_pause_says_what_was_heard_before(floor):
    switch, _ = floor.pair()
    switch.session.play("p", [ENDLESS_LOW])
    await switch.wait(PlaybackStarted)
    await floor.pass_time(0.2)
    switch.session.control("p", is_paused=True)
    await floor.pass_time(0.3)
    switch.session.stop("p")
    finished = await switch.wait(PlaybackFinished)
    assert finished.reason == "stopped"
    assert finished.heard_ms == pytest.approx(200, abs=60)


@on_both_engines
async def test_a_playback_moves_forward_and_counts_only_what_was_sent(floor):
    switch, phone = floor.pair()
    sources = [ToneSource((LOW,), duration_ms=10_000), ToneSource((HIGH,), duration_ms=400)]
    switch.session.play("p", sources)
    await switch.wait(PlaybackStarted)
    switch.session.control("p", seek_ms=9_950)
    await floor.pass_time(0.15)
    assert share_of_time(await record(floor, phone, "r", max_ms=100), HIGH) >= 0.8
    finished = await switch.wait(PlaybackFinished)
    assert finished.reason == "completed"
    assert finished.heard_ms == pytest.approx(450, abs=60)


@on_both_engines
async def test_a_playback_moves_back_to_its_beginning_and_no_further(floor):
    switch, phone = floor.pair()
    switch.session.play("p", [ToneSource((LOW,), duration_ms=300), ToneSource((HIGH,), duration_ms=300)])
    await switch.wait(PlaybackStarted)
    await floor.pass_time(0.4)
    switch.session.control("p", seek_ms=-60_000)
    await floor.pass_time(0.08)
    assert share_of_time(await record(floor, phone, "r", max_ms=100), LOW) >= 0.8
    finished = await switch.wait(PlaybackFinished)
    assert finished.reason == "completed"
    assert finished.heard_ms == pytest.approx(1000, abs=80)


@on_both_engines
async def test_past_its_end_a_playback_goes_on_with_the_next_round_or_ends(floor):
    switch, _ = floor.pair()
    switch.session.play("p", [FileSource(floor.wav(seconds=0.4))], repeat=2)
    await switch.wait(PlaybackStarted)
    switch.session.control("p", is_paused=True)
    await floor.pass_time(0.04)
    switch.session.control("p", seek_ms=60_000, is_paused=False)
    finished = await switch.wait(PlaybackFinished)
    assert finished.reason == "completed"
    assert finished.heard_ms == pytest.approx(420, abs=40)
    switch.session.play("q", [ENDLESS_LOW, SilenceSource(20)])
    switch.session.control("q", seek_ms=3_600_000)
    await floor.pass_time(0.06)
    switch.session.stop("q")
    assert (await switch.wait(PlaybackFinished, 2)).reason == "stopped"


@on_both_engines
async def test_gain_changes_while_it_plays(floor):
    switch, phone = floor.pair()
    switch.session.play("p", [FileSource(floor.wav(seconds=0.1))], repeat=0)
    peaks = []
    for gain_db in (0.0, -12.0):
        switch.session.control("p", gain_db=gain_db)
        await floor.pass_time(0.1)
        peaks.append(max(await record(floor, phone, f"r{gain_db}", max_ms=100)))
    assert peaks[1] / peaks[0] == pytest.approx(0.25, rel=0.15)


@on_both_engines
async def test_what_does_not_run_is_not_changed(floor):
    switch, _ = floor.pair()
    switch.session.play("p", [ToneSource((LOW,), duration_ms=100)])
    switch.session.control("q", is_paused=True, seek_ms=1000, gain_db=-3.0)
    assert await switch.wait(PlaybackFinished) == PlaybackFinished("p", 100, "completed")


@on_both_engines
async def test_a_paused_playback_keeps_the_other_voice_away(floor):
    alice, left, _, bob = relayed(floor)
    left.session.play("p", [ToneSource((1600,))])
    await left.wait(PlaybackStarted)
    left.session.control("p", is_paused=True)
    await floor.pass_time(0.1)
    assert not any(await record(floor, alice, "alice", max_ms=100))
    del bob


@on_both_engines
async def test_a_recording_skips_its_pauses(floor):
    switch, phone = floor.pair()
    phone.session.play("p", [ENDLESS_LOW])
    path = floor.folder / "r.wav"
    switch.session.record("r", path, max_ms=400)
    await floor.pass_time(0.2)
    switch.session.control("r", is_paused=True)
    phone.session.play("q", [ENDLESS_HIGH])
    await floor.pass_time(0.3)
    phone.session.play("s", [ENDLESS_LOW])
    await floor.pass_time(0.1)
    assert not switch.all(RecordingFinished)
    switch.session.control("r", is_paused=False)
    finished = await switch.wait(RecordingFinished)
    assert (finished.reason, finished.duration_ms) == ("max", 400)
    samples = read_wav(path)
    assert len(samples) == 3200
    assert share_of_time(samples, LOW) >= 0.7
    assert share_of_time(samples, HIGH) == 0


@on_both_engines
async def test_a_recording_stopped_in_its_pause_holds_what_came_before(floor):
    switch, phone = floor.pair()
    phone.session.play("p", [ENDLESS_LOW])
    switch.session.record("r", floor.folder / "r.wav", max_ms=5000)
    await floor.pass_time(0.2)
    switch.session.control("r", is_paused=True)
    await floor.pass_time(0.3)
    switch.session.stop("r")
    finished = await switch.wait(RecordingFinished)
    assert finished.reason == "stopped"
    assert finished.duration_ms == pytest.approx(200, abs=40)


async def record_both(floor: Floor, leg: Leg, *, stereo: bool) -> list[int]:
    path = floor.folder / f"both-{stereo}.wav"
    leg.session.record_both("both", path, stereo=stereo, max_ms=400)
    finished = await leg.wait(RecordingFinished, len(leg.all(RecordingFinished)) + 1)
    assert (finished.recording, finished.reason, finished.duration_ms) == ("both", "max", 400)
    return read_wav(path, channels=2 if stereo else 1)


@on_both_engines
async def test_a_conversation_is_recorded_one_side_each(floor):
    _, left, _, _ = relayed(floor)
    await floor.pass_time(0.1)
    samples = await record_both(floor, left, stereo=True)
    assert len(samples) == 6400
    assert share_of_time(samples[::2], LOW) >= 0.8
    assert share_of_time(samples[1::2], HIGH) >= 0.8


@on_both_engines
async def test_a_conversation_is_recorded_mixed(floor):
    _, left, _, _ = relayed(floor)
    await floor.pass_time(0.1)
    samples = await record_both(floor, left, stereo=False)
    assert len(samples) == 3200
    middle = samples[800:2400]
    assert 0.3 < power_at(middle, LOW) < 0.7
    assert 0.3 < power_at(middle, HIGH) < 0.7


@on_both_engines
async def test_what_is_played_is_on_the_sent_side(floor):
    switch, _ = floor.pair()
    switch.session.play("p", [ENDLESS_HIGH])
    await floor.pass_time(0.1)
    samples = await record_both(floor, switch, stereo=True)
    assert not any(samples[::2])
    assert share_of_time(samples[1::2], HIGH) >= 0.8


@on_both_engines
async def test_muted_incoming_what_the_peer_says_is_silence_to_all(floor):
    alice, left, _, bob = relayed(floor)
    left.session.mute(incoming=True, outgoing=False)
    await floor.pass_time(0.1)
    assert not any(await record(floor, bob, "bob", max_ms=100))
    assert not any(await record(floor, left, "left", max_ms=100))
    assert share_of_time(await record(floor, alice, "alice", max_ms=100), HIGH) >= 0.8
    alice.session.send_digits("s", "7", duration_ms=80)
    await bob.wait(DigitEnded)
    left.session.mute(incoming=False, outgoing=False)
    await floor.pass_time(0.1)
    assert share_of_time(await record(floor, bob, "again", max_ms=100), LOW) >= 0.8


@on_both_engines
async def test_muted_outgoing_the_peer_is_deaf_but_for_playbacks(floor):
    alice, left, _, bob = relayed(floor)
    left.session.mute(incoming=False, outgoing=True)
    await floor.pass_time(0.1)
    assert not any(await record(floor, alice, "alice", max_ms=100))
    assert share_of_time(await record(floor, bob, "bob", max_ms=100), LOW) >= 0.8
    left.session.play("p", [ToneSource((1600,))])
    await floor.pass_time(0.1)
    assert share_of_time(await record(floor, alice, "playback", max_ms=100), 1600) >= 0.8
