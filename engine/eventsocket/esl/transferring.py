"""transfer: to a number of our routes, or to applications one after another (`inline`)."""

from __future__ import annotations

from callflow.protocol import commands

from .execution import Execution
from .hub import Hub
from .leg import Leg
from .performing import conclude, end_all, execute
from .stage import NONE, Stage


async def transfer(stage: Stage, data: str) -> str:
    await send(stage.hub, stage.leg, data)
    return NONE


async def send(hub: Hub, leg: Leg, data: str) -> None:
    """Send a leg on; what runs on it ends. Raises Refused."""
    words = data.split()
    if not words:
        return
    if "inline" in words[1:]:
        inline(hub, leg, data.rpartition(" inline")[0])
        return
    number = words[0]
    then = commands.Fallback(route=number, cause="no_route_destination")
    await hub.steering.command(leg.id, commands.Policy(then=then))
    channel = hub.sockets.table.channels.get(leg.id)
    if channel is not None:
        channel.lose_owner(hub.steering.session)


def inline(hub: Hub, leg: Leg, script: str) -> None:
    """`app:data,app2:data`; what runs on the leg ends first."""
    end_all(hub, leg)
    leg.transferred_at = hub.epoch()
    for application, data in read_inline(script):
        execute(hub, leg, Execution(application, data, hub.new_id(), is_locking=True))
    conclude(hub, leg)


def read_inline(script: str) -> list[tuple[str, str]]:
    """The applications of a script; `m:^:` names another separator."""
    script = script.strip().strip("'")
    separator = ","
    if script.startswith("m:") and len(script) > 3:
        separator, script = script[2], script[4:]
    steps = [part.strip().partition(":") for part in script.split(separator) if part.strip()]
    return [(application.strip(), data) for application, _, data in steps[:32]]
