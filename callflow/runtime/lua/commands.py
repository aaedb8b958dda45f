"""The commands of a program: what its coroutines ask the engine for, on the way there and back."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from callflow.leg import END_TIMEOUT, is_last
from callflow.protocol.commands import COMMANDS, Cancel, Command
from callflow.protocol.outcomes import Outcome

from .door import Door, Reply
from .interpreter import Interpreter
from .run import HANGUP_WINDOW, Run
from .timer import Timers
from .value import BadValue, to_python, to_text
from .verb import make_command
from .wait import Kind, Wait
from .waits import Waits


class Commands:
    """Gives them, and answers who waits. Methods with a `number` are what scripts ask for, see call.lua."""

    def __init__(
        self,
        lua: Interpreter,
        door: Door,
        waits: Waits,
        timers: Timers,
        runs: dict[str, Run],
        later: Callable[..., None],
    ) -> None:
        """`runs`: by channel."""
        self.on_dial_over: Callable[[Wait, Outcome | None], None] = lambda wait, outcome: None
        self._lua = lua
        self._door = door
        self._waits = waits
        self._timers = timers
        self._runs = runs
        self._later = later

    def do(self, number: int, channel: object, name: bytes, args: object) -> None:
        self._ask(number, "do", channel, name, args)

    def begin(self, number: int, channel: object, name: bytes, args: object) -> None:
        self._ask(number, "begin", channel, name, args)

    def end(self, number: int, channel: object, name: bytes, args: object) -> None:
        self._ask(number, "end", channel, name, args)

    def do_for_app(self, number: int, name: bytes, args: object) -> None:
        """One that is about no channel."""
        self._give_made(Wait(number, "do"), name, args)

    def wait_for(self, number: int, channel: object, id: object) -> None:
        """The outcome of what a handle stands for."""
        wait = self._waits.by_command.get(to_text(id))
        if wait is None:
            return self._waits.refuse(number, "not_found", "it has ended, and its outcome was told before")
        if wait.number:
            return self._waits.refuse(number, "wrong_state", "another coroutine waits for it already")
        wait.number = number
        self._waits.add(wait)
        if wait.outcome is not None:
            self._later(self._waits.resume_with, wait, wait.outcome)

    def stop(self, number: int, channel: object, id: object) -> None:
        """End what a handle stands for."""
        wait = self._waits.by_command.get(to_text(id))
        if wait is not None and wait.outcome is None:
            wait.is_stopped = True
            self.cancel(wait)

    def tell(self, number: int, channel: object, name: bytes, args: object) -> None:
        """A command whose reply nobody waits for."""
        id = to_text(channel)
        if id in self._runs:
            try:
                self.send(make_command(COMMANDS[name.decode()], to_python(args) or {}), id)
            except (BadValue, msgspec.ValidationError):  # its twin, which began what this ends, was refused
                return

    def drop(self, _: int, number: int) -> None:
        """The coroutine that waited for this is no more."""
        wait = self._waits.by_number.get(number)
        if wait is None:
            return
        if wait.is_told:  # what goes on is the handle's to stop
            self._waits.release(wait, keeps=True)
            return
        self.cancel(wait)
        if wait.legs:
            self.on_dial_over(wait, None)
        self._waits.release(wait)

    def sleep(self, number: int, seconds: float) -> None:
        wait = self._waits.add(Wait(number, "sleep"))
        wait.timer = self._timers.after(max(seconds, 0.0), lambda: self._waits.resume(wait, True))

    def rest(self, number: int) -> None:
        """Until somebody wakes it."""
        self._waits.add(Wait(number, "sleep"))

    def wake(self, _: int, number: int) -> None:
        """The coroutine that rests goes on, when the one that says so is done."""
        wait = self._waits.by_number.get(number)
        if wait is not None:
            self._later(self._waits.resume, wait, True)

    def wait_ended(self, number: int, channel: object) -> None:
        id = to_text(channel)
        run = self._runs.get(id)
        if run is None:
            return self._waits.refuse(number, "call_ended", "the call has ended")
        self._waits.add(Wait(number, "wait_ended", channel=id, run=run))

    # On the way

    def give(self, wait: Wait, deadline: object = None) -> None:
        """Give the command of a wait."""
        assert wait.command is not None
        if wait.kind == "do" and deadline is None and not wait.command.ends_as:
            return self._give_at_once(wait, wait.command)
        self._waits.add(wait)
        self._waits.name(wait, self._door.new_id("c"))
        if isinstance(deadline, int | float) and deadline > 0:  # NaN is not
            wait.timer = self._timers.after(deadline, lambda: self._miss(wait, deadline))
        elif deadline is not None:
            return self._later(self._waits.resume, wait, False, "bad_argument", "expected seconds above 0 as deadline")
        reply = self._door.give(wait.id, wait.command, wait.channel)
        if reply is not None:
            self._later(self.accept, wait, reply)

    def _give_at_once(self, wait: Wait, command: Command) -> None:
        """One whose reply is all there is: inside the engine that is there before anybody can have waited."""
        id = self._door.new_id("c")
        reply = self._door.give(id, command, wait.channel)
        if reply is not None:
            return self._later(self._answer, wait.number, reply)
        self._waits.add(wait)
        self._waits.name(wait, id)

    def _answer(self, number: int, reply: Reply) -> None:
        if reply.code is not None:
            self._waits.answer(number, False, reply.code, reply.message)
        else:
            data = (
                None
                if reply.data is None
                else self._lua.to_lua(msgspec.to_builtins(reply.data, builtin_types=(bytes,)))
            )
            self._waits.answer(number, True, False, data)

    def send(self, command: Command, channel: str | None) -> None:
        """Give a command whose reply nobody waits for."""
        self._door.give(self._door.new_id("c"), command, channel)

    def cancel(self, wait: Wait) -> None:
        """Have a command ended that goes on."""
        if not wait.id or wait.outcome is not None or wait.command is None or not wait.command.ends_as:
            return
        if wait.channel is None or wait.channel in self._runs:
            self.send(Cancel(command=wait.id), wait.channel)

    def accept(self, wait: Wait, reply: Reply) -> None:
        """A command was accepted, or refused."""
        if reply.code is not None:
            self._refuse(wait, reply)
        elif wait.kind == "begin":
            wait.is_told = True
            if wait.number:
                self._waits.resume(wait, True, wait.id, keeps=True)
        elif wait.kind == "end":
            if wait.timer is None:
                wait.timer = self._timers.after(HANGUP_WINDOW, lambda: self._waits.resume(wait, True))
        elif wait.command is not None and not wait.command.ends_as:
            self._answer(self._waits.release(wait), reply)

    def finish(self, wait: Wait, outcome: Outcome) -> None:
        """A command has ended."""
        wait.outcome = outcome
        if wait.legs:
            self.on_dial_over(wait, outcome)
        if wait.then is not None:
            self._waits.release(wait)
            wait.then()
        elif not wait.number or (wait.kind == "begin" and not wait.is_told):  # nobody has asked for it yet
            self._waits.forget_handles(wait)
        elif self._may_be_hangup(wait, outcome):
            wait.cancel_timer()
            wait.timer = self._timers.after(END_TIMEOUT, lambda: self._waits.resume_with(wait, outcome))
        else:
            self._waits.resume_with(wait, outcome)

    def _ask(self, number: int, kind: Kind, channel: object, name: bytes, args: object) -> None:
        id = to_text(channel)
        run = self._runs.get(id)
        if run is None:
            return self._waits.refuse(number, "call_ended", "the call has ended")
        self._give_made(Wait(number, kind, channel=id, run=run), name, args)

    def _give_made(self, wait: Wait, name: bytes, args: object) -> None:
        try:
            values = to_python(args) or {}
            deadline = values.pop("deadline", None)
            wait.command = make_command(COMMANDS[name.decode()], values)
        except (BadValue, msgspec.ValidationError) as error:
            return self._waits.refuse(wait.number, "bad_argument", str(error))
        self.give(wait, deadline)

    def _refuse(self, wait: Wait, reply: Reply) -> None:
        if wait.then is not None:
            self._waits.release(wait)
            wait.then()
        elif wait.kind != "end" or reply.code != "call_ended":  # what it is to bring about has come by itself
            if wait.legs:
                self.on_dial_over(wait, None)
            self._waits.resume(wait, False, reply.code, reply.message)

    def _may_be_hangup(self, wait: Wait, outcome: Outcome) -> bool:
        """Then the hang-up itself is to come: the script ends by that, and does not go on before."""
        if wait.is_stopped or wait.command is None or wait.channel is None or wait.channel not in self._runs:
            return False
        return is_last(outcome, wait.command, wait.channel)

    def _miss(self, wait: Wait, deadline: float) -> None:
        self.cancel(wait)
        if wait.legs:
            self.on_dial_over(wait, None)
        self._waits.resume(wait, False, "deadline", f"not done within its deadline of {deadline:g} s")
