"""One Lua state with a script in it: what the engine asks of it is a step, which ends in a bounded time.

No Python object is within the script's reach, nor a library that is not listed in sandbox.lua. After a step `take`
tells what the script asked for.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lupa import lua54  # type: ignore[import-untyped]

from callflow.errors import ScriptError

from . import verb
from .value import to_lua

CROWDED = 0.75  # of the memory: more than that is held, when nothing is left to collect
HEADROOM = 64 << 20  # octets above the memory that a script may have before Lua itself fails: a step may get there


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of the engine a script may take: in one step, and the memory for all of its calls."""

    instructions: int = 2_000_000  # about 20 ms
    seconds: float = 0.25  # of a CPU
    memory: int = 64 << 20  # octets
    text: int = 1 << 20  # octets of what string.rep makes


class Exhausted(ScriptError):
    """Nothing in this state can go on: it holds more memory than it may, whatever is collected."""


class Interpreter:
    """A Lua state. Its steps raise Exhausted where Lua has no memory left to go on."""

    def __init__(self, limits: Limits, *, seed: int = 0) -> None:
        self.limits = limits
        self._is_exhausted = False
        # Any: lupa has no types
        self._lua: Any = lua54.LuaRuntime(
            encoding=None,  # texts stay octets until value.py has looked at them
            register_eval=False,
            register_builtins=False,
            unpack_returned_tuples=True,
            attribute_filter=_refuse,
            max_memory=limits.memory + HEADROOM,
        )
        self._lua.execute(b"math.randomseed(...)", seed & (2**63 - 1))
        box = self._execute("sandbox.lua", self._limits_table())
        self._steps = self._execute_all(box)
        steps = self._steps
        self.load, self.start, self.resume = map(self._bounded, (steps[b"load"], steps[b"start"], steps[b"resume"]))
        self.answered, self.matched = map(self._bounded, (steps[b"answered"], steps[b"matched"]))
        self.secured = self._bounded(steps[b"secured"])
        self.text = self._bounded(steps[b"text"])
        self.transfer_asked = self._bounded(steps[b"transfer_asked"])
        self.ended, self.expire, self.forget = map(self._bounded, (steps[b"ended"], steps[b"expire"], steps[b"forget"]))
        self.spare: Callable[[int], None] = steps[b"spare"]
        self.drop: Callable[[bytes], None] = steps[b"drop"]
        self.take: Callable[[], Any] = steps[b"take"]

    @property
    def memory(self) -> int:
        """Octets that it has."""
        return int(self._lua.get_memory_used())

    def to_lua(self, value: Any) -> Any:  # noqa: ANN401 - plain values
        """A value for a step."""
        return to_lua(self._lua, value)

    def _bounded(self, step: Callable[..., Any]) -> Callable[..., None]:
        most = self.limits.memory

        def bounded(*arguments: object) -> None:
            try:
                step(*arguments)
            except lua54.LuaMemoryError as error:
                raise Exhausted("the script needs too much memory") from error
            except lua54.LuaError as error:  # a fault of steps.lua, which must not take the engine with it
                raise Exhausted(f"the sandbox failed: {error}") from error
            if self._lua.get_memory_used() > most:
                self._relieve()

        return bounded

    def _relieve(self) -> None:
        """Outside of a step nothing may fail for want of memory: Lua would end the process."""
        most = self.limits.memory
        self._lua.set_max_memory(self._lua.get_memory_used() + HEADROOM)
        self._is_exhausted = self._steps[b"collect"]() * 1024 > most
        if not self._is_exhausted:
            self._lua.set_max_memory(most + HEADROOM)

    def judge(self) -> None:
        """A script was ended: if the others have hardly any memory left to go on with, that is the end of the state."""
        self._is_exhausted |= self._steps[b"collect"]() * 1024 > self.limits.memory * CROWDED

    def check(self) -> None:
        """After what a step asked for was taken. Raises Exhausted."""
        if self._is_exhausted:
            raise Exhausted(f"the script holds more than {self.limits.memory >> 10} KiB")

    def _execute_all(self, box: object) -> Any:  # noqa: ANN401 - a Lua table, of steps
        verbs = self.to_lua(_verbs())
        outcomes, handles, ended = map(self.to_lua, (dict(verb.OUTCOMES), dict(verb.HANDLES), verb.ENDED))
        tasks = self._execute("task.lua", box)
        calls = self._execute("call.lua", box, tasks, verbs, outcomes, handles)
        outside = self._execute("outside.lua", box, tasks)
        app = self._execute("app.lua", box, tasks, calls, verbs, outside)
        return self._execute("steps.lua", box, tasks, calls, app, ended)

    def _execute(self, name: str, *arguments: object) -> Any:  # noqa: ANN401 - what the chunk returns
        source = importlib.resources.files(__package__).joinpath(name).read_bytes()
        return self._lua.execute(source, *arguments, name=b"=callflow", mode=b"t")

    def _limits_table(self) -> Any:  # noqa: ANN401 - a Lua table
        limits = self.limits
        return self.to_lua({
            "instructions": limits.instructions,
            "seconds": limits.seconds,
            "memory": limits.memory // 1024,
            "text": limits.text,
        })


def _verbs() -> dict[str, object]:
    return {
        name: {
            "command": each.command.name,
            "positional": each.positional,
            "rest": each.positional[-1] if each.rest else None,
            "kind": each.kind,
            "of_app": each.of_app,
        }
        for name, each in verb.VERBS.items()
    }


def _refuse(value: object, name: object, is_setting: bool) -> object:
    raise AttributeError("no Python object is within a script's reach")
