"""Traps: a script that takes too much is ended, its call has what its policy says, and all other calls go on."""

from __future__ import annotations

import pytest

from callflow.protocol.events import ChannelEnded, OwnerLost
from callflow.runtime.lua.interpreter import Limits
from callflow.testing import SimulatedPhone, Simulation

from .scripting import SMALL, Course, run_script

SPIN = "while true do end"

# What each does is more than it may.
TOO_LONG = {
    "a busy loop": SPIN,
    "a busy loop inside pcall": f"while true do pcall(function() {SPIN} end) end",
    "nested pcalls": f"local function f() pcall(f) {SPIN} end f()",
    "pcall of itself": "while true do pcall(pcall, pcall, error) end",
    "a message handler that spins": f"while true do xpcall(error, function() {SPIN} end) end",
    "a coroutine that spins": f"coroutine.wrap(function() {SPIN} end)()",
    "a coroutine that spins inside pcall": f"while true do pcall(coroutine.wrap(function() {SPIN} end)) end",
    "coroutines made for ever": f"while true do coroutine.resume(coroutine.create(function() {SPIN} end)) end",
    "a spawned function that spins": f"callflow.spawn(function() {SPIN} end)",
    "a racing function that spins": f"callflow.race(function() {SPIN} end, function() callflow.sleep(1) end)",
    "a <close> that spins": f"do local x <close> = setmetatable({{}}, {{ __close = function() {SPIN} end }}) end",
    "a <close> after an error in a coroutine": (
        "local co = coroutine.create(function() local x <close> = setmetatable({}, { __close = function() "
        f"{SPIN} end }}) error('x') end) coroutine.resume(co) coroutine.close(co) {SPIN}"
    ),
    "an __index that spins": f"local _ = setmetatable({{}}, {{ __index = function() {SPIN} end }}).x",
    "a __tostring that spins": f"error(setmetatable({{}}, {{ __tostring = function() {SPIN} end }}))",
    "a comparison that spins": f"table.sort({{3, 2, 1}}, function() {SPIN} end)",
    "a replacement that spins": f"string.gsub('x', 'x', function() {SPIN} end)",
    "shifting a large table": "local t = {} for n = 1, 9000 do t[n] = n end while true do table.insert(t, 1, 1) end",
    "sorting again and again": "local t = {} for n = 1, 5000 do t[n] = n end while true do table.sort(t) end",
    "shifting to and fro": (
        "local t = {} for n = 1, 9000 do t[n] = n end while true do table.remove(t, 1) t[9000] = 1 end"
    ),
    "moving what is not there": "table.move({}, 1, 1e9, 2)",
    "lines without an end": "while true do print('x') end",
    "counting, caught, and counting again": (
        f"local n = 0 while true do n = n + 1 pcall(function() pcall(function() {SPIN} end) {SPIN} end) end"
    ),
    "a verb in reach after a loop": f"pcall(function() {SPIN} end) call:play('prompt.wav')",
}
TOO_MUCH = {
    "a table that grows": "local t = {} for n = 1, 1e9 do t[n] = n end",
    "a table that grows inside pcall": (
        "local t = {} while true do pcall(function() t[#t + 1] = ('x'):rep(1000) .. #t end) end"
    ),
    "texts that double": "local s = 'x' while true do s = s .. s end",
    "texts that double inside pcall": "local s = 'x' while true do pcall(function() s = s .. s end) end",
    "texts that are kept": "local t = {} while true do t[#t + 1] = ('x'):rep(100000) .. #t end",
    "a concat of one text many times": (
        "local t, s = {}, ('x'):rep(1000000) for n = 1, 1000 do t[n] = s end while true do s = table.concat(t) end"
    ),
    "a call to itself": "local function f() return 1 + f() end f()",
    "coroutines that are kept": "local t = {} while true do t[#t + 1] = coroutine.create(print) end",
}


@pytest.mark.parametrize("body", TOO_LONG.values(), ids=TOO_LONG)
def test_a_script_that_computes_for_too_long_is_ended(tmp_path, body):
    assert "it computes for too long" in ended(tmp_path, body).errors[0].message


@pytest.mark.parametrize("body", TOO_MUCH.values(), ids=TOO_MUCH)
def test_a_script_that_needs_too_much_memory_is_ended(tmp_path, body):
    course = ended(tmp_path, body)
    assert any("too much memory" in error.message or "too long" in error.message for error in course.errors)


def ended(folder, body) -> Course:
    """The calls of a script with a fatal function under 1000, whose policy is 3000, and a peaceful one under 2000."""

    async def people(simulation: Simulation, alice: SimulatedPhone) -> None:
        bob = simulation.phone("bob")
        bob.call("2000")
        await alice.heard("prompt.wav")  # as its policy says
        await alice.ended()
        await bob.heard("music.wav")
        await simulation.wait(2)
        assert bob.is_in_call
        alice.call("2000")  # and new calls are taken
        await alice.heard("music.wav")

    return run_script(
        folder,
        f"""
        local app = callflow.app("test")
        app:route("1000", function(call)
          call:policy{{ route = "3000" }}
          call:answer()
          callflow.sleep(1)
          {body}
        end)
        app:route("2000", function(call)
          call:answer()
          call:play{{ "music.wav", repeat_ = 0 }}
        end)
        app:route("3000", function(call)
          call:play("prompt.wav")
        end)
        """,
        people,
        limits=SMALL,
    )


def raised(folder, body) -> Course:
    """The calls of a script that raises under 1000, and is peaceful under 2000."""

    async def people(simulation: Simulation, alice: SimulatedPhone) -> None:
        bob = simulation.phone("bob")
        bob.call("2000")
        await alice.ended()
        await bob.heard("music.wav")
        assert bob.is_in_call
        assert [event.cause_name for event in simulation.happened(ChannelEnded)] == ["temporary_failure"]

    return run_script(
        folder,
        f"""
        app = callflow.app("test")
        app:route("1000", function(call)
          {body}
        end)
        app:route("2000", function(call)
          call:answer()
          call:play{{ "music.wav", repeat_ = 0 }}
        end)
        """,
        people,
        limits=SMALL,
    )


def test_the_call_of_a_script_that_was_ended_has_what_its_policy_says(tmp_path):
    async def people(simulation, alice):
        await alice.heard("prompt.wav")
        await alice.ended()

    course = run_script(
        tmp_path,
        """
        local app = callflow.app("test")
        app:route("1000", function(call)
          call:policy{ route = "sorry" }
          call:answer()
          while true do end
        end)
        app:route("sorry", function(call)
          call:play("prompt.wav")
        end)
        """,
        people,
        limits=SMALL,
    )
    assert len(course.simulation.happened(OwnerLost)) == 1
    assert course.simulation.happened(ChannelEnded)[0].cause_name == "normal_clearing"


def test_without_a_policy_it_ends_with_a_temporary_failure_and_its_legs_too(tmp_path):
    async def people(simulation, alice):
        bob = simulation.phone("bob", answers_after=1)
        await bob.answered()
        await alice.ended()
        await bob.ended()

    course = run_script(tmp_path, 'local leg = call:dial("bob").leg while true do end', people, limits=SMALL)
    assert set(course.causes) == {"temporary_failure"}
    assert "test.lua:2: in function <test.lua:1>" in course.errors[0].traceback


def test_on_hangup_is_still_called_for_a_script_that_was_ended(tmp_path):
    course = run_script(
        tmp_path, "call:on_hangup(function(ended) print(ended.cause_name) end) while true do end", limits=SMALL
    )
    assert course.said == ["temporary_failure"]


def test_an_on_hangup_that_computes_for_too_long_is_ended_too(tmp_path):
    course = run_script(tmp_path, "call:answer() call:on_hangup(function() while true do end end)", limits=SMALL)
    assert "it computes for too long" in course.errors[0].message


def test_copying_a_large_text_again_and_again_is_ended_by_the_clock(tmp_path):
    body = "local s = 'x' for _ = 1, 24 do s = s .. s end while true do local _ = s .. 'y' end"
    course = run_script(tmp_path, f"call:answer() {body}", limits=Limits(seconds=0.05))
    assert "it computes for too long" in course.errors[0].message


def test_a_script_whose_variables_fill_the_memory_begins_anew(tmp_path):
    async def people(simulation, alice):
        await alice.ended()
        await simulation.wait(5)
        alice.call("1000")
        await alice.ended()

    course = run_script(
        tmp_path,
        """
        local kept = {}
        callflow.app("test"):route("1000", function(call)
          call:answer()
          print(#kept)
          while true do kept[#kept + 1] = ("x"):rep(10000) .. #kept end
        end)
        """,
        people,
        limits=Limits(instructions=50_000_000, seconds=60.0, memory=4 << 20),
    )
    assert course.said == ["0", "0"]


REFUSED = {
    "string.rep": ('("x"):rep(1e9)', "string.rep: expected a result of at most 1048576 octets"),
    "string.rep with a separator": ('string.rep("", 1e9, "x")', "string.rep: expected a result of at most"),
    "string.gsub": ('("x"):rep(10000):gsub("x", ("y"):rep(10000))', "string.gsub: expected a result of at most"),
    "a giant pattern": ('string.match("x", ("a?"):rep(1000))', "string.match: expected a pattern of at most 500"),
    "a pattern that backtracks": (
        'string.find(("a"):rep(3000), ".-.-.-.-b")',
        "string.find: this pattern could take too long over 3000 characters",
    ),
    "a pattern of options": ('string.find(("a"):rep(30), ("a?"):rep(30) .. "b")', "could take too long over 30"),
    "a pattern of brackets": ('string.gsub(("("):rep(9000), "%b()%b()", "")', "could take too long over 9000"),
    "unpack": ("table.unpack({}, 1, 1e7)", "table.unpack: expected at most 5000 values"),
    "a length that is made up": (
        "table.insert(setmetatable({}, { __len = function() return 1e9 end, __metatable = false }), 1, 1)",
        "table.insert: expected a table without a __len",
    ),
    "numbers that are texts": ("table.move({}, '1', '1000000000', 2)", "table.move: expected a number, got string"),
    "a finalizer": ("setmetatable({}, { __gc = print })", "expected a metatable without __gc"),
    "a change of the libraries": ("(function() string.rep = print end)()", "the libraries cannot be changed"),
    "a change of the libraries past their guard": ('rawset(string, "rep", print)', "the libraries cannot be changed"),
    "the metatable of texts": ('getmetatable("").__index.rep', "attempt to index a boolean value"),
    "a table without an end": (
        '(function() local t = {} t.t = t call:gather{ prompt = t } end)()', "expected tables nested at most 8 deep",
    ),
    "a function as a value": ("call:play(print)", "got a function"),
    "waiting in a place that cannot wait": (
        'table.sort({ 2, 1 }, function() callflow.sleep(1) end)', "attempt to yield across a C-call boundary",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("expression", "message"), REFUSED.values(), ids=REFUSED)
def test_what_no_limit_could_stop_is_refused(tmp_path, expression, message):
    course = run_script(tmp_path, f"local ok, e = pcall(function() return {expression} end) print(ok, e)", limits=SMALL)
    assert course.said[0].startswith("false ")
    assert message in course.said[0]
    assert course.errors == []


@pytest.mark.parametrize("expression", [expression for expression, _ in REFUSED.values()], ids=REFUSED)
def test_what_is_refused_and_not_caught_ends_its_own_call_alone(tmp_path, expression):
    course = raised(tmp_path, f"local _ = {expression}")
    assert len(course.errors) == 1
    assert "test.lua:4: " in course.errors[0].traceback


@pytest.mark.parametrize(
    "name",
    [
        "io",
        "debug",
        "package",
        "load",
        "loadstring",
        "dofile",
        "loadfile",
        "collectgarbage",
        "python",
        "warn",
        "rawequal_",
    ],
)
def test_what_is_not_listed_is_not_there(tmp_path, name):
    assert run_script(tmp_path, f"print({name})").said == ["nil"]


@pytest.mark.parametrize(
    "field", ["os.execute", "os.getenv", "os.exit", "os.remove", "string.dump", "coroutine.running"]
)
def test_neither_are_parts_of_libraries_that_reach_out(tmp_path, field):
    assert run_script(tmp_path, f"print({field})").said == ["nil"]


def test_no_object_of_the_engines_is_within_reach(tmp_path):
    """Everything that a script can come by is made of tables, functions of Lua and plain values."""
    course = run_script(
        tmp_path,
        """
        call:answer()
        call:dial("nobody")
        local seen, kinds = {}, {}
        local function look(value)
          kinds[type(value)] = true
          if type(value) ~= "table" or seen[value] then return end
          seen[value] = true
          for key, item in next, value do look(key) look(item) end
          local meta = getmetatable(value)
          if meta then look(meta) end
        end
        look(_G) look(call) look(callflow)
        print(kinds.userdata, kinds.thread)
        """,
    )
    assert course.said == ["nil nil"]


ERRORS = {
    "a table": ("error({})", "table: 0x"),
    "nothing": ("error()", "nil"),
    "a number": ("error(7)", "7"),
    "a __tostring that fails": (
        "error(setmetatable({}, { __tostring = function() error('x') end }))", "(an error of type table)",
    ),
    "a __tostring that gives no text": (
        "error(setmetatable({}, { __tostring = function() return {} end }))", "(an error of type table)",
    ),
    "a __tostring that waits": (
        "error(setmetatable({}, { __tostring = function() callflow.sleep(1) end }))", "(an error of type table)",
    ),
    "a __tostring that is good": ("error(setmetatable({}, { __tostring = function() return 'good' end }))", "good"),
    "octets that are no text": ("error('\\xff\\xfe', 0)", "\ufffd\ufffd"),
    "very long": ("error(('x'):rep(100000), 0)", "xxx"),
    "a coroutine's": ("coroutine.wrap(function() error('inner') end)()", "inner"),
    "a yield to nobody": ("coroutine.yield(1)", "expected to be in a coroutine of the script's own"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "message"), ERRORS.values(), ids=ERRORS)
def test_errors_of_any_kind_are_told(tmp_path, body, message):
    (error,) = raised(tmp_path, body).errors
    assert message in error.message
    assert len(error.message) < 5000
    assert error.traceback
