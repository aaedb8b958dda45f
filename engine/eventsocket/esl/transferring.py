"""transfer: to a number of our routes, or to applications one after another (`inline`)."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from callflow.protocol import commands
from callflow.protocol.outcomes import Transferred

from .execution import Execution
from .hub import Hub
from .leg import Leg
from .performing import conclude, end_all, execute, perform_inside
from .stage import NONE, Application, Stage, set_variables
from .vocabulary import q850

# The variables of a call that an application hands over: its name, what it was called with, and each word of that.
APPLICATION_NAME, APPLICATION_DATA, APPLICATION_WORD = "application_name", "application_data", "application_argv"
_MOST_WORDS = 16


async def transfer(stage: Stage, data: str) -> str:
    await send(stage.hub, stage.leg, data)
    return NONE


async def execute_extension(stage: Stage, data: str) -> str:
    """Applications one after another inside this one, by `inline`; a number of our routes does not come back."""
    if " inline" not in data:
        await send(stage.hub, stage.leg, data)
        return NONE
    stage.execution.under_way.set()
    for application, argument in read_inline(data.rpartition(" inline")[0]):
        await perform_inside(stage.hub, stage.leg, Execution(application, argument, stage.hub.new_id()))
    return NONE


def handing_over(name: str, number: str) -> Application:
    """An application that is a script of ours: the call goes to its number, with what was said in variables."""

    async def perform(stage: Stage, data: str) -> str:
        words = _words(data)[:_MOST_WORDS]
        told: dict[str, str | None] = {f"{APPLICATION_WORD}{at}": word for at, word in enumerate(words)}
        left = [each for each in stage.leg.variables if each.startswith(APPLICATION_WORD)]  # by another hand-over
        told = dict.fromkeys(left) | told | {APPLICATION_NAME: name, APPLICATION_DATA: data or None}
        await set_variables(stage.hub, stage.leg, told)
        await send(stage.hub, stage.leg, number)
        return NONE

    return Application(perform)


def _words(text: str) -> list[str]:
    """Separated by spaces; quotes keep together what is between them."""
    try:
        return shlex.split(text)
    except ValueError:  # a quote that is not closed, as in "don't"
        return text.split()


async def deflect(stage: Stage, data: str) -> str:
    """Have the far end call somebody else (302, or REFER when the call is up); then the leg ends."""
    target = _target(data)
    if not stage.leg.answered_at:
        await stage.do(commands.Redirect(targets=(target,)))
        return NONE
    outcome = await stage.run(commands.Transfer(target=target))
    if isinstance(outcome, Transferred):
        stage.leg.cause = "BLIND_TRANSFER"
        await stage.do(commands.Hangup())
    return NONE


async def ask_to_leave(hub: Hub, leg: Leg, data: str) -> bool:
    """The same by api. False: the far end does not. Raises Refused."""
    outcome = await hub.steering.run_command(leg.id, commands.Transfer(target=_target(data)))
    if isinstance(outcome, Transferred):
        leg.cause = "BLIND_TRANSFER"
        await hub.steering.hang_up(leg.id, q850(leg.cause))
    return isinstance(outcome, Transferred)


def _target(data: str) -> str:
    target = data.strip()
    return f"sip:{target}" if "@" in target and not target.startswith(("sip:", "sips:")) else target


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
    hub.nursery.start_soon(_take_steps, hub, leg, read_inline(script), leg.course)


async def _take_steps(hub: Hub, leg: Leg, steps: Sequence[tuple[str, str]], course: int) -> None:
    """One after another, until the leg takes another course; then nothing is left to be done with it."""
    for application, data in steps:
        # What an application at a socket has executed runs inside.
        execution = Execution(application, data, hub.new_id(), is_locking=application.lower() != "socket")
        if leg.course != course or not execute(hub, leg, execution):
            return
        await execution.done.wait()
    if leg.course == course:
        conclude(hub, leg)


def read_inline(script: str) -> list[tuple[str, str]]:
    """The applications of a script; `m:^:` names another separator."""
    script = script.strip().strip("'")
    separator = ","
    if script.startswith("m:") and len(script) > 3:
        separator, script = script[2], script[4:]
    steps = [part.strip().partition(":") for part in script.split(separator) if part.strip()]
    return [(application.strip(), data) for application, _, data in steps[:32]]
