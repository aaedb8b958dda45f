"""Whatever a peer sends: clean errors, a reason, and an engine that goes on."""

import msgspec
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from callflow.protocol.commands import COMMANDS
from callflow.protocol.connection import prefixed
from callflow.protocol.frames import Hello, ReplyFrame
from engine.eventsocket.memory import open_memory_session
from tests.trio_tests import run_virtual

from .engine import ADMIN, App, running_engine

values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(), st.text(max_size=20), st.binary()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=10,
)
command_frames = st.fixed_dictionaries(
    {"type": st.just("command"), "id": st.text(max_size=5), "name": st.sampled_from([*COMMANDS, "fly"])},
    optional={
        "channel": st.sampled_from(["c1", "c2", "gone"]),
        "args": st.one_of(
            values,
            st.dictionaries(
                st.sampled_from(["sources", "events", "channels", "limit", "after", "command", "variables", "cause"]),
                values,
                max_size=3,
            ),
        ),
        "deadline": st.floats(),
        "bridge": st.text(max_size=3),
    },
)
frames = st.one_of(
    command_frames,
    st.fixed_dictionaries({"type": st.sampled_from(["hello", "command", "event", "reply"])}, optional={"app": values}),
    st.dictionaries(st.text(max_size=6), values, max_size=4),
)
chunks = st.one_of(
    st.binary(max_size=64),
    st.binary(max_size=64).map(prefixed),
    frames.map(lambda frame: prefixed(msgspec.msgpack.encode(frame))),
)


@settings(max_examples=150, deadline=None)
@given(st.booleans(), st.lists(chunks, max_size=8))
def test_a_session_is_closed_with_a_reason_and_the_engine_is_unharmed(says_hello, sent):
    async def main():
        async with running_engine() as engine:
            engine.table.create("c1", app="other")
            app = App(open_memory_session(engine.sockets, engine.nursery, tokens=engine.tokens))
            if says_hello:
                await app.send(Hello(app="ivr", token=ADMIN.secret))
            try:
                for chunk in sent:
                    await app.stream.send_all(chunk)
                with trio.move_on_after(20):
                    await expect_clean_end(app)
            except trio.BrokenResourceError:
                await expect_clean_end(app)
            await app.close()
            await wait_all_tasks_blocked()
            witness = await engine.app("witness")
            assert (await witness.do(COMMANDS["status"]())).ok
            assert len(engine.sessions) == 1

    trio.run(main, clock=MockClock(autojump_threshold=0))


async def expect_clean_end(app):
    last = None
    while (frame := await app.next()) is not None:
        assert not isinstance(frame, ReplyFrame) or frame.ok or frame.error.code != "internal"
        last = frame
    assert isinstance(last, ReplyFrame)
    assert last.id in ("", "hello")
    assert last.error.message


@run_virtual
async def test_a_frame_nested_too_deeply_is_malformed():
    async with running_engine() as engine:
        app = await engine.app()
        await app.stream.send_all(prefixed(b"\x81\xa4type" + b"\x91" * 200_000))
        await expect_clean_end(app)


@run_virtual
async def test_a_message_that_claims_to_be_too_long_is_not_waited_for():
    async with running_engine() as engine:
        app = await engine.app()
        await app.stream.send_all(b"\xff\xff\xff\xff")
        await expect_clean_end(app)
