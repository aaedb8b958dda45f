"""Frames to bytes and back, on both ends, in both spellings."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflow.protocol.commands import Hangup, Play
from callflow.protocol.connection import (
    AppConnection,
    EngineConnection,
    MalformedMessage,
    MessageReader,
    Spelling,
    prefixed,
    respelled,
)
from callflow.protocol.events import ChannelAnswered
from callflow.protocol.frames import (
    MAX_MESSAGE,
    CaughtUp,
    CommandFrame,
    Error,
    EventFrame,
    Gap,
    Hello,
    ReplyFrame,
    Resume,
    Snapshot,
    Welcome,
)

both = pytest.mark.parametrize("spelling", list(Spelling))

HELLO = Hello(app="ivr", token="secret", routes=("1...",), subscribe=("*",), resume=Resume("e1", 7), pid=12)
ENGINE_FRAMES = [
    Welcome(engine="callflow/0.1.0", protocol=1, epoch="e1", seq=9, session="s1", owns=("c1",)),
    CaughtUp(seq=9),
    Gap(from_=1, to=8),
    Snapshot(more=True),
    ReplyFrame(id="a", ok=False, error=Error("not_found", "no channel c9", {"channel": "c9"})),
]


def answered(spelling, seq=1):
    data = msgspec.Raw(spelling.encode(ChannelAnswered(codec="PCMU")))
    return EventFrame(seq=seq, at=1.5, name="channel.answered", channel="c1", call_seq=1, data=data)


@both
def test_app_frames_arrive_as_they_were_sent(spelling):
    app, engine = AppConnection(spelling), EngineConnection(spelling)
    assert engine.receive(app.send(HELLO)) == [HELLO]


@both
def test_engine_frames_arrive_in_one_message_in_their_order(spelling):
    app, engine = AppConnection(spelling), EngineConnection(spelling)
    assert app.receive(engine.send(*ENGINE_FRAMES)) == ENGINE_FRAMES


@both
def test_a_gap_is_spelled_from_and_to(spelling):
    assert spelling.decode(spelling.encode(Gap(from_=1, to=8)), dict) == {"type": "gap", "from": 1, "to": 8}


@both
def test_a_command_arrives_with_its_arguments(spelling):
    app, engine = AppConnection(spelling), EngineConnection(spelling)
    [frame] = engine.receive(app.send(app.command("p1", Play(sources=("hello.wav",)), channel="c1", deadline=2.0)))
    assert (frame.id, frame.name, frame.channel, frame.deadline) == ("p1", "play", "c1", 2.0)
    assert engine.command(frame) == Play(sources=("hello.wav",))


@both
def test_a_command_without_arguments_takes_its_defaults(spelling):
    app, engine = AppConnection(spelling), EngineConnection(spelling)
    [frame] = engine.receive(app.send(CommandFrame(id="h1", name="hangup", channel="c1")))
    assert engine.command(frame) == Hangup()


@both
def test_an_unknown_command_is_none_and_a_wrong_argument_says_which(spelling):
    engine = EngineConnection(spelling)
    assert engine.command(CommandFrame(id="1", name="fly")) is None
    wrong = CommandFrame(id="1", name="play", args=msgspec.Raw(spelling.encode({"sources": 3})))
    with pytest.raises(MalformedMessage, match=r"\$\.sources"):
        engine.command(wrong)


@both
def test_an_event_is_decoded_when_wanted(spelling):
    app, engine = AppConnection(spelling), EngineConnection(spelling)
    [frame] = app.receive(engine.send(answered(spelling)))
    assert app.event(frame) == ChannelAnswered(codec="PCMU")
    assert app.event(msgspec.structs.replace(frame, name="channel.levitated")) is None


@both
def test_a_query_is_answered_with_data(spelling):
    app, engine = AppConnection(spelling), EngineConnection(spelling)
    [reply] = app.receive(engine.send(engine.reply("q1", seq=4, data={"language": "en"})))
    assert (reply.ok, reply.seq, app.data(reply, dict[str, str])) == (True, 4, {"language": "en"})
    with pytest.raises(MalformedMessage, match="got none"):
        app.data(engine.reply("q2", seq=4), dict[str, str])


def test_msgpack_is_respelled_as_the_json_that_would_have_been_written():
    msgpack, json = answered(Spelling.MSGPACK), answered(Spelling.JSON)
    assert respelled(Spelling.MSGPACK.encode(msgpack)) == Spelling.JSON.encode(json)


def test_json_may_be_pretty_and_lines_may_be_empty():
    engine = EngineConnection(Spelling.JSON)
    assert engine.receive('\n{"type": "hello",\n "app": "a"}\n\n{"type": "hello", "app": "b"}\n') == [
        Hello(app="a"),
        Hello(app="b"),
    ]
    assert engine.receive("") == []


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xc1",
        "text",
        b"\x80",
        b"\x01\x02",
        Spelling.MSGPACK.encode(HELLO)[:-1],
        Spelling.MSGPACK.encode(HELLO) * 2 + b"\x81",
        b"\x91" * 100_000,
        Spelling.MSGPACK.encode(HELLO) + b"\x91" * 100_000,
        b" " * (MAX_MESSAGE + 1),
    ],
)
def test_what_is_no_message_is_malformed(message):
    with pytest.raises(MalformedMessage):
        EngineConnection(Spelling.MSGPACK).receive(message)


@pytest.mark.parametrize("message", ["{", "[]", '{"type":"welcome"}', b"\xff", "[" * 100_000, '{"type":"hello"}'])
def test_json_that_is_no_message_is_malformed(message):
    with pytest.raises(MalformedMessage):
        EngineConnection(Spelling.JSON).receive(message)


@given(st.binary(max_size=300), st.sampled_from(list(Spelling)))
def test_random_bytes_are_frames_or_malformed(message, spelling):
    for connection in (AppConnection(spelling), EngineConnection(spelling)):
        with contextlib.suppress(MalformedMessage):
            assert isinstance(connection.receive(message), list)


@given(st.lists(st.binary(max_size=40), max_size=8), st.lists(st.integers(1, 30)))
def test_a_stream_is_cut_into_its_messages_wherever_it_was_broken(messages, sizes):
    stream, reader, seen = b"".join(map(prefixed, messages)), MessageReader(), []
    for size in [*sizes, len(stream)]:
        seen += reader.feed(stream[:size])
        stream = stream[size:]
    assert seen == messages
    assert reader.is_empty


def test_a_stream_with_a_message_too_long_is_malformed_before_it_is_read():
    with pytest.raises(MalformedMessage, match="at most 10 octets, got 11"):
        MessageReader(max_message=10).feed(b"\x00\x00\x00\x0b")


def test_a_stream_that_ends_inside_a_message_is_seen_to():
    reader = MessageReader()
    reader.feed(prefixed(b"ab")[:-1])
    assert not reader.is_empty
