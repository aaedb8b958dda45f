"""originate: a call without a caller, and what is done with whoever answers."""

from __future__ import annotations

from callflow.protocol import commands
from callflow.protocol.outcomes import Answered

from .asked import Asked
from .dialling import Plan, cause_of, cause_of_refusal, plan, seconds, wants_tones
from .dialstring import DialString, DialStringError, parse, split_arguments
from .hub import Hub
from .performing import conclude, run
from .steering import Refused
from .transferring import inline, send

USAGE = (
    "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] [<cid_name>] [<cid_num>] "
    "[<timeout_sec>]\n"
)
_FAILED = "-ERR DESTINATION_OUT_OF_ORDER\n"


async def originate(asking: Asked, arguments: str) -> str:
    if "out" in asking.hub.paused:  # by fsctl
        return "-ERR SWITCH_CONGESTION\n"
    try:
        words = split_arguments(arguments)
        if len(words) < 2:
            return USAGE if not arguments else _FAILED
        dialled = parse(words[0], asking.hub.groups)
        planned = _plan(asking.hub, dialled, words)
    except DialStringError as error:
        return f"-ERR {error.cause}\n"
    if planned.error or not planned.stages:
        return f"-ERR {planned.error or 'DESTINATION_OUT_OF_ORDER'}\n"
    return await _dial(asking.hub, planned, words, hears_tones=wants_tones(dialled.variables))


def _plan(hub: Hub, dialled: DialString, words: list[str]) -> Plan:
    """Of the arguments: URL, where to, dialplan, context, name, number, time-out."""
    rest = [*words[2:], "", "", "", "", ""]
    return plan(
        dialled,
        new_id=hub.new_id,
        timeout=seconds(rest[4]),
        caller_name=rest[2].strip("'"),
        caller_number=rest[3].strip("'"),
    )


async def _dial(hub: Hub, planned: Plan, words: list[str], *, hears_tones: bool) -> str:
    hub.expect(planned.variables)
    unmade: frozenset[str] = frozenset()
    command = commands.Originate(
        stages=planned.stages,
        timeout=planned.timeout,
        caller_id=planned.caller_id,
        headers=planned.headers,
        tones=hears_tones,
    )
    try:
        outcome = await hub.steering.run_command(None, command)
    except Refused as refused:
        return f"-ERR {cause_of_refusal(refused)}\n"
    finally:
        unmade = hub.unmade(planned.variables)
    if not isinstance(outcome, Answered):
        return f"-ERR {cause_of(outcome, planned, unmade)}\n"
    await _send_on(hub, outcome.leg, words)
    return f"+OK {outcome.leg}\n"


async def _send_on(hub: Hub, id: str, words: list[str]) -> None:
    leg = hub.find(id)
    if leg is None:
        return
    where = words[1].strip("'")
    if len(words) > 2 and words[2].lower() == "inline":
        inline(hub, leg, where)
    elif where.startswith("&"):
        application, _, data = where[1:].partition("(")
        run(hub, leg, application, data.removesuffix(")"))
        conclude(hub, leg)
    else:
        await send(hub, leg, where)
