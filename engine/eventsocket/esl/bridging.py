"""bridge, intercept: two legs hear each other."""

from __future__ import annotations

from callflow.protocol import commands
from callflow.protocol.outcomes import Answered, AnyOutcome

from .dialling import Plan, cause_of, cause_of_refusal, dial_status, plan, seconds, wants_tones
from .dialstring import DialStringError, parse
from .hub import Hub
from .leg import Leg
from .setting import EXPORTS, PRIVACY
from .stage import NONE, Stage
from .steering import Refused
from .vocabulary import NORMAL_CLEARING, q850


async def bridge(stage: Stage, data: str) -> str:
    leg = stage.leg
    if data.startswith("uuid:"):  # as some clients bridge two calls that are up
        await _connect(stage, data.removeprefix("uuid:").strip(), is_hung_up_after=False)
        return NONE
    try:
        dialled = parse(data, stage.hub.groups)
        variables = leg.variables
        planned = plan(
            dialled,
            new_id=stage.hub.new_id,
            timeout=seconds(variables.get("call_timeout")),
            caller_name=variables.get("effective_caller_id_name", leg.facts.caller.name if leg.is_inbound else ""),
            caller_number=variables.get("effective_caller_id_number", ""),
        )
    except DialStringError as error:
        await _fail(stage, error.cause)
        return f"-ERR {error}"
    if planned.error or not planned.stages:
        await _fail(stage, planned.error or "DESTINATION_OUT_OF_ORDER")
        return NONE
    try:
        outcome, unmade = await dial(
            stage,
            planned,
            ignores_early_media=_is_true(dialled.variables.get("ignore_early_media")),
            hears_tones=wants_tones(dialled.variables) or wants_tones(variables),
        )
    except Refused as refused:
        await _fail(stage, cause_of_refusal(refused))
        return NONE
    if not isinstance(outcome, Answered):
        await _fail(stage, cause_of(outcome, planned, unmade))
        return NONE
    _note(leg, "SUCCESS")
    await _connect(stage, outcome.leg, is_hung_up_after=_is_true(leg.variables.get("hangup_after_bridge")))
    return NONE


async def intercept(stage: Stage, data: str) -> str:
    other = data.split()[-1] if data.split() else ""
    if not stage.leg.answered_at:
        await stage.do(commands.Answer())
    await _connect(stage, other, is_hung_up_after=True)
    return NONE


async def dial(
    stage: Stage, planned: Plan, *, ignores_early_media: bool = False, hears_tones: bool = False
) -> tuple[AnyOutcome, frozenset[str]]:
    """Dial for the leg: the outcome, and the legs that never came to be. Raises Refused."""
    exported = _exported(stage.leg)
    stage.hub.expect({id: {**exported, **variables} for id, variables in planned.variables.items()})
    unmade: frozenset[str] = frozenset()
    ringback = stage.leg.variables.get("ringback")
    try:
        outcome = await stage.run(
            commands.Dial(
                stages=planned.stages,
                timeout=planned.timeout,
                caller_id=planned.caller_id,
                headers=planned.headers,
                ringback="us" if ringback is not None else None,
                early_media=not ignores_early_media,
                withheld=True if PRIVACY in stage.leg.variables else None,
                tones=hears_tones,
            )
        )
    finally:
        unmade = stage.hub.unmade(planned.variables)
    return outcome, unmade


async def _connect(stage: Stage, other: str, *, is_hung_up_after: bool) -> None:
    far = stage.hub.find(other)
    try:
        await stage.run(commands.Bridge(other=other, hangup_after=is_hung_up_after))
    finally:
        if far is not None and _is_left_alone(far, stage.leg):
            stage.hub.nursery.start_soon(stage.hub.steering.hang_up, far.id, q850(NORMAL_CLEARING))


def _is_left_alone(far: Leg, leg: Leg) -> bool:
    """Whether nobody does anything with the other leg, now that the bridge is over."""
    is_busy = far.executions.is_working or far.executions.running or far.bridge
    return not far.hangup_at and not is_busy and far.owner == leg.owner


async def _fail(stage: Stage, cause: str) -> None:
    """Nobody answered: the caller is hung up for the same reason, unless its variables say that the call goes on."""
    leg = stage.leg
    _note(leg, cause)
    goes_on = leg.variables.get("continue_on_fail", "")
    if _is_true(goes_on) or cause in goes_on.upper().split(",") or leg.hangup_at:
        return
    leg.cause = cause
    await stage.do(commands.Hangup(cause=q850(cause)))


def _note(leg: Leg, cause: str) -> None:
    leg.variables |= {"DIALSTATUS": dial_status(cause), "originate_disposition": cause}
    if cause != "SUCCESS":
        leg.variables |= {"originate_failed_cause": cause, "last_bridge_hangup_cause": cause}


def _exported(leg: Leg) -> dict[str, str]:
    names = leg.variables.get(EXPORTS, "").split(",")
    return {name: leg.variables[name] for name in names if name in leg.variables}


def _is_true(value: str | None) -> bool:
    return (value or "").lower() in ("true", "yes", "on", "1")


async def join(hub: Hub, leg: Leg, other: str) -> None:
    """Bridge two legs of this door, as uuid_bridge does: when one hangs up so does the other. Raises Refused."""
    if hub.find(other) is None:
        raise Refused("not_found", "Invalid uuid")
    await hub.steering.command(leg.id, commands.Bridge(other=other))
