"""Cut links: what was missed comes after a resume, or a gap and the state instead."""

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from callflow.protocol.events import ChannelAnswered, ChannelRinging
from callflow.protocol.frames import CaughtUp, EventFrame, Gap, Resume, Snapshot
from engine.eventsocket.reader import READ_AHEAD
from tests.trio_tests import run_virtual

from .engine import OWNER, READER, running_engine


async def rest_of(app):
    """All frames that are there by now."""
    await wait_all_tasks_blocked()
    frames = []
    with trio.move_on_after(0.001):
        while (frame := await app.next()) is not None:
            frames.append(frame)
    return frames


def seqs(frames):
    return [frame.seq for frame in frames if isinstance(frame, EventFrame)]


@run_virtual
async def test_a_resume_continues_after_the_event_that_was_seen_last():
    async with running_engine() as engine:
        app = await engine.app("monitor", token=READER, subscribe=("channel.*",))
        channel = engine.table.create("c1")
        seen = (await app.event()).seq
        await app.close()
        await wait_all_tasks_blocked()
        channel.emit(ChannelRinging())
        channel.emit(ChannelAnswered())
        app = await engine.app("monitor", token=READER, subscribe=("channel.*",), resume=Resume("epoch-1", seen))
        frames = await rest_of(app)
        assert [frame.name for frame in frames[:-1]] == ["channel.ringing", "channel.answered"]
        assert frames[-1] == CaughtUp(seq=engine.log.last_seq)


@run_virtual
async def test_a_resume_that_missed_nothing_has_caught_up_at_once():
    async with running_engine() as engine:
        app = await engine.app("monitor", resume=Resume("epoch-1", 0))
        assert await app.next() == CaughtUp(seq=1)


@run_virtual
async def test_a_resume_of_another_run_or_of_the_future_is_a_gap_and_the_state():
    for resume in (Resume("epoch-0", 1), Resume("epoch-1", 99)):
        async with running_engine() as engine:
            engine.table.create("c1")
            app = await engine.app("ivr", token=OWNER, resume=resume)
            assert app.welcome.owns == ("c1",)
            gap, snapshot, caught_up = await rest_of(app)
            assert gap == Gap(from_=1, to=3)
            assert isinstance(snapshot, Snapshot)
            assert [(state.id, state.owner) for state in snapshot.channels] == [("c1", app.session)]
            assert caught_up == CaughtUp(seq=3)
            engine.call("c2")
            assert (await app.event()).channel == "c2"


@run_virtual
async def test_an_owner_that_resumes_is_told_how_its_lost_calls_ended():
    async with running_engine() as engine:
        app = await engine.app(token=OWNER)
        engine.call("c1")
        seen = (await app.event()).seq
        await app.close()
        await wait_all_tasks_blocked()
        app = await engine.app(token=OWNER, resume=Resume("epoch-1", seen))
        frames = await rest_of(app)
        assert [frame.name for frame in frames[:-1]] == ["channel.owner_lost", "channel.ended"]


@run_virtual
async def test_a_reader_that_never_reads_costs_nothing_and_later_gets_a_gap_and_the_state():
    async with running_engine(max_events=5000) as engine:
        app = await engine.app("monitor", token=READER, subscribe=("channel.*",))
        channel = engine.table.create("c1")
        for _ in range(20):
            for _ in range(2000):
                channel.emit(ChannelRinging())
            await wait_all_tasks_blocked()
        assert engine.log.last_seq > 40_000
        frames = await rest_of(app)
        [at] = [at for at, frame in enumerate(frames) if isinstance(frame, Gap)]
        gap, snapshot, caught_up = frames[at : at + 3]
        seen = seqs(frames[:at])
        assert seen == list(range(2, gap.from_))
        assert READ_AHEAD <= len(seen) < 35_000
        assert gap.to == caught_up.seq == engine.log.last_seq
        assert [state.call_seq for state in snapshot.channels] == [channel.call_seq]
        channel.emit(ChannelAnswered())
        assert (await app.event()).seq == gap.to + 1


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("emit"), st.integers(1, 1500)),
            st.tuples(st.just("read"), st.integers(1, 1500)),
            st.tuples(st.just("cut"), st.integers(0, 300)),
        ),
        max_size=20,
    )
)
def test_resuming_after_random_disconnects_loses_nothing_and_duplicates_nothing(steps):
    ledger = []

    async def main():
        async with running_engine() as engine:
            channel = engine.table.create("c1")
            app = await engine.app("monitor", token=READER, subscribe=("channel.*",))
            first = engine.log.last_seq
            for step, count in [*steps, ("cut", 0)]:
                if step == "emit":
                    for _ in range(count):
                        channel.emit(ChannelRinging())
                elif step == "read":
                    with trio.move_on_after(0.001):
                        for _ in range(count):
                            ledger.extend(seqs([await app.next()]))
                else:
                    for _ in range(count):
                        channel.emit(ChannelRinging())
                    await app.close()
                    resume = Resume("epoch-1", max(ledger, default=first))
                    app = await engine.app("monitor", token=READER, subscribe=("channel.*",), resume=resume)
            ledger.extend(seqs(await rest_of(app)))
            expected = [entry.seq for entry in engine.log.entries(first, engine.log.last_seq) if entry.channel == "c1"]
            assert ledger == expected

    trio.run(main, clock=MockClock(autojump_threshold=0))
