"""gather: digits asked for, with prompts, time-outs, patterns and retries."""

from __future__ import annotations

import pytest
import trio

from callflow.protocol.commands import Answer, Bridge, Cancel, Gather, Play, Tone, Unbridge
from callflow.protocol.outcomes import Digits, Invalid, Played, Stopped, TimedOut
from engine.channels.errors import CommandError
from engine.channels.limits import Limits

from ..trio_tests import run_virtual
from .switch import open_switch

PROMPT = ("welcome.wav",)  # one second


@run_virtual
async def test_enough_digits_end_the_gather(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Gather(max=3), "g")
        call.media.press("123")
        assert switch.log.outcome("g") == Digits("123")


@run_virtual
async def test_a_terminator_ends_the_entry_and_is_told():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Gather(max=10, terminators="*#"), "g")
        call.media.press("12*")
        assert switch.log.outcome("g") == Digits("12", "*")


@run_virtual
async def test_a_gather_on_an_unanswered_call_opens_early_media():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Gather())
        assert call.invite.verbs == ["ring 183"]


@run_virtual
async def test_the_time_out_counts_from_the_end_of_the_prompt(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Gather(prompt=PROMPT, timeout=5), "g")
        await trio.sleep(5.9)
        assert switch.log.outcomes("g") == []
        await trio.sleep(0.2)
        assert switch.log.outcome("g") == TimedOut("")


@run_virtual
async def test_the_first_digit_stops_the_prompt(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Gather(prompt=PROMPT, max=2), "g")
        await trio.sleep(0.5)
        call.media.press("1")
        assert call.media.playing == []


@run_virtual
async def test_each_digit_starts_the_pause_anew_and_a_long_one_ends_the_entry():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Gather(max=5, digit_timeout=3), "g")
        for _ in range(3):
            await trio.sleep(2.5)
            call.media.press("7")
        await trio.sleep(3.1)
        assert switch.log.outcome("g") == Digits("777")


@run_virtual
async def test_too_few_digits_time_out_with_what_was_keyed():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Gather(min=4, max=4), "g")
        call.media.press("12")
        await trio.sleep(3.1)
        assert switch.log.outcome("g") == TimedOut("12")


@run_virtual
async def test_a_terminator_after_too_few_digits_is_invalid():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Gather(min=4, max=4), "g")
        call.media.press("12#")
        assert switch.log.outcome("g") == Invalid("12")


@run_virtual
async def test_a_gather_of_none_or_more_takes_an_empty_entry():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Gather(min=0, max=4), "g")
        call.media.press("#")
        assert switch.log.outcome("g") == Digits("", "#")


@run_virtual
async def test_what_the_pattern_does_not_allow_is_invalid():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Gather(valid="[123]"), "g")
        call.media.press("4")
        assert switch.log.outcome("g") == Invalid("4")


@run_virtual
async def test_an_entry_that_no_digit_could_make_longer_ends_at_once():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Gather(max=10, valid="11[02]|[2-9][0-9]{3}"), "g")
        call.media.press("112")
        assert switch.log.outcome("g") == Digits("112")


@run_virtual
async def test_a_pattern_sees_the_whole_entry():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Gather(max=4, valid="12"), "g")
        call.media.press("13")
        await trio.sleep(3.1)
        assert switch.log.outcome("g") == Invalid("13")


@run_virtual
async def test_a_wrong_entry_is_asked_for_again_after_the_invalid_prompt(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Gather(prompt=PROMPT, invalid=("wrong.wav",), valid="[123]", retries=1), "g")
        call.media.press("4")
        assert [source.path.name for source in call.media.played[-1]] == ["wrong.wav", "welcome.wav"]
        call.media.press("2")
        assert switch.log.outcome("g") == Digits("2")


@run_virtual
async def test_silence_is_asked_again_without_the_invalid_prompt(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Gather(prompt=PROMPT, invalid=("wrong.wav",), timeout=5, retries=2), "g")
        await trio.sleep(18.1)
        assert [[source.path.name for source in sources] for sources in call.media.played] == [["welcome.wav"]] * 3
        assert switch.log.outcome("g") == TimedOut("")


@run_virtual
async def test_retries_are_counted():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Gather(valid="1", retries=2), "g")
        call.media.press("234")
        assert switch.log.outcome("g") == Invalid("4")


@run_virtual
async def test_digits_keyed_ahead_are_taken_without_the_prompt(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Answer())
        call.media.press("123")
        call.do(Gather(prompt=PROMPT, max=2), "g")
        assert switch.log.outcome("g") == Digits("12")
        assert call.media.played == []
        call.do(Gather(max=1), "g2")
        assert switch.log.outcome("g2") == Digits("3")


@run_virtual
async def test_without_type_ahead_older_digits_are_forgotten():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Answer())
        call.media.press("1")
        call.do(Gather(type_ahead=False), "g")
        assert switch.log.outcomes("g") == []
        call.media.press("2")
        assert switch.log.outcome("g") == Digits("2")


@run_virtual
async def test_a_terminator_keyed_after_a_full_entry_does_not_close_the_next():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Gather(max=4), "pin")
        call.media.press("1234#")
        call.do(Gather(max=2), "g")
        call.media.press("56")
        assert switch.log.outcome("g") == Digits("56")


@run_virtual
async def test_digits_ahead_are_bounded():
    async with open_switch(limits=Limits(digits_ahead=3)) as switch:
        call = switch.call()
        call.do(Answer())
        call.media.press("123456")
        call.do(Gather(max=10), "g")
        await trio.sleep(3.1)
        assert switch.log.outcome("g") == Digits("123")


@run_virtual
async def test_digits_of_a_conversation_are_not_kept():
    async with open_switch() as switch:
        call, other = switch.call(), switch.call()
        call.do(Answer())
        call.media.press("1")
        call.do(Bridge(other=other.id))
        call.media.press("2")
        call.do(Unbridge())
        call.do(Gather(), "g")
        assert switch.log.outcomes("g") == []


@run_virtual
async def test_a_new_gather_replaces_the_old():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Gather(), "old")
        call.do(Gather(), "new")
        call.media.press("1")
        assert switch.log.outcome("old") == Stopped("replaced")
        assert switch.log.outcome("new") == Digits("1")


@run_virtual
async def test_a_cancelled_gather_stops_its_prompt(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Gather(prompt=PROMPT), "g")
        call.do(Cancel(command="g"))
        assert switch.log.outcome("g") == Stopped("cancelled")
        assert call.media.playing == []


@run_virtual
async def test_a_hangup_ends_the_gather_before_the_call():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Answer())
        call.do(Gather(), "g")
        call.bye()
        assert call.names[-2:] == ["gather.finished", "channel.ended"]
        assert switch.log.outcome("g") == Stopped("hangup")
        assert switch.is_empty()


@run_virtual
async def test_a_play_during_the_prompt_takes_its_place_and_the_time_begins(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Gather(prompt=(Tone("dial/us"),), timeout=5), "g")
        await trio.sleep(1)
        call.do(Play(sources=PROMPT), "p")
        await trio.sleep(5.2)
        assert switch.log.outcome("g") == TimedOut("")
        assert switch.log.outcome("p") == Played(1000, "completed")


@pytest.mark.parametrize(
    "gather",
    [
        Gather(max=0),
        Gather(max=1000),
        Gather(min=3, max=2),
        Gather(timeout=-1),
        Gather(digit_timeout=float("nan")),
        Gather(retries=-1),
        Gather(terminators="x"),
        Gather(valid="(1"),
    ],
)
def test_a_gather_that_makes_no_sense_is_refused(gather):
    @run_virtual
    async def test():
        async with open_switch() as switch:
            with pytest.raises(CommandError) as caught:
                switch.call().do(gather)
            assert caught.value.code == "bad_argument"

    test()
