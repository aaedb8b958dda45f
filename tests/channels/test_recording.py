"""record: what the caller says, to a file."""

from __future__ import annotations

import pytest
import trio

from callflow.protocol.commands import Cancel, Gather, Record
from callflow.protocol.outcomes import Digits, Recorded
from engine.channels.errors import CommandError
from engine.media import session as media

from ..trio_tests import run_virtual
from .switch import open_switch


@run_virtual
async def test_a_recording_answers_the_call_and_tells_its_path(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Record(path="box/1.wav", max=2), "r")
        await trio.sleep(2.1)
        assert call.invite.verbs == ["answer"]
        assert call.names[-2:] == ["recording.started", "recording.finished"]
        assert switch.log.last("recording.started").path == "box/1.wav"
        assert switch.log.outcome("r") == Recorded("box/1.wav", 2000, "max", "abc")
        assert (tmp_path / "recordings/box").is_dir()


@run_virtual
async def test_a_terminator_ends_the_recording_and_is_not_kept(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Record(path="1.wav"), "r")
        await trio.sleep(1)
        call.media.press("5#")
        await trio.sleep(0.1)
        assert switch.log.outcome("r") == Recorded("1.wav", 1000, "terminator", "abc", "#")
        call.do(Gather(), "g")
        assert switch.log.outcome("g") == Digits("5")


@run_virtual
async def test_a_cancelled_recording_is_stopped(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Record(path="1.wav"), "r")
        await trio.sleep(1)
        call.do(Cancel(command="r"))
        await trio.sleep(0.1)
        assert switch.log.outcome("r") == Recorded("1.wav", 1000, "stopped", "abc")


@run_virtual
async def test_a_hangup_closes_the_recording_and_its_figures_are_told(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Record(path="1.wav"), "r")
        await trio.sleep(3)
        call.bye()
        await trio.sleep(0.1)
        assert switch.log.outcome("r") == Recorded("1.wav", 3000, "hangup", "abc")
        assert call.names[-2:] == ["recording.finished", "channel.ended"]
        assert switch.is_empty()


@run_virtual
async def test_a_beep_comes_before_the_recording(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Record(path="1.wav", beep=True, max=1), "r")
        assert isinstance(call.media.played[0][0], media.ToneSource)
        await trio.sleep(0.2)
        assert "recording.started" not in call.names
        await trio.sleep(1.1)
        assert switch.log.outcome("r").duration_ms == 1000


@run_virtual
async def test_a_hangup_during_the_beep_leaves_no_recording(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Record(path="1.wav", beep=True), "r")
        call.bye()
        assert switch.log.outcome("r") == Recorded("1.wav", 0, "hangup")
        assert switch.is_empty()


@run_virtual
async def test_a_new_recording_replaces_the_old(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(Record(path="1.wav"), "old")
        await trio.sleep(1)
        call.do(Record(path="2.wav", max=1), "new")
        await trio.sleep(1.1)
        assert switch.log.outcome("old").reason == "stopped"
        assert switch.log.outcome("new").reason == "max"


@pytest.mark.parametrize("path", ["/tmp/x.wav", "../x.wav", "a/../../x.wav", "", "a\0b", ".", "x" * 600, "out/x.wav"])
def test_a_path_that_leads_out_of_the_recordings_is_refused(path, tmp_path):
    @run_virtual
    async def test():
        async with open_switch(tmp_path) as switch:
            (tmp_path / "recordings").mkdir()
            (tmp_path / "recordings/out").symlink_to(tmp_path)
            call = switch.call()
            with pytest.raises(CommandError) as caught:
                call.do(Record(path=path))
            assert caught.value.code == "bad_argument"
            assert call.invite.sent == []

    test()


@run_virtual
async def test_an_app_without_a_folder_for_recordings_makes_none():
    async with open_switch() as switch:
        with pytest.raises(CommandError, match="no recordings folder"):
            switch.call().do(Record(path="x.wav"))
