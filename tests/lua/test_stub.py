"""What the language server is told is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from callflow.protocol.commands import COMMANDS
from callflow.runtime.lua import stub
from callflow.runtime.lua.verb import HANDLES, INTERNAL, VERBS

from .scripting import run_script


def test_the_annotations_are_those_of_the_protocol_as_it_is():
    assert stub.PATH.read_text() == stub.stub(), "run `make docs`"


def test_no_verb_is_forgotten():
    of_channels = {command for command in COMMANDS.values() if command.of == "channel"}
    of_apps = {verb.command for verb in VERBS.values() if verb.of_app}
    assert of_apps == {
        COMMANDS[name]
        for name in (
            "originate",
            "conference",
            "conference_play",
            "conference_record",
            "send_text",
            "set_mailbox",
            "set_lamp",
            "set_presence",
        )
    }
    assert {verb.command for verb in VERBS.values()} - of_channels == of_apps
    assert of_channels - {verb.command for verb in VERBS.values()} == INTERNAL


def test_the_values_without_a_name_are_fields_of_their_commands():
    for name, verb in VERBS.items():
        assert set(verb.positional) <= set(verb.command.__struct_fields__), name


def test_everything_that_is_annotated_is_there_and_every_verb_is_annotated(tmp_path):
    annotated = set(re.findall(r"^function (Call|App|callflow)[:.]([\w.]+)\(", stub.stub(), re.MULTILINE))
    methods = {name for kind, name in annotated if kind == "Call"}
    assert methods >= {name for name, verb in VERBS.items() if not verb.of_app} | HANDLES.keys()
    places = {"Call": "call.{}", "App": "app.{}", "callflow": "callflow.{}"}
    checks = "\n".join(f'print(type({places[kind].format(name)}), "{name}")' for kind, name in sorted(annotated))
    course = run_script(tmp_path, f'local app = callflow.app("test") app:route("1000", function(call)\n{checks}\nend)')
    assert [line for line in course.said if not line.startswith("function ")] == []


@pytest.mark.parametrize("verb", [*VERBS, *HANDLES])
def test_each_verb_is_on_the_page_that_shows_python_and_lua_side_by_side(verb):
    page = (Path(__file__).parents[2] / "docs" / "lua.md").read_text()
    assert re.search(rf"[:`]{verb}\b", page)
