"""Every way in which a command can end, with a scenario for each: what the script does, what the people do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import anyio
import pytest

from callflow import Call
from callflow.protocol.commands import COMMANDS
from callflow.testing import SimulatedPhone, Simulation

Script: TypeAlias = Callable[[Call], Awaitable[object]]
People: TypeAlias = Callable[[Simulation, SimulatedPhone], Awaitable[object]]


@dataclass(frozen=True)
class Row:
    """One row of a command's table in the reference."""

    command: str
    outcome: str
    reason: str
    script: Script
    people: People


ROWS: list[Row] = []


def row(command: str, outcome: str, reason: str = "", *, people: People | None = None) -> Callable[[Script], Script]:
    """The script that makes the command end so. Without `people` alice listens for ten seconds."""

    def register(script: Script) -> Script:
        ROWS.append(Row(command, outcome, reason, script, people or listens))
        return script

    return register


async def listens(simulation: Simulation, alice: SimulatedPhone) -> None:
    await simulation.wait(10)


def listens_for(seconds: float) -> People:
    async def people(simulation: Simulation, alice: SimulatedPhone) -> None:
        await simulation.wait(seconds)

    return people


def presses(digits: str) -> People:
    async def people(simulation: Simulation, alice: SimulatedPhone) -> None:
        await simulation.wait(2)
        alice.press(digits)
        await simulation.wait(10)

    return people


def hangs_up(after: float = 3.0) -> People:
    async def people(simulation: Simulation, alice: SimulatedPhone) -> None:
        await simulation.wait(after)
        alice.hang_up()
        await simulation.wait(10)

    return people


async def cancelled(action: Awaitable[object], after: float = 1.0) -> None:
    """Wait for it no longer than that."""
    with anyio.move_on_after(after):
        await action


@asynccontextmanager
async def beside(*actions: Callable[[], Awaitable[object]]) -> Any:
    """Do these while the block goes on."""
    async with anyio.create_task_group() as tasks:
        for action in actions:
            tasks.start_soon(action)
        yield
        tasks.cancel_scope.cancel()


def ends_told(simulation: Simulation, command: str) -> Iterator[tuple[str, str]]:
    """How commands of that kind ended, by the event log."""
    for happened in simulation.history:
        if happened.event.name == COMMANDS[command].ended_by:
            outcome = getattr(happened.event, "outcome", None)
            if outcome is not None:
                yield outcome.__struct_config__.tag, getattr(outcome, "reason", "") or ""


def parametrize(rows: list[Row]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", rows, ids=lambda case: f"{case.command}-{case.outcome}-{case.reason}")
