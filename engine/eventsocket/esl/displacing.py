"""displace_session, stop_displace_session, uuid_displace: a file is heard in place of what a channel says.

Who talks with the channel hears it; where nobody does, the channel itself.
"""

from __future__ import annotations

import re

import trio

from callflow.protocol import commands

from .asked import Asked
from .hub import Hub
from .leg import Leg
from .sound import sources_of
from .stage import NONE, Stage
from .steering import Refused
from .tending import leg_and

_NO_SESSION = "-ERR Cannot locate session!\n"


async def displace(stage: Stage, data: str) -> str:
    """`PATH [FLAGS] [+MILLISECONDS]`: `l` is for ever, `w` for the channel itself."""
    words = data.split()
    if not words:
        return "-ERR no file"
    limit = next((word for word in words[1:] if re.fullmatch(r"\+[0-9]{1,9}", word, re.ASCII)), "+0")
    flags = "".join(word for word in words[1:] if word != limit)
    await _start(stage.hub, stage.leg, words[0], seconds=int(limit[1:]) / 1000, flags=flags)
    return NONE


async def stop_displace(stage: Stage, data: str) -> str:
    await _stop(stage.hub, stage.leg, data.strip())
    return NONE


async def displace_api(asking: Asked, arguments: str) -> str:
    """`U [start|stop] PATH [SECONDS] [mux]`."""
    leg, rest = leg_and(asking, arguments)
    if leg is None:
        return _NO_SESSION
    words = rest.split()
    verb = words.pop(0) if words and words[0] in ("start", "stop") else "start"
    if not words:
        return "-USAGE: <uuid> [start|stop] <path> [<limit>] [mux]\n"
    if verb == "stop":
        return "+OK Success\n" if await _stop(asking.hub, leg, words[0]) else "-ERR nothing of that name plays\n"
    limit = words[1] if len(words) > 1 and re.fullmatch(r"[0-9]{1,6}", words[1], re.ASCII) else "0"
    await _start(asking.hub, leg, words[0], seconds=float(limit), flags="")
    return "+OK Success\n"


async def _start(hub: Hub, leg: Leg, path: str, *, seconds: float, flags: str) -> None:
    other = hub.find(leg.other) if leg.bridge and leg.other is not None and "w" not in flags else None
    hears, id = other or leg, hub.new_id()
    leg.displacing[path] = (hears.id, id)
    hears.playbacks[id] = path
    play = commands.Play(sources=sources_of(path, hub.sounds), repeat=0 if "l" in flags else 1)
    try:
        await hub.steering.command(hears.id, play, id=id)
    except BaseException:
        leg.displacing.pop(path, None)
        hears.playbacks.pop(id, None)
        raise
    if seconds:
        hub.nursery.start_soon(_stop_later, hub, leg, path, id, seconds)


async def _stop_later(hub: Hub, leg: Leg, path: str, id: str, seconds: float) -> None:
    await trio.sleep(seconds)
    if leg.displacing.get(path, ("", ""))[1] == id:
        await _stop(hub, leg, path)


async def _stop(hub: Hub, leg: Leg, path: str) -> bool:
    hears, id = leg.displacing.pop(path, ("", ""))
    if not id:
        return False
    try:
        await hub.steering.command(hears, commands.Cancel(command=id))
    except Refused:  # it has ended
        return False
    return True
