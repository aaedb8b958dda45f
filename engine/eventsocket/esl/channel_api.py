"""The api commands about one channel: uuid_..., and those that end calls."""

from __future__ import annotations

import re

from callflow.protocol import commands

from . import recording, sounding, transferring
from .asked import OK, Asked
from .bridging import join
from .event import EslEvent, plain_block
from .execution import Execution
from .headers import snapshot_headers
from .hub import Hub
from .leg import Leg
from .performing import run
from .scheduling import broadcast_now
from .stage import Stage, set_variable
from .steering import Refused
from .tending import NO_CHANNEL, leg_and
from .vocabulary import q850, read_cause

_NO_SESSION = "-ERR Cannot locate session!\n"
_DIGITS = re.compile(r"[0-9*#A-Da-d]+")


async def answer(asking: Asked, arguments: str) -> str:
    return await _give(asking, arguments, commands.Answer())


async def pre_answer(asking: Asked, arguments: str) -> str:
    return await _give(asking, arguments, commands.Progress())


async def ring_ready(asking: Asked, arguments: str) -> str:
    return await _give(asking, arguments, commands.Ring())


async def accept(asking: Asked, arguments: str) -> str:
    return OK if _find(asking, arguments) is not None else NO_CHANNEL


async def exists(asking: Asked, arguments: str) -> str:
    return "true" if _find(asking, arguments) is not None else "false"


async def getvar(asking: Asked, arguments: str) -> str:
    leg, name = leg_and(asking, arguments)
    if leg is None:
        return NO_CHANNEL
    return leg.variable(name) or "_undef_"


async def setvar(asking: Asked, arguments: str) -> str:
    leg, rest = leg_and(asking, arguments)
    name, _, value = rest.partition(" ")
    if leg is None or not name:
        return NO_CHANNEL
    await set_variable(asking.hub, leg, name, value or None)
    return OK


async def setvar_multi(asking: Asked, arguments: str) -> str:
    leg, rest = leg_and(asking, arguments)
    if leg is None:
        return NO_CHANNEL
    for pair in rest.split(";"):
        name, _, value = pair.partition("=")
        if name.strip():
            await set_variable(asking.hub, leg, name.strip(), value or None)
    return OK


async def dump(asking: Asked, arguments: str) -> str:
    leg, form = leg_and(asking, arguments)
    if leg is None:
        return NO_CHANNEL
    hub = asking.hub
    event = EslEvent("CHANNEL_DATA", hub.core.headers("CHANNEL_DATA", hub.epoch()) | snapshot_headers(leg, hub.find))
    if form in ("json", "xml"):
        return event.spelled(form).partition(b"\n\n")[2].decode()
    if form == "plain":
        return "".join(f"{name}: {value}\n" for name, value in event.headers.items()) + "\n"
    return plain_block(event) + "\n"


async def kill(asking: Asked, arguments: str) -> str:
    leg, cause = leg_and(asking, arguments)
    if leg is None:
        return NO_CHANNEL
    leg.cause = read_cause(cause or "NORMAL_CLEARING")
    await asking.hub.steering.hang_up(leg.id, q850(leg.cause))
    return OK


async def hang_up_all(asking: Asked, arguments: str) -> str:
    words = arguments.split()
    cause = read_cause(words[0]) if words else "MANAGER_REQUEST"
    pairs = list(zip(words[1::2], words[2::2], strict=False))
    for leg in list(asking.hub.legs.values()):
        if all(leg.variable(name) == value for name, value in pairs):
            leg.cause = cause
            await asking.hub.steering.hang_up(leg.id, q850(cause))
    if pairs:
        matching = " ".join(f"[{name}]=[{value}]" for name, value in pairs)
        return f"+OK hangup all channels matching {matching} with cause: {cause}\n"
    return f"+OK hangup all channels with cause {cause}\n"


async def park(asking: Asked, arguments: str) -> str:
    leg = _find(asking, arguments)
    if leg is None:
        return NO_CHANNEL
    if leg.bridge:
        await asking.hub.steering.command(leg.id, commands.Unbridge())
    if not leg.is_parked:
        run(asking.hub, leg, "park")
    return OK


async def hold(asking: Asked, arguments: str) -> str:
    words = arguments.split()
    if not words:
        return "-USAGE: [off|toggle] <uuid> [<display>]\n-ERR Operation failed\n"
    verb = words.pop(0) if words[0] in ("off", "toggle") else "on"
    leg = _find(asking, words[0] if words else "")
    is_off = verb == "off" or (verb == "toggle" and leg is not None and leg.call_state == "HELD")
    if leg is not None:
        command = commands.ResumeCommand() if is_off else commands.Hold()
        await _quietly(asking.hub, leg, command)
    return "+OK Success\n"


async def broadcast(asking: Asked, arguments: str) -> str:
    leg, what = leg_and(asking, arguments)
    if leg is None or not what:
        return "-ERR invalid uuid\n"
    broadcast_now(asking.hub, leg, what)
    return "+OK Message sent\n"


async def break_off(asking: Asked, arguments: str) -> str:
    leg, which = leg_and(asking, arguments)
    if leg is None:
        return NO_CHANNEL
    stage = Stage(asking.hub, leg, Execution("break", which, ""))
    await sounding.break_off(stage, are_all=which == "all")
    return OK


async def bridge(asking: Asked, arguments: str) -> str:
    leg, other = leg_and(asking, arguments)
    if leg is None:
        return "-ERR Invalid uuid\n"
    await join(asking.hub, leg, other)
    return f"+OK {other}\n"


async def transfer(asking: Asked, arguments: str) -> str:
    leg, rest = leg_and(asking, arguments)
    if leg is None:
        return NO_CHANNEL
    flag, _, following = rest.partition(" ")
    legs: list[Leg | None] = [leg]
    if flag in ("-bleg", "-both"):
        rest = following
        other = asking.hub.find(leg.other) if leg.other is not None else None
        legs = [other] if flag == "-bleg" else [leg, other]
    if leg.bridge:
        await _quietly(asking.hub, leg, commands.Unbridge())
    for each in legs:
        if each is not None:
            await transferring.send(asking.hub, each, rest)
    return OK


async def deflect(asking: Asked, arguments: str) -> str:
    leg, target = leg_and(asking, arguments)
    if leg is None:
        return f"-ERR No such channel {arguments.partition(' ')[0]}!\n"
    return "+OK:accepted\n" if await transferring.ask_to_leave(asking.hub, leg, target) else "-ERR:refused\n"


async def record(asking: Asked, arguments: str) -> str:
    leg, rest = leg_and(asking, arguments)
    if leg is None:
        return _NO_SESSION
    words = rest.split()
    verb = words.pop(0) if words and words[0] in ("start", "stop", "mask", "unmask") else "start"
    path = words[0] if words else ""
    if verb == "start":
        limit = float(words[1]) if len(words) > 1 and re.fullmatch(r"[0-9]{1,6}", words[1], re.ASCII) else None
        await recording.start(asking.hub, leg, path, limit or None)
        return "+OK Success\n"
    if verb == "stop":
        return "+OK Success\n" if await recording.stop(asking.hub, leg, path) else "-ERR Cannot stop record session!\n"
    for id, name in tuple(leg.recordings.items()):
        if name == path:
            await _quietly(
                asking.hub, leg, commands.Control(command=id, action="pause" if verb == "mask" else "resume")
            )
    return "+OK Success\n"


async def send_dtmf(asking: Asked, arguments: str) -> str:
    leg, data = leg_and(asking, arguments)
    if leg is None:
        return _NO_SESSION
    digits = "".join(_DIGITS.findall(data.partition("@")[0]))
    if digits:
        await asking.hub.steering.command(leg.id, commands.SendDigits(digits=digits.upper()))
    return f"+OK {leg.id} sent DTMF {data}.\n"


async def receive_dtmf(asking: Asked, arguments: str) -> str:
    """As if the far end had pressed them."""
    leg, data = leg_and(asking, arguments)
    if leg is None:
        return _NO_SESSION
    digits = "".join(_DIGITS.findall(data.partition("@")[0]))
    if digits:
        await asking.hub.steering.command(leg.id, commands.Press(digits=digits.upper()))
    return f"+OK {leg.id} received DTMF {data}.\n"


async def _give(asking: Asked, arguments: str, command: commands.Command) -> str:
    leg = _find(asking, arguments)
    if leg is None:
        return "-ERROR\n"
    try:
        await asking.hub.steering.command(leg.id, command)
    except Refused:
        return OK if leg.answered_at else "-ERROR\n"
    return OK


async def _quietly(hub: Hub, leg: Leg, command: commands.Command) -> None:
    try:
        await hub.steering.command(leg.id, command)
    except Refused:  # FreeSWITCH says that it went well, too
        return


def _find(asking: Asked, arguments: str) -> Leg | None:
    return leg_and(asking, arguments)[0]
