"""Scripts in Lua, loaded: what they declare, and what is wrong with those that cannot be."""

from __future__ import annotations

import pytest

from callflow.errors import ScriptError
from callflow.runtime.lua.script import LuaScript

from .scripting import SMALL


def load(folder, text, **files) -> LuaScript:
    (folder / "flow.lua").write_text(text)
    for name, content in files.items():
        (folder / f"{name}.lua").write_text(content)
    return LuaScript(folder / "flow.lua", limits=SMALL)


def refusal(folder, text, **files) -> ScriptError:
    with pytest.raises(ScriptError) as refused:
        load(folder, text, **files)
    return refused.value


def test_the_app_and_its_routes_are_known_in_their_order(tmp_path):
    script = load(
        tmp_path,
        'local app = callflow.app("flow") app:route("2", "1", print) function help() end app:route("3+", help)',
    )
    assert (script.name, script.patterns) == ("flow", ("2", "1", "3+"))


BAD = {
    "no Lua": ("\nlocal local", "{}/flow.lua:2: <name> expected near 'local'"),
    "an error": ("\n\nerror('on purpose')", "{}/flow.lua:3: on purpose"),
    "an error that is no text": ("error({})", "{}/flow.lua: table: 0x"),
    "no app": ("print('hello')", "{}/flow.lua: expected an app, such as local app = callflow.app"),
    "two apps": ('callflow.app("a") callflow.app("b")', "{}/flow.lua:1: callflow.app: expected one app"),
    "no route": ('callflow.app("a")', "{}/flow.lua: expected at least one app:route"),
    "a route without a function": ('callflow.app("a"):route("1")', "route: expected a function, got string"),
    "a pattern that is none": ('callflow.app("a"):route("(", print)', 'route "(": expected a regular expression'),
    "a pattern twice": ('callflow.app("a"):route("1", "1", print)', 'route "1" is taken already'),
    "a verb while it is loaded": ("callflow.sleep(1)", "{}/flow.lua:1: sleep: expected to be in a call"),
    "waiting while it is loaded": ("coroutine.yield(1)", "the script waits while it is loaded"),
    "a loop while it is loaded": ("while true do end", "it computes for too long"),
    "a file that is not there": ('require("nothing")', "/nothing.lua: expected a Lua script: No such file"),
    "octets that are no text": ("error('\\xff')", "{}/flow.lua:1: \ufffd"),
    "bytecode": ("\x1bLua", "attempt to load a binary chunk"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_told_with_its_place(tmp_path, text, message):
    assert message.format(tmp_path) in str(refusal(tmp_path, text))


def test_the_report_has_the_way_there(tmp_path):
    error = refusal(tmp_path, 'local function f() require("part") end\nf()', part="\nlocal x\nx()")
    assert str(error) == f"{tmp_path}/part.lua:3: attempt to call a nil value (local 'x')"
    assert "flow.lua:1: in local 'f'" in error.report or "flow.lua:1: in upvalue 'f'" in error.report


def test_files_that_require_each_other_are_refused(tmp_path):
    error = refusal(tmp_path, 'require("one")', one='require("two")', two='require("one")')
    assert "require: one requires itself" in str(error)


def test_links_that_lead_out_of_the_folder_are_not_followed(tmp_path):
    (tmp_path / "outside.lua").write_text("return 1")
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "inside.lua").symlink_to(tmp_path / "outside.lua")
    assert "expected a file of the script's folder, got a link" in str(refusal(folder, 'require("inside")'))


def test_a_script_that_is_not_there(tmp_path):
    with pytest.raises(ScriptError, match="expected a Lua script: No such file"):
        LuaScript(tmp_path / "flow.lua")


def test_one_that_is_too_long(tmp_path):
    assert "expected a script of at most 1048576 octets" in str(refusal(tmp_path, "-" * (1 << 20) + "--"))
