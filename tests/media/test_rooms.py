"""Rooms, asked of both media engines: who hears whom, how loud, and what is played to all and recorded of all."""

from __future__ import annotations

import pytest
import trio

from engine.media.session import (
    AudioHeard,
    DigitEnded,
    DigitStarted,
    FileSource,
    MediaEvent,
    MediaRoom,
    Membership,
    PlaybackFinished,
    PlaybackStarted,
    RecordingFinished,
    ToneSource,
)

from .harness import Floor, Leg, on_both_engines, power_at, read_wav, share_of_time

PITCHES = (400, 1000, 1600)  # Hz: what alice, bob and carol say
ANNOUNCED = 2200
MEMBER = Membership()


class Talk:
    """Phones that all speak at their own pitch, and the switch's legs to them."""

    def __init__(self, floor: Floor, count: int = 3, **options: object) -> None:
        self.floor = floor
        self.events: list[MediaEvent] = []
        self.room: MediaRoom = floor.engine.open_room(self.events.append)
        self.legs, self.phones = zip(*(floor.pair(**options) for _ in range(count)), strict=True)
        for phone, pitch in zip(self.phones, PITCHES, strict=False):
            phone.session.play("voice", [ToneSource((pitch,))])

    def add(self, *who: int, **how: object) -> None:
        for index in who:
            self.room.add(self.legs[index].session, Membership(**how))  # type: ignore[arg-type]

    async def hear(self, *who: int, what: list[set[int]]) -> None:
        """Wait until these phones hear those pitches, each its own, all at the same time."""
        heard: list[set[int]] = []
        with trio.move_on_after(60):
            while heard != what:
                samples = await listen(self.floor, [self.phones[index] for index in who])
                heard = [pitches_in(each) for each in samples]
            return
        raise AssertionError(f"expected {what}, heard was {heard}")


async def listen(floor: Floor, phones: list[Leg], ms: int = 300) -> list[list[int]]:
    before = [len(phone.all(RecordingFinished)) for phone in phones]
    paths = [floor.folder / f"{index}-{before[index]}.wav" for index in range(len(phones))]
    for phone, path in zip(phones, paths, strict=True):
        phone.session.record("heard", path, max_ms=ms)
    for phone, count in zip(phones, before, strict=True):
        await phone.wait(RecordingFinished, count + 1)
    return [read_wav(path) for path in paths]


async def happened(talk: Talk, kind: type[MediaEvent], count: int = 1) -> None:
    """So many such events have been reported of the room."""
    while sum(isinstance(event, kind) for event in talk.events) < count:
        await talk.floor.pass_time(0.02)


def pitches_in(samples: list[int]) -> set[int]:
    """Those that sound for a third of the time or more: a packet from before a change is no matter."""
    frames = [samples[at : at + 160] for at in range(0, len(samples) - 159, 160)]
    return {
        pitch
        for pitch in (*PITCHES, ANNOUNCED)
        if sum(power_at(frame, pitch) > 0.05 for frame in frames) >= len(frames) / 3
    }


ALICE, BOB, CAROL = PITCHES


@on_both_engines
async def test_each_hears_all_the_others_and_not_itself(floor):
    talk = Talk(floor)
    talk.add(0, 1, 2)
    await talk.hear(0, 1, 2, what=[{BOB, CAROL}, {ALICE, CAROL}, {ALICE, BOB}])


@on_both_engines
async def test_codecs_and_packet_lengths_mix(floor):
    talk = Talk(floor, 1, codec="PCMA", payload_type=8)
    slow, phone = floor.pair(ptime_ms=30)
    phone.session.play("voice", [ToneSource((BOB,))])
    talk.add(0)
    talk.room.add(slow.session, MEMBER)
    talk.phones = (talk.phones[0], phone)
    await talk.hear(0, 1, what=[{BOB}, {ALICE}])


@on_both_engines
async def test_the_muted_are_not_heard_and_the_deaf_do_not_hear(floor):
    talk = Talk(floor)
    talk.add(0, is_muted=True)
    talk.add(1, is_deaf=True)
    talk.add(2)
    await talk.hear(0, 1, 2, what=[{BOB, CAROL}, set(), {BOB}])
    talk.add(0, 1)
    await talk.hear(0, 1, 2, what=[{BOB, CAROL}, {ALICE, CAROL}, {ALICE, BOB}])


@on_both_engines
async def test_a_gain_makes_a_member_softer_to_the_others(floor):
    talk = Talk(floor)
    talk.add(0, 1)
    talk.add(2, gain_db=-12.0)
    await talk.hear(0, what=[{BOB, CAROL}])
    ((samples),) = await listen(floor, [talk.phones[0]])
    assert power_at(samples, CAROL) / power_at(samples, BOB) == pytest.approx(10**-1.2, rel=0.3)


@on_both_engines
async def test_a_whisper_is_heard_by_one_alone(floor):
    talk = Talk(floor)
    talk.add(0, 1)
    talk.add(2, speaks_to=talk.legs[0].session)
    await talk.hear(0, 1, 2, what=[{BOB, CAROL}, {ALICE}, {ALICE, BOB}])


@on_both_engines
async def test_who_leaves_is_alone_and_the_others_go_on(floor):
    talk = Talk(floor)
    talk.add(0, 1, 2)
    talk.room.remove(talk.legs[2].session)
    talk.room.remove(talk.legs[2].session)
    await talk.hear(0, 1, 2, what=[{BOB}, {ALICE}, set()])
    talk.legs[1].session.close()
    await talk.hear(0, what=[set()])


@on_both_engines
async def test_a_room_is_played_to_besides_what_is_said(floor):
    talk = Talk(floor)
    talk.add(0, 1)
    talk.room.play("p", [ToneSource((ANNOUNCED,))])
    await talk.hear(0, 1, what=[{BOB, ANNOUNCED}, {ALICE, ANNOUNCED}])
    talk.room.stop("p")
    await talk.hear(0, what=[{BOB}])
    ended = [event for event in talk.events if isinstance(event, PlaybackFinished)]
    assert [(event.playback, event.reason) for event in ended] == [("p", "stopped")]
    assert ended[0].heard_ms > 200


@on_both_engines
async def test_what_a_room_cannot_play_fails_and_what_ends_is_reported(floor):
    talk = Talk(floor)
    talk.room.play("lost", [FileSource(floor.folder / "nowhere.wav")])
    await floor.until(lambda: talk.events)
    talk.room.play("p", [ToneSource((ANNOUNCED,), duration_ms=100)])
    await floor.until(lambda: sum(isinstance(event, PlaybackFinished) for event in talk.events) == 2)
    ended = [event for event in talk.events if isinstance(event, PlaybackFinished)]
    assert [(event.playback, event.reason) for event in ended] == [("lost", "failed"), ("p", "completed")]
    assert "nowhere.wav" in (ended[0].error or "")
    assert ended[1].heard_ms == 100


@on_both_engines
async def test_a_playback_to_one_replaces_the_room_for_it(floor):
    talk = Talk(floor)
    talk.add(0, 1, 2)
    talk.legs[0].session.play("p", [ToneSource((ANNOUNCED,))])
    await talk.hear(0, 1, what=[{ANNOUNCED}, {ALICE, CAROL}])
    talk.legs[0].session.stop("p")
    await talk.hear(0, what=[{BOB, CAROL}])


@on_both_engines
async def test_a_room_is_recorded_with_all_its_voices(floor):
    talk = Talk(floor)
    talk.add(0, 1)
    talk.add(2, is_muted=True)
    talk.room.play("p", [ToneSource((ANNOUNCED,))])
    await talk.hear(0, what=[{BOB, ANNOUNCED}])
    talk.room.record("r", floor.folder / "room.wav", max_ms=300)
    await floor.until(lambda: any(isinstance(event, RecordingFinished) for event in talk.events))
    finished = next(event for event in talk.events if isinstance(event, RecordingFinished))
    assert (finished.recording, finished.reason, finished.duration_ms) == ("r", "max", 300)
    assert pitches_in(read_wav(floor.folder / "room.wav")) == {ALICE, BOB, ANNOUNCED}


@on_both_engines
async def test_what_is_said_in_a_pause_is_not_in_the_recording_of_a_room(floor):
    talk = Talk(floor)
    talk.room.play("before", [ToneSource((ANNOUNCED,))])
    await happened(talk, PlaybackStarted)
    talk.room.record("r", floor.folder / "room.wav", max_ms=60_000)
    await floor.pass_time(0.3)
    talk.room.pause("r", is_paused=True)
    talk.room.play("meanwhile", [ToneSource((ALICE,))])
    await happened(talk, PlaybackStarted, 2)
    await floor.pass_time(0.2)
    talk.room.play("after", [ToneSource((ANNOUNCED,))])
    await happened(talk, PlaybackStarted, 3)
    talk.room.pause("r", is_paused=False)
    await floor.pass_time(0.2)
    talk.room.stop("r")
    await happened(talk, RecordingFinished)
    samples = read_wav(floor.folder / "room.wav")
    assert share_of_time(samples, ANNOUNCED) > 0.5
    assert share_of_time(samples, ALICE) == 0


@on_both_engines
async def test_a_recording_of_a_room_is_closed_with_it(floor):
    talk = Talk(floor)
    talk.add(0, 1)
    await floor.pass_time(0.1)
    talk.room.record("r", floor.folder / "room.wav", max_ms=9000)
    await floor.pass_time(0.2)
    talk.room.close()
    talk.room.close()
    assert floor.engine.open_rooms == 0
    await talk.hear(0, what=[set()])
    await floor.until((floor.folder / "room.wav").exists)
    assert read_wav(floor.folder / "room.wav")


@on_both_engines
async def test_whoever_sounds_is_reported(floor):
    talk = Talk(floor, 2)
    for phone, leg in zip(talk.phones, talk.legs, strict=True):
        phone.session.stop("voice")
        await phone.wait(PlaybackFinished)
        sent = phone.session.statistics().packets_sent
        await floor.until(lambda leg=leg, sent=sent: leg.session.statistics().packets_received >= sent)
    talk.add(0, 1)
    talk.phones[0].session.play("word", [ToneSource((ALICE,), duration_ms=200)])
    await talk.legs[0].wait(AudioHeard, 2)
    assert talk.legs[0].all(AudioHeard) == [AudioHeard(is_sound=True), AudioHeard(is_sound=False)]
    assert not talk.legs[1].all(AudioHeard)


@on_both_engines
async def test_digits_are_reported_and_stay_with_us(floor):
    talk = Talk(floor)
    talk.add(0, 1)
    talk.phones[0].session.send_digits("s", "7", duration_ms=80)
    await talk.legs[0].wait(DigitEnded)
    assert [event.digit for event in talk.legs[0].all(DigitStarted)] == ["7"]
    assert not talk.phones[1].all(DigitStarted)


@on_both_engines
async def test_two_rooms_do_not_hear_each_other_and_a_member_moves(floor):
    talk = Talk(floor)
    other = floor.engine.open_room(lambda event: None)
    talk.add(0, 1)
    other.add(talk.legs[2].session, MEMBER)
    await talk.hear(0, 2, what=[{BOB}, set()])
    other.add(talk.legs[1].session, MEMBER)
    await talk.hear(0, 1, 2, what=[set(), {CAROL}, {BOB}])


@on_both_engines
async def test_a_relay_ends_a_membership_and_a_membership_a_relay(floor):
    talk = Talk(floor)
    talk.add(0, 1, 2)
    talk.legs[0].session.relay(talk.legs[1].session)
    await talk.hear(0, 1, 2, what=[{BOB}, {ALICE}, set()])
    talk.add(0, 2)
    await talk.hear(0, 1, 2, what=[{CAROL}, set(), {ALICE}])


# Listening in: alice and bob are relayed, carol is the third


def relayed(floor: Floor) -> Talk:
    talk = Talk(floor)
    alice, bob = talk.legs[:2]
    alice.session.relay(bob.session)
    talk.room.close()
    talk.room = floor.engine.open_room(talk.events.append, near=alice.session)
    return talk


@on_both_engines
async def test_who_listens_hears_both_and_is_heard_by_nobody(floor):
    talk = relayed(floor)
    talk.add(0, 1, is_tapped=True, is_deaf=True)
    talk.add(2, is_muted=True)
    await talk.hear(0, 1, 2, what=[{BOB}, {ALICE}, {ALICE, BOB}])


@on_both_engines
async def test_who_coaches_one_of_two_is_heard_by_that_one(floor):
    talk = relayed(floor)
    talk.add(0, is_tapped=True)
    talk.add(1, is_tapped=True, is_deaf=True)
    talk.add(2, speaks_to=talk.legs[0].session)
    await talk.hear(0, 1, 2, what=[{BOB, CAROL}, {ALICE}, {ALICE, BOB}])


@on_both_engines
async def test_who_barges_in_makes_three_and_when_it_goes_there_are_two(floor):
    talk = relayed(floor)
    talk.add(0, 1, is_tapped=True)
    talk.add(2)
    await talk.hear(0, 1, 2, what=[{BOB, CAROL}, {ALICE, CAROL}, {ALICE, BOB}])
    talk.room.close()
    await talk.hear(0, 1, 2, what=[{BOB}, {ALICE}, set()])


@on_both_engines
async def test_two_who_are_listened_to_still_press_keys_for_each_other(floor):
    talk = relayed(floor)
    talk.add(0, 1, is_tapped=True)
    talk.add(2)
    await talk.hear(1, what=[{ALICE, CAROL}])
    talk.phones[0].session.send_digits("s", "42", duration_ms=100, gap_ms=100)
    await talk.phones[1].wait(DigitEnded, 2)
    assert [event.digit for event in talk.phones[1].all(DigitStarted)] == ["4", "2"]
    await talk.hear(1, what=[{ALICE, CAROL}])


@on_both_engines
async def test_a_listener_leaves_no_trace_in_the_relay(floor):
    talk = relayed(floor)
    await talk.hear(0, what=[{BOB}])
    before = talk.phones[0].session.statistics()
    talk.add(0, 1, is_tapped=True, is_deaf=True)
    talk.add(2, is_muted=True)
    await floor.pass_time(0.2)
    talk.room.close()
    ((samples),) = await listen(floor, [talk.phones[0]])
    after = talk.phones[0].session.statistics()
    assert share_of_time(samples, BOB) > 0.6
    assert after.packets_lost == before.packets_lost == 0
