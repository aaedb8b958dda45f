"""Replies that were given: how long and how many."""

from engine.eventsocket.remembered import MAX_AGE, MAX_ENDED, MAX_OCTETS, MAX_REPLIES, Remembered


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def remembering():
    clock = Clock()
    return clock, Remembered(clock)


def test_a_channels_replies_live_as_long_as_the_channel():
    clock, remembered = remembering()
    remembered.remember("c1", ("ivr", "1"), "answer", b"reply")
    clock.now = 100_000.0
    assert remembered.find("c1", ("ivr", "1")).frame == b"reply"
    assert remembered.find("c2", ("ivr", "1")) is None
    remembered.end("c1")
    assert remembered.find("c1", ("ivr", "1")) is None
    assert remembered.has_ended("c1")


def test_an_apps_replies_live_ten_minutes():
    clock, remembered = remembering()
    remembered.remember(None, ("ivr", "1"), "status", b"reply")
    clock.now = MAX_AGE
    assert remembered.find(None, ("ivr", "1")) is not None
    assert remembered.find(None, ("other", "1")) is None
    clock.now = MAX_AGE + 1
    assert remembered.find(None, ("ivr", "1")) is None


def test_the_oldest_goes_when_there_are_too_many_or_too_long_ones():
    _, remembered = remembering()
    for number in range(MAX_REPLIES + 1):
        remembered.remember("c1", ("ivr", str(number)), "answer", b"")
    assert remembered.find("c1", ("ivr", "0")) is None
    assert remembered.find("c1", ("ivr", "1")) is not None
    for number in range(2):
        remembered.remember(None, ("ivr", str(number)), "channels", bytes(MAX_OCTETS))
    assert remembered.find(None, ("ivr", "0")) is None
    assert remembered.find(None, ("ivr", "1")) is not None


def test_so_many_apps_and_ended_channels_are_remembered():
    _, remembered = remembering()
    for number in range(101):
        remembered.remember(None, (f"app{number}", "1"), "status", b"")
    assert remembered.find(None, ("app0", "1")) is None
    assert remembered.find(None, ("app1", "1")) is not None
    for number in range(MAX_ENDED + 1):
        remembered.end(f"c{number}")
    assert not remembered.has_ended("c0")
    assert remembered.has_ended("c1")
