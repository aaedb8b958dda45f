"""Legs whose packets are protected (RFC 3711), of both engines; and what of it is on the wire."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.media.session import DigitStarted, Keys, ToneSource
from tests.trio_tests import run_trio

from .harness import Floor, Leg, hears, on_both_engines, silence, stream_to, tone
from .peer import native_floor, open_peer, wait_until

SUITES = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AES_CM_128_HMAC_SHA1_32": 30,
    "AES_256_CM_HMAC_SHA1_80": 46,
    "AES_256_CM_HMAC_SHA1_32": 46,
    "AEAD_AES_128_GCM": 28,
    "AEAD_AES_256_GCM": 44,
}
LOW, HIGH = 400, 1000  # Hz


def keys(local: int, remote: int, suite: str = "AEAD_AES_128_GCM") -> Keys:
    return Keys(suite, bytes([local] * SUITES[suite]), bytes([remote] * SUITES[suite]))


def secure(leg: Leg, other: Leg, agreed: Keys | None) -> None:
    leg.session.update(replace(stream_to(other), keys=agreed))


def secured_pair(floor: Floor, suite: str = "AEAD_AES_128_GCM") -> tuple[Leg, Leg]:
    one, other = floor.open(), floor.open()
    secure(one, other, keys(1, 2, suite))
    secure(other, one, keys(2, 1, suite))
    return one, other


@on_both_engines
async def test_legs_with_each_others_keys_hear_voices_and_digits(floor):
    one, other = secured_pair(floor)
    one.session.play("p", [ToneSource((LOW,))], repeat=0)
    await hears(floor, other, tone(LOW))
    other.session.send_digits("d", "7")
    assert (await one.wait(DigitStarted)).digit == "7"
    assert other.session.statistics().packets_forged == 0


@on_both_engines
async def test_what_is_plain_or_has_another_key_is_not_heard_and_is_counted(floor):
    for theirs in (None, keys(3, 1)):
        one, other = floor.open(), floor.open()
        secure(one, other, keys(1, 2))
        secure(other, one, theirs)
        other.session.play("p", [ToneSource((LOW,))], repeat=0)
        await floor.until(lambda one=one: one.session.statistics().packets_forged > 10)
        figures = one.session.statistics()
        assert (figures.packets_received, figures.packets_replayed) == (0, 0)
        assert figures.packets_discarded >= figures.packets_forged > 0
        one.session.close()
        other.session.close()


@on_both_engines
async def test_a_relay_opens_on_one_side_and_seals_on_the_other(floor):
    (phone, inner), (trunk, far) = secured_pair(floor), floor.pair()
    inner.session.relay(trunk.session)
    far.session.play("p", [ToneSource((HIGH,))], repeat=0)
    phone.session.play("p", [ToneSource((LOW,))], repeat=0)
    await hears(floor, phone, tone(HIGH))
    await hears(floor, far, tone(LOW))


@on_both_engines
async def test_new_keys_of_one_side_are_heard_at_once_and_the_old_ones_until_then(floor):
    one, other = secured_pair(floor)
    other.session.play("p", [ToneSource((LOW,))], repeat=0)
    await hears(floor, one, tone(LOW))
    secure(one, other, keys(1, 5))  # one knows of them first
    await hears(floor, one, tone(LOW))
    secure(other, one, keys(5, 1))
    await hears(floor, one, tone(LOW))
    assert one.session.statistics().packets_forged == 0


@on_both_engines
async def test_a_leg_can_become_plain_and_protected_again(floor):
    one, other = secured_pair(floor)
    one.session.play("p", [ToneSource((LOW,))], repeat=0)
    await hears(floor, other, tone(LOW))
    floor.connect(one, other)
    await hears(floor, other, tone(LOW))
    secure(other, one, keys(6, 7))
    await hears(floor, other, silence)
    secure(one, other, keys(7, 6))
    await hears(floor, other, tone(LOW))


@pytest.mark.parametrize("suite", SUITES)
@run_trio
async def test_nothing_of_what_is_said_is_on_the_wire(suite):
    async with native_floor() as floor, open_peer() as peer:
        leg = floor.open()
        leg.session.update(peer.stream(keys=keys(1, 2, suite)))
        leg.session.play("p", [ToneSource((HIGH,))], repeat=0)
        payload = (await peer.receive()).payload
        assert 160 < len(payload) <= 176
        assert len(set(payload[:160])) > 60  # a tone repeats: it has few different octets
        leg.session.close()
        goodbye = await peer.rtcp.recv(1500)
        assert goodbye[1] == 200
        assert goodbye[28:30] != bytes([0x81, 202])  # where a plain compound has its source description


@run_trio
async def test_a_key_that_does_not_fit_its_suite_is_refused():
    async with native_floor() as floor, open_peer() as peer:
        leg = floor.open()
        short = Keys("AEAD_AES_256_GCM", b"x" * 44, b"x" * 43)
        with pytest.raises(ValueError, match="expected 32 octets of key and 12 of salt"):
            leg.session.update(peer.stream(keys=short))
        with pytest.raises(ValueError, match="expected a crypto-suite"):
            leg.session.update(peer.stream(keys=replace(short, suite="F8_128_HMAC_SHA1_80")))


@run_trio
async def test_a_packet_that_is_sent_again_is_heard_once():
    async with native_floor() as floor, open_peer() as peer, open_peer() as other:
        source, target = floor.open(), floor.open()
        source.session.update(peer.stream(keys=keys(1, 2)))
        target.session.update(other.stream(keys=keys(2, 1)))
        source.session.play("p", [ToneSource((LOW,))], repeat=0)
        packets = [await peer.rtp.recv(2000) for _ in range(3)]
        for packet in (*packets, *packets):
            await other.rtp.sendto(packet, target.session.local)
        await wait_until(lambda: target.session.statistics().packets_replayed == 3)
        assert target.session.statistics().packets_received == 3
