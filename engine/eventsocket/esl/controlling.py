"""fsctl: what the switch as a whole does. It stops by its service; here it can only be asked to take no new calls."""

from __future__ import annotations

from .asked import OK, Asked
from .channel_api import hang_up_all
from .hub import MAX_RATE, MAX_SESSIONS

_BOTH = frozenset({"in", "out"})


async def fsctl(asking: Asked, arguments: str) -> str:
    hub, words = asking.hub, arguments.lower().split()
    verb, rest = (words[0] if words else ""), words[1:]
    match verb:
        case "hupall":
            return await hang_up_all(asking, " ".join(rest).upper())
        case "pause":
            hub.paused |= frozenset(rest) & _BOTH or _BOTH
            return OK
        case "resume":
            hub.paused -= frozenset(rest) & _BOTH or _BOTH
            return OK
        case "pause_check":
            return "true" if frozenset(rest) & hub.paused or (not rest and hub.paused == _BOTH) else "false"
        case "ready_check":
            return "true" if hub.steering.owner is not None else "false"
        case "max_sessions":
            return f"+OK max sessions: {MAX_SESSIONS}\n"
        case "sps":
            return f"+OK sessions per second: {MAX_RATE}\n"
        case "last_sps":
            return f"+OK last sessions per second: {asking.hub.pulse.last(asking.hub.epoch())}\n"
        case "sync_clock":
            return "+OK clock synchronized\n"
        case "loglevel" | "debug_level" | "verbose_events":
            return f"+OK {verb}: {' '.join(rest)}\n"
        case "shutdown" | "shutdown_check" | "crash" | "reclaim_mem" | "save_history" | "recover":
            return f"-ERR {verb} is not done by this door: callflow stops by its service\n"
    return "-USAGE: hupall|pause [in|out]|resume [in|out]|pause_check|ready_check|max_sessions|sps|last_sps\n"
