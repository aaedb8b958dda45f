"""Who asks too much and who guesses."""

from __future__ import annotations

import ipaddress

import pytest

from engine.abuse import Abuse
from engine.guard import MAX_KNOWN, Guard

STRANGER, OTHER, HERE = "198.51.100.7", "198.51.100.8", "127.0.0.1"


class World:
    def __init__(self, **limits) -> None:
        self.now = 0.0
        self.guard = Guard(Abuse(**limits), clock=lambda: self.now)

    def fail(self, host: str, times: int) -> None:
        for _ in range(times):
            self.guard.fail(host)


def test_a_request_beyond_the_rate_is_one_too_many_and_no_concern_of_others():
    world = World(requests=2)
    assert [world.guard.takes(STRANGER) for _ in range(5)] == [True, True, True, True, False]
    assert world.guard.takes(OTHER)
    world.now = 0.5
    assert [world.guard.takes(STRANGER) for _ in range(2)] == [True, False]


def test_who_fails_again_and_again_is_banned_for_a_while():
    world = World(failures=3, ban=60)
    world.fail(STRANGER, 3)
    assert not world.guard.is_banned(STRANGER)
    world.fail(STRANGER, 1)
    assert world.guard.is_banned(STRANGER)
    assert not world.guard.is_banned(OTHER)
    assert world.guard.bans == 1
    world.now = 61
    assert not world.guard.is_banned(STRANGER)


def test_who_mistypes_now_and_then_is_not():
    world = World(failures=3)
    for _ in range(20):
        world.fail(STRANGER, 1)
        world.now += 20
    assert not world.guard.is_banned(STRANGER)


def test_who_floods_without_end_is_banned():
    world = World(requests=2, failures=3)
    while not world.guard.is_banned(STRANGER) and world.guard.bans == 0:
        world.guard.takes(STRANGER)
        world.now += 0.01
    assert world.guard.is_banned(STRANGER)


def test_this_machine_is_exempt_unless_it_is_said_otherwise():
    world = World(requests=1, failures=1)
    world.fail(HERE, 10)
    assert all(world.guard.takes(HERE) for _ in range(10))
    assert not world.guard.is_banned(HERE)
    strict = World(failures=1, exempt=())
    strict.fail(HERE, 2)
    assert strict.guard.is_banned(HERE)


def test_carriers_can_be_exempt():
    world = World(failures=1, exempt=(ipaddress.ip_network("198.51.100.0/29"),))
    world.fail(STRANGER, 10)
    world.fail(OTHER, 10)
    assert not world.guard.is_banned(STRANGER)
    assert world.guard.is_banned(OTHER)


def test_the_addresses_of_one_ipv6_network_are_one():
    world = World(failures=2)
    for number in range(3):
        world.guard.fail(f"2001:db8::{number}")
    assert world.guard.is_banned("2001:db8::ffff")
    assert not world.guard.is_banned("2001:db8:0:1::1")


def test_without_limits_nobody_is_refused():
    world = World(requests=0, failures=0)
    world.fail(STRANGER, 1000)
    assert all(world.guard.takes(STRANGER) for _ in range(1000))
    assert not world.guard.is_banned(STRANGER)


@pytest.mark.parametrize("limits", [{"failures": 1.0, "ban": 1e6}])
def test_what_is_remembered_is_bounded(limits):
    world = World(**limits)
    world.fail(STRANGER, 2)
    for number in range(MAX_KNOWN):
        world.guard.fail(str(ipaddress.ip_address(0x0A000000 + number)))
    assert not world.guard.is_banned(STRANGER)  # forgotten


def test_who_is_trusted_is_neither_limited_nor_banned_and_no_more_once_he_is():
    trusted: set[str] = {STRANGER}
    guard = Guard(Abuse(requests=1, failures=1), clock=lambda: 0.0, is_trusted=trusted.__contains__)
    for _ in range(5):
        assert guard.takes(STRANGER)
        guard.fail(STRANGER)
    assert not guard.is_banned(STRANGER)
    for _ in range(2):
        guard.fail(OTHER)
    assert guard.is_banned(OTHER)
    trusted.add(OTHER)
    assert not guard.is_banned(OTHER)
