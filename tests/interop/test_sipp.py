"""SIPp, the other phone not written by us: registers with digest, calls, presses keys, is called and bridged."""

from __future__ import annotations

from pathlib import Path

import pytest

from callflow.protocol.events import (
    ChannelCreated,
    ChannelEnded,
    DigitEnded,
    GatherFinished,
    RegistrationAdded,
)
from callflow.protocol.outcomes import Digits
from tests.trio_tests import run_trio

from . import needs
from .audio import is_in, samples, seconds_of_sound, seconds_of_tone, ulaw_tone
from .baresip import FREQUENCIES, phone
from .capture import capture, sound_of
from .engine import PASSWORDS, engine
from .places import CALLS, IVR, IVR_PROMPTS
from .sipp import run_sipp, sipp
from .watch import watch

pytestmark = [needs.program("sipp"), needs.raw_sockets()]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@run_trio
async def test_a_registered_phone_hears_the_prompts_and_its_key_is_understood(tmp_path: Path, transport: str):
    async with engine(tmp_path / "engine", IVR) as running, watch(running) as seen, capture() as wire:
        server = running.udp if transport == "udp" else running.tcp
        account = {"user": "alice", "password": PASSWORDS["alice"], "transport": transport}
        await run_sipp("register", tmp_path / "register", server, keys={"contact_port": 5060}, **account)
        registered = await seen.wait("registration.added")
        assert isinstance(registered, RegistrationAdded)
        assert registered.user == "alice"

        keys = {"number": "1000", "digit": "1", "codec": 8}
        async with sipp("call_and_press", tmp_path / "call", server=server, keys=keys, **account) as alice:
            created = await seen.wait("channel.created")
            assert isinstance(created, ChannelCreated)
            assert (created.user, created.to, created.app) == ("alice", "1000", "ivr")
            pressed = await seen.wait("channel.digit_ended")
            assert isinstance(pressed, DigitEnded)
            assert pressed.digit == "1"
            gathered = await seen.wait("gather.finished")
            assert isinstance(gathered, GatherFinished)
            assert gathered.outcome == Digits("1")
            await seen.wait("playback.started", count=2)
            await wire.wait_more(target=alice.media_port, seconds=2)
            await running.command("hangup", await seen.channel())
            await alice.wait()
            ended = await seen.wait("channel.ended")
    assert isinstance(ended, ChannelEnded)
    assert (ended.cause_name, ended.ended_by) == ("normal_clearing", "app")
    assert ended.received.packets > 20
    heard = sound_of(wire.rtp(target=alice.media_port))
    assert is_in(samples(IVR_PROMPTS / "welcome.wav"), heard) > 0.9
    assert is_in(samples(IVR_PROMPTS / "about.wav")[:8000], heard) > 0.9


@run_trio
async def test_a_script_that_returns_hangs_up_a_phone_that_may_call_without_a_password(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        await run_sipp("press", tmp_path / "call", running.udp, keys={"number": "3000", "digit": "pound", "codec": 8})
        ended = await seen.wait("channel.ended")
    assert isinstance(ended, ChannelEnded)
    assert (ended.cause_name, ended.ended_by, ended.phase) == ("normal_clearing", "app", "answered")


@run_trio
async def test_a_called_phone_is_bridged_and_each_hears_only_the_other(tmp_path: Path):
    tone = tmp_path / "tone.ulaw"
    tone.write_bytes(ulaw_tone(700, 1))
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen, capture() as wire:
        async with (
            sipp("answer", tmp_path / "desk", keys={"tone": tone}) as desk,
            phone(tmp_path, running, seen, "alice") as alice,
        ):
            account = {"user": "desk", "password": PASSWORDS["desk"], "keys": {"contact_port": desk.port}}
            await run_sipp("register", tmp_path / "register", running.udp, **account)
            await alice.dial("2000")
            await seen.wait("channel.unbridged")  # the script ends it after a few seconds
            await desk.wait()
            await alice.wait_event("CALL_CLOSED")
    [by_alice] = map(samples, alice.heard())
    bridged_for = await seen.at("channel.unbridged") - await seen.at("channel.bridged", count=2)
    by_desk = sound_of(wire.rtp(target=desk.media_port))
    assert bridged_for > 2
    assert seconds_of_tone(by_alice, 700) > bridged_for - 0.4
    assert seconds_of_sound(by_alice) - seconds_of_tone(by_alice, 700) < 1.0  # ringback, while it rang
    assert seconds_of_tone(by_desk, FREQUENCIES["alice"]) > bridged_for - 0.4
    assert seconds_of_sound(by_desk) - seconds_of_tone(by_desk, FREQUENCIES["alice"]) < 0.2
