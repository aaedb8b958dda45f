"""What is changed while it runs, on both engines: pause, place and gain of a playback, pauses of recordings, mute."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trio

from engine.media.session import (
    DigitEnded,
    FileSource,
    PlaybackFinished,
    PlaybackStarted,
    RecordingFinished,
    SilenceSource,
    ToneSource,
)

from .harness import (
    Floor,
    Leg,
    frequencies_in,
    hears,
    on_both_engines,
    power_at,
    read_wav,
    share_of_time,
    silence,
    tone,
)
from .test_sessions import ENDLESS_HIGH, ENDLESS_LOW, HIGH, LOW, relayed


@on_both_engines
async def test_a_paused_playback_is_silent_and_the_pause_is_not_heard(floor):
    switch, phone = floor.pair()
    switch.session.play("p", [ToneSource((LOW,), duration_ms=1000)])
    await switch.wait(PlaybackStarted)
    switch.session.control("p", is_paused=True)
    await hears(floor, phone, silence, max_ms=200)
    assert not switch.all(PlaybackFinished)
    switch.session.control("p", is_paused=False)
    assert await switch.wait(PlaybackFinished) == PlaybackFinished("p", 1000, "completed")


@on_both_engines
async def test_a_playback_stopped_in_its_pause_says_what_was_heard_before(floor):
    switch, phone = floor.pair()
    switch.session.play("p", [ENDLESS_LOW])
    await floor.until(lambda: switch.session.statistics().packets_sent >= 5)
    switch.session.control("p", is_paused=True)
    await hears(floor, phone, silence)
    sent = switch.session.statistics().packets_sent
    await floor.pass_time(0.3)
    switch.session.stop("p")
    finished = await switch.wait(PlaybackFinished)
    assert finished == PlaybackFinished("p", 20 * sent, "stopped")


@on_both_engines
async def test_a_playback_moves_forward_and_counts_only_what_was_sent(floor):
    switch, phone = floor.pair()
    sources = [ToneSource((LOW,), duration_ms=10_000), ToneSource((HIGH,), duration_ms=1000)]
    switch.session.play("p", sources)
    await switch.wait(PlaybackStarted)
    switch.session.control("p", seek_ms=9_950)
    await hears(floor, phone, tone(HIGH))
    finished = await switch.wait(PlaybackFinished)
    assert finished.reason == "completed"
    assert finished.heard_ms == pytest.approx(1050, abs=60)


@on_both_engines
async def test_a_playback_moves_back_to_its_beginning_and_no_further(floor):
    switch, phone = floor.pair()
    switch.session.play("p", [ToneSource((LOW,), duration_ms=600), ENDLESS_HIGH])
    await hears(floor, phone, tone(HIGH))
    switch.session.control("p", seek_ms=-60_000)
    await hears(floor, phone, tone(LOW))
    await hears(floor, phone, tone(HIGH))
    switch.session.stop("p")
    assert (await switch.wait(PlaybackFinished)).heard_ms > 600 + 600


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
    assert 400 <= finished.heard_ms < 800  # what was heard of the first round, and the second
    switch.session.play("q", [ENDLESS_LOW, SilenceSource(20)])
    switch.session.control("q", seek_ms=3_600_000)
    await floor.pass_time(0.06)
    switch.session.stop("q")
    assert (await switch.wait(PlaybackFinished, 2)).reason == "stopped"


@on_both_engines
async def test_gain_changes_while_it_plays(floor):
    switch, phone = floor.pair()
    switch.session.play("p", [FileSource(floor.wav(seconds=0.1))], repeat=0)
    peak = max(await hears(floor, phone, tone(440)))
    switch.session.control("p", gain_db=-12.0)
    await hears(floor, phone, lambda samples: tone(440)(samples) and 0.21 < max(samples) / peak < 0.29)


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
    await hears(floor, alice, silence)
    del bob


@on_both_engines
async def test_a_recording_skips_its_pauses(floor):
    switch, phone = floor.pair()
    phone.session.play("p", [ENDLESS_LOW])
    path = floor.folder / "r.wav"
    switch.session.record("r", path, max_ms=1000)
    await floor.pass_time(0.2)
    switch.session.control("r", is_paused=True)
    phone.session.play("q", [ENDLESS_HIGH])
    await floor.pass_time(0.3)
    phone.session.play("s", [ENDLESS_LOW])
    await floor.pass_time(0.1)
    assert not switch.all(RecordingFinished)
    switch.session.control("r", is_paused=False)
    finished = await switch.wait(RecordingFinished)
    assert (finished.reason, finished.duration_ms) == ("max", 1000)
    samples = read_wav(path)
    assert len(samples) == 8000
    assert share_of_time(samples, LOW) >= 0.7
    assert share_of_time(samples, HIGH) == 0


@on_both_engines
async def test_a_recording_stopped_in_its_pause_holds_what_came_before(floor):
    switch, phone = floor.pair()
    phone.session.play("p", [ENDLESS_LOW])
    begun = trio.current_time()
    switch.session.record("r", floor.folder / "r.wav", max_ms=60_000)
    await floor.pass_time(0.2)
    switch.session.control("r", is_paused=True)
    lasted = trio.current_time() - begun
    await floor.pass_time(0.3)
    switch.session.stop("r")
    finished = await switch.wait(RecordingFinished)
    assert finished.reason == "stopped"
    # However late a command is done: its time is that of the turn, and the pause is longer than a turn is late.
    assert 100 <= finished.duration_ms <= 1000 * lasted + 200


async def record_both(floor: Floor, leg: Leg, is_it: Callable[[list[int]], object], *, stereo: bool) -> None:
    """Again and again, until it is what is wanted, see `hears`."""
    for count in range(1, 60):
        path = floor.folder / f"both-{count}.wav"
        leg.session.record_both("both", path, stereo=stereo, max_ms=400)
        finished = await leg.wait(RecordingFinished, count)
        assert (finished.recording, finished.reason, finished.duration_ms) == ("both", "max", 400)
        samples = read_wav(path, channels=2 if stereo else 1)
        assert len(samples) == (6400 if stereo else 3200)
        if is_it(samples):
            return
    raise AssertionError([frequencies_in(side) for side in (samples, samples[::2], samples[1::2])])


@on_both_engines
async def test_a_conversation_is_recorded_one_side_each(floor):
    _, left, _, _ = relayed(floor)
    await record_both(floor, left, lambda s: tone(LOW)(s[::2]) and tone(HIGH)(s[1::2]), stereo=True)


@on_both_engines
async def test_a_conversation_is_recorded_mixed(floor):
    def is_it(samples: list[int]) -> bool:
        middle = samples[800:2400]
        return all(0.3 < power_at(middle, frequency) < 0.7 for frequency in (LOW, HIGH))

    _, left, _, _ = relayed(floor)
    await record_both(floor, left, is_it, stereo=False)


@on_both_engines
async def test_what_is_played_is_on_the_sent_side(floor):
    switch, _ = floor.pair()
    switch.session.play("p", [ENDLESS_HIGH])
    await record_both(floor, switch, lambda s: not any(s[::2]) and tone(HIGH)(s[1::2]), stereo=True)


@on_both_engines
async def test_muted_incoming_what_the_peer_says_is_silence_to_all(floor):
    alice, left, _, bob = relayed(floor)
    left.session.mute(incoming=True, outgoing=False)
    await hears(floor, bob, silence)
    await hears(floor, left, silence)
    await hears(floor, alice, tone(HIGH))
    alice.session.send_digits("s", "7", duration_ms=80)
    await bob.wait(DigitEnded)
    left.session.mute(incoming=False, outgoing=False)
    await hears(floor, bob, tone(LOW))


@on_both_engines
async def test_muted_outgoing_the_peer_is_deaf_but_for_playbacks(floor):
    alice, left, _, bob = relayed(floor)
    left.session.mute(incoming=False, outgoing=True)
    await hears(floor, alice, silence)
    await hears(floor, bob, tone(LOW))
    left.session.play("p", [ToneSource((1600,))])
    await hears(floor, alice, tone(1600))
