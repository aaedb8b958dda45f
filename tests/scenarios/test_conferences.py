"""Conferences and listening in: who hears whom, who may enter, who steers, and when it is over."""

from __future__ import annotations

import anyio
import pytest

from callflow import Answered, App, BadArgument, Call, Left, NotFound, NotOwner, Overloaded, WrongState
from callflow.protocol.events import BridgeCreated, BridgeEnded, BridgeJoined, BridgeLeft, BridgeSpeaker
from callflow.testing import SimulatedPhone, Simulation, ToneSource
from engine.channels.limits import Limits

app, other = App("talk"), App("other")
notes: list[object] = []
pytestmark = pytest.mark.callflow(app, other)

PITCHES = {"alice": 400.0, "bob": 1000.0, "carol": 1600.0}


@pytest.fixture(autouse=True)
def no_notes():
    notes.clear()


@app.route("100")
async def plain(call: Call) -> None:
    async with app.conference("board") as board:
        notes.append(await board.join(call))
        await call.play("prompt.wav")


@app.route("101")
async def guarded(call: Call) -> None:
    async with app.conference("secret", pin="4711", ask="prompt.wav", wrong="music.wav") as board:
        notes.append(await board.join(call))


@app.route("102")
async def waits_for_moderator(call: Call) -> None:
    async with app.conference("lecture", music="music.wav") as board:
        notes.append(await board.join(call, wait=True))


@app.route("103")
async def moderates(call: Call) -> None:
    async with app.conference("lecture") as board:
        notes.append(await board.join(call, moderator=True, end=True))


@app.route("104")
async def announced(call: Call) -> None:
    async with app.conference("door", enter="prompt.wav", leave="music.wav") as board:
        await board.join(call)


@app.route("105")
async def bridged(call: Call) -> None:
    """Bob is dialled, and keeps the bridge after anything else."""
    won = await call.dial("bob")
    assert isinstance(won, Answered)
    notes.append(won.leg)
    await call.bridge(won.leg)


@app.route("106(listen|whisper|barge)")
async def supervises(call: Call) -> None:
    async with call.listening(notes[0], call.to[3:]) as listening:  # type: ignore[arg-type]
        with anyio.move_on_after(20):
            notes.append(await listening.wait())


@app.route("107")
async def from_a_bridge_and_back(call: Call) -> None:
    won = await call.dial("bob")
    assert isinstance(won, Answered)
    async with call.bridging(won.leg, hangup_after=False), app.conference("three") as three:
        await anyio.sleep(5)
        async with three.joining(call), three.joining(won.leg):
            await anyio.sleep(10)
    await call.bridge(won.leg)


@app.route("108")
async def in_vain(call: Call) -> None:
    await call.answer()
    errors = []
    async with app.conference("nowhere") as board:
        for action in (board.members, board.lock, lambda: board.kick("c1"), lambda: board.play("prompt.wav")):
            with pytest.raises(NotFound) as caught:
                await action()
            errors.append(str(caught.value))
        with pytest.raises(BadArgument):
            async with app.conference("nowhere", pin="secret"):
                pass
        with pytest.raises(BadArgument):
            async with app.conference("x" * 129) as long:
                await long.join(call)
        async with board.joining(call):
            with pytest.raises(NotFound):
                await board.kick("nobody")
            with pytest.raises(BadArgument):
                await board.whisper(call, call)
            with pytest.raises(WrongState):
                await call.echo()
            with pytest.raises(BadArgument):
                await call.listen(call)
            with pytest.raises(NotFound):
                await call.listen("nobody")
    notes.append(errors)


@app.route("109")
async def alone(call: Call) -> None:
    await call.answer()
    notes.append(call)
    await anyio.sleep(30)


@other.route("200")
async def elsewhere(call: Call) -> None:
    async with other.conference("board") as board:
        await board.join(call)


@other.route("201")
async def spies(call: Call) -> None:
    await call.answer()
    with pytest.raises(NotOwner):
        await call.listen(notes[0].id)  # type: ignore[attr-defined]
    notes.append("refused")


async def in_conference(simulation: Simulation, *names: str, number: str = "100") -> list[SimulatedPhone]:
    """Phones that are in it, each speaking at its own pitch."""
    phones = [simulation.phone(name) for name in names]
    for phone in phones:
        phone.call(number)
        await phone.answered()
        await simulation.wait(0.5)
        phone.speak(ToneSource((PITCHES[phone.name],)))
    await simulation.wait(1)
    return phones


def heard_by(phone: SimulatedPhone) -> set[str]:
    """Whose pitch it hears now."""
    heard = [sound.what for sound in phone.sounds if sound.ended_at is None]
    pitches = {pitch for what in heard if isinstance(what, ToneSource) for pitch in what.frequencies}
    return {name for name, pitch in PITCHES.items() if pitch in pitches}


async def test_each_hears_all_the_others_and_the_room_is_gone_with_the_last(simulation):
    alice, bob, carol = await in_conference(simulation, "alice", "bob", "carol")
    assert [heard_by(phone) for phone in (alice, bob, carol)] == [
        {"bob", "carol"},
        {"alice", "carol"},
        {"alice", "bob"},
    ]
    (state,) = simulation.switch.table.bridge_states()
    assert (state.conference, state.app, len(state.channels)) == ("board", "talk", 3)
    assert {channel.bridge for channel in simulation.switch.table.states()} == {state.id}
    for phone in (alice, bob, carol):
        phone.hang_up()
    await simulation.wait(3)
    assert not simulation.switch.table.bridge_states()
    assert [event.members for event in simulation.happened(BridgeJoined)] == [1, 2, 3]
    assert [event.members for event in simulation.happened(BridgeLeft)] == [2, 1, 0]
    assert [event.conference for event in simulation.happened(BridgeCreated)] == ["board"]
    assert len(simulation.happened(BridgeEnded)) == 1


async def test_a_name_is_the_apps_own(simulation):
    (alice,) = await in_conference(simulation, "alice")
    bob = simulation.phone("bob")
    bob.call("200")
    await simulation.wait(2)
    assert not alice.listens_to(bob)
    assert {(state.app, state.conference) for state in simulation.switch.table.bridge_states()} == {
        ("talk", "board"), ("other", "board"),
    }  # fmt: skip


async def test_a_pin_is_asked_for_and_three_wrong_ones_are_refused(simulation):
    alice = simulation.phone("alice")
    alice.call("101")
    await alice.hears("prompt.wav")
    for _ in range(3):
        alice.press("1234")
        await simulation.wait(8)
    await alice.ended()
    assert notes == [Left("refused")]
    bob = simulation.phone("bob")
    bob.call("101")
    await bob.hears("prompt.wav")
    bob.press("4711")
    await simulation.wait(3)
    assert [state.conference for state in simulation.switch.table.bridge_states()] == ["secret"]


async def test_they_wait_with_music_for_a_moderator_and_go_with_it(simulation):
    alice, bob = simulation.phone("alice"), simulation.phone("bob")
    for phone in (alice, bob):
        phone.call("102")
        await phone.hears("music.wav")
    assert not alice.listens_to(bob)
    carol = simulation.phone("carol")
    carol.call("103")
    await alice.connected_to(bob)
    await alice.connected_to(carol)
    carol.hang_up()
    await alice.ended()
    await bob.ended()
    assert notes == [Left("ended"), Left("ended")]


async def test_who_comes_and_who_goes_is_heard(simulation):
    alice, bob = simulation.phone("alice"), simulation.phone("bob")
    alice.call("104")
    await alice.answered()
    bob.call("104")
    await alice.heard("prompt.wav")
    bob.hang_up()
    await alice.heard("music.wav")


@app.route("110")
async def steers(call: Call) -> None:
    """Alice comes last, and does to the others what can be done."""
    async with app.conference("board") as board, board.joining(call, moderator=True):
        state = await board.members()
        bob, carol, _ = (member.id for member in state.members)
        steps = (
            lambda: board.mute(),
            lambda: board.unmute(bob),
            lambda: board.deafen(bob),
            lambda: board.undeafen(),
            lambda: board.unmute(),
            lambda: board.whisper(call, bob),
            lambda: board.whisper(call, None),
            lambda: board.volume(carol, -6.0),
            lambda: board.kick(bob),
        )
        for step in steps:
            await anyio.sleep(2)
            notes.append(await step())
        await anyio.sleep(2)


async def test_a_moderator_steers_the_others(simulation):
    bob, carol = await in_conference(simulation, "bob", "carol")
    (alice,) = await in_conference(simulation, "alice", number="110")

    async def heard() -> list[str]:
        await simulation.wait(2)
        return ["".join(sorted(name[0] for name in heard_by(phone))) for phone in (alice, bob, carol)]

    assert await heard() == ["", "a", "a"]  # bob and carol are muted
    assert await heard() == ["b", "a", "ab"]
    assert await heard() == ["b", "", "ab"]  # bob is deaf
    assert await heard() == ["b", "a", "ab"]
    assert await heard() == ["bc", "ac", "ab"]
    assert await heard() == ["bc", "ac", "b"]  # alice whispers to bob
    assert await heard() == ["bc", "ac", "ab"]
    assert await heard() == ["bc", "ac", "ab"]
    assert notes[-1].members[1].volume == -6.0
    assert await heard() == ["c", "", "a"]
    assert Left("kicked") in notes
    assert len(simulation.happened(BridgeSpeaker)[-1].speakers) == 2


async def test_speakers_are_told_when_they_change(simulation):
    alice, bob = await in_conference(simulation, "alice", "bob")
    alice.speak(0.5)
    bob.speak(0.5)
    await simulation.wait(3)
    told = [len(event.speakers) for event in simulation.happened(BridgeSpeaker)]
    assert told[0] == 1
    assert max(told) == 2
    assert told[-1] == 0


@app.route("111")
async def speaks_to_all(call: Call) -> None:
    async with app.conference("board") as board, board.joining(call):
        notes.append(await board.play("music.wav"))
        notes.append(await board.play("music.wav", member=call))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(board.record, "minutes.wav")
            await anyio.sleep(5)
            tasks.cancel_scope.cancel()
        notes.append(board.speakers)


async def test_all_or_one_are_played_to_and_all_is_recorded(simulation):
    (bob,) = await in_conference(simulation, "bob")
    alice = simulation.phone("alice")
    alice.call("111")
    await bob.heard("music.wav")
    await alice.heard("music.wav")
    await alice.heard("music.wav")
    alice.speak(ToneSource((PITCHES["alice"],)))
    await alice.ended()
    played = notes[:2]
    assert [(it.reason, it.heard_ms) for it in played] == [("completed", 1000)] * 2
    assert len(notes[2]) == 2
    assert sum(sound.what is not None and "music" in str(sound.what) for sound in bob.sounds) == 1
    assert (simulation.recordings / "talk/minutes.wav").stat().st_size > 4 * 16000


async def test_what_is_not_there_is_not_found(simulation):
    alice = simulation.phone("alice")
    alice.call("108")
    await alice.ended()
    assert all("nowhere" in error for error in notes[0])


@pytest.mark.callflow(app, other, limits=Limits(members=2, running_commands=2))
async def test_nothing_grows_beyond_its_limit(simulation):
    await in_conference(simulation, "alice", "bob")
    carol = simulation.phone("carol")
    carol.call("114")
    await carol.ended()
    assert [type(note) for note in notes] == [Overloaded] * 2


@app.route("114")
async def one_too_many(call: Call) -> None:
    await call.answer()
    async with app.conference("board") as board, anyio.create_task_group() as tasks:
        for attempt in (board.join(call), None):
            try:
                if attempt is not None:
                    await attempt
                tasks.start_soon(board.record, "one.wav")
                tasks.start_soon(board.record, "two.wav")
                await anyio.sleep(1)
                await board.record("three.wav")
            except Overloaded as error:
                notes.append(error)
        tasks.cancel_scope.cancel()


# Listening in on a bridge of alice and bob


async def listened_to(simulation: Simulation, mode: str) -> list[SimulatedPhone]:
    alice, bob, carol = (simulation.phone(name, answers_after=1) for name in PITCHES)
    alice.call("105")
    await alice.connected_to(bob)
    carol.call(f"106{mode}")
    await carol.answered()
    await simulation.wait(0.5)
    for phone in (alice, bob, carol):
        phone.speak(ToneSource((PITCHES[phone.name],)))
    await simulation.wait(1)
    return [alice, bob, carol]


@pytest.mark.parametrize(
    ("mode", "heard"), [("listen", ["b", "a", "ab"]), ("whisper", ["b", "ac", "ab"]), ("barge", ["bc", "ac", "ab"])]
)
async def test_a_bridge_is_listened_to_and_goes_on(simulation, mode, heard):
    alice, bob, carol = await listened_to(simulation, mode)
    assert ["".join(sorted(name[0] for name in heard_by(phone))) for phone in (alice, bob, carol)] == heard
    carol.hang_up()
    await simulation.wait(1)
    assert (heard_by(alice), heard_by(bob)) == ({"bob"}, {"alice"})
    assert not [event for event in simulation.history if event.event.name == "channel.unbridged"]


async def test_a_listener_is_told_when_the_bridge_is_over(simulation):
    alice, _, carol = await listened_to(simulation, "barge")
    alice.hang_up()
    await carol.ended()
    assert notes[-1] == Left("ended")


async def test_a_conference_is_listened_to(simulation):
    await in_conference(simulation, "bob", "alice")
    ids = [channel.id for channel in simulation.switch.table.states()]
    notes.clear()
    notes.append(ids[0])  # bob's
    (carol,) = await in_conference(simulation, "carol", number="106whisper")
    alice, bob = simulation.phones["alice"], simulation.phones["bob"]
    assert [heard_by(phone) for phone in (alice, bob, carol)] == [{"bob"}, {"alice", "carol"}, {"alice", "bob"}]
    bob.hang_up()
    await carol.ended()
    assert notes[-2:].count(Left("ended")) == 1
    assert not alice.listens_to(carol)


async def test_only_the_app_itself_listens_and_only_where_two_talk(simulation):
    alice, bob, carol = (simulation.phone(name) for name in PITCHES)
    alice.call("109")
    await simulation.wait(2)
    bob.call("201")
    await bob.ended()
    assert notes[-1] == "refused"
    carol.call("106listen")
    await carol.ended()
    assert not alice.listens_to(carol)


async def test_three_talk_and_then_two_again(simulation):
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    carol = simulation.phone("carol")
    alice.call("107")
    await alice.connected_to(bob)
    await simulation.wait(5)
    carol.call("112")
    await carol.connected_to(alice)
    await carol.connected_to(bob)
    await alice.connected_to(bob)
    await simulation.wait(12)
    assert not carol.listens_to(alice)
    await alice.connected_to(bob)


@app.route("112")
async def third(call: Call) -> None:
    async with app.conference("three") as three:
        await three.join(call)


async def test_a_conference_outlives_the_app_that_its_calls_say_they_wait_for(simulation):
    alice, bob = simulation.phone("alice"), simulation.phone("bob")
    for phone in (alice, bob):
        phone.call("113")
    await alice.connected_to(bob)
    simulation.kill("talk")
    await simulation.wait(3)
    assert alice.listens_to(bob)
    assert bob.listens_to(alice)


@app.route("113")
async def keeps_on(call: Call) -> None:
    await call.policy(wait=60)
    async with app.conference("board") as board:
        await board.join(call)


@app.on_reattach
async def go_on(call: Call) -> None:
    await anyio.sleep(30)
