"""Cursors: what is pushed, what is found in the log, what is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflow.protocol.events import (
    EVENTS,
    BridgeEnded,
    ChannelAnswered,
    ChannelCreated,
    ChannelEnded,
    ChannelRinging,
    Party,
)
from engine.eventsocket.log import EventLog
from engine.eventsocket.reader import READ_AHEAD, Reader
from engine.eventsocket.subscription import Subscriptions, names_matching

ALICE = Party(uri="sip:alice@example")
CREATED = ChannelCreated(direction="inbound", caller=ALICE, callee=ALICE, to="1000")
ENDED = ChannelEnded(
    cause=16, cause_name="normal_clearing", ended_by="caller", phase="setup", created_at=0.0, ended_at=1.0
)


class Reading:
    """A log and a reader of it, that counts its wakes."""

    def __init__(self, *patterns, channels=(), owners=("s1",), may_read=True, **limits):
        self.wakes = 0
        self.log = EventLog("e1", lambda: 0.0, **limits)
        self.reader = Reader(self.log, owners=frozenset(owners), may_read=may_read, wake=self.wake)
        self.subscribe(*patterns, channels=channels)

    def wake(self):
        self.wakes += 1

    def subscribe(self, *patterns, channels=()):
        self.reader.subscriptions.add(patterns, channels)
        self.reader.listen()

    def emit(self, *events, channel="c1", owner=None):
        for event in events:
            self.log.emit(event, channel=channel, call_seq=1, owner=owner)

    def taken(self, upto=None):
        seqs, is_done = [], False
        while not is_done and not self.reader.is_lost:
            entries, is_done = self.reader.take(upto)
            seqs += [entry.seq for entry in entries]
        return seqs


def test_a_reader_is_pushed_what_it_wants_and_woken_once():
    reading = Reading("channel.answered")
    reading.emit(ChannelRinging())
    assert reading.wakes == 0
    reading.emit(ChannelAnswered(), ChannelRinging(), ChannelAnswered())
    assert reading.wakes == 1
    assert reading.taken() == [2, 4]
    assert reading.taken() == []


def test_an_owners_events_come_whatever_it_subscribed_to_and_once():
    reading = Reading("channel.answered")
    reading.emit(ChannelRinging(), ChannelAnswered(), owner="s1")
    reading.emit(ChannelRinging(), owner="s2")
    reading.emit(BridgeEnded(bridge="b1"), channel=None, owner="s1")
    assert reading.taken() == [1, 2, 4]


def test_without_the_scope_read_only_the_own_is_seen():
    reading = Reading("*", may_read=False)
    reading.emit(ChannelRinging())
    reading.emit(ChannelRinging(), owner="s1")
    assert reading.taken() == [2]


def test_a_subscription_may_be_to_some_channels():
    reading = Reading("channel.*", channels=("c1",))
    reading.subscribe("channel.answered")
    reading.emit(ChannelRinging(), ChannelAnswered(), channel="c1")
    reading.emit(ChannelRinging(), ChannelAnswered(), channel="c2")
    reading.emit(ENDED, channel="c1")
    assert reading.taken() == [1, 2, 4, 5]
    assert reading.reader.subscriptions.by_channel == {}


def test_what_is_unsubscribed_comes_no_more():
    reading = Reading("channel.*", "channel.answered")
    reading.reader.subscriptions.remove(["channel.*", "never"])
    reading.reader.listen()
    reading.emit(ChannelRinging(), ChannelAnswered())
    assert reading.taken() == [2]
    reading.reader.close()
    reading.emit(ChannelAnswered())
    assert reading.taken() == []


def test_a_reader_that_takes_nothing_is_left_alone_and_reads_on_from_the_log():
    reading = Reading("channel.answered", channels=("c1",))
    reading.subscribe("channel.ringing")
    reading.emit(*[ChannelRinging()] * (READ_AHEAD + 500), ENDED)
    assert not reading.reader.is_live
    assert reading.wakes == 1
    assert reading.taken() == list(range(1, READ_AHEAD + 501))
    assert reading.reader.is_live
    assert reading.reader.subscriptions.by_channel == {}
    reading.emit(ChannelRinging())
    assert reading.taken() == [READ_AHEAD + 502]


def test_a_reader_whose_cursor_fell_off_is_lost_until_it_restarts():
    reading = Reading("*", max_events=100)
    reading.emit(*[ChannelRinging()] * (READ_AHEAD + 101))
    assert reading.taken() == list(range(1, READ_AHEAD + 1))
    assert reading.reader.is_lost
    assert reading.reader.cursor == READ_AHEAD
    reading.reader.restart()
    reading.emit(ChannelRinging())
    assert reading.taken() == [READ_AHEAD + 102]


def test_entries_are_taken_up_to_a_reply():
    reading = Reading("*")
    reading.emit(*[ChannelRinging()] * 5)
    assert reading.taken(upto=2) == [1, 2]
    assert reading.taken(upto=2) == []
    assert reading.taken() == [3, 4, 5]


def test_adopted_channels_are_read_from_their_beginning_and_nothing_else_of_before():
    reading = Reading("*")
    log, reader = reading.log, reading.reader
    reader.close()
    reading.emit(CREATED, channel="c1")
    reading.emit(CREATED, ChannelRinging(), channel="c2")
    reader = reading.reader = Reader(log, owners=frozenset({"s1"}), may_read=False, wake=reading.wake)
    reader.adopt(["c2", "gone"])
    reading.emit(ChannelAnswered(), channel="c2", owner="s1")
    assert reading.taken() == [2, 3, 4]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*", set(EVENTS)),
        ("channel.answered", {"channel.answered"}),
        ("registration.*", {"registration.added", "registration.removed", "registration.expired"}),
    ],
)
def test_a_pattern_means_a_set_of_names(pattern, names):
    assert names_matching(pattern) == names


@pytest.mark.parametrize("pattern", ["channels.*", "", "channel", "x" * 65])
def test_a_pattern_that_means_nothing_is_a_mistake(pattern):
    with pytest.raises(ValueError, match="expected"):
        names_matching(pattern)


def test_a_subscription_that_is_refused_changes_nothing():
    subscriptions = Subscriptions()
    with pytest.raises(ValueError, match="no event is called"):
        subscriptions.add(["channel.answered", "chanel.*"])
    with pytest.raises(ValueError, match="at most 1000 channels"):
        subscriptions.add(["channel.answered"], map(str, range(1001)))
    assert not subscriptions.everywhere
    assert not subscriptions.by_channel


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("emit"), st.sampled_from(["answered", "ringing", "own"]), st.integers(1, 700)),
            st.tuples(st.just("take"), st.none(), st.integers(0, 3000)),
        ),
        max_size=30,
    )
)
def test_a_reader_gets_each_event_that_matches_once_in_order_or_is_told_where_it_lost_them(steps):
    reading = Reading("channel.answered", max_events=1500)
    expected, got, lost = [], [], []
    for step, kind, count in steps:
        if step == "emit":
            event = ChannelAnswered() if kind == "answered" else ChannelRinging()
            for _ in range(count):
                reading.emit(event, owner="s1" if kind == "own" else None)
                if kind != "ringing":
                    expected.append(reading.log.last_seq)
            continue
        got += reading.taken(upto=count)
        if reading.reader.is_lost:
            lost.append((reading.reader.cursor + 1, reading.log.last_seq))
            reading.reader.restart()
    got += reading.taken()
    if reading.reader.is_lost:
        lost.append((reading.reader.cursor + 1, reading.log.last_seq))
    missing = [seq for seq in expected if not any(first <= seq <= last for first, last in lost)]
    assert got == missing
