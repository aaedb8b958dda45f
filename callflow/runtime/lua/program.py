"""A Lua script at work: calls come in as events, its coroutines run, and what they ask for goes out as commands.

Nothing here waits: `take` and `reply` put what comes in a line, `work` goes through the line, and `next_at` says when
there is something to do though nothing comes. A hang-up reaches a script in the same way as one in Python, see
`callflow.run`: it ends where it waits, unless it waits for just that, or for a recording, which is then a result.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from callflow.errors import ScriptError
from callflow.protocol.commands import Abandon, Hangup, Play
from callflow.protocol.events import (
    ChannelAnswered,
    ChannelCreated,
    ChannelEnded,
    DigitsMatched,
    Event,
    OwnerChanged,
    Party,
    TransferRequested,
)
from callflow.protocol.frames import ChannelState
from callflow.protocol.outcomes import Outcome, Recorded
from callflow.routing import find_route
from callflow.run import ERROR_TONE
from callflow.runtime.log import Record

from .asking import Asking
from .commands import Commands
from .dialing import Dialing
from .door import Door, Reply
from .outside import Outside
from .run import HANGUP_WINDOW, Run
from .script import LuaScript
from .store import Store
from .timer import Timers
from .value import encoded, to_python, to_text
from .verb import ENDED
from .wait import Wait
from .waits import Waits

TURN = 50  # things done before others get a turn


class Program:
    """The calls of one loaded script, by way of one door."""

    def __init__(
        self,
        script: LuaScript,
        door: Door,
        *,
        store: Store,
        outside: Outside,
        clock: Callable[[], float],
        epoch: Callable[[], float],
        log: Callable[[Record], None],
    ) -> None:
        """`clock` never goes back, `epoch` is what scripts see: both in seconds. `log` gets what the script says."""
        self._script = script
        self._lua = script.lua
        self._door = door
        self._store = store
        self._clock = clock
        self._epoch = epoch
        self._log = log
        self._line: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()  # Any: what each takes
        self._timers = Timers(clock)
        self._runs: dict[str, Run] = {}  # by channel: calls, and legs that they dialled
        self._scripts: dict[str, Run] = {}  # by the channel of the call, until all of it is over
        self._fresh: set[str] = set()  # ours, but created before our time
        self._orphans: dict[str, list[ChannelState]] = {}  # legs that are ours again, before the calls they are for
        self._waits = Waits(script.lua, self._step, self._later)
        self._commands = Commands(script.lua, door, self._waits, self._timers, self._runs, self._later)
        self._dialing = Dialing(script.lua, door, self._waits, self._commands, self._runs)
        self._dialing.on_adopted = self._adopt
        asking = Asking(script.lua, outside, self._waits, self._later)
        self._requests: dict[bytes, Callable[..., None]] = {
            b"do": self._commands.do, b"begin": self._commands.begin, b"end": self._commands.end,
            b"app": self._commands.do_for_app,
            b"await": self._commands.wait_for, b"stop": self._commands.stop, b"tell": self._commands.tell,
            b"drop": self._commands.drop, b"sleep": self._commands.sleep, b"rest": self._commands.rest,
            b"wake": self._commands.wake, b"wait_ended": self._commands.wait_ended,
            b"legs": self._dialing.plan, b"dial": self._dialing.dial, b"originate": self._dialing.originate,
            b"adopt": self._dialing.adopt,
            b"over": self._finish, b"failed": self._tell_failure, b"killed": self._kill, b"done": self._end_script,
            b"log": self._say, b"store": self._use_store, b"http": asking.request, b"sql": asking.query,
            b"require": self._require,
        }  # fmt: skip

    # What drives it

    @property
    def next_at(self) -> float:
        """When it has something to do by itself; infinity if never."""
        return 0.0 if self._line else self._timers.next_at

    def adopt(self, channels: tuple[str, ...]) -> None:
        """These channels are ours, and their first events will be told."""
        self._fresh.update(channels)

    def take(self, channel: str | None, event: Event) -> None:
        """Something has happened."""
        self._later(self._handle, channel, event)

    def reply(self, id: str, reply: Reply) -> None:
        """The answer to a command that was given."""
        wait = self._waits.by_command.get(id)
        if wait is not None:
            self._later(self._commands.accept, wait, reply)

    def work(self) -> bool:
        """Do what there is to do, but not all at once: True if something is left. Raises Exhausted."""
        for act in self._timers.due():
            act()
        for _ in range(TURN):
            if not self._line:
                return False
            function, arguments = self._line.popleft()
            function(*arguments)
        return bool(self._line)

    def _later(self, function: Callable[..., None], *arguments: object) -> None:
        self._line.append((function, arguments))

    def _step(self, step: Callable[..., None], *arguments: object) -> None:
        """Let the script run, and do what it asks for."""
        step(self._epoch(), *arguments)
        take = self._lua.take
        while (asked := take()) is not None:
            number, kind, *details = asked
            self._requests[kind](number, *details)
        self._lua.check()

    # Events

    def _handle(self, channel: str | None, event: Event) -> None:
        outcome: Outcome | None = getattr(event, "outcome", None)
        if outcome is not None:
            wait = self._waits.by_command.get(getattr(event, "command", None) or "")
            if wait is not None:
                self._commands.finish(wait, outcome)
            return
        if channel is None:
            return
        match event:
            case ChannelCreated():
                self._create(channel, event)
            case OwnerChanged():
                self._change_owner(channel, event)
            case ChannelAnswered() if (run := self._runs.get(channel)) is not None:
                run.answered.add(channel)
                self._step(self._lua.answered, channel.encode())
            case DigitsMatched() if channel in self._runs:
                self._step(self._lua.matched, channel.encode(), event.digits.encode())
            case TransferRequested() if channel in self._runs and event.decides == "app":
                texts = channel, event.request, event.kind, event.target, event.other, event.referred_by
                self._step(self._lua.transfer_asked, *map(encoded, texts))
            case ChannelEnded():
                self._end(channel, event)
            case _:
                pass

    def _create(self, channel: str, event: ChannelCreated) -> None:
        if event.direction == "inbound" and (channel in self._fresh or self._door.is_ours(event.owner)):
            self._fresh.discard(channel)
            run = self._enter(channel, event.caller, event.to)
            told = self._lua.to_lua({"created": _told(event)})
            self._start(run, event.route, "inbound", event.user, event.caller, event.callee, told)

    def _change_owner(self, channel: str, event: OwnerChanged) -> None:
        if not self._door.is_ours(event.owner):
            return self._lose(channel)
        before = self._runs.get(channel)
        if before is not None and before.is_killed:  # the call's policy gave it to this app again
            self._forget(before)
        state = event.state
        if channel in self._runs or state is None:
            return
        if state.direction == "outbound" and state.parent is not None:
            self._orphans.setdefault(state.parent, []).append(state)
        else:  # in a while: the legs that it dialled may be told of after it
            self._later(self._take_back, state, event.to)

    def _take_back(self, state: ChannelState, to: str) -> None:
        legs = self._orphans.pop(state.id, [])
        caller, callee = Party(uri=state.caller, number=state.caller), Party(uri=state.callee, number=state.callee)
        run = self._enter(state.id, caller, to or state.to)
        for leg in legs:
            run.legs.add(leg.id)
            self._runs[leg.id] = run
        known = self._lua.to_lua({
            "created": {
                "trunk": state.trunk,
                "withheld": state.withheld,
                "security": msgspec.to_builtins(state.security),
            },
            "is_taken_back": True,
            "is_answered": state.answered_at is not None,
            "variables": state.variables,
            "legs": [
                {"id": leg.id, "direction": leg.direction, "to": leg.to, "is_answered": leg.answered_at is not None}
                for leg in legs
            ],
        })
        self._start(run, None, state.direction, state.user, caller, callee, known)

    def _adopt(self, leg: str, target: str, ended: ChannelEnded | None) -> None:
        nobody = Party(uri="")
        run = self._enter(leg, nobody, target)
        run.answered.add(leg)
        self._start(run, None, "outbound", None, nobody, Party(uri=target, number=target))
        if ended is not None:
            self._end(leg, ended)

    def _enter(self, channel: str, caller: Party, to: str) -> Run:
        run = self._runs[channel] = self._scripts[channel] = Run(channel, caller=str(caller), to=to)
        return run

    def _start(
        self,
        run: Run,
        pattern: str | None,
        direction: str,
        user: str | None,
        caller: Party,
        callee: Party,
        state: object = None,
    ) -> None:
        texts = (
            run.main, self._route(run.to, pattern) if direction == "inbound" else None, direction, run.to, user,
            caller.uri, caller.number, caller.name, callee.uri, callee.number, callee.name,
        )  # fmt: skip
        self._step(self._lua.start, *map(encoded, texts), state)

    def _route(self, number: str, pattern: str | None) -> str | None:
        route = find_route(self._script.routes, number, pattern=pattern)
        return route.pattern if route is not None else None

    # Ends

    def _end(self, channel: str, event: ChannelEnded) -> None:
        self._dialing.note_end(channel, event)
        for state in self._orphans.pop(channel, ()):  # whoever dialled them is gone: nobody steers them
            self._commands.send(Hangup(), state.id)
        run = self._runs.pop(channel, None)
        if run is None:
            return
        run.legs.discard(channel)
        told = [wait for wait in run.waits.values() if wait.channel == channel]
        knowing = [wait for wait in told if wait.kind in ("wait_ended", "end") or isinstance(wait.outcome, Recorded)]
        if channel == run.main:
            for wait in knowing:
                self._lua.spare(wait.number)
        self._step(self._lua.ended, channel.encode(), *(encoded(getattr(event, name)) for name in ENDED))
        for wait in told:
            if wait.number in self._waits.by_number:
                self._answer_at_end(wait, event, is_result=wait in knowing)
        if channel == run.main:
            self._watch(run)

    def _watch(self, run: Run) -> None:
        """What goes on after the end has a while; the script first, then what it wanted for the end."""

        def expire() -> None:
            if self._scripts.get(run.main) is run:
                self._step(self._lua.expire, run.main.encode())
                self._watch(run)

        if self._scripts.get(run.main) is run:
            self._timers.after(HANGUP_WINDOW, expire)

    def _answer_at_end(self, wait: Wait, event: ChannelEnded, *, is_result: bool) -> None:
        if not is_result:
            message = f"the call has ended: {event.cause_name}, by {event.ended_by}"
            self._waits.resume(wait, False, "call_ended", message)
        elif wait.outcome is not None:
            self._waits.resume_with(wait, wait.outcome)
        else:
            self._waits.resume(wait, True)

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

    def _finish(self, number: int, channel: bytes, has_failed: bool) -> None:
        """The script is over: hang up what it leaves, after a tone if it failed."""
        run = self._scripts[channel.decode()]
        run.has_failed = has_failed
        if not has_failed or run.main not in self._runs:
            return self._hang_up(run)
        wait = Wait(0, "begin", channel=run.main, run=run, command=Play(sources=(ERROR_TONE,)))
        wait.then = lambda: self._hang_up(run)
        self._commands.give(wait)

    def _hang_up(self, run: Run) -> None:
        command = Hangup(cause="temporary_failure" if run.has_failed else "normal_clearing")
        for channel in sorted({run.main, *run.legs}):
            if channel in self._runs:
                self._commands.send(command, channel)

    def _kill(self, number: int, channel: bytes, reason: bytes, trace: bytes) -> None:
        """It has passed a limit. The call is no more its, and has what its policy says."""
        run = self._scripts[channel.decode()]
        run.is_killed = True
        self._report(run, "the script was ended in call", reason, trace)
        for leg in sorted(run.legs):
            self._commands.send(Hangup(cause="temporary_failure"), leg)
        if run.main in self._runs:
            self._commands.send(Abandon(), run.main)
        self._lua.judge()

    def _end_script(self, number: int, channel: bytes) -> None:
        run = self._scripts.get(channel.decode())
        if run is not None:
            self._forget(run)

    def _forget(self, run: Run) -> None:
        for leg in sorted(run.legs):
            self._runs.pop(leg, None)
            self._commands.send(Hangup(), leg)
        run.legs.clear()
        self._runs.pop(run.main, None)
        self._scripts.pop(run.main, None)
        self._step(self._lua.forget, run.main.encode())
        for wait in (*run.commands.values(), *run.waits.values()):
            self._waits.release(wait)

    # What else a script asks for

    def _tell_failure(self, number: int, channel: bytes, text: bytes, trace: bytes, code: bytes) -> None:
        self._report(self._scripts[channel.decode()], "the script raised in call", text, trace, to_text(code))

    def _report(self, run: Run, what: str, text: bytes, trace: bytes, code: str = "") -> None:
        words = to_text(text)
        self._log(
            Record(
                level="error",
                logger="callflow",
                message=f"{what} {run.main} from {run.caller} to {run.to}: {words}",
                call=run.main,
                traceback="\n".join(filter(None, (words, to_text(trace)))),
                code=code,
            )
        )

    def _say(self, number: int, level: bytes, text: bytes, channel: bytes | None = None) -> None:
        call = to_text(channel) if channel else None
        self._log(Record(level=level.decode(), logger="callflow.script", message=to_text(text), call=call))

    def _use_store(self, number: int, what: bytes, key: object, value: object = None) -> None:
        store = self._store
        try:
            name, given = to_python(key), to_python(value)
            if what == b"set":
                store.set(name, given)
                found = None
            else:
                found = store.get(name) if what == b"get" else store.add(name, given)
            self._waits.grant(number, found)
        except ValueError as error:
            self._waits.refuse(number, "bad_argument", str(error))

    def _require(self, number: int, name: bytes) -> None:
        try:
            content, path = self._script.read_module(name)
        except ScriptError as error:
            content, path = None, str(error)
        self._later(self._waits.resume, self._waits.add(Wait(number, "do")), content, path)


def _told(created: ChannelCreated) -> dict[str, Any]:
    """What a script sees of a call that came in, beside who calls whom."""
    return {
        "trunk": created.trunk,
        "withheld": created.withheld,
        "diversions": msgspec.to_builtins(created.diversions),
        "security": msgspec.to_builtins(created.security),
        "traceparent": created.traceparent or None,
    }
