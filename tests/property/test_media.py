"""Whatever is asked of fake media in whatever order: nothing raises, nothing stays."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.media.fake import FakeMediaEngine, FakeMediaNetwork
from engine.media.session import (
    DigitEnded,
    DigitStarted,
    Direction,
    FileSource,
    Membership,
    PlaybackFinished,
    PlaybackStarted,
    RecordingFinished,
    SilenceSource,
    Stream,
    ToneSource,
)

WHO = st.integers(0, 3)
NAMES = st.sampled_from(["a", "b"])
MS = st.integers(0, 400)
ROOMS = st.integers(0, 1)
SOURCES = st.one_of(
    st.builds(ToneSource, st.just((440.0,)), st.sampled_from([(), (100, 50), (0, 20)]), st.none() | MS),
    st.builds(SilenceSource, MS),
    st.just(FileSource(Path("nowhere.wav"))),
)
ACTIONS = st.one_of(
    st.tuples(st.just("play"), WHO, NAMES, st.lists(SOURCES, max_size=2), st.integers(0, 2), MS),
    st.tuples(st.just("record"), WHO, NAMES, MS, MS),
    st.tuples(st.just("digits"), WHO, NAMES, st.text("0123456789*#", max_size=3)),
    st.tuples(st.just("stop"), WHO, NAMES),
    st.tuples(st.just("relay"), WHO, WHO),
    st.tuples(st.just("unrelay"), WHO),
    st.tuples(st.just("echo"), WHO, st.booleans()),
    st.tuples(st.just("watch"), WHO, st.booleans()),
    st.tuples(st.just("update"), WHO, st.sampled_from(Direction), st.none() | WHO),
    st.tuples(st.just("join"), WHO, ROOMS, st.none() | WHO, *[st.booleans()] * 3),
    st.tuples(st.just("leave"), WHO, ROOMS),
    st.tuples(st.just("announce"), ROOMS, NAMES, st.lists(SOURCES, max_size=2), st.integers(0, 2)),
    st.tuples(st.just("record_room"), ROOMS, NAMES, MS),
    st.tuples(st.just("stop_room"), ROOMS, NAMES),
    st.tuples(st.just("close"), WHO),
    st.tuples(st.just("pass"), MS),
)


class Switch:
    """Four sessions that call each other anything."""

    def __init__(self, folder: Path, network: FakeMediaNetwork) -> None:
        self.folder = folder
        self.engine = FakeMediaEngine(network)
        self.events: list[list[object]] = [[], [], [], []]
        self.sessions = [self.engine.open(events.append) for events in self.events]
        self.told: list[list[object]] = [[], []]
        self.rooms = [self.engine.open_room(told.append) for told in self.told]
        for one in range(4):
            self.update(one, Direction.SENDRECV, one ^ 1)

    def update(self, who, direction, to):
        remote = None if to is None else self.sessions[to].local
        self.sessions[who].update(Stream(remote, "PCMU", 0, 101, direction))

    async def do(self, action, who, *args):
        session = None if action == "pass" else self.sessions[who]
        room = self.rooms[who % 2]
        match action:
            case "pass":
                await trio.sleep(who / 1000)
            case "play":
                name, sources, repeat, offset_ms = args
                session.play(name, sources, repeat=repeat, offset_ms=offset_ms)
            case "record":
                name, max_ms, silence_ms = args
                session.record(name, self.folder / f"{name}{who}.wav", max_ms=max_ms, silence_ms=silence_ms)
            case "digits":
                session.send_digits(*args)
            case "relay":
                session.relay(self.sessions[args[0]])
            case "echo" | "watch":
                {"echo": session.echo, "watch": session.watch_audio}[action](is_on=args[0])
            case "join":
                number, to, is_muted, is_deaf, is_tapped = args
                to = self.sessions[to] if to is not None else None
                how = Membership(is_muted=is_muted, is_deaf=is_deaf, speaks_to=to, is_tapped=is_tapped)
                self.rooms[number].add(session, how)
            case "leave":
                self.rooms[args[0]].remove(session)
            case "announce":
                name, sources, repeat = args
                room.play(name, sources, repeat=repeat)
            case "record_room":
                name, max_ms = args
                room.record(name, self.folder / f"room-{name}{who}.wav", max_ms=max_ms)
            case "stop_room":
                room.stop(*args)
            case "update":
                self.update(who, *args)
            case _:
                getattr(session, action)(*args)


def check_order(events):
    """Digits start before they end; a playback reports its end once per start, a recording once at most."""
    down = None
    playing = 0
    for event in events:
        if isinstance(event, DigitStarted):
            assert down is None
            down = event.digit
        elif isinstance(event, DigitEnded):
            assert down == event.digit
            down = None
        elif isinstance(event, PlaybackStarted):
            assert not playing
            playing += 1
        elif isinstance(event, PlaybackFinished) and event.reason != "failed":
            playing -= 1
            assert event.heard_ms % 20 == 0
        elif isinstance(event, RecordingFinished):
            assert event.reason == "failed" or event.path.exists()


@settings(deadline=None, max_examples=150)
@given(
    actions=st.lists(ACTIONS, max_size=25),
    latency=st.sampled_from([0.0, 0.03]),
    loss=st.sampled_from([0.0, 0.3]),
    seed=st.integers(0, 9),
)
def test_no_sequence_raises_or_leaves_a_port_or_a_timer(actions, latency, loss, seed):
    async def main():
        network = FakeMediaNetwork(latency=latency, loss=loss, rng=random.Random(seed))
        with tempfile.TemporaryDirectory() as folder:
            async with trio.open_nursery() as nursery:
                switch = Switch(Path(folder), network)
                nursery.start_soon(switch.engine.run)
                for action in actions:
                    await switch.do(*action)
                    await trio.testing.wait_all_tasks_blocked()
                for session in switch.sessions:
                    session.statistics()
                    session.heard  # noqa: B018 - it must not raise
                    session.close()
                for room in switch.rooms:
                    room.close()
                await trio.sleep(10)
                network.advance()
                assert (switch.engine.open_sessions, switch.engine.open_rooms, network.timers) == (0, 0, 0)
                for events in [*switch.events, *switch.told]:
                    check_order(events)
                assert not any(name.endswith(".part") for name in os.listdir(folder))
                nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
