"""What comes with the engine for scripts in Lua, and scripts that wait for each other; see also the examples' twins."""

from __future__ import annotations

import pytest

from callflow.errors import ScriptError
from callflow.runtime.lua.script import MODULES, LuaScript

from .scripting import run_script

TWO_CALLS = """
local app, happened = callflow.app("test"), callflow.event()

app:route("1000", function(call)
  call:answer()
  happened:wait()
  print("waited", happened:is_set())
  happened:wait()
end)

app:route("1001", function(call)
  call:answer()
  print("tells", happened:is_set())
  happened:set()
  happened:set()
  call:play(callflow.tone("440", 1))
  print("played")
end)
"""


async def two_callers(simulation, alice):
    bob = simulation.phone("bob")
    await simulation.wait(3)
    bob.call("1001")
    await alice.ended()
    await bob.ended()


def test_a_script_waits_for_what_another_call_tells(tmp_path):
    course = run_script(tmp_path, TWO_CALLS, two_callers)
    assert course.said == ["tells false", "waited true", "played"]
    assert not course.errors


def test_who_hangs_up_waits_no_more_and_what_is_told_then_reaches_the_others(tmp_path):
    async def people(simulation, alice):
        carol = simulation.phone("carol")
        carol.call("1000")
        await simulation.wait(1)
        carol.hang_up()
        await carol.ended()
        await two_callers(simulation, alice)

    course = run_script(tmp_path, TWO_CALLS, people)
    assert course.said == ["tells false", "waited true", "played"]
    assert not course.errors


def test_waiting_is_bounded_by_the_clock(tmp_path):
    course = run_script(
        tmp_path,
        """
        call:answer()
        local never = callflow.event()
        print(callflow.within(2, function() never:wait() end))
        never:set()
        print(callflow.within(2, function() never:wait() end))
        """,
    )
    assert course.said == ["false", "true"]


def test_an_event_that_is_waited_for_while_the_script_is_loaded_is_refused(tmp_path):
    (tmp_path / "flow.lua").write_text('callflow.event():wait()\ncallflow.app("a"):route("1", function() end)')
    with pytest.raises(ScriptError, match="wait: expected to be in a call"):
        LuaScript(tmp_path / "flow.lua")


@pytest.mark.parametrize("module", sorted(path.stem for path in MODULES.glob("*.lua")))
def test_each_module_is_there_whatever_the_folder_of_the_script_has(tmp_path, module):
    (tmp_path / "callflow").mkdir()
    (tmp_path / "callflow" / f"{module}.lua").write_text("error('not this one')")
    text = f'require "callflow.{module}"\ncallflow.app("a"):route("1", function() end)'
    (tmp_path / "flow.lua").write_text(text)
    assert LuaScript(tmp_path / "flow.lua").patterns == ("1",)


def test_a_module_that_there_is_not_is_told_with_those_that_there_are(tmp_path):
    (tmp_path / "flow.lua").write_text('require "callflow.fax"')
    with pytest.raises(ScriptError, match=r"expected one of callflow.closing, callflow.handover, .*callflow.voicemail"):
        LuaScript(tmp_path / "flow.lua")


def test_lists_of_numbers(tmp_path):
    course = run_script(
        tmp_path,
        """
        local numbers = require("callflow.numbers")("0900*", "+49 (30) 123-4")
        print(numbers:has("0900 12"), numbers:has("09001"), numbers:has("090"))
        print(numbers:has("+49301234"), numbers:has(""))
        """,
    )
    assert course.said == ["true true false", "true false"]


VOICEMAIL = """
local app = callflow.app("test")
local voicemail = require("callflow.voicemail"){{ app, silence = 2, {options} }}

app:route("1000", function(call) voicemail:take(call, "alice") end)
app:route("1001", function(call) voicemail:listen(call, "alice") end)
"""


def test_a_box_has_a_greeting_of_its_owner_and_messages_that_are_saved_and_deleted(tmp_path):
    async def people(simulation, alice):
        await alice.heard("message.wav")
        await simulation.wait(1)
        alice.speak(3)
        await alice.heard("saved.wav")
        await alice.ended()
        alice.call("1001")
        await alice.heard("goodbye.wav")
        alice.press("3")
        await alice.heard("message.wav")
        await simulation.wait(1)
        alice.speak(2)
        await alice.heard("save.wav")
        alice.press("1")
        await alice.heard("saved.wav")
        await alice.heard("goodbye.wav")
        alice.press("1")
        await alice.heard("menu.wav")
        alice.press("2")
        await alice.heard("goodbye.wav")
        alice.press("2")
        await alice.heard("menu.wav")
        alice.press("3")
        await alice.heard("deleted.wav")
        await alice.heard("goodbye.wav")
        alice.press("1")
        await alice.heard("no.wav")
        await alice.heard("goodbye.wav")
        alice.press("#")
        await alice.ended()
        alice.call("1000")
        await alice.hears(next(each for each in simulation.recordings.rglob("greeting-*.wav")).name)

    course = run_script(tmp_path, VOICEMAIL.format(options=""), people)
    assert not course.errors


def test_a_box_with_a_pin_is_closed_to_others(tmp_path):
    async def people(simulation, alice):
        await alice.heard("message.wav")
        alice.hang_up()
        await alice.ended()
        alice.call("1001")
        for _ in range(2):
            await alice.heard("pin.wav")
            alice.press("1111")
        await alice.heard("goodbye.wav")
        await alice.ended()

    course = run_script(tmp_path, VOICEMAIL.format(options='pins = { alice = "4711" }, tries = 2'), people)
    assert not course.errors


def test_a_message_is_handed_to_the_script(tmp_path):
    async def people(simulation, alice):
        await alice.heard("message.wav")
        await simulation.wait(1)
        alice.speak(3)
        await alice.ended()

    options = "on_message = function(_, box, message) print(box, message.caller, message.seconds > 2) end"
    assert run_script(tmp_path, VOICEMAIL.format(options=options), people).said == ["alice alice true"]


def test_voicemail_without_an_app_says_what_it_wants(tmp_path):
    (tmp_path / "flow.lua").write_text('require("callflow.voicemail"){ silence = 3 }')
    with pytest.raises(
        ScriptError, match=r"flow.lua:1: voicemail: expected the app, as in Voicemail\{ app, silence = 3 \}"
    ):
        LuaScript(tmp_path / "flow.lua")
