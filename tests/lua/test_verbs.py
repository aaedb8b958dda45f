"""Each verb, once, as a script in Lua gives it: the engine gets the command with these arguments."""

from __future__ import annotations

import gc

import pytest

from callflow.protocol import commands
from callflow.protocol.commands import Say, Silence, Target, Text, Tone
from callflow.protocol.events import ChannelCreated, ChannelEnded, Party
from callflow.runtime.lua.door import ACCEPTED, Reply
from callflow.runtime.lua.outside import Nothing
from callflow.runtime.lua.program import Program
from callflow.runtime.lua.run import Run
from callflow.runtime.lua.script import LuaScript
from callflow.runtime.lua.store import Store
from callflow.runtime.lua.verb import HANDLES, VERBS
from callflow.runtime.lua.wait import Wait

from .scripting import SMALL

GIVEN = {
    "answer": ('call:answer{ headers = { ["X-A"] = "1" } }', commands.Answer(headers={"X-A": "1"})),
    "ring": ("call:ring()", commands.Ring()),
    "progress": ("call:progress()", commands.Progress()),
    "reject": ('call:reject("busy")', commands.Reject(reason="busy")),
    "redirect": ('call:redirect("bob", "sip:x@y")', commands.Redirect(targets=("bob", "sip:x@y"))),
    "hangup": ("call:hangup(17)", commands.Hangup(cause=17)),
    "hangup_at": ("call:hangup_at{ after = 60 }", commands.HangupAt(after=60.0)),
    "play": (
        'call:play{ "a.wav", callflow.silence(0.5), callflow.say("5", { kind = "number" }), repeat_ = 0 }',
        commands.Play(sources=("a.wav", Silence(0.5), Say("5", kind="number")), repeat=0),
    ),
    "say": ('call:say{ "42", kind = "digits" }', commands.SayCommand(text="42", kind="digits")),
    "tone": ('call:tone{ "busy/us", seconds = 2 }', commands.ToneCommand(plan="busy/us", seconds=2.0)),
    "echo": ("call:echo{ delay_ms = 1000 }", commands.Echo(delay_ms=1000)),
    "detect": (
        'call:detect{ "answerer", "beep", timeout = 20, rules = { greeting = 2 } }',
        commands.Detect(what=("answerer", "beep"), timeout=20.0, rules=commands.AnswererRules(greeting=2.0)),
    ),
    "gather": (
        'call:gather{ callflow.tone("440", 1), "a.wav", max = 4, invalid = callflow.text("No.", { voice = "de+f3" }) }',
        commands.Gather(prompt=(Tone("440", 1.0), "a.wav"), max=4, invalid=(Text("No.", voice="de+f3"),)),
    ),
    "send_digits": ('call:send_digits{ "12#", gap_ms = 50 }', commands.SendDigits(digits="12#", gap_ms=50)),
    "press": ('call:press("12#")', commands.Press(digits="12#")),
    "bind_digits": (
        'call:bind_digits("*9", { name = "hangup", args = { cause = 16 } })',
        commands.BindDigits(digits="*9", do=commands.BoundCommand("hangup", {"cause": 16})),
    ),
    "unbind_digits": ("call:unbind_digits()", commands.UnbindDigits()),
    "record": ('call:record{ "m.wav", max = 30, beep = true }', commands.Record(path="m.wav", max=30.0, beep=True)),
    "record_call": ('call:record_call{ "c.wav", stereo = false }', commands.RecordCall(path="c.wav", stereo=False)),
    "stream": (
        'call:stream{ "ws://bot.example/", tracks = "both", rate = 16000, parameters = { topic = "weather" } }',
        commands.Stream(url="ws://bot.example/", tracks="both", rate=16000, parameters={"topic": "weather"}),
    ),
    "dial": (
        'call:dial{ "desk", { "mobile", { target = "home", delay = 5 } }, timeout = 9, confirm = { key = "1" } }',
        commands.Dial(
            stages=((Target("desk", "leg-1"),), (Target("mobile", "leg-2"), Target("home", "leg-3", delay=5.0))),
            timeout=9.0,
            confirm=commands.Confirmation(key="1"),
        ),
    ),
    "bridge": ("call:bridge{ call, hangup_after = false }", commands.Bridge(other="c", hangup_after=False)),
    "join": (
        'call:join{ "board", pin = "1", sounds = { enter = { "ding.wav" } } }',
        commands.Join(conference="board", pin="1", sounds=commands.ConferenceSounds(enter=("ding.wav",))),
    ),
    "listen": ('call:listen(call, "whisper")', commands.Listen(other="c", mode="whisper")),
    "conference": (
        'app:conference{ "board", action = "mute", member = call }',
        commands.ConferenceCommand(conference="board", action="mute", member="c"),
    ),
    "conference_play": (
        'app:conference_play("board", "a.wav", callflow.silence(1))',
        commands.ConferencePlay(conference="board", sources=("a.wav", Silence(1.0))),
    ),
    "conference_record": (
        'app:conference_record{ "board", "b.wav", max = 60 }',
        commands.ConferenceRecord(conference="board", path="b.wav", max=60.0),
    ),
    "joining": ('call:joining{ "board", muted = true }', commands.Join(conference="board", muted=True)),
    "listening": ("call:listening(call)", commands.Listen(other="c")),
    "unbridge": ("call:unbridge()", commands.Unbridge()),
    "hold": ('call:hold("m.wav")', commands.Hold(music=("m.wav",))),
    "resume": ("call:resume()", commands.ResumeCommand()),
    "mute": ('call:mute("both")', commands.Mute(direction="both")),
    "unmute": ("call:unmute()", commands.Unmute()),
    "set_language": ('call:set_language("de")', commands.SetLanguage(language="de")),
    "set": ('call:set{ a = "1", b = false }', commands.Set(variables={"a": "1", "b": None})),
    "get": ('call:get("a", "b")', commands.Get(variables=("a", "b"))),
    "headers": ('call:headers("Subject", "X-A")', commands.Headers(names=("Subject", "X-A"))),
    "transfer": ('call:transfer{ "bob", timeout = 9 }', commands.Transfer(target="bob", timeout=9.0)),
    "transfer_policy": ('call:transfer_policy("refuse")', commands.TransferPolicy(requests="refuse")),
    "send_message": ('call:send_message("hello")', commands.SendMessage(body="hello")),
    "send_info": (
        'call:send_info{ "x", content_type = "application/x" }',
        commands.SendInfo(body="x", content_type="application/x"),
    ),
    "send_options": (
        'call:send_options{ headers = { ["X-Test"] = "x" } }',
        commands.SendOptions(headers={"X-Test": "x"}),
    ),
    "notify": ('call:notify("talk")', commands.Notify(event="talk")),
    "limit": ('call:limit("trunk", 2)', commands.Limit(resource="trunk", maximum=2)),
    "policy": (
        'call:policy{ wait = 5, music = "m.wav", app = "other" }',
        commands.Policy(wait=5.0, music=("m.wav",), then=commands.Fallback(app="other")),
    ),
    "originate": (
        'app:originate{ "desk", caller_id = "100", bridge = call }',
        commands.Originate(stages=((Target("desk", "leg-1"),),), caller_id="100", bridge="c"),
    ),
    "set_mailbox": ('app:set_mailbox{ "alice", new = 2 }', commands.SetMailbox(user="alice", new=2)),
    "send_text": ('app:send_text("alice", "hello")', commands.SendText(to="alice", body="hello")),
    "set_lamp": ('app:set_lamp("701", "busy")', commands.SetLamp(lamp="701", state="busy")),
    "set_presence": (
        'app:set_presence{ "alice", "closed", note = "at lunch" }',
        commands.SetPresence(user="alice", status="closed", note="at lunch"),
    ),
    "playing": ('call:playing("a.wav")', commands.Play(sources=("a.wav",))),
    "recording": ('call:recording{ "m.wav", max = 9 }', commands.Record(path="m.wav", max=9.0)),
    "streaming": (
        'call:streaming{ "ws://bot.example/", dialect = "twilio" }',
        commands.Stream(url="ws://bot.example/", dialect="twilio"),
    ),
    "recording_call": ('call:recording_call("c.wav")', commands.RecordCall(path="c.wav")),
    "bridging": ("call:bridging(call)", commands.Bridge(other="c")),
}


APPS = {name for name, verb in VERBS.items() if verb.of_app}


class Door:
    """Accepts everything, and remembers it."""

    def __init__(self):
        self.given = []
        self._legs = 0

    def new_id(self, kind):
        self._legs += kind == "leg"
        return f"{kind}-{self._legs if kind == 'leg' else len(self.given)}"

    def is_ours(self, session):
        return session == "ours"

    def give(self, id, command, channel):
        self.given.append((command, channel))
        return Reply(data={}) if isinstance(command, commands.Get) else ACCEPTED


def run_body(folder, body) -> tuple[Door, list[str]]:
    """What a function does until it waits for what comes later: its commands, and what it logged."""
    path = folder / "verbs.lua"
    path.write_text(f'app = callflow.app("verbs") app:route("1000", function(call) {body} call:wait_hangup() end)')
    door, said = Door(), []
    program = Program(
        LuaScript(path),
        door,
        store=Store(),
        outside=Nothing(),
        clock=lambda: 1.0,
        epoch=lambda: 1.0,
        log=lambda r: said.append(r.message),
    )
    party = Party(uri="sip:a@b", number="a")
    program.take("c", ChannelCreated(direction="inbound", caller=party, callee=party, to="1000", owner="ours"))
    for _ in range(1000):
        if not program.work() and program.next_at > 1.0:
            break
    return door, said


def test_each_verb_and_each_handle_is_tried_here():
    assert GIVEN.keys() == VERBS.keys() | HANDLES.keys()


@pytest.mark.parametrize("name", GIVEN)
def test_a_verb_is_its_command(tmp_path, name):
    body, command = GIVEN[name]
    door, said = run_body(tmp_path, body)
    channel = None if name in APPS else "c"
    assert door.given == [(command, channel)], said


def test_calls_that_have_ended_leave_nothing(tmp_path):
    """Whatever they were at: waiting, playing beside, racing, dialling, recording."""
    path = tmp_path / "leaves.lua"
    path.write_text(LEAVES)
    door = Door()
    script = LuaScript(path, limits=SMALL)
    clock = [1.0]
    program = Program(
        script,
        door,
        store=Store(),
        outside=Nothing(),
        clock=lambda: clock[0],
        epoch=lambda: 1.0,
        log=lambda record: None,
    )
    party = Party(uri="sip:a@b", number="a")

    def round_of_calls(number: int) -> None:
        for to in ("gather", "beside", "race", "dial", "record", "knows", "fails", "spins"):
            channel = f"{to}-{number}"
            created = ChannelCreated(direction="inbound", caller=party, callee=party, to=to, owner="ours")
            ended = ChannelEnded(
                cause=16,
                cause_name="normal_clearing",
                ended_by="caller",
                phase="answered",
                created_at=0.0,
                ended_at=1.0,
            )
            for event in (created, ended):
                program.take(channel, event)
                while program.work():
                    pass
        for _ in range(3):  # what knows of the end has its time, and then `on_hangup` has
            clock[0] += 6
            while program.work():
                pass

    round_of_calls(0)
    gc.collect()
    before = script.lua.memory
    for number in range(1, 20):
        round_of_calls(number)
    gc.collect()
    assert not [kept for kept in gc.get_objects() if isinstance(kept, Run | Wait)]
    script.lua.resume(1.0, 10**9)  # a step without anybody to wait for it
    assert script.lua.memory - before < 300_000
    assert program.next_at == float("inf")


LEAVES = """
local app = callflow.app("leaves")
app:route("gather", function(call) call:answer() call:gather{ timeout = 60 } end)
app:route("beside", function(call)
  call:playing("a.wav") call:recording_call("b.wav") call:binding_digits("*1", print)
  callflow.spawn(function() callflow.sleep(99) end)
  callflow.sleep(99)
end)
app:route("race", function(call) callflow.within(99, function() call:gather{ deadline = 50 } end) end)
app:route("dial", function(call) call:dial{ { "bob", "carol" }, confirm = function() callflow.sleep(9) end } end)
app:route("record", function(call) call:record("m.wav") end)
app:route("knows", function(call)
  call:on_hangup(function() callflow.sleep(99) end)
  call:wait_hangup()
  callflow.sleep(99)
end)
app:route("fails", function(call) call:on_hangup(function() error("x") end) error("y") end)
app:route("spins", function(call) call:on_hangup(function() while true do end end) call:gather() end)
"""


JUNK = [
    "nil",
    "true",
    "0/0",
    "-1",
    "1e300",
    "{}",
    "{{}}",
    "print",
    "'\\xff'",
    "('x'):rep(9999)",
    "call",
    "{ call }",
    "{ [0] = 1 }",
]


@pytest.mark.parametrize("junk", JUNK)
def test_junk_is_refused_or_given_and_hurts_nobody(tmp_path, junk):
    """No argument of a script's, whatever it is, is a fault of the engine's."""
    lines = [f"pcall(call.{name}, call, {junk})" for name in (*VERBS, *HANDLES) if name not in APPS]
    lines += [f"pcall(call.{name}, call, {{ {junk}, deadline = {junk} }})" for name in VERBS if name not in APPS]
    lines += [
        f"pcall(call.{name}, {junk}, {junk})"
        for name in (*(VERBS.keys() - APPS), *HANDLES, "menu", "on_hangup", "holding")
    ]
    lines += [
        f"pcall(call.{name}, call, {junk}, {junk}) " for name in ("menu", "binding_digits", "muting", "on_hangup")
    ]
    lines += [f"pcall(app.{name}, app, {junk}) pcall(app.{name}, {junk})" for name in (*APPS, "route", "on_reattach")]
    for name in ("spawn", "after", "race", "within", "tone", "say", "text", "silence", "now", "app", "log.info"):
        lines.append(f"pcall(callflow.{name}, {junk}, {junk})")
    lines += [f"pcall(callflow.store.{name}, {junk}, {junk})" for name in ("get", "set", "add")]
    beside = ""
    for at in range(0, len(lines), 20):
        spawned = ", ".join(f"callflow.spawn(function() {line} end)" for line in lines[at : at + 20])
        beside += f"local s = {{ {spawned} }} callflow.sleep(0) for _, each in ipairs(s) do each:close() end\n"
    beside = f"do {beside} end "
    _, said = run_body(tmp_path, f"{beside} call.id, call.variables = {junk}, {junk} {beside} print('alive')")
    assert said[-1] == "alive", said[-3:]
