"""The generated schema and pages: fresh, valid, and true of real frames."""

import json
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from callflow.protocol.commands import COMMANDS, Dial, Gather, Play, Subscribe, Target, Tone
from callflow.protocol.connection import AppConnection, Spelling
from callflow.protocol.events import EVENTS, ChannelEnded, GatherFinished
from callflow.protocol.frames import (
    CaughtUp,
    ChannelState,
    Error,
    EventFrame,
    Gap,
    Hello,
    ReplyFrame,
    Resume,
    Snapshot,
    Welcome,
)
from callflow.protocol.outcomes import Digits
from callflow.protocol.schema import generated, json_schema, schema_text, write

ROOT = Path(__file__).parents[2]
JSON = Spelling.JSON
app = AppConnection(JSON)


def event(name, data):
    return EventFrame(seq=1, at=1.5, name=name, channel="c1", call_seq=1, data=msgspec.Raw(JSON.encode(data)))


STATE = ChannelState(
    id="c1", direction="inbound", state="answered", caller="alice", callee="1000", to="1000", created_at=1.0
)
ENDED = ChannelEnded(
    cause=16, cause_name="normal_clearing", ended_by="caller", phase="answered", created_at=1.0, ended_at=2.0
)
FRAMES = [
    Hello(app="ivr", token="t", routes=("1...",), subscribe=("*",), resume=Resume("e1", 7), pid=12),
    app.command("p1", Play(sources=("hello.wav", Tone("busy/us", 1.0))), channel="c1", deadline=2.0),
    app.command("d1", Dial(stages=((Target("alice"),),)), channel="c1"),
    app.command("g1", Gather(), channel="c1"),
    app.command("s1", Subscribe(events=("channel.*",))),
    Welcome(engine="callflow/0.1.0", protocol=1, epoch="e1", seq=9, session="s1", owns=("c1",)),
    event("channel.ended", ENDED),
    event("gather.finished", GatherFinished(command="g1", outcome=Digits("42", "#"))),
    CaughtUp(seq=9),
    Gap(from_=1, to=8),
    Snapshot(channels=(STATE,), more=True),
    ReplyFrame(id="a", ok=True, seq=9, data=msgspec.Raw(b'{"language":"en"}')),
    ReplyFrame(id="a", ok=False, error=Error("not_found", "no channel c9", {"channel": "c9"})),
]


@pytest.fixture(scope="module")
def validator():
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("path", sorted(generated()))
def test_what_is_checked_in_is_fresh(path):
    assert (ROOT / path).read_bytes() == generated()[path], "run `make docs`"


def test_it_is_written_where_it_is_checked_in(tmp_path):
    write(tmp_path)
    assert {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.*")} == set(generated())


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: type(frame).__name__)
def test_real_frames_are_valid(validator, frame):
    validator.validate(json.loads(JSON.encode(frame)))


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "goodbye"},
        {"type": "hello"},
        {"type": "command", "id": "1", "name": "play", "args": {"sources": 3}},
        {"type": "command", "id": "1", "name": "hangup", "args": {"colour": 1}},
        {"type": "event", "seq": 1, "at": 1.0, "name": "channel.answered", "data": {"codec": 1}},
    ],
)
def test_wrong_frames_are_not(validator, frame):
    with pytest.raises(ValidationError):
        validator.validate(frame)


def test_every_command_and_event_is_described():
    pages = {path: text.decode() for path, text in generated().items()}
    assert all(f"### {name}\n" in pages["docs/reference/commands.md"] for name in COMMANDS)
    assert all(f"### {name}\n" in pages["docs/reference/events.md"] for name in EVENTS)


def test_every_outcome_names_an_event_that_carries_it():
    for command in COMMANDS.values():
        assert not command.ends_as or "outcome" in EVENTS[command.ended_by].__struct_fields__


def test_the_engine_serves_what_is_checked_in():
    assert schema_text() == (ROOT / "docs/schema/callflow.v1.json").read_bytes()
