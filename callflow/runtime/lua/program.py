"""A Lua script at work: calls come in as events, its coroutines run, and what they ask for goes out as commands.

Nothing here waits: `take` and `reply` put what comes in a line, `work` goes through the line, and `next_at` says when there
is something to do though nothing comes. A hang-up reaches a script in the same way as one in Python, see `callflow.run`:
it ends where it waits, unless it waits for just that, or for a recording, which is then a result.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from callflow.dialing import make_stages
from callflow.errors import CommandError, ScriptError
from callflow.leg import END_TIMEOUT, is_last
from callflow.protocol.commands import COMMANDS, Cancel, Command, Dial, Hangup, Originate, Play, Target
from callflow.protocol.events import (
    ChannelAnswered,
    ChannelCreated,
    ChannelEnded,
    DigitsMatched,
    Event,
    OwnerChanged,
    Party,
)
from callflow.protocol.frames import ChannelState
from callflow.protocol.outcomes import Answered, Outcome, Recorded
from callflow.routing import find_route
from callflow.run import ERROR_TONE
from callflow.runtime.log import Record

from .door import Door, Reply
from .interpreter import Interpreter
from .run import MAX_HANDLES, Run
from .script import LuaScript
from .store import Store
from .timer import Timers
from .value import BadValue, to_python
from .verb import ENDED, make_command
from .wait import Wait

HANGUP_WINDOW = 5.0  # seconds that a script which knows of the hang-up, or its on_hangup, may go on after it
TURN = 50  # things done before others get a turn

Stages = tuple[tuple[Target, ...], ...]


class Program:
    """The calls of one loaded script, by way of one door."""

    def __init__(
        self,
        script: LuaScript,
        door: Door,
        *,
        store: Store,
        clock: Callable[[], float],
        epoch: Callable[[], float],
        log: Callable[[Record], None],
    ) -> None:
        """`clock` never goes back, `epoch` is what scripts see: both in seconds. `log` is given what the script says."""
        self._script = script
        self._lua: Interpreter = script.lua
        self._door = door
        self._store = store
        self._clock = clock
        self._epoch = epoch
        self._log = log
        self._line: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()  # Any: what each takes
        self._timers = Timers()
        self._runs: dict[str, Run] = {}  # by channel: calls, and legs that they dialled
        self._waits: dict[int, Wait] = {}  # by number
        self._commands: dict[str, Wait] = {}  # by the command's id
        self._plans: dict[str, Stages] = {}  # of dials that are about to begin, by their first leg
        self._fresh: set[str] = set()  # ours, but created before our time
        self._orphans: dict[
            str, list[ChannelState]
        ] = {}  # legs that are ours again, before the calls that dialled them
        self._scripts: dict[str, Run] = {}  # by the channel of the call, until all of it is over
        self._originated: dict[str, ChannelEnded | None] = {}  # legs without a script yet, and how they ended
        self._names = itertools.count(1)
        self._requests: dict[bytes, Callable[..., None]] = {
            b"do": self._do, b"begin": self._begin, b"end": self._end_call, b"await": self._await, b"stop": self._stop,
            b"tell": self._tell, b"drop": self._drop, b"sleep": self._sleep, b"wait_ended": self._wait_ended,
            b"legs": self._plan, b"dial": self._dial, b"originate": self._originate, b"adopt": self._adopt,
            b"over": self._over, b"failed": self._failed, b"killed": self._killed, b"done": self._done,
            b"log": self._say, b"store": self._use_store, b"require": self._require,
        }  # fmt: skip

    # What drives it

    @property
    def calls(self) -> int:
        """How many calls and legs it has."""
        return len(self._runs)

    @property
    def next_at(self) -> float:
        """When it has something to do by itself; infinity if never."""
        return 0.0 if self._line else self._timers.next_at

    def adopt(self, channels: tuple[str, ...]) -> None:
        """These channels are ours, and their first events will be told."""
        self._fresh.update(channels)

    def take(self, channel: str | None, event: Event) -> None:
        """Something has happened."""
        self._line.append((self._handle, (channel, event)))

    def reply(self, id: str, reply: Reply) -> None:
        """The answer to a command that was given."""
        wait = self._commands.get(id)
        if wait is not None:
            self._line.append((self._accept, (wait, reply)))

    def work(self) -> bool:
        """Do what there is to do, but not all at once: True if something is left. Raises Exhausted."""
        for act in self._timers.due(self._clock()):
            act()
        for _ in range(TURN):
            if not self._line:
                return False
            function, arguments = self._line.popleft()
            function(*arguments)
        return bool(self._line)

    # Events

    def _handle(self, channel: str | None, event: Event) -> None:
        wait = self._commands.get(getattr(event, "command", None) or "")
        outcome: Outcome | None = getattr(event, "outcome", None)
        if wait is not None and outcome is not None:
            self._finish(wait, outcome)
        if channel is None:
            return
        match event:
            case ChannelCreated():
                self._create(channel, event)
            case OwnerChanged():
                self._change_owner(channel, event)
            case ChannelAnswered():
                self._answer(channel)
            case DigitsMatched() if channel in self._runs:
                self._step(self._lua.matched, self._epoch(), channel.encode(), event.digits.encode())
            case ChannelEnded():
                self._end(channel, event)
            case _:
                pass

    def _create(self, channel: str, event: ChannelCreated) -> None:
        if event.direction == "inbound" and (channel in self._fresh or self._door.is_ours(event.owner)):
            self._fresh.discard(channel)
            self._start(channel, event.to, event.route, event.user, event.caller, event.callee)

    def _change_owner(self, channel: str, event: OwnerChanged) -> None:
        if not self._door.is_ours(event.owner):
            self._lose(channel)
            return
        before = self._runs.get(channel)
        if before is not None and before.is_killed:  # the call's policy gave it to this app again
            self._forget(before)
        if channel not in self._runs and event.state is not None:
            state = event.state
            if state.direction == "outbound" and state.parent is not None:
                self._orphans.setdefault(state.parent, []).append(state)
            else:  # in a while: legs that it dialled may be told of after it
                self._line.append((self._take_back, (state, event.to)))

    def _take_back(self, state: ChannelState, to: str) -> None:
        legs = self._orphans.pop(state.id, [])
        known = self._lua.to_lua({
            "is_answered": state.answered_at is not None,
            "variables": state.variables,
            "legs": [
                {"id": leg.id, "direction": leg.direction, "to": leg.to, "is_answered": leg.answered_at is not None}
                for leg in legs
            ],
        })
        caller, callee = Party(uri=state.caller, number=state.caller), Party(uri=state.callee, number=state.callee)
        self._start(
            state.id, to or state.to, None, state.user, caller, callee, state=known, direction=state.direction,
            legs=tuple(leg.id for leg in legs),
        )  # fmt: skip

    def _start(
        self,
        channel: str,
        to: str,
        pattern: str | None,
        user: str | None,
        caller: Party,
        callee: Party,
        *,
        state: object = None,
        direction: str = "inbound",
        legs: tuple[str, ...] = (),
    ) -> None:
        run = self._runs[channel] = self._scripts[channel] = Run(channel, caller=str(caller), to=to)
        for leg in legs:
            run.legs.add(leg)
            self._runs[leg] = run
        route = find_route(self._script.routes, to, pattern=pattern)
        texts = (direction, to, user, caller.uri, caller.number, caller.name, callee.uri, callee.number, callee.name)
        encoded = [None if text is None else text.encode("utf-8", "replace") for text in texts]
        name = route.pattern.encode() if route is not None else None
        self._step(self._lua.start, self._epoch(), channel.encode(), name, *encoded, state)

    def _answer(self, channel: str) -> None:
        run = self._runs.get(channel)
        if run is not None:
            run.answered.add(channel)
            self._step(self._lua.answered, self._epoch(), channel.encode())

    def _end(self, channel: str, event: ChannelEnded) -> None:
        if channel in self._originated:
            self._originated[channel] = event
        for state in self._orphans.pop(channel, ()):  # whoever dialled them is gone: nobody steers them
            self._send(Hangup(), state.id)
        run = self._runs.pop(channel, None)
        if run is None:
            return
        run.legs.discard(channel)
        told = [wait for wait in run.waits.values() if wait.channel == channel]
        going_on = [wait for wait in told if wait.kind in ("wait_ended", "end") or isinstance(wait.outcome, Recorded)]
        if channel == run.main:
            for wait in going_on:
                self._lua.spare(wait.number)
        facts = [_encoded(getattr(event, name)) for name in ENDED]
        self._step(self._lua.ended, self._epoch(), channel.encode(), *facts)
        error = Reply(code="call_ended", message=f"the call has ended: {event.cause_name}, by {event.ended_by}")
        for wait in told:
            if wait.number in self._waits:
                self._resume_after_end(wait, error, is_result=wait in going_on)
        if channel == run.main and going_on:
            self._timers.at(self._clock() + HANGUP_WINDOW, lambda: self._expire(run))

    def _resume_after_end(self, wait: Wait, error: Reply, *, is_result: bool) -> None:
        if not is_result:
            self._resume(wait, False, error.code, error.message)
        elif wait.outcome is not None:
            self._resume_with(wait, wait.outcome)
        else:
            self._resume(wait, True)

    def _expire(self, run: Run) -> None:
        self._step(self._lua.expire, self._epoch(), run.main.encode())

    def _lose(self, channel: str) -> None:
        """The call is another session's now."""
        run = self._runs.pop(channel, None)
        if run is None:
            return
        if channel == run.main:
            self._forget(run)
        else:
            run.legs.discard(channel)
            self._lua.drop(channel.encode())

    def _forget(self, run: Run) -> None:
        for leg in run.legs:
            self._runs.pop(leg, None)
            self._send(Hangup(), leg)
        run.legs.clear()
        self._runs.pop(run.main, None)
        self._scripts.pop(run.main, None)
        self._step(self._lua.forget, self._epoch(), run.main.encode())
        for wait in run.commands.values():
            wait.cancel_timer()
            self._commands.pop(wait.id, None)
        for number in run.waits:
            self._waits.pop(number, None)

    # Steps

    def _step(self, step: Callable[..., None], *arguments: object) -> None:
        """Let the script run, and do what it asks for."""
        step(*arguments)
        take = self._lua.take
        while (asked := take()) is not None:
            number, kind, *details = asked
            self._requests[kind](number, *details)
        self._lua.check()

    def _resume(self, wait: Wait, *values: object, keeps: bool = False) -> None:
        """Answer a coroutine: True and values, or False, a code and a message. `keeps`: its command goes on."""
        number = self._release(wait, keeps=keeps)
        if number:
            arguments = [value.encode("utf-8", "replace") if isinstance(value, str) else value for value in values]
            self._step(self._lua.resume, self._epoch(), number, *arguments)

    def _release(self, wait: Wait, *, keeps: bool = False) -> int:
        number, wait.number = wait.number, 0
        wait.cancel_timer()
        self._waits.pop(number, None)
        if wait.run is not None:
            wait.run.waits.pop(number, None)
        if not keeps:
            self._commands.pop(wait.id, None)
            if wait.run is not None:
                wait.run.commands.pop(wait.id, None)
        return number

    def _resume_with(self, wait: Wait, outcome: Outcome) -> None:
        values = [_encoded(value) for value in msgspec.structs.astuple(outcome)]
        if any(isinstance(value, tuple) for value in values):  # the branches of a dial
            values = [self._lua.to_lua(msgspec.to_builtins(value)) for value in msgspec.structs.astuple(outcome)]
        self._resume(wait, True, str(outcome.__struct_config__.tag), *values)

    def _refuse(self, number: int, code: str, message: str) -> None:
        self._line.append((self._resume, (self._waiting(Wait(number, "do")), False, code, message)))

    def _grant(self, number: int, *values: object) -> None:
        self._line.append((self._resume, (self._waiting(Wait(number, "do")), True, *values)))

    def _waiting(self, wait: Wait) -> Wait:
        if not wait.number:
            return wait
        self._waits[wait.number] = wait
        if wait.run is not None:
            wait.run.waits[wait.number] = wait
        return wait

    # Commands

    def _do(self, number: int, channel: bytes, name: bytes, args: object) -> None:
        self._ask(number, "do", channel, name, args)

    def _begin(self, number: int, channel: bytes, name: bytes, args: object) -> None:
        self._ask(number, "begin", channel, name, args)

    def _end_call(self, number: int, channel: bytes, name: bytes, args: object) -> None:
        self._ask(number, "end", channel, name, args)

    def _ask(self, number: int, kind: Any, channel: bytes, name: bytes, args: object) -> None:  # Any: a Kind
        run = self._runs.get(channel.decode())
        if run is None:
            return self._refuse(number, "call_ended", "the call has ended")
        try:
            values = to_python(args) or {}
            deadline = values.pop("deadline", None) if isinstance(values, dict) else None
            command = make_command(COMMANDS[name.decode()], values)
        except (BadValue, msgspec.ValidationError, TypeError, AttributeError) as error:
            return self._refuse(number, "bad_argument", str(error))
        wait = Wait(number, kind, channel=channel.decode(), run=run, command=command)
        self._give(wait, deadline)

    def _give(self, wait: Wait, deadline: object = None) -> None:
        assert wait.command is not None
        self._waiting(wait)
        wait.id = self._door.new_id("c")
        self._commands[wait.id] = wait
        if wait.run is not None:
            wait.run.commands[wait.id] = wait
        if isinstance(deadline, int | float):
            wait.timer = self._timers.at(self._clock() + deadline, lambda: self._miss(wait, deadline))
        reply = self._door.give(wait.id, wait.command, wait.channel)
        if reply is not None:
            self._line.append((self._accept, (wait, reply)))

    def _accept(self, wait: Wait, reply: Reply) -> None:
        if reply.code is not None:
            if wait.then is not None:
                self._release(wait)
                return wait.then()
            if wait.kind == "end" and reply.code == "call_ended":
                return
            self._resume(wait, False, reply.code, reply.message)
        elif wait.kind == "begin":
            wait.is_told = True
            if wait.number:
                self._resume(wait, True, wait.id, keeps=True)
        elif wait.kind == "end":
            wait.timer = wait.timer or self._timers.at(self._clock() + HANGUP_WINDOW, lambda: self._resume(wait, True))
        elif wait.command is not None and not wait.command.ends_as:
            data = self._lua.to_lua(reply.data) if isinstance(reply.data, dict) else None
            self._resume(wait, True, False, data)

    def _finish(self, wait: Wait, outcome: Outcome) -> None:
        wait.outcome = outcome
        if wait.legs:
            self._settle_legs(wait, outcome)
        if wait.then is not None:
            self._release(wait)
            wait.then()
        elif not wait.number or (wait.kind == "begin" and not wait.is_told):  # nobody has asked for it yet
            self._forget_handles(wait)
        elif self._may_be_hangup(wait, outcome):
            wait.cancel_timer()
            wait.timer = self._timers.at(self._clock() + END_TIMEOUT, lambda: self._resume_with(wait, outcome))
        else:
            self._resume_with(wait, outcome)

    def _may_be_hangup(self, wait: Wait, outcome: Outcome) -> bool:
        if wait.is_stopped or wait.command is None or wait.channel is None or wait.channel not in self._runs:
            return False
        return is_last(outcome, wait.command, wait.channel)

    def _forget_handles(self, wait: Wait) -> None:
        """A script that begins things and never asks how they ended does not fill the memory."""
        run = wait.run
        ended = [each for each in run.commands.values() if each.outcome is not None] if run is not None else []
        for each in ended[:-MAX_HANDLES]:
            self._release(each)

    def _miss(self, wait: Wait, deadline: float) -> None:
        self._cancel(wait)
        self._resume(wait, False, "deadline", f"not done within its deadline of {deadline:g} s")

    def _cancel(self, wait: Wait) -> None:
        if wait.id and wait.outcome is None and wait.kind != "end":
            is_engines = isinstance(wait.command, Originate)
            if is_engines or (wait.command is not None and wait.command.ends_as and wait.channel in self._runs):
                self._send(Cancel(command=wait.id), wait.channel)

    def _send(self, command: Command, channel: str | None) -> None:
        """A command whose reply nobody waits for."""
        self._door.give(self._door.new_id("c"), command, channel)

    def _tell(self, number: int, channel: bytes, name: bytes, args: object) -> None:
        if channel.decode() in self._runs:
            self._send(make_command(COMMANDS[name.decode()], to_python(args) or {}), channel.decode())

    def _await(self, number: int, channel: bytes, id: bytes) -> None:
        wait = self._commands.get(id.decode())
        if wait is None:
            return self._refuse(number, "not_found", "it has ended, and its outcome was told before")
        wait.number = number
        self._waiting(wait)
        if wait.outcome is not None:
            self._line.append((self._resume_with, (wait, wait.outcome)))

    def _stop(self, number: int, channel: bytes, id: bytes) -> None:
        wait = self._commands.get(id.decode())
        if wait is not None and wait.outcome is None:
            wait.is_stopped = True
            self._cancel(wait)

    def _drop(self, _: int, number: int) -> None:
        """The coroutine that waited for this is no more."""
        wait = self._waits.get(number)
        if wait is None:
            return
        if wait.is_told:  # what goes on is the handle's to stop
            self._waits.pop(number)
            wait.number = 0
            if wait.run is not None:
                wait.run.waits.pop(number, None)
            return
        self._cancel(wait)
        if wait.legs:
            self._settle_legs(wait, None)
        self._release(wait)

    def _sleep(self, number: int, seconds: float) -> None:
        wait = self._waiting(Wait(number, "sleep"))
        wait.timer = self._timers.at(self._clock() + max(seconds, 0.0), lambda: self._resume(wait, True))

    def _wait_ended(self, number: int, channel: bytes) -> None:
        run = self._runs.get(channel.decode())
        if run is None:
            return self._refuse(number, "call_ended", "the call has ended")
        self._waiting(Wait(number, "wait_ended", channel=channel.decode(), run=run))

    # Dialling

    def _plan(self, number: int, channel: bytes, stages: object) -> None:
        try:
            given = to_python(stages)
            wanted = [_targets(stage) for stage in (given if isinstance(given, list) else [])]
            plan = make_stages(wanted, new_leg=lambda: self._door.new_id("leg"))
        except (BadValue, msgspec.ValidationError) as error:
            return self._refuse(number, "bad_argument", str(error))
        except CommandError as error:
            return self._refuse(number, error.code, error.message)
        targets = [target for stage in plan for target in stage]
        self._plans[targets[0].leg] = plan
        run = self._runs.get(channel.decode())
        for target in targets if run is not None else ():
            assert run is not None
            run.legs.add(target.leg)
            self._runs[target.leg] = run
        self._grant(number, self._lua.to_lua([text for target in targets for text in (target.leg, target.target)]))

    def _dial(self, number: int, channel: bytes, args: object, key: bytes) -> None:
        plan = self._plans.pop(key.decode())
        run = self._runs.get(channel.decode())
        if run is None:
            return self._refuse(number, "call_ended", "the call has ended")
        self._dial_plan(number, Dial, plan, args, run=run, channel=channel.decode())

    def _originate(self, number: int, _: bytes, args: object, key: bytes, has_script: bool) -> None:
        plan = self._plans.pop(key.decode())
        if has_script:
            self._originated.update({target.leg: None for stage in plan for target in stage})
        self._dial_plan(number, Originate, plan, args)

    def _dial_plan(
        self,
        number: int,
        shape: type[Command],
        plan: Stages,
        args: object,
        *,
        run: Run | None = None,
        channel: str | None = None,
    ) -> None:
        legs = tuple(target.leg for stage in plan for target in stage)
        wait = Wait(number, "do", channel=channel, run=run)
        wait.legs = legs
        try:
            values = to_python(args) or {}
            deadline = values.pop("deadline", None)
            wait.command = make_command(
                shape, {**values, "stages": [list(map(msgspec.to_builtins, stage)) for stage in plan]}
            )
        except (BadValue, msgspec.ValidationError, AttributeError) as error:
            self._settle_legs(wait, None)
            return self._refuse(number, "bad_argument", str(error))
        self._give(wait, deadline)

    def _settle_legs(self, wait: Wait, outcome: Outcome | None) -> None:
        """A dial is over: the legs that lost are forgotten; one that answered while it was cancelled is hung up."""
        won = outcome.leg if isinstance(outcome, Answered) else ""
        legs, wait.legs = wait.legs, ()
        for leg in legs:
            if leg == won:
                continue
            self._originated.pop(leg, None)
            run = self._runs.pop(leg, None)
            if run is not None:
                run.legs.discard(leg)
                self._lua.drop(leg.encode())
                if leg in run.answered:
                    self._send(Hangup(), leg)

    def _adopt(self, number: int, leg: bytes, target: bytes) -> None:
        """A leg that was originated for a script of ours."""
        id, to = leg.decode(), target.decode()
        ended = self._originated.pop(id, None)
        callee = Party(uri=to, number=to)
        self._start(id, to, None, None, Party(uri=""), callee, direction="outbound")
        self._runs[id].answered.add(id)
        if ended is not None:
            self._end(id, ended)

    # Ends

    def _over(self, number: int, channel: bytes, has_failed: bool) -> None:
        """The script is over: hang up what it leaves, after a tone if it failed."""
        run = self._scripts.get(channel.decode())
        if run is None:
            return
        run.has_failed = has_failed
        if not has_failed or run.main not in self._runs:
            return self._hang_up(run)
        wait = Wait(0, "begin", channel=run.main, run=run, command=Play(sources=(ERROR_TONE,)))
        wait.then = lambda: self._hang_up(run)
        self._give(wait)

    def _hang_up(self, run: Run) -> None:
        command = Hangup(cause="temporary_failure" if run.has_failed else "normal_clearing")
        for channel in sorted({run.main, *run.legs}):
            if channel in self._runs:
                self._send(command, channel)

    def _failed(self, number: int, channel: bytes, text: bytes, trace: bytes) -> None:
        self._report(channel.decode(), "the script raised in call", text, trace)

    def _killed(self, number: int, channel: bytes, reason: bytes, trace: bytes) -> None:
        """It has passed a limit. The call is no more its, and has what its policy says."""
        main = channel.decode()
        self._report(main, "the script was ended in call", reason, trace)
        run = self._runs.get(main)
        if run is not None:
            run.is_killed = True
            for leg in sorted(run.legs):
                self._send(Hangup(cause="temporary_failure"), leg)
            self._door.abandon(main)

    def _report(self, channel: str, what: str, text: bytes, trace: bytes) -> None:
        run = self._scripts.get(channel)
        whose = f" from {run.caller} to {run.to}" if run is not None else ""
        report = "\n".join(filter(None, (_readable(text), _readable(trace))))
        record = Record(
            level="error",
            logger="callflow",
            message=f"{what} {channel}{whose}: {_readable(text)}",
            call=channel,
            traceback=report,
        )
        self._log(record)

    def _done(self, number: int, channel: bytes) -> None:
        run = self._scripts.get(channel.decode())
        if run is not None:
            self._forget(run)

    # What else a script asks for

    def _say(self, number: int, level: bytes, text: bytes, channel: bytes | None = None) -> None:
        call = channel.decode() if channel else None
        self._log(Record(level=level.decode(), logger="callflow.script", message=_readable(text), call=call))

    def _use_store(self, number: int, what: bytes, key: object, value: object = None) -> None:
        try:
            act = {b"get": self._store.get, b"set": self._store.set, b"add": self._store.add}[what]
            values = (to_python(key),) if what == b"get" else (to_python(key), to_python(value))
            self._grant(number, act(*values))  # type: ignore[operator]  # each takes its own
        except ValueError as error:
            self._refuse(number, "bad_argument", str(error))

    def _require(self, number: int, name: bytes) -> None:
        try:
            content, path = self._script.read_module(name)
        except ScriptError as error:
            content, path = None, str(error)
        wait = self._waiting(Wait(number, "do"))
        self._line.append((self._resume, (wait, content, path)))


def _targets(stage: object) -> str | Target | list[str | Target]:
    if isinstance(stage, list):
        return [_target(target) for target in stage]
    return _target(stage)


def _target(target: object) -> str | Target:
    return target if isinstance(target, str) else msgspec.convert(target, Target)


def _encoded(value: object) -> object:
    return value.encode("utf-8", "replace") if isinstance(value, str) else value


def _readable(text: bytes) -> str:
    return text.decode("utf-8", "replace")
