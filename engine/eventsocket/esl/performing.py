"""Applications begin and end on a leg: CHANNEL_EXECUTE, CHANNEL_EXECUTE_COMPLETE, and those cut short."""

from __future__ import annotations

from typing import cast

import structlog

from callflow.protocol.commands import Headers, Reject

from .execution import Execution
from .expansion import expand
from .hub import Hub
from .leg import Leg
from .stage import NONE, Stage
from .steering import Refused
from .vocabulary import NORMAL_CLEARING, q850

_FOREVER = -1
_SHORTEST_LOOP = 0.5  # seconds; an application that ends sooner is not repeated

logger = structlog.get_logger("engine.esl")


def execute(hub: Hub, leg: Leg, execution: Execution) -> bool:
    """Have an application run on a leg, in its turn. False: too many wait."""
    executions = leg.executions
    if leg.hangup_at or not executions.add(execution):
        execution.end(NONE)
        return False
    if not executions.is_working:
        executions.is_working = True
        hub.nursery.start_soon(_work, hub, leg)
    return True


def run(hub: Hub, leg: Leg, application: str, data: str = "") -> Execution:
    """Have one run as if a client had asked, under a name of ours."""
    execution = Execution(application, data, hub.new_id())
    execute(hub, leg, execution)
    return execution


async def perform_inside(hub: Hub, leg: Leg, execution: Execution) -> None:
    """Have one run now, as a part of another, and wait until it has ended: it takes no turn, and waits for no lock."""
    leg.executions.running.append(execution)
    await _perform(hub, leg, execution)


def arrive(hub: Hub, leg: Leg) -> None:
    """A call has come to the door: it is parked until a client says what to do. Without any client it is refused."""
    is_taken = hub.clients and "in" not in hub.paused
    hub.nursery.start_soon(_park if is_taken else _refuse, hub, leg)


def end_all(hub: Hub, leg: Leg) -> None:
    """What runs on the leg ends, the newest first."""
    leg.course += 1
    leg.executions.drop_waiting()
    for execution in reversed(leg.executions.running):
        execution.scope.cancel()
        _finish(hub, leg, execution, NONE)


async def learn_headers(hub: Hub, leg: Leg) -> None:
    """Ask for the headers of the INVITE that came: they are variables of the leg."""
    try:
        headers = await hub.steering.command(leg.id, Headers())
    except Refused:  # it has ended
        return
    leg.learn(cast("dict[str, list[str]]", headers))  # the protocol says so


async def _park(hub: Hub, leg: Leg) -> None:
    await learn_headers(hub, leg)
    run(hub, leg, "park")


def conclude(hub: Hub, leg: Leg) -> None:
    """When nothing runs on the leg any more it is hung up, as at the end of a dialplan; a parked one stays."""
    hub.nursery.start_soon(_conclude, hub, leg)


async def _conclude(hub: Hub, leg: Leg) -> None:
    executions = leg.executions
    while pending := [*executions.running, *executions.waiting]:
        await pending[-1].done.wait()
    if not leg.hangup_at and not leg.bridge and leg.owner == hub.steering.session:
        leg.cause = leg.cause or NORMAL_CLEARING
        await hub.steering.hang_up(leg.id, q850(leg.cause))


async def _refuse(hub: Hub, leg: Leg) -> None:
    logger.warning("no client takes the call", call=leg.id, number=leg.facts.to)
    try:
        await hub.steering.command(leg.id, Reject(reason=503))
    except Refused:
        await hub.steering.hang_up(leg.id, q850("NORMAL_TEMPORARY_FAILURE"))


async def _work(hub: Hub, leg: Leg) -> None:
    executions = leg.executions
    try:
        while (execution := await executions.next()) is not None:
            executions.running.append(execution)
            hub.nursery.start_soon(_perform, hub, leg, execution)
            await execution.under_way.wait()
    finally:
        executions.is_working = False


async def _perform(hub: Hub, leg: Leg, execution: Execution) -> None:
    if leg.hangup_at or execution.response is not None:
        return _finish(hub, leg, execution, NONE)
    response = NONE
    _begin(hub, leg, execution)
    try:
        with execution.scope:
            response = await _loop(hub, leg, execution)
    except Refused as refused:
        logger.info("not done", application=execution.application, call=leg.id, reason=str(refused))
        response = f"-ERR {refused}"
    except Exception:  # a fault of ours must not take the other calls with it
        logger.exception("an application failed", application=execution.application, call=leg.id)
    _finish(hub, leg, execution, response)


async def _loop(hub: Hub, leg: Leg, execution: Execution) -> str:
    application = hub.applications.get(execution.application.lower())
    if application is None:
        hub.note_unknown(execution.application[:64])
        leg.cause = "DESTINATION_OUT_OF_ORDER"
        await hub.steering.hang_up(leg.id, q850(leg.cause))
        return NONE
    response, left = NONE, execution.loops
    while left:
        began = hub.epoch()
        stage = Stage(hub, leg, execution)
        response = await application.perform(stage, expand(execution.data, leg, hub))
        left -= left > 0
        if left == _FOREVER and hub.epoch() - began < _SHORTEST_LOOP:
            break
    return response


def _begin(hub: Hub, leg: Leg, execution: Execution) -> None:
    leg.application, leg.application_data = execution.application, execution.data
    execution.is_told = True
    hub.tell("CHANNEL_EXECUTE", leg, hub.epoch(), _headers(execution))


def _finish(hub: Hub, leg: Leg, execution: Execution, response: str) -> None:
    if not execution.end(response):
        return
    if execution in leg.executions.running:
        leg.executions.running.remove(execution)
    if execution.is_told:
        leg.application, leg.application_data = execution.application, execution.data
        headers = {**_headers(execution), "Application-Response": response}
        hub.tell("CHANNEL_EXECUTE_COMPLETE", leg, hub.epoch(), headers)


def _headers(execution: Execution) -> dict[str, str]:
    headers = {"Application": execution.application}
    if execution.data:
        headers["Application-Data"] = execution.data
    headers["Application-UUID"] = execution.uuid
    if execution.uuid_name:
        headers["Application-UUID-Name"] = execution.uuid_name
    return headers
