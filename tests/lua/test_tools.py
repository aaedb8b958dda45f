"""What goes over whole scripts does so over those in Lua: exploring, replaying, checking that they load."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from callflow.simulation.explore.explorer import explore
from callflow.testing import HttpResponse
from tests.replay.calls import record, replay_with

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("name", ["ivr", "followme", "outbound"])
def test_a_twin_in_lua_has_the_ways_of_the_one_in_python(name):
    in_python, in_lua = (
        {
            explored.number: (len(explored.graph.points), len(explored.walks), explored.is_alike)
            for explored in explore(EXAMPLES / name / f"{name}.{language}")
        }
        for language in ("py", "lua")
    )
    # What only says words is told apart by its line in the script, and commands of Lua have none.
    told_apart = in_python.keys() - {"1003"}
    assert in_lua.keys() == in_python.keys()
    assert {number: in_lua[number] for number in told_apart} == {number: in_python[number] for number in told_apart}


def test_what_an_explored_script_raises_is_found_with_its_place(tmp_path):
    script = tmp_path / "bad.lua"
    script.write_text(
        'callflow.app("bad"):route("1", function(call)\n'
        '  if call:gather().value == "1" then error("on purpose") end\n'
        '  call:play("missing.wav")\n'
        "end)\n"
    )
    (explored,) = explore(script)
    found = {(finding.kind, finding.place) for finding in explored.findings}
    assert ("unhandled exception", "bad.lua:2") in found
    assert len([kind for kind, _ in found if kind == "unhandled exception"]) == 1


@pytest.mark.parametrize(("before", "after"), [("lua", "lua"), ("py", "lua"), ("lua", "py")])
def test_a_call_that_was_saved_goes_as_it_did_with_either_twin(tmp_path, before, after):
    shutil.copytree(EXAMPLES / "ivr", tmp_path / "ivr")

    async def act(simulation):
        alice = simulation.phone("alice")
        alice.call("1000")
        await alice.hears("menu.wav")
        alice.press("1")
        await alice.heard("about.wav")
        alice.hang_up()

    saved = record(tmp_path / "ivr" / f"ivr.{before}", act, tmp_path / "one")
    assert replay_with(saved, tmp_path / "ivr" / f"ivr.{after}", tmp_path / "two").is_same


def test_a_call_whose_script_was_ended_has_its_policy_in_a_replay_too(tmp_path):
    script = tmp_path / "endless.lua"
    script.write_text(
        'local app = callflow.app("endless")\n'
        'app:route("1000", function(call)\n'
        '  call:policy{ route = "2000" }\n'
        "  call:answer()\n"
        "  while true do end\n"
        "end)\n"
        'app:route("2000", function(call) call:play(callflow.tone("440", 1)) end)\n'
    )

    async def act(simulation):
        alice = simulation.phone("alice")
        alice.call("1000")
        await alice.heard(440.0)
        await alice.ended()

    saved = record(script, act, tmp_path / "one")
    assert replay_with(saved, script, tmp_path / "two").is_same
    script.write_text(script.read_text().replace("while true do end", "call:echo()"))
    assert not replay_with(saved, script, tmp_path / "three").is_same


def test_a_call_whose_script_asks_the_world_outside_goes_on_in_a_replay(tmp_path):
    script = tmp_path / "asking.lua"
    script.write_text(
        'callflow.app("asking"):route("1000", function(call)\n'
        "  call:answer()\n"
        '  callflow.db.execute("CREATE TABLE IF NOT EXISTS calls (number TEXT)")\n'
        '  callflow.db.execute("INSERT INTO calls VALUES (?)", call.caller.number)\n'
        '  local answer = callflow.http.get("http://crm/")\n'
        '  local count = callflow.db.query("SELECT count(*) AS n FROM calls").first.n\n'
        '  call:play(callflow.tone(answer.failed and "440" or "600", count))\n'
        "end)\n"
    )

    def calling(web):
        async def act(simulation):
            simulation.web = web
            alice = simulation.phone("alice")
            alice.call("1000")
            await alice.ended()

        return act

    saved = record(script, calling(None), tmp_path / "one")
    assert replay_with(saved, script, tmp_path / "two").is_same
    saved = record(script, calling(lambda request: HttpResponse()), tmp_path / "three")
    assert "600" in "\n".join(replay_with(saved, script, tmp_path / "four").diff)
