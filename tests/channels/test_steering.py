"""Commands whose reply is all there is: hangup_at, redirect, control, hold, mute, bound digits, limits."""

from __future__ import annotations

import pytest
import trio

from callflow.protocol import commands as c
from callflow.protocol.events import ChannelHeld, ChannelResumed, DigitsMatched
from engine.channels.errors import CommandError
from engine.media.session import FileSource

from ..trio_tests import run_virtual
from .switch import EPOCH, open_switch


def refused(call, command):
    with pytest.raises(CommandError) as caught:
        call.do(command, "refused")
    return caught.value.code


@run_virtual
async def test_a_call_ends_at_its_time():
    async with open_switch() as switch:
        after, at, cleared, again = (switch.call() for _ in range(4))
        after.do(c.Answer())
        after.do(c.HangupAt(after=5, cause="normal_unspecified"))
        at.do(c.HangupAt(at=EPOCH + trio.current_time() + 7))
        cleared.do(c.HangupAt(after=5))
        cleared.do(c.HangupAt(after=0))
        again.do(c.HangupAt(after=5))
        again.do(c.HangupAt(after=9))
        await trio.sleep(5.1)
        assert (after.ended.cause, after.ended.ended_by) == (31, "app")
        await trio.sleep(2)
        assert at.invite.verbs == ["reject 480"]
        assert again.channel.is_alive
        await trio.sleep(2)
        assert cleared.channel.is_alive
        assert not again.channel.is_alive
        assert refused(cleared, c.HangupAt()) == refused(cleared, c.HangupAt(after=1, at=1.0)) == "bad_argument"
        assert refused(cleared, c.HangupAt(at=5.0)) == "bad_argument"  # long ago


@run_virtual
async def test_a_caller_is_redirected():
    async with open_switch() as switch:
        call = switch.call()
        call.do(c.Redirect(targets=("bob", "sip:carol@example.com"), headers={"X-Why": "moved"}))
        assert call.invite.verbs == ["reject 302"]
        assert call.invite.headers == [
            ("X-Why", "moved"),
            ("Contact", "<sip:bob@10.0.0.1>"),
            ("Contact", "<sip:carol@example.com>"),
        ]
        answered = switch.call()
        answered.do(c.Answer())
        assert refused(answered, c.Redirect(targets=("bob",))) == "wrong_state"
        assert refused(answered, c.Redirect(targets=())) == "bad_argument"


@run_virtual
async def test_a_playback_and_a_recording_are_controlled(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(c.Play(sources=("welcome.wav",), repeat=0), "p")
        call.do(c.Record(path="a.wav"), "r")
        call.do(c.Control(command="p", action="pause"))
        call.do(c.Control(command="p", action="resume", seek_ms=-500, gain_db=6.0))
        call.do(c.Control(command="r", action="pause"))
        assert [change for _, change in call.media.controlled] == [
            {"is_paused": True},
            {"is_paused": False, "seek_ms": -500, "gain_db": 6.0},
            {"is_paused": True},
        ]
        assert refused(call, c.Control(command="r", seek_ms=5)) == "bad_argument"
        assert refused(call, c.Control(command="nothing", action="pause")) == "not_found"


@run_virtual
async def test_hold_music_sounds_whenever_nothing_else_does(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        assert refused(call, c.Hold()) == "wrong_state"
        call.do(c.Answer())
        call.do(c.Hold(music=("welcome.wav",)))
        music = (FileSource((tmp_path / "app/welcome.wav").resolve()),)
        assert (call.media.muted, call.media.playing) == ((True, True), ["background"])
        call.do(c.Play(sources=("wrong.wav",)), "p")
        assert "background" not in call.media.playing
        await trio.sleep(1.1)
        assert switch.log.outcome("p").reason == "completed"
        assert call.media.playing == ["background"]
        assert call.media.played[-1] == music
        call.do(c.ResumeCommand())
        assert (call.media.muted, call.media.playing) == ((False, False), [])
        held = [e for e in switch.log.of(call.id) if isinstance(e, ChannelHeld | ChannelResumed)]
        assert held == [ChannelHeld(by="app"), ChannelResumed(by="app")]


@run_virtual
async def test_each_way_is_muted_by_itself():
    async with open_switch() as switch:
        call = switch.call()
        call.do(c.Answer())
        call.do(c.Mute())
        assert call.media.muted == (True, False)
        call.do(c.Mute(direction="out"))
        assert call.media.muted == (True, True)
        call.do(c.Unmute(direction="in"))
        assert call.media.muted == (False, True)
        call.do(c.Hold())
        call.do(c.ResumeCommand())
        assert call.media.muted == (False, True)
        call.do(c.Unmute())
        assert call.media.muted == (False, False)


def matched(switch, call):
    return [event for event in switch.log.of(call.id) if isinstance(event, DigitsMatched)]


@run_virtual
async def test_bound_digits_are_told_and_do_their_command_in_a_bridge():
    async with open_switch() as switch:
        call, other = switch.call(), switch.call()
        call.do(c.BindDigits(digits="*1"))
        call.do(c.BindDigits(digits="*2", do=c.BoundCommand("unbridge")), "b")
        call.do(c.Bridge(other=other.id), "bridge")
        call.media.press("5*1")
        assert matched(switch, call) == [DigitsMatched(digits="*1")]
        call.media.press("**2")
        assert matched(switch, call)[1:] == [DigitsMatched(digits="*2", command="b/1")]
        assert switch.log.outcome("bridge").reason == "unbridged"
        call.media.press("*2")
        assert matched(switch, call)[-1].error == "unbridge: expected a bridged channel, came one without a bridge"
        call.do(c.UnbindDigits(digits="*1"))
        call.media.press("*1")
        assert len(matched(switch, call)) == 4


@run_virtual
async def test_of_two_bindings_the_longer_one_has_its_time():
    async with open_switch() as switch:
        call = switch.call()
        call.do(c.BindDigits(digits="1"), "one")
        call.do(c.BindDigits(digits="12"), "two")
        call.media.press("1")
        await trio.sleep(2.9)
        assert matched(switch, call) == []
        await trio.sleep(0.2)
        call.media.press("12")
        assert [event.digits for event in matched(switch, call)] == ["1", "12"]


@run_virtual
async def test_what_is_no_binding_is_kept_for_a_gather():
    async with open_switch() as switch:
        call = switch.call()
        call.do(c.BindDigits(digits="*19"))
        call.media.press("*12")
        call.do(c.Gather(max=3), "g")
        assert switch.log.outcome("g").value == "*12"
        call.do(c.Gather(max=2), "g2")
        call.media.press("*1")  # a gather goes before
        assert switch.log.outcome("g2").value == "*1"


@run_virtual
async def test_what_cannot_be_bound_is_refused():
    async with open_switch() as switch:
        call = switch.call()
        for bound in (c.BoundCommand("nothing"), c.BoundCommand("status"), c.BoundCommand("play", {"sources": 3})):
            assert refused(call, c.BindDigits(digits="1", do=bound)) == "bad_argument"
        assert refused(call, c.BindDigits(digits="")) == refused(call, c.BindDigits(digits="x")) == "bad_argument"


@run_virtual
async def test_places_are_taken_once_by_a_call_and_given_back_at_its_end():
    async with open_switch() as switch:
        first, second, third = (switch.call() for _ in range(3))
        for call in (first, second, first):
            call.do(c.Limit(resource="line", maximum=2))
        assert refused(third, c.Limit(resource="line", maximum=2)) == "overloaded"
        third.do(c.Limit(resource="other", maximum=1))
        first.cancel()
        third.do(c.Limit(resource="line", maximum=2))
        assert refused(third, c.Limit(resource="none", maximum=0)) == "overloaded"
