"""Where an application plays: the leg it runs on, and what it may have done there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from callflow.protocol.commands import Command, Set
from callflow.protocol.outcomes import AnyOutcome

from .execution import Execution
from .hub import Hub
from .leg import Leg

NONE = "_none_"


@dataclass(frozen=True, slots=True)
class Stage:
    """One run of an application."""

    hub: Hub
    leg: Leg
    execution: Execution

    async def do(self, command: Command) -> None:
        """Give a command that takes no time. Raises Refused."""
        await self.hub.steering.command(self.leg.id, command)

    async def run(self, command: Command, *, began: Callable[[str], None] = lambda id: None) -> AnyOutcome:
        """Give a command and wait for its outcome; others may begin inside it. Raises Refused."""

        def note(id: str) -> None:
            self.execution.command = id
            began(id)

        return await self.hub.steering.run_command(
            self.leg.id, command, began=note, accepted=self.execution.under_way.set
        )

    async def set(self, name: str, value: str | None) -> None:
        """Set a variable of the channel, None: remove it. Raises Refused."""
        await set_variable(self.hub, self.leg, name, value)


async def set_variable(hub: Hub, leg: Leg, name: str, value: str | None) -> None:
    """On the channel too, where every other door sees it. Raises Refused."""
    await set_variables(hub, leg, {name: value})


async def set_variables(hub: Hub, leg: Leg, values: Mapping[str, str | None]) -> None:
    """The same for several at once."""
    if leg.owner is not None and leg.owner == hub.steering.session:
        await hub.steering.command(leg.id, Set(variables=dict(values)))
    changed = {**leg.variables, **values}
    leg.variables = {name: value for name, value in changed.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Application:
    """`perform` returns the Application-Response. `differs`: from FreeSWITCH's, in a few words."""

    perform: Callable[[Stage, str], Awaitable[str]]
    differs: str = ""
