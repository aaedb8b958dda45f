"""Wrong passwords cost time, then the address is not let in for a while."""

from __future__ import annotations

import ipaddress

from engine.eventsocket.esl.guard import BAN, FORGET_AFTER, MAX_ADDRESSES, MAX_FAILURES, Guard


def test_only_this_machine_is_let_in():
    guard = Guard()
    assert guard.admits("127.0.0.1", 0.0)
    assert guard.admits("::1", 0.0)
    assert guard.admits("::ffff:127.0.0.1", 0.0)
    assert not guard.admits("192.0.2.1", 0.0)
    assert not guard.admits("nonsense", 0.0)


def test_a_list_says_who_else():
    assert Guard([ipaddress.ip_network("192.0.2.0/24")]).admits("192.0.2.9", 0.0)


def test_each_wrong_password_takes_longer():
    guard = Guard()
    delays = [guard.fail("127.0.0.1", 0.0) for _ in range(6)]
    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]


def test_too_many_close_the_door_for_a_while():
    guard = Guard()
    for _ in range(MAX_FAILURES):
        guard.fail("127.0.0.1", 0.0)
    assert not guard.admits("127.0.0.1", BAN - 1)
    assert guard.admits("127.0.0.1", BAN)


def test_the_right_one_and_time_are_forgiving():
    guard = Guard()
    guard.fail("127.0.0.1", 0.0)
    guard.succeed("127.0.0.1")
    assert guard.fail("127.0.0.1", 0.0) == 0.5
    assert guard.fail("127.0.0.1", FORGET_AFTER + 1) == 0.5


def test_it_remembers_so_many_addresses():
    guard = Guard()
    for number in range(MAX_ADDRESSES + 1):
        guard.fail(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
    assert guard.fail("10.0.0.0", 0.0) == 0.5
