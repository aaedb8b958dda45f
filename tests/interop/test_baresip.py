"""baresip, a phone not written by us: registers with digest, hears prompts, presses keys, is bridged by a script."""

from __future__ import annotations

from pathlib import Path

import pytest

from callflow.protocol.events import (
    ChannelCreated,
    ChannelEnded,
    DialFinished,
    DigitEnded,
    Event,
    GatherFinished,
    PlaybackFinished,
)
from callflow.protocol.outcomes import Answered, Digits
from tests.eventsocket.test_tls import Authority
from tests.trio_tests import run_trio

from . import needs
from .audio import is_in, samples, seconds_of_sound, seconds_of_tone
from .baresip import FREQUENCIES, baresip, phone
from .engine import PASSWORDS, engine
from .places import CALLS, IVR, IVR_PROMPTS
from .watch import watch

pytestmark = needs.program("baresip")


@pytest.mark.parametrize(("transport", "is_heard_out"), [("udp", True), ("tcp", False)])
@run_trio
async def test_a_phone_hears_the_prompts_and_its_key_is_understood(tmp_path: Path, transport: str, is_heard_out: bool):
    async with engine(tmp_path / "engine", IVR) as running, watch(running) as seen:
        async with phone(tmp_path, running, seen, "alice", transport=transport) as alice:
            await alice.dial("1000")
            created = await seen.wait("channel.created")
            assert isinstance(created, ChannelCreated)
            assert (created.user, created.to, created.route) == ("alice", "1000", "1000")
            await alice.wait_event("CALL_ESTABLISHED")
            await alice.press("1")  # who knows the menu need not hear it
            ended = await seen.wait("channel.digit_ended")
            assert isinstance(ended, DigitEnded)
            assert ended.digit == "1"
            gathered = await seen.wait("gather.finished")
            assert isinstance(gathered, GatherFinished)
            assert gathered.outcome == Digits("1")
            await seen.wait("playback.started", count=2)
            if is_heard_out:
                assert isinstance(await seen.wait("playback.finished", count=2), PlaybackFinished)
            await alice.hang_up()
            over = await seen.wait("channel.ended")
            await alice.wait_event("CALL_CLOSED")
        assert isinstance(over, ChannelEnded)
        assert (over.cause_name, over.ended_by, over.phase) == ("normal_clearing", "caller", "answered")
        assert over.received.packets > 50
        assert over.sent.packets > 50
        assert await running.listed("calls") == []
    [heard] = map(samples, alice.heard())
    assert is_in(samples(IVR_PROMPTS / "welcome.wav"), heard) > 0.9
    assert not is_heard_out or is_in(samples(IVR_PROMPTS / "about.wav"), heard) > 0.9


@run_trio
async def test_follow_me_rings_the_desk_then_the_mobile_and_each_hears_only_the_other(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        async with (
            phone(tmp_path, running, seen, "alice") as alice,
            phone(tmp_path, running, seen, "desk", answers=False) as desk,
            phone(tmp_path, running, seen, "mobile") as mobile,
        ):
            assert len(await running.listed("registrations")) == 3
            await alice.dial("2000")
            await desk.wait_event("CALL_INCOMING")
            await desk.wait_event("CALL_CLOSED")  # nobody lifted it: cancelled
            dialled = await seen.wait("dial.finished")
            assert isinstance(dialled, DialFinished)
            assert isinstance(dialled.outcome, Answered)
            assert dialled.outcome.target == "mobile"
            await seen.wait("channel.unbridged")  # the script ends it after a few seconds
            await seen.wait("channel.ended", _is_answered, count=2)
            await alice.wait_event("CALL_CLOSED")
            await mobile.wait_event("CALL_CLOSED")
        bridged_for = await seen.at("channel.unbridged") - await seen.at("channel.bridged", count=2)
        assert desk.heard() == []
        [by_alice], [by_mobile] = map(samples, alice.heard()), map(samples, mobile.heard())
        assert bridged_for > 2
        assert seconds_of_tone(by_alice, FREQUENCIES["mobile"]) > bridged_for - 0.4
        assert seconds_of_tone(by_mobile, FREQUENCIES["alice"]) > bridged_for - 0.4
        assert seconds_of_tone(by_alice, FREQUENCIES["alice"]) == 0
        assert seconds_of_sound(by_mobile) - seconds_of_tone(by_mobile, FREQUENCIES["alice"]) < 0.2


def _is_answered(event: Event) -> bool:
    return isinstance(event, ChannelEnded) and event.phase == "answered"


@run_trio
async def test_a_phone_registers_and_calls_over_tls_and_checks_the_certificate(tmp_path: Path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("127.0.0.1")
    sip = f'certificate = "{certificate}"\nkey = "{key}"'
    async with engine(tmp_path / "engine", CALLS, sip=sip) as running, watch(running) as seen:
        assert running.tls is not None
        async with baresip(
            tmp_path / "alice", user="alice", password=PASSWORDS["alice"], server=running.tls, transport="tls",
            frequency=FREQUENCIES["alice"], authority=authority.file,
        ) as alice:  # fmt: skip
            await seen.wait("registration.added")
            (registered,) = await running.listed("registrations")
            assert registered["source"].startswith("tls:127.0.0.1:")
            await alice.dial("3003")
            await alice.wait_event("CALL_ESTABLISHED")
            assert await running.listed("trace", await seen.channel())
            await alice.hang_up()
            await seen.wait("channel.ended")
