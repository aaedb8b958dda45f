"""att_xfer: the channel's peer waits with music while the channel calls somebody else, and then they talk.

Who hangs up decides: the channel, and its peer talks with the other; the other, and all is as it was.
"""

from __future__ import annotations

from contextlib import suppress

from callflow.protocol import commands
from callflow.protocol.outcomes import Answered

from .bridging import dial
from .dialling import Plan, plan, seconds
from .dialstring import DialStringError, parse
from .execution import Execution
from .hub import Hub
from .leg import Leg
from .performing import conclude, run
from .stage import NONE, Stage
from .steering import Refused

_QUIET = "silence_stream://-1"


async def att_xfer(stage: Stage, data: str) -> str:
    hub, leg = stage.hub, stage.leg
    peer = hub.find(leg.other) if leg.bridge and leg.other is not None else None
    if peer is None:
        return "-ERR the channel is in no bridge"
    try:
        planned = _plan(stage, data)
    except DialStringError as error:
        return f"-ERR {error}"
    if planned.error or not planned.stages:
        return f"-ERR {planned.error or 'DESTINATION_OUT_OF_ORDER'}"
    music = run(hub, peer, "endless_playback", leg.variables.get("hold_music") or _QUIET)
    called: str | None = None
    try:
        await stage.do(commands.Unbridge())
        outcome, _ = await dial(stage, planned)
        if isinstance(outcome, Answered):
            called = outcome.leg
            await stage.run(commands.Bridge(other=called, hangup_after=False))
    except Refused as refused:
        return f"-ERR {refused}"
    finally:  # whoever of them has hung up
        hub.nursery.start_soon(_settle, hub, peer, leg, called, music)
    return NONE


def _plan(stage: Stage, data: str) -> Plan:
    variables = stage.leg.variables
    return plan(
        parse(data, stage.hub.groups),
        new_id=stage.hub.new_id,
        timeout=seconds(variables.get("call_timeout")),
        caller_name=variables.get("effective_caller_id_name", ""),
        caller_number=variables.get("effective_caller_id_number", ""),
    )


async def _settle(hub: Hub, peer: Leg, leg: Leg, called: str | None, music: Execution) -> None:
    """The peer goes on with who is still there."""
    if music.command is not None:
        with suppress(Refused):
            await hub.steering.command(peer.id, commands.Cancel(command=music.command))
    music.scope.cancel()
    await music.done.wait()
    other = leg if not leg.hangup_at else hub.find(called or "")
    if peer.hangup_at or other is None or other.hangup_at:
        for each in (peer, other):
            if each is not None and not each.hangup_at:
                conclude(hub, each)
        return
    with suppress(Refused):  # it has hung up just now
        await hub.steering.command(peer.id, commands.Bridge(other=other.id))
