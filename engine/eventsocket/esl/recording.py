"""record, record_session, stop_record_session. Files are below the door's recordings, whatever folder is named."""

from __future__ import annotations

from callflow.protocol import commands

from .hub import Hub
from .leg import Leg
from .sound import file_name
from .sounding import terminators
from .stage import NONE, Stage

LONGEST = 14_400.0  # seconds


async def record(stage: Stage, data: str) -> str:
    words = data.split()
    if not words:
        return "-ERR no file"
    limit, silence = _number(words, 1), _number(words, 3)
    command = commands.Record(
        path=file_name(words[0], stage.hub.sounds),
        max=limit or 3600.0,
        silence=silence or 0.0,
        terminators=terminators(stage),
    )
    await stage.run(command, began=lambda id: stage.leg.recordings.__setitem__(id, words[0]))
    return NONE


async def record_session(stage: Stage, data: str) -> str:
    path, _, limit = data.strip().partition(" ")
    await start(stage.hub, stage.leg, path, _number([limit.strip().removeprefix("+")], 0))
    return NONE


async def stop_record_session(stage: Stage, data: str) -> str:
    await stop(stage.hub, stage.leg, data.strip())
    return NONE


async def start(hub: Hub, leg: Leg, path: str, limit: float | None = None) -> None:
    """Record the whole call from now on. Raises Refused."""
    stereo = leg.variables.get("RECORD_STEREO") or leg.variables.get("record_stereo") or ""
    command = commands.RecordCall(
        path=file_name(path, hub.sounds), stereo=stereo.lower() in ("true", "yes"), max=limit or LONGEST
    )
    id = hub.new_id()
    leg.recordings[id] = path
    try:
        await hub.steering.command(leg.id, command, id=id)
    except BaseException:
        leg.recordings.pop(id, None)
        raise


async def stop(hub: Hub, leg: Leg, path: str) -> bool:
    """End the recording of that name, or `all`. False: there is none. Raises Refused."""
    running = [id for id, name in leg.recordings.items() if path in (name, "all")]
    for id in running:
        await hub.steering.command(leg.id, commands.Cancel(command=id))
    return bool(running)


def _number(words: list[str], at: int) -> float | None:
    text = words[at] if len(words) > at else ""
    return float(text) if text.isascii() and text.isdigit() and 0 < len(text) < 7 and int(text) else None
