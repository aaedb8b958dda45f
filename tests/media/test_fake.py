"""What only the fake engine promises: a timeline of what was heard, time that costs nothing, a network that fails."""

from __future__ import annotations

import random
import struct
import time
import wave
from contextlib import asynccontextmanager

import pytest
import trio

from engine.media.fake import Digit, FakeMediaEngine, FakeMediaNetwork, Heard
from engine.media.fake.sound import Library, Unplayable
from engine.media.session import (
    DigitEnded,
    DigitsSent,
    DigitStarted,
    FileSource,
    PlaybackFinished,
    RecordingFinished,
    SilenceSource,
    ToneSource,
)
from tests.trio_tests import run_virtual

from .harness import Floor

LOW, HIGH = ToneSource((400.0,)), ToneSource((1000.0,))


@asynccontextmanager
async def open_fake(folder, **options):
    network = FakeMediaNetwork(**options)
    engine = FakeMediaEngine(network, ports=range(20000, 20020))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(engine.run)
        yield Floor("fake", engine, folder)
        nursery.cancel_scope.cancel()
    await trio.sleep(network.latency)
    network.advance()  # what was on its way has arrived
    assert engine.open_sessions == 0
    assert network.timers == 0


@run_virtual
async def test_the_timeline_names_what_was_heard_from_when_to_when(tmp_path):
    async with open_fake(tmp_path) as floor:
        switch, phone = floor.pair()
        prompt = FileSource(floor.wav(seconds=0.3))
        tone = ToneSource((400.0,), duration_ms=200)
        switch.session.play("p", [prompt, tone], offset_ms=100)
        await floor.pass_time(1)
        switch.session.play("q", [LOW])
        await floor.pass_time(0.5)
        origin = switch.session.local
        assert [(h.what, h.origin, h.offset_ms) for h in phone.session.heard] == [
            (prompt, origin, 100), (tone, origin, 0), (LOW, origin, 0),
        ]  # fmt: skip
        assert [h.started_at for h in phone.session.heard] == pytest.approx([0, 0.2, 1.0])
        assert [h.ended_at for h in phone.session.heard[:2]] == pytest.approx([0.2, 0.4])
        assert phone.session.heard[2].ended_at is None
        assert [h.is_whole for h in phone.session.heard] == [False, True, False]
        assert phone.session.foretell(9.0)[2].ended_at is None


@run_virtual
async def test_an_origin_is_known_through_relay_and_echo(tmp_path):
    async with open_fake(tmp_path) as floor:
        left, alice = floor.pair()
        right, bob = floor.pair()
        left.session.relay(right.session)
        bob.session.echo(is_on=True)
        alice.session.play("p", [LOW])
        await floor.pass_time(1)
        assert bob.session.hearing.voices[0].origin == alice.session.local
        assert alice.session.hearing.voices[0].origin == alice.session.local


@run_virtual
async def test_what_a_delayed_echo_sends_is_known_to_the_frame(tmp_path):
    async with open_fake(tmp_path) as floor:
        switch, phone = floor.pair()
        switch.session.echo(is_on=True, delay_ms=1990)
        phone.session.play("p", [ToneSource((440.0,), duration_ms=500), SilenceSource(300)])
        await floor.pass_time(5)
        heard = [(piece.started_at, piece.ended_at, piece.is_whole) for piece in phone.session.heard]
        assert heard == [(pytest.approx(2.0), pytest.approx(2.5), True), (pytest.approx(2.5), pytest.approx(2.8), True)]


@run_virtual
async def test_an_echo_that_ends_or_begins_anew_drops_what_is_under_way(tmp_path):
    async with open_fake(tmp_path) as floor:
        switch, phone = floor.pair()
        switch.session.echo(is_on=True, delay_ms=1000)
        phone.session.play("p", [LOW])
        await floor.pass_time(0.5)
        switch.session.echo(is_on=True, delay_ms=2000)
        await floor.pass_time(1.9)
        assert phone.session.heard == []
        await floor.pass_time(0.2)
        assert phone.session.hearing is not None
        switch.session.echo(is_on=False)
        assert phone.session.hearing is None
        await floor.pass_time(5)
        assert phone.session.hearing is None


@run_virtual
async def test_an_hour_of_music_silence_and_conversation_costs_nothing(tmp_path):
    async with open_fake(tmp_path) as floor:
        started = time.process_time()
        for sources in ([FileSource(floor.wav(seconds=0.5))], [SilenceSource(1000)], [LOW]):
            switch, _ = floor.pair()
            switch.session.play("p", sources, repeat=0)
        await floor.pass_time(3600)
        switch.session.stop("p")
        assert (await switch.wait(PlaybackFinished)).heard_ms == 3_600_000
        assert time.process_time() - started < 0.2


@run_virtual
async def test_an_event_of_the_timeline_can_be_awaited(tmp_path):
    async with open_fake(tmp_path) as floor:
        switch, phone = floor.pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(phone.session.changed.wait)
            await floor.pass_time(0.5)
            switch.session.play("p", [LOW])
        assert phone.session.hearing is not None
        assert trio.current_time() == pytest.approx(0.5)


@run_virtual
async def test_latency_delays_voices_and_digits(tmp_path):
    async with open_fake(tmp_path, latency=0.15) as floor:
        switch, phone = floor.pair()
        switch.session.play("p", [LOW])
        switch.session.send_digits("d", "7", duration_ms=100)
        await phone.wait(DigitEnded)
        assert trio.current_time() == pytest.approx(0.25)
        assert phone.session.heard == [
            Heard(LOW, switch.session.local, 0.15, None),
            Heard(Digit("7"), switch.session.local, pytest.approx(0.15), pytest.approx(0.25), 0, pytest.approx(0.1)),
        ]
        assert switch.session.statistics().round_trip_ms is None
        assert phone.session.statistics().packets_received == 5


@run_virtual
async def test_loss_is_counted_on_both_sides(tmp_path):
    async with open_fake(tmp_path, loss=0.1, jitter_ms=3.0) as floor:
        switch, phone = floor.pair()
        switch.session.play("p", [LOW])
        await floor.pass_time(20)
        heard = phone.session.statistics()
        assert (heard.packets_received, heard.packets_lost, heard.jitter_ms) == (900, 100, 3.0)
        assert switch.session.statistics().remote_packets_lost == 100


@pytest.mark.parametrize("seed", range(5))
def test_digits_survive_loss_whole_and_in_order(seed, tmp_path):
    @run_virtual
    async def main():
        async with open_fake(tmp_path, loss=0.4, latency=0.02, rng=random.Random(seed)) as floor:
            switch, phone = floor.pair()
            phone.session.send_digits("s", "1234567890", duration_ms=120, gap_ms=160)
            await switch.wait(DigitEnded, 10)
            keys = [e for e in switch.events if isinstance(e, DigitStarted | DigitEnded)]
            assert "".join(e.digit for e in keys) == "11223344556677889900"

    main()


@run_virtual
async def test_a_key_that_is_down_when_the_phone_goes_comes_up(tmp_path):
    async with open_fake(tmp_path) as floor:
        switch, phone = floor.pair()
        phone.session.send_digits("s", "1", duration_ms=1000)
        await floor.pass_time(0.3)
        phone.session.close()
        assert await switch.wait(DigitEnded) == DigitEnded("1", 300)


@run_virtual
async def test_sendings_of_one_name_are_stopped_together(tmp_path):
    async with open_fake(tmp_path) as floor:
        _, phone = floor.pair()
        for digits in ("12", "", "12"):
            phone.session.send_digits("s", digits)
        phone.session.stop("s")
        await phone.wait(DigitsSent, 3)
        assert {sent.reason for sent in phone.all(DigitsSent)} == {"stopped"}
        assert [sent.digits for sent in phone.all(DigitsSent)] == ["", "", "1"]


@run_virtual
async def test_sendings_wait_for_each_other(tmp_path):
    async with open_fake(tmp_path) as floor:
        switch, phone = floor.pair()
        phone.session.send_digits("s", "12")
        phone.session.send_digits("t", "3")
        await switch.wait(DigitEnded, 3)
        assert [e.digit for e in switch.all(DigitEnded)] == ["1", "2", "3"]
        assert trio.current_time() == pytest.approx(0.52)


@run_virtual
async def test_a_recording_notices_silence_inside_a_file_and_a_cadence(tmp_path):
    async with open_fake(tmp_path) as floor:
        switch, phone = floor.pair()
        path = floor.wav(seconds=0.5)
        with wave.open(str(path), "rb") as file:
            samples = file.readframes(4000)
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(samples + bytes(8000) + samples)
        phone.session.play("p", [FileSource(path)], repeat=0)
        switch.session.record("r", tmp_path / "r.wav", max_ms=60_000, silence_ms=400)
        finished = await switch.wait(RecordingFinished)
        assert (finished.reason, finished.duration_ms) == ("silence", 900)

        phone.session.play("q", [ToneSource((400.0,), cadence_ms=(100, 300))])
        switch.session.record("s", tmp_path / "s.wav", max_ms=2000, silence_ms=400)
        assert (await switch.wait(RecordingFinished, 2)).reason == "max"


@run_virtual
async def test_time_that_jumps_far_at_once_is_made_up_for_in_order(tmp_path):
    async with open_fake(tmp_path) as floor:
        switch, phone = floor.pair()
        switch.session.play("p", [ToneSource((400.0,), duration_ms=200)])
        phone.session.record("r", tmp_path / "r.wav", max_ms=1000)
        await floor.pass_time(5)
        assert switch.session.statistics().packets_sent == 10
        assert phone.all(RecordingFinished)[0].duration_ms == 1000


@run_virtual
async def test_a_playback_of_nothing_completes_at_once(tmp_path):
    async with open_fake(tmp_path) as floor:
        switch, _ = floor.pair()
        for count, repeat in enumerate((0, 1, 5), start=1):
            switch.session.play(f"p{repeat}", [SilenceSource(0)], repeat=repeat)
            assert (await switch.wait(PlaybackFinished, count)).reason == "completed"
        assert trio.current_time() == 0


def wav_of(encoding, bits, data, *, rate=8000, channels=1):
    block = bits // 8 * channels
    form = struct.pack("<HHIIHH", encoding, channels, rate, rate * block, block, bits)
    chunks = (
        b"fmt " + struct.pack("<I", len(form)) + form + b"LIST\3\0\0\0abc\0" + b"data" + struct.pack("<I", len(data))
    )
    return b"RIFF" + struct.pack("<I", 4 + len(chunks) + len(data)) + b"WAVE" + chunks + data


@pytest.mark.parametrize(
    ("encoding", "bits", "channels", "data", "samples"),
    [
        (1, 16, 1, struct.pack("<3h", 1, -2, 32767), [1, -2, 32767]),
        (1, 8, 1, bytes([0, 128, 255]), [-32768, 0, 32512]),
        (1, 16, 2, struct.pack("<4h", 100, 200, -100, -300), [150, -200]),
        (7, 8, 1, bytes([0x00, 0x80, 0xFF, 0x7F]), [-32124, 32124, 0, 0]),
        (3, 32, 1, struct.pack("<2f", 0.5, -1.0), [16384, -32768]),
        (6, 8, 1, bytes([0x2A, 0xAA, 0xD5, 0x55]), [-32256, 32256, 8, -8]),
    ],
)
def test_wav_files_of_every_kind_are_read(tmp_path, encoding, bits, channels, data, samples):
    (tmp_path / "a.wav").write_bytes(wav_of(encoding, bits, data, channels=channels))
    wav = Library().open(tmp_path / "a.wav")
    assert list(wav.samples()) == samples
    assert wav.seconds == pytest.approx(len(samples) / 8000)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (wav_of(2, 4, b""), "got format 2 of 4 bits"),
        (wav_of(1, 16, b"", channels=9), "got 9"),
        (b"RIFF\0\0\0\0WAVEfmt \2\0\0\0xx", "16 octets or more"),
        (b"RIFF\0\0\0\0WAVE", "expected a data chunk"),
        (b"OggS", "cut off"),
        (b"%PDF", "got something else"),
    ],
)
def test_what_is_no_wav_is_refused_with_its_reason(tmp_path, content, says):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(Unplayable, match=f"a.wav: .*{says}"):
        Library().open(tmp_path / "a.wav")
