"""Codecs, on the native engine: each is heard, also through a leg of any other."""

from __future__ import annotations

import itertools

import pytest

from engine.media.session import DigitEnded, Membership, PlaybackFinished, RecordingFinished, ToneSource
from tests.trio_tests import run_trio

from .harness import Floor, Leg, hears, open_floor, read_wav, stream_to, tone

OPUS = {"codec": "opus", "payload_type": 96, "event_rate": 48000, "has_fec": True}
CODECS: dict[str, dict[str, object]] = {
    "PCMA": {"codec": "PCMA", "payload_type": 8},
    "G722": {"codec": "G722", "payload_type": 9},
    "L16/8000": {"codec": "L16/8000", "payload_type": 97},
    "L16/16000": {"codec": "L16/16000", "payload_type": 98, "event_rate": 16000},
    "opus": OPUS,
}
PAIRS = [("PCMU", "PCMU"), *itertools.combinations(CODECS, 2), ("G722", "G722"), ("opus", "opus")]
LOW, HIGH = 440.0, 1000.0


def options_of(codec: str) -> dict[str, object]:
    return CODECS.get(codec, {})


def say(leg: Leg, frequency: float) -> None:
    leg.session.play("voice", [ToneSource((frequency,))])


@pytest.mark.parametrize("codec", CODECS)
def test_a_voice_is_heard_in_each_codec_and_keys_pass_beside_it(codec: str, tmp_path):
    async def main() -> None:
        async with open_floor("native", tmp_path) as floor:
            one, other = floor.pair(**options_of(codec))
            say(one, HIGH)
            await hears(floor, other, tone(HIGH))
            other.session.send_digits("keys", "5", duration_ms=200)
            ended = await one.wait(DigitEnded)
            assert (ended.digit, ended.duration_ms) == ("5", 200)

    run_trio(main)


@pytest.mark.parametrize(("left", "right"), PAIRS)
def test_two_legs_hear_each_other_whatever_their_codecs_are(left: str, right: str, tmp_path):
    async def main() -> None:
        async with open_floor("native", tmp_path) as floor:
            alice, switch_alice, switch_bob, bob = bridged(floor, left, right)
            say(alice, LOW)
            say(bob, HIGH)
            await hears(floor, bob, tone(LOW))
            await hears(floor, alice, tone(HIGH))
            alice.session.send_digits("keys", "9", duration_ms=160)
            for leg in (switch_alice, bob):
                ended = await leg.wait(DigitEnded)
                assert ended.digit == "9"
                assert 140 <= ended.duration_ms <= 160
            switch_bob.session.play("prompt", [ToneSource((600.0,))])
            await hears(floor, bob, tone(600.0))

    run_trio(main)


def test_a_leg_that_changes_its_codec_goes_on_being_heard(tmp_path):
    async def main() -> None:
        async with open_floor("native", tmp_path) as floor:
            alice, switch_alice, _, bob = bridged(floor, "PCMU", "PCMU")
            say(alice, LOW)
            await hears(floor, bob, tone(LOW))
            for codec in ("opus", "G722", "PCMA"):
                floor.connect(alice, switch_alice, **options_of(codec))
                await hears(floor, bob, tone(LOW))

    run_trio(main)


def test_members_of_a_room_hear_each_other_whatever_their_codecs_are(tmp_path):
    async def main() -> None:
        async with open_floor("native", tmp_path) as floor:
            room = floor.engine.open_room(lambda event: None)
            phones = []
            for codec in ("PCMU", "G722", "opus"):
                leg, phone = floor.pair(**options_of(codec))
                room.add(leg.session, Membership())
                phones.append(phone)
            say(phones[0], HIGH)
            for phone in phones[1:]:
                await hears(floor, phone, tone(HIGH))
            phones[0].session.stop("voice")
            say(phones[2], LOW)
            for phone in phones[:2]:
                await hears(floor, phone, tone(LOW))

    run_trio(main)


def test_what_is_said_and_heard_in_other_codecs_is_recorded(tmp_path):
    async def main() -> None:
        async with open_floor("native", tmp_path) as floor:
            alice, switch_alice, _, bob = bridged(floor, "G722", "G722")
            say(bob, HIGH)
            await hears(floor, alice, tone(HIGH))
            await sent_side_has(floor, switch_alice, HIGH)

    run_trio(main)


async def sent_side_has(floor: Floor, leg: Leg, frequency: float) -> None:
    path = floor.folder / "both.wav"
    leg.session.record_both("both", path, stereo=True, max_ms=600)
    await leg.wait(RecordingFinished)
    sent = read_wav(path, channels=2)[1::2]
    assert tone(frequency)(sent)


def bridged(floor: Floor, left: str, right: str) -> tuple[Leg, Leg, Leg, Leg]:
    alice, switch_alice = floor.pair(**options_of(left))
    switch_bob, bob = floor.pair(**options_of(right))
    switch_alice.session.relay(switch_bob.session)
    return alice, switch_alice, switch_bob, bob


def test_what_cannot_be_decoded_is_passed_on_as_it_is_and_nothing_is_played_in_it(tmp_path):
    foreign = {"codec": "G729", "payload_type": 18}

    async def main() -> None:
        async with open_floor("native", tmp_path) as floor:
            alice, switch_alice = floor.pair()
            switch_bob, bob = floor.pair()
            switch_alice.session.update(stream_to(alice, **foreign | {"payload_type": 0}))
            switch_bob.session.update(stream_to(bob, **foreign | {"payload_type": 0}))
            switch_alice.session.relay(switch_bob.session)
            say(alice, HIGH)  # in PCMU, which the switch takes for G.729
            await hears(floor, bob, tone(HIGH))
            switch_bob.session.play("prompt", [ToneSource((600.0,))])
            finished = await switch_bob.wait(PlaybackFinished)
            assert finished.reason == "failed"
            assert "only passed on" in (finished.error or "")

    run_trio(main)
