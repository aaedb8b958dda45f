"""The contract for programs in other languages: a JSON Schema of every frame, generated from the types.

`python -m callflow.protocol.schema` writes it and the reference pages (reference.py) below docs/. They are checked in,
so that a change of the contract shows in review; a test fails when they are stale.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias, get_args

import msgspec

from .commands import COMMANDS
from .events import EVENTS
from .frames import VERSION, AppFrame, EngineFrame
from .outcomes import AnyOutcome
from .reference import commands_page, events_page, frames_page

_Schema: TypeAlias = dict[str, Any]  # Any: JSON

SCHEMA_PATH = f"docs/schema/callflow.v{VERSION}.json"


def json_schema() -> _Schema:
    """The schema of every frame that may travel, with the arguments of each command and the data of each event."""
    app, engine = (list(map(_without_raw, get_args(frames))) for frames in (AppFrame, EngineFrame))
    queries = [command for command in COMMANDS.values() if command.replies_with is not None]
    types = [*app, *engine, *COMMANDS.values(), *EVENTS.values(), *get_args(AnyOutcome)]
    types += [query.replies_with for query in queries]
    schemas, definitions = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    _tie(definitions["CommandFrame"], "args", {name: _ref(shape) for name, shape in COMMANDS.items()})
    _tie(definitions["EventFrame"], "data", {name: _ref(shape) for name, shape in EVENTS.items()})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"The callflow event socket, version {VERSION}",
        "description": "One frame, in JSON or in msgpack: the same fields under the same names.",
        "oneOf": [_ref(frame) for frame in (*app, *engine)],
        "x-from-apps": [_ref(frame) for frame in app],
        "x-from-engine": [_ref(frame) for frame in engine],
        "x-replies": {query.name: schema for query, schema in zip(queries, schemas[-len(queries) :], strict=True)},
        "x-outcomes": {
            command.name: {"event": command.ended_by, "outcomes": [_ref(outcome) for outcome in command.ends_as]}
            for command in COMMANDS.values()
            if command.ends_as
        },
        "$defs": dict(sorted(definitions.items())),
    }


def schema_text() -> bytes:
    """The schema as it is checked in, and as the engine serves it."""
    return msgspec.json.format(msgspec.json.encode(json_schema()), indent=2) + b"\n"


def generated() -> Mapping[str, bytes]:
    """Every generated file, by its path below the project."""
    return {
        SCHEMA_PATH: schema_text(),
        "docs/reference/frames.md": frames_page().encode(),
        "docs/reference/commands.md": commands_page().encode(),
        "docs/reference/events.md": events_page().encode(),
    }


def write(root: Path) -> None:
    """Write the generated files below `root`."""
    for path, content in generated().items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _without_raw(frame: Any) -> Any:  # noqa: ANN401 - a class made here
    """The frame, with a field for anything where its own is left encoded."""
    fields = msgspec.structs.fields(frame)
    if not any(field.type is msgspec.Raw for field in fields):
        return frame
    plain = [(field.name, *_plain(field)) for field in fields]
    config = frame.__struct_config__
    shape = msgspec.defstruct(frame.__name__, plain, tag_field=config.tag_field, tag=config.tag, kw_only=True)
    shape.__doc__ = frame.__doc__
    return shape


def _plain(field: msgspec.structs.FieldInfo) -> tuple[Any, ...]:
    if field.type is msgspec.Raw:
        return (Any, msgspec.UNSET)
    return (field.type,) if field.required else (field.type, field.default)


def _tie(frame: _Schema, field: str, shapes: Mapping[str, _Schema]) -> None:
    """Say in the frame's schema what its `field` holds by its name."""
    frame["properties"]["name"] = {"type": "string", "examples": list(shapes)}
    frame["properties"][field] = {"type": "object"}
    frame["allOf"] = [
        {"if": {"properties": {"name": {"const": name}}}, "then": {"properties": {field: shape}}}
        for name, shape in shapes.items()
    ]


def _ref(shape: Any) -> _Schema:  # noqa: ANN401 - any class
    return {"$ref": f"#/$defs/{shape.__name__}"}


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2])
