"""What a script in Lua costs the engine beyond the engine's own work: a verb there and back, and a call that waits.

The program is the real one; behind it, in place of the engine, is a door that accepts everything at once.
"""

from __future__ import annotations

import gc
import itertools
import os
import time

from callflow.protocol.commands import Command, Get
from callflow.protocol.events import ChannelCreated, Party
from callflow.runtime.lua.door import ACCEPTED, Reply
from callflow.runtime.lua.outside import Nothing
from callflow.runtime.lua.program import Program
from callflow.runtime.lua.script import LuaScript
from callflow.runtime.lua.store import Store

from .bench import Bench
from .figure import Figure
from .process import memory_kb

CALLS = 2000
SCRIPT = """\
local app = callflow.app("verbs")

app:route("plain", function(call)
  for _ = 1, 1e9 do call:unmute() end
end)

app:route("table", function(call)
  for _ = 1, 1e9 do call:get("customer") end
end)

app:route("waits", function(call)
  call:answer()
  call:on_hangup(function(ended) print(ended.cause_name) end)
  call:gather{ "menu.wav", max = 4, timeout = 60, valid = "[0-9]+" }
end)
"""
_VERBS = {"plain": "without arguments", "table": "with a table each way"}


class AcceptingDoor:
    """Accepts every command, and does nothing."""

    def __init__(self) -> None:
        self.given = 0
        self._numbers = itertools.count()

    def new_id(self, kind: str) -> str:
        return f"{kind}-{next(self._numbers)}"

    def is_ours(self, session: str | None) -> bool:
        return True

    def give(self, id: str, command: Command, channel: str | None) -> Reply:
        self.given += 1
        return Reply(data={}) if isinstance(command, Get) else ACCEPTED


async def measure(bench: Bench) -> list[Figure]:
    """CPU time, as nothing here waits."""
    bench.say("verbs of a Lua script")
    figures = [_measure_verb(bench, to, name) for to, name in _VERBS.items()]
    bench.say(f"memory of {CALLS} calls in one Lua script")
    return [*figures, _measure_memory(bench)]


def _measure_verb(bench: Bench, to: str, name: str) -> Figure:
    values = []
    for _ in range(bench.sizes.repetitions):
        program, door = _program(bench)
        _call(program, to, "call")
        program.work()
        given, began = door.given, time.process_time()
        while door.given - given < 10 * bench.sizes.round_trips:
            program.work()
        values.append((time.process_time() - began) / (door.given - given) * 1e6)
    return Figure(
        name=f"verb of a Lua script, {name}",
        unit="CPU-us/verb",
        values=tuple(values),
        how="a verb from the coroutine to where the engine would do it, and its reply back to the coroutine.",
    )


def _measure_memory(bench: Bench) -> Figure:
    program, _ = _program(bench)
    gc.collect()
    before = memory_kb(os.getpid())
    for number in range(CALLS):
        _call(program, "waits", f"channel-{number:08}")
    while program.work():
        pass
    return Figure(
        name=f"memory of {CALLS} calls in one Lua script",
        unit="MB",
        values=((memory_kb(os.getpid()) - before) / 1024,),
        how="what Pss rises by when so many calls wait in a gather: their coroutines and what is kept of them.",
    )


def _program(bench: Bench) -> tuple[Program, AcceptingDoor]:
    path = bench.folder / "verbs.lua"
    path.write_text(SCRIPT)
    door = AcceptingDoor()
    script = LuaScript(path)
    program = Program(
        script, door, store=Store(), outside=Nothing(), clock=time.monotonic, epoch=time.time, log=lambda record: None
    )
    return program, door


def _call(program: Program, to: str, channel: str) -> None:
    caller, callee = Party(uri="sip:alice@127.0.0.1", number="alice"), Party(uri=f"sip:{to}@127.0.0.1", number=to)
    program.take(channel, ChannelCreated(direction="inbound", caller=caller, callee=callee, to=to, route=to))
