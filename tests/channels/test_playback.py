"""play, echo and send_digits: what the peer is made to hear."""

from __future__ import annotations

import math

import pytest
import trio

from callflow.protocol.commands import (
    Answer,
    Bridge,
    Cancel,
    Dial,
    Echo,
    Gather,
    Play,
    SendDigits,
    Silence,
    Target,
    Tone,
)
from callflow.protocol.outcomes import Digits, Played, Sent, Stopped
from engine.channels.errors import CommandError
from engine.channels.state import State
from engine.media import session as media

from ..trio_tests import run_virtual
from .switch import open_switch

WELCOME = ("welcome.wav",)


@run_virtual
async def test_a_playback_tells_when_it_began_and_what_was_heard(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Answer())
        call.do(Play(sources=("welcome.wav", Silence(0.5)), repeat=2), "p")
        await trio.sleep(4)
        assert call.names[-2:] == ["playback.started", "playback.finished"]
        assert switch.log.outcome("p") == Played(3000, "completed")
        assert call.media.played == [(media.FileSource(tmp_path / "app/welcome.wav"), media.SilenceSource(500))]


@run_virtual
async def test_playing_to_an_unanswered_caller_opens_early_media_once(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Play(sources=WELCOME), "p1")
        await trio.sleep(2)
        call.do(Play(sources=WELCOME), "p2")
        assert call.invite.verbs == ["ring 183"]


@run_virtual
async def test_playing_to_a_callee_who_has_not_answered_is_a_wrong_state(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        switch.register("bob")
        call.do(Dial(stages=((Target("bob"),),)))
        with pytest.raises(CommandError, match="outbound") as caught:
            switch.leg("bob").do(Play(sources=WELCOME))
        assert caught.value.code == "wrong_state"


@run_virtual
async def test_a_missing_file_is_an_error_that_names_it_and_changes_nothing(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        with pytest.raises(CommandError, match=r"no file 'nope.wav' in .*app") as caught:
            call.do(Play(sources=("nope.wav",)))
        assert caught.value.code == "not_found"
        assert call.invite.sent == []


@run_virtual
async def test_a_new_play_replaces_the_old(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Play(sources=(Tone("dial/us"),)), "old")
        await trio.sleep(2)
        call.do(Play(sources=WELCOME), "new")
        await trio.sleep(2)
        assert switch.log.outcome("old") == Played(2000, "stopped")
        assert switch.log.outcome("new") == Played(1000, "completed")


@run_virtual
async def test_a_digit_stops_a_play_that_waits_for_it_and_is_not_kept(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Play(sources=WELCOME, repeat=0, stop_on="1#"), "p")
        await trio.sleep(1.5)
        call.media.press("21")
        await trio.sleep(0.1)
        assert switch.log.outcome("p") == Played(1500, "digit", "1")
        call.do(Gather(max=1), "g")
        assert switch.log.outcome("g") == Digits("2")


@run_virtual
async def test_cancelling_a_play_tells_what_was_heard(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Play(sources=WELCOME), "p")
        await trio.sleep(0.3)
        call.do(Cancel(command="p"))
        await trio.sleep(0.1)
        assert switch.log.outcome("p") == Played(300, "stopped")
        call.do(Cancel(command="p"))  # has ended: a success


@run_virtual
async def test_a_play_ended_by_hangup_tells_what_was_heard_before_the_call_ends(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Answer())
        call.do(Play(sources=WELCOME), "p")
        await trio.sleep(0.4)
        call.bye()
        assert "channel.ended" not in call.names
        await trio.sleep(0.1)
        assert call.names[-2:] == ["playback.finished", "channel.ended"]
        assert switch.log.outcome("p") == Played(400, "stopped")
        assert switch.is_empty()


@run_virtual
async def test_a_key_and_a_cancel_let_a_play_fade_out_and_a_hangup_does_not(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Answer())
        for id, stop in (("a", lambda: call.media.press("1")), ("b", lambda: call.do(Cancel(command="b")))):
            call.do(Play(sources=WELCOME, repeat=0, stop_on="1", fade_out_ms=3000), id)
            await trio.sleep(1)
            stop()
            await trio.sleep(2.9)
            assert call.names[-1] != "playback.finished"
            await trio.sleep(0.2)
            assert switch.log.outcome(id) == Played(4000, *(("digit", "1") if id == "a" else ("stopped",)))
        call.do(Play(sources=WELCOME, repeat=0, fade_out_ms=3000), "c")
        await trio.sleep(1)
        call.bye()
        await trio.sleep(0.1)
        assert switch.log.outcome("c") == Played(1000, "stopped")


@run_virtual
async def test_media_that_never_reports_holds_a_fading_play_up_for_so_long_and_no_longer(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Play(sources=WELCOME, fade_out_ms=3000), "p")
        call.media.is_mute = True
        call.do(Cancel(command="p"))
        await trio.sleep(4.9)
        assert call.names[-1] == "playback.started"
        await trio.sleep(0.2)
        assert switch.log.outcome("p").reason == "stopped"


@run_virtual
async def test_media_that_never_reports_holds_no_call_up(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Play(sources=WELCOME), "p")
        call.media.is_mute = True
        call.cancel()
        await trio.sleep(2.1)
        assert switch.log.outcome("p").reason == "stopped"
        assert call.names[-1] == "channel.ended"
        assert switch.is_empty()


@pytest.mark.parametrize(
    "play",
    [
        Play(sources=()),
        Play(sources=WELCOME, repeat=-1),
        Play(sources=WELCOME, gain_db=math.nan),
        Play(sources=WELCOME, offset_ms=-1),
        Play(sources=WELCOME, fade_in_ms=-1),
        Play(sources=WELCOME, fade_out_ms=10_001),
        Play(sources=WELCOME, stop_on="x"),
        Play(sources=WELCOME * 65),
        Play(sources=(Silence(0),), repeat=0),
        Play(sources=(Silence(math.inf),)),
        Play(sources=(Tone("440", seconds=-1),)),
        Play(sources=(Tone("busy/xx"),)),
        Play(sources=("/etc/passwd",)),
    ],
)
def test_a_play_that_makes_no_sense_is_refused(play, tmp_path):
    @run_virtual
    async def test():
        async with open_switch(tmp_path) as switch:
            call = switch.call()
            with pytest.raises(CommandError) as caught:
                call.do(play)
            assert caught.value.code == "bad_argument"
            assert call.invite.sent == []

    test()


@run_virtual
async def test_an_echo_lasts_until_it_is_cancelled():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Answer())
        call.do(Echo(), "e")
        assert call.media.is_echoing
        call.do(Cancel(command="e"))
        assert not call.media.is_echoing
        assert switch.log.outcome("e") == Stopped("cancelled")


@run_virtual
async def test_an_echo_may_come_later_by_ten_seconds_at_most():
    async with open_switch() as switch:
        call = switch.call()
        for delay_ms in (-1, 10_001):
            with pytest.raises(CommandError, match="delay_ms") as refused:
                call.do(Echo(delay_ms=delay_ms))
            assert refused.value.code == "bad_argument"
        assert call.invite.sent == []
        call.do(Echo(delay_ms=10_000), "e")
        assert call.media.echo_delay_ms == 10_000
        call.bye()
        assert switch.log.outcome("e") == Stopped("hangup")


@run_virtual
async def test_an_echo_answers_the_call_and_ends_with_it():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Echo(), "e")
        assert call.channel.state is State.ANSWERED
        call.bye()
        assert switch.log.outcome("e") == Stopped("hangup")


@run_virtual
async def test_an_echo_gives_way_to_another_and_to_a_bridge():
    async with open_switch() as switch:
        call, other = switch.call(), switch.call()
        call.do(Echo(), "e1")
        call.do(Echo(), "e2")
        call.do(Bridge(other=other.id))
        assert switch.log.outcome("e1") == switch.log.outcome("e2") == Stopped("replaced")
        with pytest.raises(CommandError, match="bridged"):
            call.do(Echo(), "e3")


@run_virtual
async def test_digits_are_sent_one_command_after_another():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Answer())
        call.do(SendDigits(digits="12"), "d1")
        call.do(SendDigits(digits="34"), "d2")
        await trio.sleep(0.5)
        assert switch.log.outcomes("d2") == []
        await trio.sleep(0.5)
        assert switch.log.outcome("d1") == Sent("12")
        assert switch.log.outcome("d2") == Sent("34")


@run_virtual
async def test_cancelling_digits_tells_which_were_sent():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Answer())
        call.do(SendDigits(digits="1234"), "d1")
        call.do(SendDigits(digits="5"), "d2")
        await trio.sleep(0.5)
        call.do(Cancel(command="d2"))
        call.do(Cancel(command="d1"))
        await trio.sleep(0.1)
        assert switch.log.outcome("d1") == Sent("12", "stopped")
        assert switch.log.outcome("d2") == Sent("", "stopped")


@pytest.mark.parametrize(
    "command", [SendDigits(digits=""), SendDigits(digits="12x"), SendDigits(digits="1", duration_ms=0)]
)
def test_digits_that_no_phone_has_are_refused(command):
    @run_virtual
    async def test():
        async with open_switch() as switch:
            with pytest.raises(CommandError) as caught:
                switch.call().do(command)
            assert caught.value.code == "bad_argument"

    test()
