"""Whatever happens in whatever order: every channel ends, every command has its outcome, and nothing is left."""

from __future__ import annotations

import contextlib
import gc
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from callflow.protocol import commands as c
from engine.channels.channel import Channel
from engine.channels.errors import CommandError
from engine.channels.ports import Admission
from engine.sip import events as sip

from .switch import Call, FakeInvite, FakeRequest, Switch, invite_request, offer, open_switch, sip_response

COMMANDS = [
    c.Answer(), c.Ring(), c.Progress(), c.Reject(), c.Hangup(), c.Hangup(cause=41), c.Unbridge(), c.Echo(),
    c.Play(sources=("welcome.wav",)), c.Play(sources=(c.Tone("dial/us"),), repeat=0, stop_on="12"),
    c.Gather(max=2), c.Gather(prompt=("welcome.wav",), max=4, valid="1[23]|9", retries=2, invalid=("wrong.wav",)),
    c.Record(path="a.wav", max=3), c.Record(path="b/c.wav", beep=True), c.SendDigits(digits="123"),
    c.Dial(stages=((c.Target("bob"), c.Target("sip:x@example.com")),), timeout=4, ringback="us"),
    c.Dial(stages=((c.Target("two", delay=0.5, timeout=1.5),), (c.Target("bob"), c.Target("nobody"))), timeout=3),
    c.Dial(stages=((c.Target("bob", leg="L"), c.Target("sip:x@gone.example")),)), c.Set(variables={"a": "1"}), c.Get(),
    c.Dial(stages=((c.Target("two"), c.Target("bob")),), early_media=True, timeout=2, ringback="eu"),
    c.Dial(stages=((c.Target("two"), c.Target("bob")),), timeout=2,
           confirm=c.Confirmation(prompt=("welcome.wav",), key="1", timeout=3)),
    c.Dial(stages=((c.Target("bob"),), (c.Target("bob"),)), timeout=2, confirm=c.Confirmation(timeout=1.5)),
    c.Confirm(), c.Confirm(accept=False), c.Redirect(targets=("bob", "sip:x@example.com")), c.HangupAt(after=3),
    c.HangupAt(after=0), c.ToneCommand(plan="busy/us"), c.SayCommand(text="12", kind="digits"),
    c.RecordCall(path="c.wav", max=4), c.Hold(music=("welcome.wav",)), c.Hold(), c.ResumeCommand(), c.Mute(),
    c.Press(digits="1#"),
    c.Unmute(),    c.BindDigits(digits="1"), c.BindDigits(digits="12", do=c.BoundCommand("hangup")), c.UnbindDigits(),
    c.BindDigits(digits="*", do=c.BoundCommand("play", {"sources": ["welcome.wav"]})), c.Limit(resource="r", maximum=2),
    c.Abandon(), c.Policy(), c.Policy(wait=2, music=("welcome.wav",)), c.Policy(then=c.Fallback(route="1")),
    c.Policy(wait=1, then=c.Fallback(app="other")), c.TransferPolicy(requests="app", wait=1), c.TransferPolicy(),
    c.TransferPolicy(requests="refuse"), c.Transfer(target="bob", timeout=3), c.Transfer(target="sip:x@example.com"),
]  # fmt: skip

number = st.integers(0, 30)
steps = st.one_of(
    st.tuples(st.just("call"), st.sampled_from(["s1", "s2", None]), st.booleans()),
    st.tuples(st.just("command"), number, st.sampled_from(COMMANDS)),
    st.tuples(st.just("command"), number, st.sampled_from(COMMANDS)),
    st.tuples(st.just("bridge"), number, number),
    st.tuples(st.just("originate"), st.sampled_from(["s1", "s2"]), number),
    st.tuples(st.just("control"), number, number),
    st.tuples(st.just("cancel"), number, number),
    st.tuples(st.just("peer"), number, st.integers(0, 7)),
    st.tuples(st.just("peer"), number, st.integers(0, 7)),
    st.tuples(st.just("refer"), number, number),
    st.tuples(st.just("decide"), number, number),
    st.tuples(st.just("transfer"), number, number),
    st.tuples(st.just("notify"), number, number),
    st.tuples(st.just("press"), number, st.sampled_from("1239#*")),
    st.tuples(st.just("lose"), st.sampled_from(["s1", "s2"]), st.none()),
    st.tuples(st.just("give"), number, st.sampled_from(["s1", "s2"])),
    st.tuples(st.just("mute"), number, st.none()),
    st.tuples(st.just("sleep"), st.sampled_from([0.0, 0.1, 0.4, 1.0, 2.5, 6.0]), st.none()),
)


class World:
    """One run: steps on a switch, and what they owe."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch
        self.calls: list[Call] = []
        self.owed: list[tuple[str | None, str]] = []  # channel, command
        self.sent = 0
        self.transactions: list[FakeRequest] = []  # REFERs, each to be answered once
        switch.register("bob")
        switch.register("two", "sip:two@192.0.2.10", "sip:two@192.0.2.11")
        switch.sip.unreachable.add("gone.example")
        switch.sip.resolving_takes = 0.2

    async def step(self, what: str, a: Any, b: Any) -> None:
        if what == "sleep":
            await trio.sleep(a)
        elif what == "call":
            owner = self.switch.owner(a) if a else None
            self.switch.admission = Admission("reception", owner=owner, wait=2)
            self.switch.invite(body=offer() if b else b"")
        elif what == "lose":
            self.switch.table.lose_owner(a)
        elif what == "originate":
            self.originate(a, b)
        else:
            self.learn()
            if self.calls:
                self.act(what, self.calls[a % len(self.calls)], b)

    def originate(self, session: str, number: int) -> None:
        self.sent += 1
        where: dict[str, str] = [{}, {"app": "other"}, {"route": "1"}, {"bridge": self.some(number)}][number % 4]
        stages = ((c.Target("two"), c.Target("bob")), (c.Target("sip:x@example.com"),))
        with contextlib.suppress(CommandError):
            command = c.Originate(stages=stages, timeout=2, **where)  # type: ignore[arg-type]
            self.switch.table.originate(f"c{self.sent}", command, self.switch.owner(session))
            self.owed.append((None, f"c{self.sent}"))
        if number % 5 == 0:
            self.switch.table.cancel(f"c{self.sent}", self.switch.owner(session))

    def some(self, number: int) -> str:
        return self.calls[number % len(self.calls)].id if self.calls else "none"

    def learn(self) -> None:
        """Channels that are new since the last look."""
        known = {call.id for call in self.calls}
        by_call_id = {invite.call_id: invite for invite in self.switch.sip.invites}
        for channel in self.switch.table.channels.values():
            if channel.id not in known:
                self.calls.append(Call(self.switch, channel, by_call_id[channel.facts.sip_call_id]))

    def act(self, what: str, call: Call, b: Any) -> None:
        if what == "command":
            self.command(call, b)
        elif what == "bridge":
            self.command(call, c.Bridge(other=self.calls[b % len(self.calls)].id, hangup_after=b % 2 == 0))
        elif what == "cancel" and self.owed:
            self.command(call, c.Cancel(command=self.owed[-1 - b % len(self.owed)][1]))
        elif what == "control" and self.owed:
            action = [None, "pause", "resume"][b % 3]
            self.command(call, c.Control(command=self.owed[-1 - b % len(self.owed)][1], action=action, seek_ms=100))
        elif what == "press" and call.media.is_open:
            call.media.press(b)
        elif what == "give":
            call.channel.give(self.switch.owner(b))
        elif what == "mute":
            call.media.is_mute = True
        elif what == "transfer":
            self.command(call, c.Transfer(other=self.calls[b % len(self.calls)].id))
        elif what == "refer" and not call.invite.is_over:
            self.transactions.append(call.refers(self.target(b)))
        elif what == "decide" and call.channel.transfers.request is not None:
            request = call.channel.transfers.request.id
            decisions = (c.AcceptTransfer(request=request), c.RefuseTransfer(request=request),
                         c.AcceptTransfer(request=request, target="bob"))  # fmt: skip
            self.command(call, decisions[b % 3])
        elif what == "notify" and not call.invite.is_over:
            self.hear_of_transfer(call, b)
        elif what == "peer" and not call.invite.is_over:
            peer_does(call, call.invite, b)

    def target(self, number: int) -> str:
        """Where a phone wants to transfer to."""
        if number % 3 == 0 and self.calls:
            other = self.calls[number % len(self.calls)].invite.call_id
            return f"sip:somebody@10.0.0.1?Replaces={other}%3Bto-tag%3Dours%3Bfrom-tag%3Dtheirs"
        return ["sip:bob@10.0.0.1", "sip:two@10.0.0.1", "sip:1@10.0.0.1", "sip:x@example.com"][number % 4]

    def hear_of_transfer(self, call: Call, number: int) -> None:
        """What becomes of a transfer that the peer was asked for."""
        asked = [request for request in self.switch.sip.asked if request.answered is None]
        if number % 4 == 0 and asked:
            asked[0].answered = 202 if number % 8 else 603
            answer = sip_response(asked[0].answered)
            self.switch.table.handle(sip.ResponseReceived(asked[0], asked[0].answered, answer))  # type: ignore[arg-type]
        else:
            call.notifies([100, 200, 486][number % 3], ["active", "terminated"][number % 2])

    def command(self, call: Call, command: c.Command) -> None:
        self.sent += 1
        if isinstance(command, c.Dial):  # leg ids are the client's, and new ones each time
            command = with_new_legs(command, self.sent)
        command_id = f"c{self.sent}"
        with contextlib.suppress(CommandError):
            call.do(command, command_id)
            if command.ends_as:
                self.owed.append((call.id, command_id))

    def hang_up_everything(self) -> None:
        for session in ("s1", "s2"):
            self.switch.table.lose_commands(session)
        while live := [channel for channel in self.switch.table.channels.values() if channel.is_alive]:
            self.learn()
            call = next(call for call in self.calls if call.channel is live[0])
            if call.channel.is_inbound:
                call.bye() if "answer" in call.invite.verbs else call.cancel()
            else:
                call.bye() if call.channel.state.value == "answered" else call.fails(480)

    def check(self) -> None:
        switch = self.switch
        entries = switch.log.entries
        for channel in {entry.channel for entry in entries} - {None}:
            names = switch.log.names(channel)
            assert names[0] == "channel.created"
            assert names[-1] == "channel.ended", (channel, names)
            assert names.count("channel.ended") == names.count("channel.created") == 1
            assert bridges_of(entries, channel, "channel.bridged") == bridges_of(entries, channel, "channel.unbridged")
            assert names.count("channel.answered") <= 1
            assert [e.call_seq for e in entries if e.channel == channel] == list(range(1, len(names) + 1))
        for channel, command in self.owed:
            outcomes = [e for e in entries if has_outcome_of(e.event, command)]
            assert [e.channel for e in outcomes] == [channel], (command, outcomes)
        assert all(transaction.answered for transaction in self.transactions)
        requested = [e.event.request for e in entries if e.name == "channel.transfer_requested"]
        assert sorted(requested) == sorted(e.event.request for e in entries if e.name == "channel.transferred")
        assert all(told[-1] >= 200 for told in switch.sip.referrals if told)
        all_names = [entry.name for entry in entries]
        assert all_names.count("bridge.created") == all_names.count("bridge.ended")
        assert switch.is_empty(), switch.table.counts()
        assert all(invite.is_over for invite in switch.sip.invites)
        assert switch.media.timers.count == 0


def bridges_of(entries: list[Any], channel: str, name: str) -> list[str]:
    """The bridges that were told of, in their order. A command that went through a transfer ends after its bridge."""
    told = [entry.event for entry in entries if entry.channel == channel and entry.name == name]
    return list(dict.fromkeys(event.bridge for event in told))


def with_new_legs(dial: c.Dial, number: int) -> c.Dial:
    stages = [[replace(target, leg=f"{target.leg}{number}") for target in stage if target.leg] or stage
              for stage in dial.stages]  # fmt: skip
    return replace(dial, stages=tuple(tuple(stage) for stage in stages))


def has_outcome_of(event: Any, command: str) -> bool:
    return hasattr(event, "outcome") and getattr(event, "command", None) == command


def peer_does(call: Call, invite: FakeInvite, what: int) -> None:
    """Something that the stack would tell of such an invite."""
    is_answered = call.channel.state.value == "answered"
    if call.channel.is_inbound and not is_answered:
        if what < 3:
            call.cancel()
    elif is_answered and what < 4:
        bodies = [offer(direction="sendonly"), offer(), b"", offer(codecs="3")]
        call.hear(sip.ReinviteReceived, invite_request(body=bodies[what]))
    elif is_answered:
        call.bye() if what < 6 else call.hear(sip.AckReceived, offer() if what == 6 else b"")
    elif what < 2:
        call.fails(486 if what else 603)
    elif what < 4:
        call.hear(sip.InviteProgressed, sip_response(180 if what == 2 else 183, b"" if what == 2 else offer()))
    else:
        call.answers(offer(codecs="3") if what == 4 else offer())


def live(sequence: list[tuple[str, Any, Any]]) -> None:
    """Run the steps, hang up what is left, and see that nothing is."""

    async def main() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with open_switch(Path(folder)) as switch:
                tasks = trio.lowlevel.current_statistics().tasks_living
                world = World(switch)
                for what, a, b in sequence:
                    await world.step(what, a, b)
                world.hang_up_everything()
                await trio.sleep(2.5)  # what the media owes a report for
                world.check()
                assert trio.lowlevel.current_statistics().tasks_living == tasks

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, max_size=40).map(lambda rest: [("call", "s1", True), *rest]))
def test_no_sequence_of_happenings_leaves_anything(sequence):
    live(sequence)


def busy_sequence(rng: random.Random) -> list[tuple[str, Any, Any]]:
    """Many calls at once, most of which come far."""
    kinds = {
        "call": 10,
        "command": 40,
        "bridge": 8,
        "cancel": 6,
        "peer": 25,
        "press": 8,
        "control": 3,
        "originate": 2,
        "lose": 1,
        "mute": 1,
        "refer": 6,
        "decide": 2,
        "transfer": 3,
        "notify": 4,
        "sleep": 8,
    }
    sequence: list[tuple[str, Any, Any]] = []
    for what in rng.choices(list(kinds), list(kinds.values()), k=400):
        a, b = rng.randrange(1000), rng.randrange(1000)
        details: dict[str, tuple[Any, Any]] = {
            "call": (rng.choice(["s1", "s1", "s1", "s2"]), rng.random() < 0.9),
            "originate": (rng.choice(["s1", "s2"]), b),
            "lose": (rng.choice(["s1", "s2"]), None),
            "command": (a, rng.choice(COMMANDS)),
            "peer": (a, rng.randrange(8)),
            "press": (a, rng.choice("1239#*")),
            "sleep": (rng.choice([0.0, 0.1, 0.4, 1.0, 2.5]), None),
        }
        sequence.append((what, *details.get(what, (a, b))))
    return sequence


@pytest.mark.parametrize("seed", range(12))
def test_no_busy_hour_leaves_anything(seed):
    live(busy_sequence(random.Random(seed)))


def test_an_ended_channel_is_held_by_nothing_and_waits_for_no_collector_of_garbage():
    async def main() -> None:
        async with open_switch() as switch:
            call = switch.call()
            other = switch.call()
            switch.register("bob")
            call.do(c.Gather())
            call.do(c.Dial(stages=((c.Target("bob"),),)), "d")
            call.do(c.Cancel(command="d"))
            call.do(c.Bridge(other=other.id))
            call.bye()
            del call, other
            switch.media.sessions.clear()
            assert [each for each in gc.get_objects() if isinstance(each, Channel)] == []

    gc.collect()
    gc.disable()
    try:
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    finally:
        gc.enable()
