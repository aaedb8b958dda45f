"""Whole calls between two stacks, on a network that loses, doubles and reorders."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sip.events import (
    AckReceived,
    InviteAnswered,
    InviteCancelled,
    InviteEnded,
    InviteFailed,
    InviteReceived,
    MalformedReceived,
    ReinviteAnswered,
    ReinviteFailed,
    ReinviteReceived,
    SipEvent,
)
from engine.sip.stack import InviteState
from tests.sip.messages_by_hand import ANSWER
from tests.sip.network import LONG, Network, Phone

NETWORKS = {
    "a good network": {},
    "a lossy network": {"loss": 0.3},
    "a network that doubles": {"duplicate": 1.0},
    "a network that reorders": {"reorder": 0.5},
    "a bad network": {"loss": 0.2, "duplicate": 0.3, "reorder": 0.3},
}
each_network = pytest.mark.parametrize("options", NETWORKS.values(), ids=NETWORKS.keys())
each_seed = pytest.mark.parametrize("seed", range(5))


def answer(phone: Phone, event: SipEvent) -> None:
    if isinstance(event, InviteReceived):
        phone.stack.ring(event.invite, now=phone.network.now)
        phone.stack.answer(event.invite, body=ANSWER, now=phone.network.now)
    elif isinstance(event, ReinviteReceived):
        phone.stack.answer(event.invite, body=ANSWER, now=phone.network.now)


def ring(phone: Phone, event: SipEvent) -> None:
    if isinstance(event, InviteReceived):
        phone.stack.ring(event.invite, now=phone.network.now)


def first(phone: Phone):
    return phone.told(InviteReceived)[0].invite


@each_network
@each_seed
def test_a_call_is_answered_and_ended_by_the_caller(options, seed):
    network = Network(seed=seed, **options)
    alice, bob = network.alice, network.bob
    bob.react = answer
    invite = alice.call(bob)
    network.run(30.0)
    assert len(alice.told(InviteAnswered)) == len(bob.told(AckReceived)) == 1
    alice.stack.hang_up(invite, now=network.now)
    network.run(LONG)
    assert [event.by for event in bob.told(InviteEnded)] == ["peer"]
    assert alice.told(InviteEnded) == []
    assert network.is_empty()


@each_network
@each_seed
def test_a_call_is_answered_and_ended_by_the_callee(options, seed):
    network = Network(seed=seed, **options)
    alice, bob = network.alice, network.bob
    bob.react = answer
    alice.call(bob)
    network.run(30.0)
    bob.stack.hang_up(first(bob), now=network.now)
    network.run(LONG)
    assert [event.by for event in alice.told(InviteEnded)] == ["peer"]
    assert network.is_empty()


@each_network
@each_seed
def test_a_refused_call_fails_once(options, seed):
    network = Network(seed=seed, **options)
    alice, bob = network.alice, network.bob

    def refuse(phone: Phone, event: SipEvent) -> None:
        if isinstance(event, InviteReceived):
            phone.stack.reject(event.invite, 486, now=network.now)

    bob.react = refuse
    alice.call(bob)
    network.run(LONG)
    assert [event.status for event in alice.told(InviteFailed)] == [486]
    assert len(bob.told(InviteReceived)) == 1
    assert network.is_empty()


@each_network
@each_seed
def test_a_cancelled_call_ends_on_both_sides(options, seed):
    network = Network(seed=seed, **options)
    alice, bob = network.alice, network.bob
    bob.react = ring
    invite = alice.call(bob)
    network.run(20.0)
    alice.stack.hang_up(invite, now=network.now)
    network.run(LONG)
    assert [event.status for event in alice.told(InviteFailed)] == [487]
    assert len(bob.told(InviteCancelled)) == 1
    assert network.is_empty()


@each_network
@each_seed
@pytest.mark.parametrize("moment", [0.0, 0.019, 0.021, 0.04, 0.5, 1.0])
def test_an_answer_and_a_hang_up_at_the_same_time_leave_nothing(options, seed, moment):
    network = Network(seed=seed, **options)
    alice, bob = network.alice, network.bob
    bob.react = answer
    invite = alice.call(bob)
    network.run(moment)
    alice.stack.hang_up(invite, now=network.now)
    network.run(LONG)
    assert len(alice.told(InviteFailed)) + len(alice.told(InviteAnswered)) == 1
    assert network.is_empty()


@each_network
@each_seed
def test_hanging_up_on_both_sides_at_once_is_no_event(options, seed):
    network = Network(seed=seed, **options)
    alice, bob = network.alice, network.bob
    bob.react = answer
    invite = alice.call(bob)
    network.run(30.0)
    alice.stack.hang_up(invite, now=network.now)
    bob.stack.hang_up(first(bob), now=network.now)
    network.run(LONG)
    assert alice.told(InviteEnded) == bob.told(InviteEnded) == []
    assert network.is_empty()


@each_network
@each_seed
def test_hold_and_resume_by_both_sides(options, seed):
    network = Network(seed=seed, **options)
    alice, bob = network.alice, network.bob
    alice.react = bob.react = answer
    invite = alice.call(bob)
    network.run(30.0)
    for phone, ours in ((alice, invite), (bob, first(bob)), (alice, invite)):
        assert phone.stack.reinvite(ours, body=b"v=0\r\n", now=network.now)
        network.run(30.0)
    assert len(alice.told(ReinviteAnswered)) == 2
    assert len(bob.told(ReinviteAnswered)) == 1
    alice.stack.hang_up(invite, now=network.now)
    network.run(LONG)
    assert network.is_empty()


@each_seed
@pytest.mark.parametrize("options", [{}, {"loss": 0.15}, {"duplicate": 0.5, "reorder": 0.2}])
def test_reinvites_that_cross_are_both_carried_out(options, seed):
    network = Network(seed=seed, **options)
    alice, bob = network.alice, network.bob
    alice.react = bob.react = answer
    invite = alice.call(bob)
    network.run(30.0)
    alice.stack.reinvite(invite, body=b"v=0\r\na=a\r\n", now=network.now)
    bob.stack.reinvite(first(bob), body=b"v=0\r\na=b\r\n", now=network.now)
    network.run(90.0)
    assert len(alice.told(ReinviteAnswered)) == len(bob.told(ReinviteAnswered)) == 1
    assert alice.told(ReinviteFailed) == bob.told(ReinviteFailed) == []


def test_a_lost_ack_is_sent_again_with_the_next_200():
    network = Network()
    alice, bob = network.alice, network.bob
    bob.react = answer
    lost: list[bytes] = []
    network.lose = lambda data: data.startswith(b"ACK") and len(lost) < 3 and not lost.append(data)
    alice.call(bob)
    network.run(10.0)
    assert len(lost) == 3
    assert len(bob.told(AckReceived)) == 1
    assert len(alice.told(InviteAnswered)) == 1


def test_a_peer_that_falls_silent_after_its_200_is_hung_up():
    network = Network()
    alice, bob = network.alice, network.bob
    bob.react = answer
    alice.call(bob)
    network.lose = lambda data: data.startswith(b"ACK")
    network.run(LONG)
    assert [event.by for event in bob.told(InviteEnded)] == ["timeout"]
    assert [event.by for event in alice.told(InviteEnded)] == ["peer"]
    assert network.is_empty()


def test_a_network_that_is_down_is_408():
    network = Network(loss=1.0)
    network.alice.call(network.bob)
    network.run(40.0)
    assert [event.status for event in network.alice.told(InviteFailed)] == [408]
    assert network.is_empty()


def test_the_same_seed_gives_the_same_call_to_the_byte():
    def record(seed: int) -> list[bytes]:
        network = Network(seed=seed, **NETWORKS["a bad network"])
        network.bob.react = answer
        sent: list[bytes] = []
        network.lose = lambda data: bool(sent.append(data))
        network.alice.call(network.bob)
        network.run(20.0)
        return sent

    assert record(1) == record(1)
    assert record(1) != record(2)


# Whatever the two sides do, and whatever the network does to it, nothing is left in the end.

VERBS: dict[str, Callable[[Phone, object], object]] = {
    "ring": lambda phone, invite: phone.stack.ring(invite, now=phone.network.now),
    "answer": lambda phone, invite: phone.stack.answer(invite, body=ANSWER, now=phone.network.now),
    "reject": lambda phone, invite: phone.stack.reject(invite, 486, now=phone.network.now),
    "hang_up": lambda phone, invite: phone.stack.hang_up(invite, now=phone.network.now),
    "reinvite": lambda phone, invite: phone.stack.reinvite(invite, body=b"v=0\r\n", now=phone.network.now),
}
actions = st.tuples(
    st.sampled_from(["a", "b"]),
    st.sampled_from(["call", *VERBS]),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.01, 0.02, 0.03, 0.3, 0.6, 2.0, 33.0]),
)


def calls_of(phone: Phone, own: list) -> list:
    return own + [event.invite for event in phone.told(InviteReceived)]


def nothing(phone: Phone, event: SipEvent) -> None:
    pass


@settings(max_examples=200, deadline=None)
@given(
    reactions=st.tuples(st.sampled_from([answer, ring, nothing]), st.sampled_from([answer, ring, nothing])),
    script=st.lists(actions, min_size=1, max_size=25),
    seed=st.integers(0, 1000),
    loss=st.sampled_from([0.0, 0.1, 0.4]),
    duplicate=st.sampled_from([0.0, 0.4]),
    reorder=st.sampled_from([0.0, 0.4]),
)
def test_nothing_is_left_whatever_both_sides_do(reactions, script, seed, loss, duplicate, reorder):
    network = Network(seed=seed, loss=loss, duplicate=duplicate, reorder=reorder)
    phones = {"a": network.alice, "b": network.bob}
    network.alice.react, network.bob.react = reactions
    own: dict[str, list] = {"a": [], "b": []}
    for name, verb, number, pause in script:
        phone, other = phones[name], phones["b" if name == "a" else "a"]
        if verb == "call":
            own[name].append(phone.call(other))
        elif calls := calls_of(phone, own[name]):
            VERBS[verb](phone, calls[number % len(calls)])
        network.run(pause)
    for name, phone in phones.items():
        for invite in calls_of(phone, own[name]):
            phone.stack.hang_up(invite, now=network.now)
        phone.react = lambda phone, event: (
            phone.stack.hang_up(event.invite, now=phone.network.now) if isinstance(event, InviteReceived) else None
        )
    network.run(LONG)
    assert network.is_empty()
    for name, phone in phones.items():
        assert phone.told(MalformedReceived) == []
        for invite in calls_of(phone, own[name]):
            assert invite.state is InviteState.ENDED
            check_history([event for event in phone.events if getattr(event, "invite", None) is invite])


def check_history(events: list[SipEvent]) -> None:
    """One beginning, one end at most, and nothing after it."""
    ends = [
        number for number, event in enumerate(events) if isinstance(event, InviteFailed | InviteEnded | InviteCancelled)
    ]
    assert len(ends) <= 1
    assert not ends or ends[0] == len(events) - 1
    for kind in (InviteReceived, InviteAnswered):
        assert sum(isinstance(event, kind) for event in events) <= 1
