"""What a script in Lua does with its calls: the real engine, simulated phones, virtual time."""

from __future__ import annotations

import pytest

from callflow.protocol.events import ChannelCreated, OwnerLost
from callflow.testing import SimulatedPhone, Simulation, ToneSource
from engine.config import Config, Sip
from engine.encryption import SrtpOfListeners

from .scripting import run_script


async def hangs_up_soon(simulation: Simulation, alice: SimulatedPhone) -> None:
    await simulation.wait(3)
    alice.hang_up()
    await simulation.wait(10)


def test_outcomes_are_tables_with_the_fields_of_the_protocol(tmp_path):
    async def people(simulation, alice):
        await simulation.wait(1)
        alice.press("42#")
        await alice.ended()

    course = run_script(
        tmp_path,
        """
        call:answer()
        local entry = call:gather{ max = 4 }
        print(entry.outcome, entry.digits, entry.value, entry.terminator)
        local played = call:play("prompt.wav")
        print(played.played, played.reason, played.heard_ms)
        local nothing = call:gather{ timeout = 1 }
        print(nothing.timed_out, nothing.value, nothing.partial == "")
        """,
        people,
    )
    assert course.said == ["digits true 42 #", "true completed 2000", "true nil true"]
    assert course.causes == ["normal_clearing"]


def test_a_script_that_returns_hangs_up(tmp_path):
    course = run_script(tmp_path, "call:answer()")
    assert course.causes == ["normal_clearing"]


def test_a_hang_up_ends_the_script_where_it_waits_and_is_told_to_on_hangup(tmp_path):
    course = run_script(
        tmp_path,
        """
        call:on_hangup(function(ended) print("ended", ended.cause_name, ended.ended_by, call.is_over) end)
        local guard <close> = setmetatable({}, { __close = function() print("closed") end })
        call:answer()
        pcall(function() callflow.sleep(100) end)
        print("never")
        """,
        hangs_up_soon,
    )
    assert course.said == ["closed", "ended normal_clearing caller true"]
    assert course.errors == []


def test_on_hangup_runs_too_when_the_script_itself_hangs_up(tmp_path):
    course = run_script(
        tmp_path,
        """
        call:answer()
        call:on_hangup(function(ended) print(ended.ended_by) end)
        call:hangup("user_busy")
        print("after")
        """,
    )
    assert course.said == ["after", "app"]
    assert course.causes == ["user_busy"]


def test_whoever_waits_for_the_hang_up_goes_on_after_it_and_verbs_say_that_the_call_has_ended(tmp_path):
    course = run_script(
        tmp_path,
        """
        call:answer()
        local ended = call:wait_hangup()
        print(ended.cause_name)
        local ok, e = pcall(call.play, call, "prompt.wav")
        print(ok, e.code, e.command)
        call:play("prompt.wav")
        """,
        hangs_up_soon,
    )
    assert course.said == ["normal_clearing", "false call_ended play"]
    assert course.errors == []  # a verb on an ended call is no fault of the script's


def test_a_script_has_a_few_seconds_after_the_hang_up_and_no_more(tmp_path):
    course = run_script(
        tmp_path,
        """
        call:answer()
        call:wait_hangup()
        callflow.sleep(4)
        print("still here")
        callflow.sleep(4)
        print("never")
        """,
        hangs_up_soon,
    )
    assert course.said == ["still here"]


def test_on_hangup_may_wait_for_a_while_and_no_longer(tmp_path):
    course = run_script(
        tmp_path,
        """
        call:answer()
        call:on_hangup(function() callflow.sleep(3) print("noted") callflow.sleep(60) print("never") end)
        call:wait_hangup()
        callflow.sleep(60)
        """,
        hangs_up_soon,
    )
    assert course.said == ["noted"]


def test_an_error_in_on_hangup_is_told_and_the_next_is_called(tmp_path):
    course = run_script(
        tmp_path,
        """
        call:on_hangup(function() error("first") end)
        call:on_hangup(function() print("second") end)
        call:answer()
        """,
    )
    assert course.said == ["second"]
    assert "on_hangup: test.lua:2: first" in course.errors[0].message


def test_a_recording_that_the_caller_ended_by_hanging_up_is_a_result(tmp_path):
    course = run_script(
        tmp_path,
        """
        local message = call:record("message.wav")
        print(message.recorded, message.reason, message.path)
        """,
        hangs_up_soon,
    )
    assert course.said == ["true hangup message.wav"]


def test_what_a_verb_refuses_is_an_error_with_a_code_and_a_place(tmp_path):
    course = run_script(
        tmp_path,
        """
        call:answer()
        local ok, e = pcall(function() call:play("nothing.wav") end)
        print(ok, e.code, e.command, e)
        print(select(2, pcall(function() call:gather{ tmeout = 1 } end)))
        print(select(2, pcall(function() call:play{ callflow.tone("440"), gain_db = "loud" } end)))
        print(select(2, pcall(function() call:say("1", "2") end)))
        print(select(2, pcall(function() call:play("\\xff.wav") end)))
        """,
    )
    first, *others = course.said
    assert first.startswith("false not_found play test.lua:3: play: ")
    assert "nothing.wav" in first
    assert "test.lua:5: gather:" in others[0]
    assert "tmeout" in others[0]
    assert "test.lua:6: play: Expected `float`, got `str`" in others[1]
    assert "test.lua:7: say: expected at most 1 values, got 2" in others[2]
    assert "expected text in UTF-8, got the octet 0xff" in others[3]


def test_an_error_is_told_with_its_traceback_and_the_caller_hears_a_tone(tmp_path):
    course = run_script(
        tmp_path,
        """
        call:answer()
        local function deeper() local nothing; return nothing.field end
        deeper()
        """,
    )
    (error,) = course.errors
    assert error.call
    assert "the script raised in call" in error.message
    assert "test.lua:3: attempt to index a nil value (local 'nothing')" in error.message
    assert "test.lua:3: in local 'deeper'" in error.traceback
    assert "callflow:" not in error.traceback
    assert course.causes == ["temporary_failure"]


def test_a_dialled_leg_is_a_call_and_what_is_left_of_it_is_hung_up(tmp_path):
    async def people(simulation, alice):
        bob = simulation.phone("bob", answers_after=2)
        await bob.answered()
        await alice.ended()
        await bob.ended()

    course = run_script(
        tmp_path,
        """
        local won = call:dial{ { "bob", "nobody" }, timeout = 10 }
        print(won.answered, won.target, won.leg.to, won.leg.origin == call, won.leg.is_answered)
        won.leg:play("prompt.wav")
        """,
        people,
    )
    assert course.said == ["true bob bob true true"]


def test_a_script_knows_how_media_is_encrypted(tmp_path):
    async def people(simulation, alice):
        bob = simulation.phone("bob", answers_after=1, srtp="optional")
        await bob.answered()
        await alice.ended()

    settings = Config(sip=Sip(srtp=SrtpOfListeners(everywhere="optional")))
    course = run_script(
        tmp_path,
        """
        local leg = call:dial("bob").leg
        print(call.security.media or "none", leg.security.media)
        """,
        people,
        settings=settings,
    )
    assert course.said == ["none srtp AEAD_AES_256_GCM"]


def test_calls_meet_in_a_conference_that_the_app_steers(tmp_path):
    async def people(simulation, alice):
        bob = simulation.phone("bob")
        bob.call("1000")
        await simulation.wait(2)
        await alice.ended()
        await bob.ended()

    course = run_script(
        tmp_path,
        """
        local app = callflow.app("test")
        app:route("1000", function(call)
          call:answer()
          local taking_part = call:joining{ "board" }
          callflow.sleep(1)
          local board = app:conference("board")
          print(board.name, #board.members)
          if callflow.store.add("calls") == 1 then
            app:conference_play("board", "prompt.wav")
            app:conference{ "board", action = "end" }
          end
          print(taking_part:wait().reason)
        end)
        """,
        people,
    )
    assert sorted(course.said) == ["board 2", "board 2", "ended", "ended"]


def test_a_dial_that_nobody_takes_tells_of_each_branch(tmp_path):
    async def people(simulation, alice):
        simulation.phone("bob", rejects=486)
        await alice.ended()

    course = run_script(
        tmp_path,
        """
        local lost = call:dial("bob")
        print(lost.failed, lost.reason, #lost.branches, lost.branches[1].target, lost.branches[1].reason)
        """,
        people,
    )
    assert course.said == ["true no_answer 1 bob busy"]


def test_a_function_confirms_each_leg_that_answers(tmp_path):
    async def people(simulation, alice):
        bob, carol = simulation.phone("bob", answers_after=1), simulation.phone("carol", answers_after=2)
        await carol.answered()
        await simulation.wait(1)
        carol.press("1")
        await alice.connected_to(carol)
        assert not bob.is_in_call
        alice.hang_up()

    run_script(
        tmp_path,
        """
        local won = call:dial{ { "bob", "carol" }, timeout = 20, confirm = function(leg)
          return leg.to == "carol" and leg:gather{ max = 1 }.value == "1"
        end }
        call:bridge(won.leg)
        """,
        people,
    )


def test_a_leg_that_hangs_up_raises_where_its_verb_waits(tmp_path):
    async def people(simulation, alice):
        bob = simulation.phone("bob", answers_after=1)
        await bob.answered()
        await simulation.wait(2)
        bob.hang_up()
        await alice.ended()

    course = run_script(
        tmp_path,
        """
        local leg = call:dial("bob").leg
        local ok, e = pcall(leg.gather, leg, { timeout = 60 })
        print(ok, e.code, leg.is_over, call.is_over)
        """,
        people,
    )
    assert course.said == ["false call_ended true false"]


def test_what_goes_on_beside_the_script_is_steered_and_stopped_by_its_handle(tmp_path):
    course = run_script(
        tmp_path,
        """
        call:answer()
        do
          local music <close> = call:playing{ "music.wav", repeat_ = 0 }
          callflow.sleep(2.5)
          music:gain(-6)
          music:pause()
          music:resume()
        end
        callflow.sleep(1)
        local music = call:playing("prompt.wav")
        callflow.sleep(1)
        print(music:stop().reason)
        local another = call:playing("music.wav")
        print(another:wait().reason)
        local third = call:playing("music.wav")
        callflow.sleep(3)
        print(third:wait().reason, pcall(third.pause, third))
        """,
    )
    assert course.said[:2] == ["stopped", "completed"]
    assert course.said[2].startswith("completed false")
    assert "pause: " in course.said[2]


def test_hold_mute_and_bound_digits_last_as_long_as_their_block(tmp_path):
    async def people(simulation, alice):
        await simulation.wait(2)
        alice.press("*1")
        await simulation.wait(1)
        alice.press("*1")
        await alice.ended()

    course = run_script(
        tmp_path,
        """
        call:answer()
        do
          local held <close> = call:holding("music.wav")
          local muted <close> = call:muting()
          callflow.sleep(1)
        end
        local bound <close> = call:binding_digits("*1", function() print("pressed") end)
        callflow.sleep(5)
        """,
        people,
    )
    assert course.said == ["pressed", "pressed"]


def test_race_gives_what_the_first_returns_and_ends_the_others(tmp_path):
    course = run_script(
        tmp_path,
        """
        call:answer()
        print(callflow.race(
          function() callflow.sleep(1) return "sleeper", 1 end,
          function()
            local guard <close> = setmetatable({}, { __close = function() print("ended") end })
            call:play{ "music.wav", repeat_ = 0 }
          end))
        print(callflow.within(2, function() return call:gather{ timeout = 30 } end))
        print(callflow.within(5, function() callflow.sleep(1) return "done" end))
        print(pcall(callflow.race, function() error("first") end, function() callflow.sleep(9) end))
        """,
    )
    assert course.said == ["ended", "sleeper 1", "false", "true done", "false test.lua:11: first"]


def test_spawned_functions_run_beside_the_script_and_end_with_it(tmp_path):
    course = run_script(
        tmp_path,
        """
        call:answer()
        callflow.spawn(function(word)
          for n = 1, 9 do print(word, n) callflow.sleep(1) end
        end, "tick")
        local later = callflow.after(1.5, function() print("later") end)
        local never = callflow.after(1.5, function() print("never") end)
        never:close()
        callflow.sleep(2.5)
        """,
    )
    assert course.said == ["tick 1", "tick 2", "later", "tick 3"]


def test_a_spawned_function_may_end_itself_and_others_that_wait(tmp_path):
    course = run_script(
        tmp_path,
        """
        call:answer()
        local own, other
        other = callflow.spawn(function() call:gather{ timeout = 60 } print("never") end)
        own = callflow.spawn(function()
          callflow.sleep(1)
          other:close()
          own:close()
          print("one step more")
          callflow.sleep(1)
          print("never")
        end)
        callflow.sleep(5)
        """,
    )
    assert course.said == ["one step more"]


def test_an_error_in_a_spawned_function_ends_the_script(tmp_path):
    course = run_script(
        tmp_path,
        """
        call:answer()
        callflow.spawn(function() callflow.sleep(1) error("beside") end)
        callflow.sleep(60)
        """,
    )
    assert "test.lua:3: beside" in course.errors[0].message
    assert course.causes == ["temporary_failure"]


def test_coroutines_of_the_scripts_own_may_use_verbs(tmp_path):
    course = run_script(
        tmp_path,
        """
        call:answer()
        local each = coroutine.wrap(function()
          for _, file in ipairs{ "music.wav", "prompt.wav" } do coroutine.yield(call:play(file).heard_ms) end
        end)
        print(each(), each())
        """,
    )
    assert course.said == ["1000 2000"]


def test_files_of_the_same_folder_can_be_required_once(tmp_path):
    course = run_script(
        tmp_path,
        """
        local hours = require("lib.hours")
        local again = require("lib.hours")
        callflow.app("test"):route("1000", function(call)
          call:answer()
          print(hours == again, hours.open)
        end)
        """,
        files={"lib/hours.lua": 'print("loading")\nreturn { open = "9 to 5" }'},
    )
    assert course.said == ["true 9 to 5"]


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "lib/../x", "", "os"])
def test_nothing_else_can_be_required(tmp_path, name):
    course = run_script(tmp_path, f'print(pcall(require, "{name}"))')
    assert course.said[0].startswith("false")


def test_calls_share_what_is_in_the_store_and_no_globals(tmp_path):
    async def people(simulation, alice):
        await alice.ended()
        alice.call("1000")
        await simulation.wait(1)
        await alice.ended()

    course = run_script(
        tmp_path,
        """
        call:answer()
        callflow.store.set("last", call.id)
        print(callflow.store.add("calls"), callflow.store.get("nothing"))
        print(pcall(function() counter = 1 end))
        print(pcall(callflow.store.set, "x", {}))
        """,
        people,
    )
    assert [line for line in course.said if line[0].isdigit()] == ["1 nil", "2 nil"]
    assert "expected a local variable, got the global counter" in course.said[1]
    assert "expected a text, a number or a boolean under 'x'" in course.said[2]


def test_variables_of_the_channel(tmp_path):
    course = run_script(
        tmp_path,
        """
        assert(next(call:get()) == nil)
        call:set{ customer = "42", gone = "x" }
        call:set{ gone = false }
        local all = call:get()
        print(all.customer, all.gone, call.variables.customer, call:get("customer").customer)
        """,
    )
    assert course.said == ["42 nil 42 42"]


def test_a_menu_leads_to_the_function_of_the_key(tmp_path):
    async def people(simulation, alice):
        await simulation.wait(1)
        alice.press("2")
        await alice.ended()

    course = run_script(
        tmp_path,
        """
        print(call:menu{ "prompt.wav", choices = {
          ["1"] = function() return "sales" end,
          ["2"] = function(c) return "support", c == call end,
        } })
        print(call:menu{ choices = { [1] = print }, timeout = 1, retries = 0 }.timed_out)
        """,
        people,
    )
    assert course.said == ["support true", "true"]


def test_a_limit_refuses_and_a_deadline_is_kept(tmp_path):
    course = run_script(
        tmp_path,
        """
        call:limit("trunk", 1)
        call:answer()
        local ok, e = pcall(call.play, call, { "music.wav", repeat_ = 0, deadline = 2 })
        print(ok, e.code)
        print(pcall(call.limit, call, { "other", maximum = 0 }))
        """,
    )
    assert course.said[0] == "false deadline"
    assert course.said[1].startswith("false")


def test_an_app_originates_a_call_for_a_function_of_its_own(tmp_path):
    async def people(simulation, alice):
        bob = simulation.phone("bob", answers_after=1)
        await bob.answered()
        await bob.heard("prompt.wav")
        await bob.ended()

    course = run_script(
        tmp_path,
        """
        local app = callflow.app("test")
        app:route("1000", function(call)
          call:answer()
          local result = app:originate{ "bob", timeout = 10, script = function(leg)
            print(leg.direction, leg.is_answered)
            leg:play("prompt.wav")
          end }
          print(result.answered)
          callflow.sleep(1)
        end)
        """,
        people,
    )
    assert sorted(course.said) == ["outbound true", "true"]


def test_a_call_without_a_route_is_rejected(tmp_path):
    async def people(simulation, alice):
        await alice.ended()
        alice.call("9")
        assert (await alice.ended()).status == 404

    run_script(tmp_path, "call:answer()", people)


def test_a_script_that_was_lost_takes_up_its_calls_again(tmp_path):
    async def people(simulation, alice):
        await simulation.wait(2)
        simulation.kill()
        await simulation.wait(5)
        alice.hang_up()

    course = run_script(
        tmp_path,
        """
        local app = callflow.app("test")
        app:route("1000", function(call)
          call:policy{ wait = 30 }
          call:set{ step = "music" }
          call:answer()
          call:play{ "music.wav", repeat_ = 0 }
        end)
        app:on_reattach(function(call)
          print(call.is_reattached, call.is_answered, call.variables.step, call.to)
          call:play{ "music.wav", repeat_ = 0 }
        end)
        """,
        people,
    )
    assert course.said == ["true true music 1000"]
    assert len(course.simulation.happened(OwnerLost)) == 1
    assert len(course.simulation.happened(ChannelCreated)) == 1


def test_the_same_seed_gives_the_same_log(tmp_path):
    logs = {
        run_script(
            tmp_path,
            """
            call:answer()
            call:set{ a = "1", b = "2", c = "3", d = "4", e = "5" }
            for n = 1, 9 do callflow.spawn(function() call:playing("music.wav") call:gather{ timeout = 60 } end) end
            callflow.sleep(math.random())
            call:gather{ "prompt.wav", timeout = 1 }
            """,
            seed=3,
        ).simulation.log
        for _ in range(3)
    }
    assert len(logs) == 1


@pytest.mark.parametrize(
    ("decision", "status", "hears"),
    [
        ("true", 200, "carol"),
        ("'carol'", 200, "carol"),
        ("false", 603, "bob"),
        ("480", 480, "bob"),
        ("nil", 603, "bob"),
    ],
)
def test_a_script_decides_on_a_transfer(tmp_path, decision, status, hears):
    async def people(simulation, alice):
        bob = simulation.phone("bob", answers_after=1)
        carol = simulation.phone("carol", answers_after=1)
        await alice.connected_to(bob)
        bob.transfer("carol")
        assert await bob.transferred() == status
        await alice.connected_to(carol if hears == "carol" else bob)
        alice.hang_up()
        await alice.ended()

    course = run_script(
        tmp_path,
        f"""
        local leg = call:dial("bob").leg
        local deciding <close> = leg:deciding_transfers(function(asked)
          print(asked.kind, asked.target, asked.other)
          callflow.sleep(0.5)
          return {decision}
        end)
        call:bridge(leg)
        """,
        people,
    )
    assert course.said == ["blind sip:carol@10.0.0.1:5060 nil"]
    assert course.errors == []


def test_a_decision_that_raises_fails_the_script_and_after_its_block_the_engine_decides(tmp_path):
    async def people(simulation, alice):
        bob = simulation.phone("bob", answers_after=1)
        await alice.connected_to(bob)
        bob.transfer("carol")
        await alice.ended()

    course = run_script(
        tmp_path,
        """
        local leg = call:dial("bob").leg
        leg:deciding_transfers(print):close()
        local deciding <close> = leg:deciding_transfers(function() error("on purpose") end)
        call:bridge(leg)
        """,
        people,
    )
    assert [error.message.split(": ")[-1] for error in course.errors] == ["on purpose"]


def test_a_recording_is_downloaded_as_a_text(tmp_path):
    async def people(simulation, alice):
        await alice.answered()
        alice.speak(ToneSource((440.0,), duration_ms=1000))
        await alice.ended()

    course = run_script(
        tmp_path,
        """
        call:answer()
        call:record{ "message.wav", max = 2 }
        local sound = call:download("message.wav")
        print(sound:sub(1, 4), #sound > 10000)
        local ok, problem = pcall(call.download, call, "missing.wav")
        print(problem.code)
        """,
        people,
    )
    assert course.said == ["RIFF true", "not_found"]
