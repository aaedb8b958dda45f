"""conference: who takes part how, what is played to it and recorded of it, and when it is over."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from callflow.protocol.commands import ConferenceCommand, ConferencePlay, ConferenceRecord, Hangup, Join, Silence
from callflow.protocol.outcomes import Left, Played
from engine.channels.errors import CommandError

from ..trio_tests import run_virtual
from .switch import FakeRoom, Switch, open_switch


def join(switch: Switch, count: int = 1, **options: Any) -> list[Any]:
    """So many more take part."""
    calls = [switch.call() for _ in range(count)]
    for call in calls:
        call.do(Join(conference="board", **options), "j")
    return calls


def steer(switch: Switch, action: Any, **options: Any) -> Any:
    return switch.table.conferences.steer(
        ConferenceCommand(conference="board", action=action, **options), switch.owner()
    )


def room_of(switch: Switch) -> FakeRoom:
    return switch.media.rooms[-1]


def record(switch: Switch, path: str = "minutes.wav") -> None:
    switch.table.conferences.record("r", ConferenceRecord(conference="board", path=path), switch.owner())


@run_virtual
async def test_who_joins_is_answered_and_in_the_room_of_that_name():
    async with open_switch() as switch:
        a, b = join(switch, 2)
        assert a.invite.verbs == b.invite.verbs == ["answer"]
        assert list(room_of(switch).members) == [a.media, b.media]
        assert len(switch.media.rooms) == 1
        (told,) = [event for event in switch.log.of(b.id) if event.name == "bridge.joined"]
        assert (told.conference, told.members) == ("board", 2)


@run_virtual
async def test_who_hangs_up_leaves_and_with_the_last_the_room_is_closed():
    async with open_switch() as switch:
        a, b = join(switch, 2)
        a.do(Hangup())
        assert list(room_of(switch).members) == [b.media]
        assert [entry.event.outcome for entry in switch.log.entries if entry.name == "bridge.left"] == [Left("hangup")]
        b.do(Hangup())
        assert not room_of(switch).is_open
        assert switch.log.last("bridge.ended").bridge
        assert switch.table.conferences.count == 0


@run_virtual
async def test_a_member_is_muted_deaf_softer_and_whispers_as_it_was_told():
    async with open_switch() as switch:
        a, b = join(switch, 2)
        steer(switch, "mute", member=a.id)
        steer(switch, "deafen", member=a.id)
        steer(switch, "volume", member=a.id, gain_db=-6.0)
        state = steer(switch, "whisper", member=a.id, to=b.id)
        placed = room_of(switch).members[a.media]
        assert (placed.is_muted, placed.is_deaf, placed.gain_db, placed.speaks_to) == (True, True, -6.0, b.media)
        member = state.members[0]
        assert (member.muted, member.deaf, member.volume, member.whispers_to) == (True, True, -6.0, b.id)


@run_virtual
async def test_mute_without_a_member_is_for_all_but_moderators():
    async with open_switch() as switch:
        (chair,) = join(switch, moderator=True)
        (guest,) = join(switch)
        steer(switch, "mute")
        members = room_of(switch).members
        assert (members[chair.media].is_muted, members[guest.media].is_muted) == (False, True)


@run_virtual
async def test_nobody_hears_anybody_before_the_moderator_is_there():
    async with open_switch() as switch:
        (guest,) = join(switch, wait=True)
        placed = room_of(switch).members[guest.media]
        assert (placed.is_muted, placed.is_deaf) == (True, True)
        join(switch, moderator=True, end=True)
        placed = room_of(switch).members[guest.media]
        assert (placed.is_muted, placed.is_deaf) == (False, False)


@run_virtual
async def test_with_a_moderator_who_ends_it_all_leave():
    async with open_switch() as switch:
        (guest,) = join(switch)
        (chair,) = join(switch, moderator=True, end=True)
        chair.do(Hangup())
        assert [event.outcome for event in switch.log.of(guest.id) if event.name == "bridge.left"] == [Left("ended")]
        assert not room_of(switch).is_open


@run_virtual
async def test_a_wrong_pin_and_a_locked_room_are_told_as_the_end_of_the_join():
    async with open_switch() as switch:
        join(switch, pin="1234")
        (wrong,) = join(switch, pin="1235")
        steer(switch, "lock")
        (late,) = join(switch, pin="1234")
        ends = [[e.outcome for e in switch.log.of(call.id) if e.name == "bridge.left"] for call in (wrong, late)]
        assert ends == [[Left("refused")], [Left("locked")]]
        assert len(room_of(switch).members) == 1


@run_virtual
async def test_a_recording_is_paused_and_goes_on(tmp_path):
    async with open_switch(tmp_path) as switch:
        join(switch, 2)
        with pytest.raises(CommandError) as caught:
            steer(switch, "pause")
        assert caught.value.code == "not_found"
        record(switch)
        switch.table.conferences.play("p", ConferencePlay(conference="board", sources=(Silence(9.0),)), switch.owner())
        steer(switch, "pause")
        steer(switch, "resume")
        (name,) = room_of(switch).recording
        assert room_of(switch).paused == [(name, True), (name, False)]  # and what is played is not


@run_virtual
async def test_what_is_recorded_is_complete_before_the_room_is_closed(tmp_path):
    async with open_switch(tmp_path) as switch:
        (a,) = join(switch)
        record(switch)
        await trio.sleep(2)
        a.do(Hangup())
        await trio.sleep(0.1)
        (outcome,) = switch.log.outcomes("r")
        assert (outcome.path, outcome.duration_ms, outcome.reason) == ("minutes.wav", 2000, "stopped")
        assert not room_of(switch).is_open


@run_virtual
async def test_an_announcement_to_all_is_the_room_s_and_one_to_a_member_is_on_its_channel(tmp_path):
    async with open_switch(tmp_path) as switch:
        a, b = join(switch, 2)
        for command_id, member in (("all", None), ("one", b.id)):
            play = ConferencePlay(conference="board", sources=(Silence(1.0),), member=member)
            switch.table.conferences.play(command_id, play, switch.owner())
        assert (len(room_of(switch).played), len(a.media.played), len(b.media.played)) == (1, 0, 1)
        await trio.sleep(1.1)
        assert switch.log.outcomes("all") == switch.log.outcomes("one") == [Played(1000, "completed")]


@run_virtual
async def test_who_is_sent_out_is_no_member_and_stays_a_call():
    async with open_switch() as switch:
        a, b = join(switch, 2)
        steer(switch, "kick", member=a.id)
        assert list(room_of(switch).members) == [b.media]
        assert "channel.ended" not in a.names
        with pytest.raises(CommandError):
            steer(switch, "kick", member=a.id)
