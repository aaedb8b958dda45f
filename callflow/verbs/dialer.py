"""Dialling others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from callflow.dialing import Answered, Stage, make_stages
from callflow.protocol import outcomes
from callflow.protocol.commands import Dial, Source
from callflow.protocol.outcomes import Failed

if TYPE_CHECKING:
    from callflow.call import Call


async def dial(
    call: Call,
    *stages: Stage,
    timeout: float = 30.0,  # noqa: ASYNC109 - the engine's, and no error
    ringback: Source | None = None,
    caller_id: str | None = None,
    headers: Mapping[str, str] | None = None,
    deadline: float | None = None,
) -> Answered | Failed:
    """Dial the stages in turn, the targets of a stage together; the first to answer wins, the others end.

    A target is a user's name, a SIP URI, or a `Target` with a delay or time-out of its own. `timeout` is seconds
    per stage. The caller hears `ringback` (`us`, `eu`, or a source) meanwhile.
    """
    plan = make_stages(stages, new_leg=lambda: call._leg.link.new_id("leg"))
    command = Dial(stages=plan, timeout=timeout, ringback=ringback, caller_id=caller_id, headers=dict(headers or {}))
    legs = {target.leg: call._new_leg(target.leg, target.target) for stage in plan for target in stage}
    for leg in legs.values():
        call._owner.adopt(leg)
    try:
        outcome = await call._leg.perform(command, deadline=deadline)
        if not isinstance(outcome, outcomes.Answered):
            return cast("Failed", outcome)
        won = legs.pop(outcome.leg)
        won.is_answered = True
        return Answered(won, outcome.target)
    finally:
        for leg in legs.values():  # those that lost; and one that answered while the dial was being cancelled
            if leg.is_answered:
                leg._leg.hang_up_nowait()
            call._owner.drop(leg)
