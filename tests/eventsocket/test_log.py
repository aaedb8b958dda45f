"""The event log: numbers, the ring's bounds, encoding."""

import json

import msgspec
import pytest

from callflow.protocol.connection import AppConnection, Spelling
from callflow.protocol.events import ChannelAnswered, ChannelCreated, ChannelRinging, Party
from engine.eventsocket.log import EventLog


def log_at(times=None, **limits):
    clock = iter(times) if times is not None else None
    return EventLog("e1", lambda: next(clock) if clock else 1000.0, **limits)


def kept(log):
    return [entry.seq for entry in log.entries(log.first_seq - 1, log.last_seq)]


def test_events_are_numbered_from_one_and_encoded_as_frames():
    log = log_at()
    assert log.emit(ChannelRinging(), channel="c1", call_seq=1) == 1
    assert log.emit(ChannelAnswered(codec="PCMU"), channel="c1", call_seq=2, owner="s1") == 2
    [_, entry] = log.entries(0, 2)
    [frame] = AppConnection().receive(entry.frame)
    assert (frame.seq, frame.at, frame.name, frame.channel, frame.call_seq) == (2, 1000.0, "channel.answered", "c1", 2)
    assert AppConnection().event(frame) == ChannelAnswered(codec="PCMU")


def test_json_is_spelled_once_when_it_is_wanted():
    log = log_at()
    log.emit(ChannelAnswered(codec="PCMU"), channel="c1", call_seq=1)
    [entry] = log.entries(0, 1)
    assert entry.json is None
    spelled = entry.spelled(Spelling.JSON)
    assert json.loads(spelled)["data"] == {"codec": "PCMU"}
    assert entry.spelled(Spelling.JSON) is spelled
    assert entry.spelled(Spelling.MSGPACK) is entry.frame


def test_octets_of_a_peer_that_are_no_text_do_not_stop_the_log():
    log = log_at()
    caller = Party(uri="sip:\udcff@example", name="\udc80")
    log.emit(ChannelCreated(direction="inbound", caller=caller, callee=caller, to="1000"), channel="c1", call_seq=1)
    [entry] = log.entries(0, 1)
    assert msgspec.msgpack.decode(entry.frame)["data"]["caller"] == {"uri": "sip:?@example", "name": "?"}


@pytest.mark.parametrize(
    ("limits", "times", "expected"),
    [
        ({"max_events": 3}, [0] * 5, [3, 4, 5]),
        ({"max_octets": 250}, [0] * 5, [3, 4, 5]),
        ({"max_age": 10}, [0, 1, 2, 11.5, 12], [3, 4, 5]),
        ({"max_octets": 10}, [0] * 5, [5]),
    ],
)
def test_the_ring_is_bounded_by_count_octets_and_age(limits, times, expected):
    log = log_at(times, **limits)
    for number in range(5):
        log.emit(ChannelRinging(), channel="c1", call_seq=number + 1)
    assert kept(log) == expected
    assert log.last_seq == 5
    assert log.octets == sum(len(entry.frame) for entry in log.entries(log.first_seq - 1, 5))


def test_a_part_of_the_engine_may_watch_one_kind_of_event():
    log, seen = log_at(), []
    log.watch(ChannelAnswered, lambda event, entry: seen.append((event.codec, entry.seq)))
    log.emit(ChannelRinging(), channel="c1", call_seq=1)
    log.emit(ChannelAnswered(codec="PCMA"), channel="c1", call_seq=2)
    assert seen == [("PCMA", 2)]
