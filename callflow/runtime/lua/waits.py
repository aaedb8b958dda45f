"""What the coroutines of a program wait for: by the number of what they asked, and by the command that it became."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from callflow.protocol.outcomes import Outcome

from .interpreter import Interpreter
from .run import MAX_HANDLES
from .value import encoded
from .wait import Wait


class Waits:
    """Answers go to a coroutine as True and values, or as False, a code and a message."""

    def __init__(self, lua: Interpreter, step: Callable[..., None], later: Callable[..., None]) -> None:
        """`step` has the script run on, `later` calls a function when what came before is done."""
        self.by_number: dict[int, Wait] = {}
        self.by_command: dict[str, Wait] = {}
        self._lua = lua
        self._step = step
        self._later = later

    def add(self, wait: Wait) -> Wait:
        """A coroutine waits, unless the number is 0."""
        if wait.number:
            self.by_number[wait.number] = wait
            if wait.run is not None:
                wait.run.waits[wait.number] = wait
        return wait

    def name(self, wait: Wait, id: str) -> None:
        """It stands for the command of this id from now on."""
        wait.id = id
        self.by_command[id] = wait
        if wait.run is not None:
            wait.run.commands[id] = wait

    def release(self, wait: Wait, *, keeps: bool = False) -> int:
        """Nobody waits any more; the number of who did. `keeps`: the command goes on."""
        number, wait.number = wait.number, 0
        wait.cancel_timer()
        self.by_number.pop(number, None)
        if wait.run is not None:
            wait.run.waits.pop(number, None)
        if not keeps:
            self.by_command.pop(wait.id, None)
            if wait.run is not None:
                wait.run.commands.pop(wait.id, None)
        return number

    def resume(self, wait: Wait, *values: object, keeps: bool = False) -> None:
        """Answer whoever waits, now."""
        number = self.release(wait, keeps=keeps)
        if number:
            self.answer(number, *values)

    def answer(self, number: int, *values: object) -> None:
        """The same, where nothing was noted of who waits."""
        self._step(self._lua.resume, number, *map(encoded, values))

    def resume_with(self, wait: Wait, outcome: Outcome) -> None:
        """Answer with an outcome: its name, and its fields in their order."""
        values = msgspec.structs.astuple(outcome)
        if any(isinstance(value, tuple) for value in values):  # the branches of a dial
            values = tuple(self._lua.to_lua(msgspec.to_builtins(value)) for value in values)
        self.resume(wait, True, str(outcome.__struct_config__.tag), *values)

    def refuse(self, number: int, code: str, message: str) -> None:
        """What was asked for cannot be."""
        self._later(self.answer, number, False, code, message)

    def grant(self, number: int, *values: object) -> None:
        """What was asked for is here."""
        self._later(self.answer, number, True, *values)

    def forget_handles(self, wait: Wait) -> None:
        """A script that begins things and never asks how they ended does not fill the memory."""
        commands = wait.run.commands.values() if wait.run is not None else ()
        ended = [each for each in commands if each.outcome is not None and not each.number]
        for each in ended[:-MAX_HANDLES]:
            self.release(each)
