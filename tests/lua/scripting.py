"""A Lua script in a simulated engine, and what became of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from callflow.protocol.events import ChannelEnded
from callflow.runtime.log import Record
from callflow.runtime.lua.interpreter import Limits
from callflow.testing import SimulatedPhone, Simulation

People: TypeAlias = Callable[[Simulation, SimulatedPhone], Awaitable[object]]

SMALL = Limits(instructions=100_000, seconds=5.0, memory=4 << 20)


async def listens(simulation: Simulation, alice: SimulatedPhone) -> None:
    """Alice waits for the end of her call."""
    await alice.ended()


class Course:
    """What came of a script whose calls alice made."""

    def __init__(self, simulation: Simulation, records: Sequence[Record]) -> None:
        self.simulation = simulation
        self.records = records

    @property
    def said(self) -> list[str]:
        """What the script logged, in order."""
        return [record.message for record in self.records if record.logger == "callflow.script"]

    @property
    def errors(self) -> list[Record]:
        """What the engine says of it."""
        return [record for record in self.records if record.logger == "callflow"]

    @property
    def causes(self) -> list[str]:
        """How the calls ended."""
        return [event.cause_name for event in self.simulation.happened(ChannelEnded)]


def run_script(
    folder: Path,
    body: str,
    people: People = listens,
    *,
    limits: Limits | None = None,
    files: dict[str, str] | None = None,
    **options: Any,
) -> Course:
    """Run `body` as the function of alice's call to 1000; or a whole script, if it declares its app itself."""
    script = (
        body if "callflow.app" in body else f'callflow.app("test"):route("1000", function(call)\n{body.strip()}\nend)'
    )
    (folder / "test.lua").write_text(script)
    for name, content in (files or {}).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    simulation = Simulation(folder / "test.lua", folder=folder, lua_limits=limits, **options)
    course: list[Course] = []

    async def scenario() -> None:
        alice = simulation.phone("alice")
        alice.call("1000")
        course.append(Course(simulation, simulation.hosts["test"].records))
        await people(simulation, alice)

    simulation.run(scenario)
    return course[0]
