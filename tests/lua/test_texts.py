"""Texts to numbers of a script in Lua, outside of calls."""

from __future__ import annotations

from callflow.runtime.lua import program

from .scripting import run_script

APP = """
local app = callflow.app("test")
app:route("1000", function(call) call:answer() call:wait_hangup() end)
"""


def test_who_writes_is_answered_and_others_are_written_to(tmp_path):
    written = []

    async def people(simulation, alice):
        bob = simulation.phone("bob")
        await bob.registered()
        assert await alice.write_to("1000", "I am late") == 202
        await alice.reads("So you are, alice")
        await bob.reads("I am late")
        written.extend(bob.written)

    course = run_script(
        tmp_path,
        APP
        + """
        app:on_message(function(message)
          local sent = message:reply("So you are, " .. message.sender)
          print(message.sender, message.to, message.body, message.content_type, sent.outcome)
          app:send_text{ "bob", message.body, sender = message.to }
        end)
        """,
        people,
    )
    assert course.said == ["alice 1000 I am late text/plain sent"]
    assert written == [("1000", "I am late")]
    assert course.errors == []


def test_what_answers_a_text_may_wait_and_do_things_beside_each_other(tmp_path):
    async def people(simulation, alice):
        await alice.write_to("1000", "hello")
        await alice.reads("later")
        await simulation.wait(10)

    course = run_script(
        tmp_path,
        APP
        + """
        app:on_message(function(message)
          callflow.spawn(function() callflow.sleep(100) print("never") end)
          local first = callflow.race(
            function() callflow.sleep(5) return "slow" end,
            function() callflow.sleep(1) return "fast" end)
          print(first)
          message:reply("later")
        end)
        """,
        people,
    )
    assert course.said == ["fast"]


def test_one_that_raises_or_passes_a_limit_is_told_and_the_next_is_answered(tmp_path):
    async def people(simulation, alice):
        for word in ("raise", "spin", "well"):
            await alice.write_to("1000", word)
            await simulation.wait(1)
        await alice.reads("well")
        alice.hang_up()

    course = run_script(
        tmp_path,
        APP
        + """
        app:on_message(function(message)
          if message.body == "raise" then error("out of cheese") end
          while message.body == "spin" do end
          message:reply(message.body)
        end)
        """,
        people,
    )
    first, second = course.errors
    assert "the script raised in a text from alice to 1000: " in first.message
    assert "out of cheese" in first.message
    assert "the script was ended in a text from alice to 1000: " in second.message
    assert (first.call, second.call) == (None, None)


def test_without_a_function_for_them_texts_are_lost_and_that_is_said(tmp_path):
    async def people(simulation, alice):
        assert await alice.write_to("1000", "hello") == 202
        await simulation.wait(1)

    course = run_script(tmp_path, APP, people)
    assert course.said == ["nothing of this app answers texts: one from alice to 1000 is lost"]


def test_more_at_once_than_can_be_answered_are_lost_and_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(program, "MAX_TEXTS", 1)

    async def people(simulation, alice):
        await alice.write_to("1000", "one")
        await alice.write_to("1000", "two")
        await simulation.wait(20)
        await alice.write_to("1000", "three")
        await simulation.wait(20)

    course = run_script(
        tmp_path, APP + "app:on_message(function(message) callflow.sleep(10) print(message.body) end)", people
    )
    assert course.said == ["one", "three"]
    [error] = course.errors
    assert error.message == "a text from alice to 1000 is lost: 1 are being answered"
