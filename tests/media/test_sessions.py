"""What every media engine does, asked of both: the native one on real sockets, the fake one on a clock that jumps."""

from __future__ import annotations

import hashlib

import pytest
import trio

from engine.media.session import (
    AudioHeard,
    DigitEnded,
    DigitsSent,
    DigitStarted,
    Direction,
    FileSource,
    PlaybackFinished,
    PlaybackStarted,
    PortsExhausted,
    RecordingFinished,
    SilenceSource,
    Statistics,
    ToneSource,
)

from .harness import (
    KINDS,
    Floor,
    Leg,
    hears,
    on_both_engines,
    power_at,
    read_wav,
    record,
    share_of_time,
    silence,
    stream_to,
    tone,
)

LOW, HIGH = 400, 1000  # Hz
ENDLESS_LOW, ENDLESS_HIGH = ToneSource((LOW,)), ToneSource((HIGH,))


@on_both_engines
async def test_a_file_is_played_to_its_end_and_heard(floor):
    switch, phone = floor.pair()
    path = floor.folder / "heard.wav"
    phone.session.record("r", path, max_ms=5000)
    switch.session.play("p", [FileSource(floor.wav(seconds=0.4, frequency=LOW))])
    finished = await switch.wait(PlaybackFinished)
    assert finished == PlaybackFinished("p", 400, "completed")
    assert isinstance(switch.events[0], PlaybackStarted)
    await floor.until(lambda: phone.session.statistics().packets_received == 20)
    await floor.pass_time(0.06)
    phone.session.stop("r")
    await phone.wait(RecordingFinished)
    assert share_of_time(read_wav(path), LOW) * len(read_wav(path)) / 8000 == pytest.approx(0.4, abs=0.1)


@on_both_engines
async def test_a_file_of_another_rate_keeps_its_pitch_and_length(floor):
    switch, phone = floor.pair()
    switch.session.play("p", [FileSource(floor.wav(seconds=0.3, frequency=LOW, rate=16000))], repeat=0)
    await switch.wait(PlaybackStarted)
    await hears(floor, phone, tone(LOW), max_ms=200)
    switch.session.play("q", [FileSource(floor.wav(seconds=0.3, frequency=LOW, rate=16000))])
    assert (await switch.wait(PlaybackFinished, 2)).heard_ms == 300


@on_both_engines
async def test_sources_follow_each_other_and_repeat(floor):
    switch, _ = floor.pair()
    sources = [ToneSource((LOW,), duration_ms=60), SilenceSource(40), FileSource(floor.wav(seconds=0.1))]
    switch.session.play("p", sources, repeat=2)
    assert await switch.wait(PlaybackFinished) == PlaybackFinished("p", 400, "completed")


@on_both_engines
async def test_a_playback_may_begin_later_in_the_file(floor):
    switch, _ = floor.pair()
    switch.session.play("p", [FileSource(floor.wav(seconds=0.5))], offset_ms=300)
    assert await switch.wait(PlaybackFinished) == PlaybackFinished("p", 200, "completed")


@on_both_engines
async def test_a_playback_begins_when_something_is_agreed_on_and_none_of_it_is_lost(floor):
    switch, phone = floor.open(), floor.open()
    switch.session.play("p", [FileSource(floor.wav(seconds=0.3))])
    await floor.pass_time(0.1)
    assert not switch.events
    floor.connect(switch, phone)
    assert await switch.wait(PlaybackFinished) == PlaybackFinished("p", 300, "completed")


@on_both_engines
async def test_a_playback_that_has_not_begun_can_be_paused_moved_and_stopped(floor):
    switch, phone = floor.open(), floor.open()
    switch.session.play("p", [FileSource(floor.wav(seconds=0.5))])
    switch.session.control("p", is_paused=True, seek_ms=300)
    floor.connect(switch, phone)
    await floor.pass_time(0.1)
    assert not switch.all(PlaybackFinished)
    switch.session.control("p", is_paused=False)
    assert await switch.wait(PlaybackFinished) == PlaybackFinished("p", 200, "completed")
    other = floor.open()
    other.session.play("q", [ENDLESS_LOW])
    other.session.stop("q")
    assert await other.wait(PlaybackFinished) == PlaybackFinished("q", 0, "stopped")


@on_both_engines
async def test_a_file_that_is_missing_fails_before_anything_is_agreed_on(floor):
    switch = floor.open()
    switch.session.play("p", [FileSource(floor.folder / "missing.wav")])
    assert (await switch.wait(PlaybackFinished)).reason == "failed"


@on_both_engines
async def test_a_stopped_playback_says_how_much_was_heard(floor):
    switch, _ = floor.pair()
    switch.session.play("p", [ENDLESS_LOW])
    begun = trio.current_time()
    await floor.until(lambda: switch.session.statistics().packets_sent >= 10)
    switch.session.stop("p")
    finished = await switch.wait(PlaybackFinished)
    assert finished.reason == "stopped"
    assert finished.heard_ms == 20 * switch.session.statistics().packets_sent
    assert 200 <= finished.heard_ms <= 1000 * (trio.current_time() - begun) + 40


@on_both_engines
async def test_a_new_playback_stops_the_one_that_runs(floor):
    switch, phone = floor.pair()
    switch.session.play("p", [ENDLESS_LOW])
    switch.session.play("q", [ENDLESS_HIGH])
    assert (await switch.wait(PlaybackFinished)).playback == "p"
    await hears(floor, phone, tone(HIGH), max_ms=200)


@on_both_engines
async def test_a_missing_file_fails_and_is_named(floor):
    switch, _ = floor.pair()
    switch.session.play("p", [FileSource(floor.folder / "nowhere.wav")])
    finished = await switch.wait(PlaybackFinished)
    assert (finished.reason, finished.heard_ms) == ("failed", 0)
    assert "nowhere.wav" in (finished.error or "")


@on_both_engines
async def test_a_broken_file_fails_and_is_named(floor):
    switch, _ = floor.pair()
    broken = floor.folder / "broken.wav"
    header = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0"
    for count, content in enumerate((b"", b"RIFF", b"not a wav file, but long enough to look at", header), start=1):
        broken.write_bytes(content)
        switch.session.play(f"p{count}", [FileSource(broken)])
        finished = await switch.wait(PlaybackFinished, count)
        assert (finished.reason, finished.heard_ms) == ("failed", 0)
        assert "broken.wav" in (finished.error or "")


@on_both_engines
async def test_the_offset_of_what_plays_for_ever_counts_round_after_round(floor):
    switch, phone = floor.pair()
    low, high = floor.wav("low.wav", seconds=3), floor.wav("high.wav", seconds=3, frequency=HIGH)
    switch.session.play("p", [FileSource(low), FileSource(high)], repeat=0, offset_ms=15_000)
    await switch.wait(PlaybackStarted)
    await floor.until(lambda: phone.session.statistics().packets_received)
    assert power_at(await record(floor, phone, max_ms=200), HIGH) > 0.8


@on_both_engines
async def test_a_tone_of_two_frequencies_with_a_cadence_is_heard(floor):
    switch, phone = floor.pair()
    switch.session.play("p", [ToneSource((LOW, HIGH), cadence_ms=(100, 100))])
    await switch.wait(PlaybackStarted)

    def is_it(samples: list[int]) -> bool:
        frames = [samples[at : at + 160] for at in range(0, len(samples), 160)]
        share = sum(max(map(abs, frame)) > 1000 for frame in frames) / len(frames)
        return power_at(samples, LOW) + power_at(samples, HIGH) > 0.3 and 0.35 < share < 0.65

    await hears(floor, phone, is_it, max_ms=600)


@on_both_engines
async def test_a_trimmed_recording_begins_and_ends_with_sound(floor):
    switch, phone = floor.pair()
    path = floor.folder / "trimmed.wav"
    switch.session.play("p", [SilenceSource(700), ToneSource((LOW,), duration_ms=300), SilenceSource(900)])
    await switch.wait(PlaybackStarted)
    phone.session.record("r", path, max_ms=10_000, is_trimmed=True)
    await switch.wait(PlaybackFinished)
    phone.session.stop("r")
    finished = await phone.wait(RecordingFinished)
    assert finished.duration_ms == pytest.approx(700, abs=100)
    assert finished.duration_ms * 8 == len(samples := read_wav(path))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == finished.sha256
    assert max(map(abs, samples[:1200])) < 500 < max(map(abs, samples[1800:2400]))


@on_both_engines
async def test_what_is_trimmed_of_silence_is_empty(floor):
    _, phone = floor.pair()
    path = floor.folder / "silent.wav"
    phone.session.record("r", path, max_ms=100, is_trimmed=True)
    assert (await phone.wait(RecordingFinished)).duration_ms == 0
    assert read_wav(path) == []


@on_both_engines
async def test_gain_makes_it_louder(floor):
    switch, phone = floor.pair()
    switch.session.play("plain", [FileSource(floor.wav(seconds=0.1))], repeat=0)
    peak = max(await hears(floor, phone, tone(440)))
    switch.session.play("soft", [FileSource(floor.wav(seconds=0.1))], repeat=0, gain_db=-12.0)
    await hears(floor, phone, lambda samples: tone(440)(samples) and 0.21 < max(samples) / peak < 0.29)


@on_both_engines
async def test_digits_arrive_in_order_with_start_end_and_duration(floor):
    switch, phone = floor.pair()
    phone.session.send_digits("s", "19#D", duration_ms=80, gap_ms=60)
    assert await phone.wait(DigitsSent) == DigitsSent("s", "19#D", "completed")
    await switch.wait(DigitEnded, 4)
    keys = [event for event in switch.events if isinstance(event, DigitStarted | DigitEnded)]
    assert [event.digit for event in keys] == list("1199##DD")
    assert [type(event) for event in keys] == [DigitStarted, DigitEnded] * 4
    assert [event.duration_ms for event in keys[1::2]] == pytest.approx([80] * 4, abs=20)


@on_both_engines
async def test_digits_go_the_other_way_too_and_the_same_one_twice_counts_twice(floor):
    switch, phone = floor.pair()
    switch.session.send_digits("s", "55", duration_ms=60, gap_ms=60)
    await phone.wait(DigitEnded, 2)
    assert [event.digit for event in phone.all(DigitStarted)] == ["5", "5"]


@on_both_engines
async def test_without_an_agreed_telephone_event_digits_go_in_band(floor):
    switch, phone = floor.pair(telephone_event=None)
    phone.session.send_digits("s", "1#", duration_ms=80, gap_ms=60)
    assert await phone.wait(DigitsSent) == DigitsSent("s", "1#", "completed")
    await switch.wait(DigitEnded, 2)
    keys = [event for event in switch.events if isinstance(event, DigitStarted | DigitEnded)]
    assert [event.digit for event in keys] == list("11##")
    assert [event.duration_ms for event in keys[1::2]] == pytest.approx([80] * 2, abs=26)


@on_both_engines
async def test_an_event_that_was_not_agreed_on_is_not_sent(floor):
    switch, phone = floor.pair(telephone_event=None)
    phone.session.send_digits("s", "123", is_inband=False)
    assert await phone.wait(DigitsSent) == DigitsSent("s", "", "completed")
    assert not switch.events


@on_both_engines
async def test_tones_are_keys_only_to_who_listens_for_them(floor):
    switch, phone = floor.pair()
    phone.session.send_digits("s", "1", duration_ms=80, gap_ms=60, is_inband=True)
    await phone.wait(DigitsSent)
    switch.session.update(stream_to(phone, inband=True))
    phone.session.send_digits("t", "2", duration_ms=80, gap_ms=60, is_inband=True)
    assert (await switch.wait(DigitEnded)).digit == "2"


@on_both_engines
async def test_stopping_a_sending_keeps_the_digits_that_wait(floor):
    switch, phone = floor.pair()
    digits = "1234567890" * 10
    phone.session.send_digits("s", digits, duration_ms=60, gap_ms=100)
    await switch.wait(DigitEnded, 2)
    phone.session.stop("s")
    sent = await phone.wait(DigitsSent)
    assert sent.reason == "stopped"
    assert digits.startswith(sent.digits)
    assert 2 <= len(sent.digits) < len(digits)


@on_both_engines
async def test_echo_sends_back_what_is_received(floor):
    switch, phone = floor.pair()
    switch.session.echo(is_on=True)
    phone.session.play("p", [ENDLESS_LOW])
    await hears(floor, phone, tone(LOW), max_ms=200)
    switch.session.echo(is_on=False)
    await hears(floor, phone, silence)


@on_both_engines
async def test_a_delayed_echo_comes_later_and_to_its_end(floor):
    switch, phone = floor.pair()
    path = floor.folder / "heard.wav"
    switch.session.echo(is_on=True, delay_ms=1000)
    phone.session.record("r", path, max_ms=60_000)
    phone.session.play("p", [ToneSource((LOW,), duration_ms=500)])
    await phone.wait(PlaybackFinished)
    await floor.until(lambda: phone.session.statistics().packets_received >= 20)
    phone.session.stop("r")
    await phone.wait(RecordingFinished)
    samples = read_wav(path)
    assert silence(samples[:8000])
    assert share_of_time(samples, LOW) * len(samples) > 0.2 * 8000


def relayed(floor: Floor) -> tuple[Leg, Leg, Leg, Leg]:
    """A phone, its leg, the other's leg, the other phone: both phones speak, the legs are relayed."""
    left, alice = floor.pair()
    right, bob = floor.pair()
    alice.session.play("low", [ENDLESS_LOW])
    bob.session.play("high", [ENDLESS_HIGH])
    left.session.relay(right.session)
    return alice, left, right, bob


@on_both_engines
async def test_a_relay_lets_each_hear_the_other_and_only_the_other(floor):
    alice, _, _, bob = relayed(floor)
    for leg, theirs, own in ((alice, HIGH, LOW), (bob, LOW, HIGH)):
        heard = await hears(floor, leg, tone(theirs), max_ms=300)
        assert share_of_time(heard, own) == 0


@on_both_engines
async def test_a_relay_between_two_codecs_carries_the_voice(floor):
    left, alice = floor.pair()
    right, bob = floor.pair(codec="PCMA", payload_type=8)
    alice.session.play("low", [ENDLESS_LOW])
    left.session.relay(right.session)
    await hears(floor, bob, tone(LOW), max_ms=200)


@on_both_engines
async def test_a_relay_passes_digits_on_and_reports_them(floor):
    alice, left, _, bob = relayed(floor)
    alice.session.send_digits("s", "42", duration_ms=80, gap_ms=60)
    await bob.wait(DigitEnded, 2)
    for leg in (left, bob):
        assert [event.digit for event in leg.all(DigitStarted)] == ["4", "2"]
        assert [event.duration_ms for event in leg.all(DigitEnded)] == pytest.approx([80, 80], abs=20)


@on_both_engines
async def test_after_the_relay_each_is_alone(floor):
    alice, left, _, bob = relayed(floor)
    await hears(floor, alice, tone(HIGH))
    left.session.unrelay()
    for leg in (alice, bob):
        await hears(floor, leg, silence)


@on_both_engines
async def test_a_new_relay_ends_the_older_one(floor):
    alice, left, _, bob = relayed(floor)
    third, carol = floor.pair()
    left.session.relay(third.session)
    await hears(floor, carol, tone(LOW))
    await hears(floor, bob, silence)
    del alice


@on_both_engines
async def test_a_playback_replaces_the_relayed_voice_while_it_lasts(floor):
    alice, left, _, bob = relayed(floor)
    await hears(floor, alice, tone(HIGH))
    left.session.play("p", [ToneSource((1600,))])
    await hears(floor, alice, tone(1600))
    await hears(floor, bob, tone(LOW))
    left.session.stop("p")
    await hears(floor, alice, tone(HIGH))


@on_both_engines
async def test_held_by_the_peer_we_send_nothing_until_resumed(floor):
    switch, phone = floor.pair()
    switch.session.play("p", [ENDLESS_LOW])
    await hears(floor, phone, tone(LOW))
    switch.session.update(stream_to(phone, direction=Direction.RECVONLY))
    await hears(floor, phone, silence)
    switch.session.update(stream_to(phone))
    await hears(floor, phone, tone(LOW))


@on_both_engines
async def test_holding_the_peer_we_send_and_do_not_listen(floor):
    switch, phone = floor.pair()
    phone.session.play("p", [ENDLESS_LOW])
    await hears(floor, switch, tone(LOW))
    switch.session.update(stream_to(phone, direction=Direction.SENDONLY))
    await hears(floor, switch, silence)
    switch.session.play("music", [ENDLESS_HIGH])
    await hears(floor, phone, tone(HIGH))


@on_both_engines
async def test_without_an_address_it_answers_whoever_speaks_first(floor):
    switch, phone = floor.open(), floor.open()
    switch.session.update(stream_to(phone, remote=None))
    phone.session.update(stream_to(switch))
    switch.session.play("p", [ENDLESS_HIGH])
    phone.session.play("q", [ENDLESS_LOW])
    await hears(floor, phone, tone(HIGH))


@on_both_engines
async def test_a_recording_ends_at_its_maximum_and_names_its_hash(floor):
    switch, phone = floor.pair()
    phone.session.play("p", [ENDLESS_LOW])
    path = floor.folder / "r.wav"
    switch.session.record("r", path, max_ms=200)
    finished = await switch.wait(RecordingFinished)
    assert (finished.path, finished.reason, finished.error) == (path, "max", None)
    assert finished.duration_ms == 200
    assert finished.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert len(read_wav(path)) == 1600
    assert sorted(file.name for file in floor.folder.iterdir()) == ["r.wav"]


@on_both_engines
async def test_a_recording_ends_when_it_has_been_silent_long_enough(floor):
    switch, phone = floor.pair()
    phone.session.play("p", [ToneSource((LOW,), duration_ms=200), SilenceSource(2000)])
    switch.session.record("r", floor.folder / "r.wav", max_ms=5000, silence_ms=300)
    finished = await switch.wait(RecordingFinished)
    assert finished.reason == "silence"
    assert finished.duration_ms == pytest.approx(500, abs=150)


@on_both_engines
async def test_a_stopped_recording_holds_what_came_until_then(floor):
    switch, phone = floor.pair()
    phone.session.play("p", [ENDLESS_LOW])
    await floor.until(lambda: switch.session.statistics().packets_received > 3)
    begun = trio.current_time()
    switch.session.record("r", floor.folder / "r.wav", max_ms=60_000)
    await floor.pass_time(0.4)
    switch.session.stop("r")
    finished = await switch.wait(RecordingFinished)
    assert finished.reason == "stopped"
    assert 300 <= finished.duration_ms <= 1000 * (trio.current_time() - begun) + 40
    assert share_of_time(read_wav(finished.path), LOW) >= 0.7


@on_both_engines
async def test_a_recording_that_cannot_be_written_fails(floor):
    switch, _ = floor.pair()
    switch.session.record("r", floor.folder / "nowhere" / "r.wav", max_ms=200)
    finished = await switch.wait(RecordingFinished)
    assert finished.reason == "failed"
    assert "nowhere" in (finished.error or "")


@on_both_engines
async def test_sound_and_silence_are_reported_to_those_who_watch(floor):
    switch, phone = floor.pair()
    switch.session.watch_audio(is_on=True)
    phone.session.play("p", [ToneSource((LOW,), duration_ms=200)])
    await switch.wait(AudioHeard, 2)
    assert switch.all(AudioHeard) == [AudioHeard(is_sound=True), AudioHeard(is_sound=False)]
    switch.session.watch_audio(is_on=False)
    phone.session.play("q", [ToneSource((LOW,), duration_ms=100)])
    await phone.wait(PlaybackFinished, 2)
    assert len(switch.all(AudioHeard)) == 2


@on_both_engines
async def test_ports_are_used_up_and_given_back(floor):
    legs = [floor.open() for _ in range(floor.pairs)]
    assert len({leg.session.local for leg in legs}) == floor.pairs
    with pytest.raises(PortsExhausted):
        floor.open()
    legs[1].session.close()
    assert floor.engine.open_sessions == floor.pairs - 1
    again = floor.open()
    assert again.session.local == legs[1].session.local
    assert again.session.local[1] % 2 == 0


@on_both_engines
async def test_statistics_count_the_packets_of_both_directions(floor):
    switch, phone = floor.pair()
    switch.session.play("p", [ToneSource((LOW,), duration_ms=400)])
    await switch.wait(PlaybackFinished)
    await floor.until(lambda: phone.session.statistics().packets_received >= 20)
    sent, received = switch.session.statistics(), phone.session.statistics()
    assert sent.packets_sent == 20
    assert sent.octets_sent == 20 * 160
    assert (received.packets_received, received.octets_received) == (20, 3200)
    assert received.packets_lost == 0
    assert received.packets_sent < 5  # silence, once a second


@on_both_engines
async def test_a_look_has_the_figures_of_the_look_before(floor):
    switch, phone = floor.pair()
    first = switch.session.look()
    assert first is not None
    assert first[0] == Statistics()
    switch.session.play("p", [ToneSource((LOW,), duration_ms=100)])
    await switch.wait(PlaybackFinished)
    await floor.until(lambda: phone.session.statistics().packets_received >= 5)
    looked = switch.session.look()
    assert looked is not None
    before, now = looked
    assert before == first[1]
    assert now.packets_sent >= before.packets_sent + 5


@on_both_engines
async def test_a_closed_session_is_silent_and_closing_twice_is_nothing(floor):
    switch, phone = floor.pair()
    switch.session.play("p", [ENDLESS_LOW])
    phone.session.record("r", floor.folder / "r.wav", max_ms=5000)
    await floor.until(lambda: phone.session.statistics().packets_received > 3)
    for leg in (switch, phone):
        before = len(leg.events)
        leg.session.close()
        leg.session.close()
        leg.session.play("q", [ENDLESS_LOW])
        leg.session.record("s", floor.folder / "s.wav", max_ms=100)
        leg.session.send_digits("d", "1")
        leg.session.stop("p")
        leg.session.unrelay()
        await floor.pass_time(0.1)
        assert len(leg.events) == before
    assert floor.engine.open_sessions == 0
    sent = switch.session.statistics().packets_sent
    await floor.pass_time(0.1)
    assert switch.session.statistics().packets_sent == sent
    await floor.until((floor.folder / "r.wav").exists)
    assert read_wav(floor.folder / "r.wav")
    assert not (floor.folder / "s.wav").exists()


@on_both_engines
async def test_closing_a_relayed_leg_leaves_the_other_alone(floor):
    alice, left, _, bob = relayed(floor)
    await hears(floor, bob, tone(LOW))
    left.session.close()
    await hears(floor, bob, silence)
    del alice


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 60])
def test_packets_are_as_long_as_agreed(ptime_ms, tmp_path):
    @on_both_engines
    async def run(floor: Floor) -> None:
        switch, phone = floor.pair(ptime_ms=ptime_ms)
        switch.session.play("p", [ToneSource((LOW,), duration_ms=360), ToneSource((LOW,), duration_ms=240)])
        assert await switch.wait(PlaybackFinished) == PlaybackFinished("p", 600, "completed")
        await floor.until(lambda: phone.session.statistics().octets_received >= 4800)
        sent, received = switch.session.statistics(), phone.session.statistics()
        assert (sent.packets_sent, sent.octets_sent) == (600 // ptime_ms, 4800)
        assert (received.packets_received, received.octets_received) == (600 // ptime_ms, 4800)

    for kind in KINDS:
        run(kind, tmp_path)
