"""Dialling from a program: the legs have their ids, and are the script's, before anything is dialled."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from callflow.dialing import make_stages
from callflow.errors import CommandError
from callflow.protocol.commands import Command, Dial, Hangup, Originate, Target
from callflow.protocol.events import ChannelEnded
from callflow.protocol.outcomes import Answered, Outcome

from .commands import Commands
from .door import Door
from .interpreter import Interpreter
from .run import Run
from .value import BadValue, to_python, to_text
from .verb import make_command
from .wait import Wait
from .waits import Waits

Stages = tuple[tuple[Target, ...], ...]


class Dialing:
    """What `dial` and `originate` of a script come to, see call.lua."""

    def __init__(self, lua: Interpreter, door: Door, waits: Waits, commands: Commands, runs: dict[str, Run]) -> None:
        self.on_adopted: Callable[[str, str, ChannelEnded | None], None] = lambda leg, target, ended: None
        self._lua = lua
        self._door = door
        self._waits = waits
        self._commands = commands
        self._runs = runs
        self._plans: dict[str, Stages] = {}  # of what is about to begin, by the first leg
        self._originated: dict[str, ChannelEnded | None] = {}  # legs that wait for a script, and how they ended
        commands.on_dial_over = self._settle

    def plan(self, number: int, channel: object, stages: object) -> None:
        """The ids and targets of the legs of a dial, or, without a channel, of an origination."""
        try:
            given = to_python(stages)
            wanted = [_stage(stage) for stage in (given if isinstance(given, list) else [])]
            plan = make_stages(wanted, new_leg=lambda: self._door.new_id("leg"))
        except (BadValue, msgspec.ValidationError) as error:
            return self._waits.refuse(number, "bad_argument", str(error))
        except CommandError as error:
            return self._waits.refuse(number, error.code, error.message)
        targets = [target for stage in plan for target in stage]
        self._plans[targets[0].leg] = plan
        run = self._runs.get(to_text(channel))
        if run is not None:
            for target in targets:
                run.legs.add(target.leg)
                self._runs[target.leg] = run
        self._waits.grant(
            number, self._lua.to_lua([text for target in targets for text in (target.leg, target.target)])
        )

    def dial(self, number: int, channel: object, args: object, first: object) -> None:
        plan, id = self._plans.pop(to_text(first), ()), to_text(channel)
        run = self._runs.get(id)
        if run is None:
            return self._waits.refuse(number, "call_ended", "the call has ended")
        self._give(Wait(number, "do", channel=id, run=run), Dial, plan, args)

    def originate(self, number: int, _: object, args: object, first: object, has_script: bool) -> None:
        plan = self._plans.pop(to_text(first), ())
        if has_script:
            self._originated.update({target.leg: None for stage in plan for target in stage})
        self._give(Wait(number, "do"), Originate, plan, args)

    def adopt(self, number: int, leg: object, target: object) -> None:
        """A leg that was originated for a script of ours."""
        id = to_text(leg)
        if id in self._originated:
            self.on_adopted(id, to_text(target), self._originated.pop(id))

    def note_end(self, channel: str, event: ChannelEnded) -> None:
        """A leg has ended: before its script began?"""
        if channel in self._originated:
            self._originated[channel] = event

    def _give(self, wait: Wait, shape: type[Command], plan: Stages, args: object) -> None:
        wait.legs = tuple(target.leg for stage in plan for target in stage)
        try:
            values = to_python(args) or {}
            deadline = values.pop("deadline", None)
            stages = [[msgspec.to_builtins(target) for target in stage] for stage in plan]
            wait.command = make_command(shape, {**values, "stages": stages})
        except (BadValue, msgspec.ValidationError) as error:
            self._settle(wait, None)
            return self._waits.refuse(wait.number, "bad_argument", str(error))
        self._commands.give(wait, deadline)

    def _settle(self, wait: Wait, outcome: Outcome | None) -> None:
        """A dial is over: legs that lost are forgotten; one that answered while it was cancelled is hung up."""
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
                    self._commands.send(Hangup(), leg)


def _stage(stage: object) -> str | Target | list[str | Target]:
    return [_target(target) for target in stage] if isinstance(stage, list) else _target(stage)


def _target(target: object) -> str | Target:
    return target if isinstance(target, str) else msgspec.convert(target, Target)
