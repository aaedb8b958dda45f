"""uuid_audio_fork, uuid_audio_stream: a channel's sound to a program over a WebSocket, and its voice back."""

from __future__ import annotations

from contextlib import suppress

from callflow.protocol import commands, events
from callflow.protocol.outcomes import Streamed

from . import fork as forks
from . import keeping_audio, sounding
from .asked import ApiCommand, Asked
from .execution import Execution
from .fork import BadStart, Fork, Module
from .hub import Hub
from .keeping_audio import tell_custom
from .leg import Leg
from .stage import Stage
from .steering import Refused
from .tending import leg_and

_SUCCESS = "+OK Success\n"
_FAILED = "-ERR Operation Failed\n"
_USAGE = (
    "-USAGE: <uuid> [start | stop | send_text | pause | resume | graceful-shutdown ] [wss-url] [mono | mixed | stereo] "
    "[8000 | 16000 | 24000] [metadata]\n"
)
_DIFFERS = "to [streams] hosts; {}"


def _api(module: Module, differs: str) -> ApiCommand:
    async def answer(asking: Asked, arguments: str) -> str:
        return await _answer(asking, module, arguments)

    return ApiCommand(answer, _DIFFERS.format(differs))


async def _answer(asking: Asked, module: Module, arguments: str) -> str:
    leg, words = leg_and(asking, arguments)
    verb, _, rest = words.partition(" ")
    if not verb or (verb.lower() == "start" and len(rest.split()) < 2):
        return _USAGE
    if leg is None:
        return _FAILED
    if verb.lower() == "start":
        return await _start(asking.hub, leg, module, rest)
    name, _, text = rest.strip().partition(" ")
    if name not in {fork.name for fork in leg.forks.values()}:
        name, text = module, rest.strip()  # the first word is no name
    id = next((id for id, fork in leg.forks.items() if (fork.module, fork.name) == (module, name)), None)
    return _FAILED if id is None else await _steer(asking.hub, leg, id, verb.lower(), text)


async def _start(hub: Hub, leg: Leg, module: Module, words: str) -> str:
    try:
        start = forks.read_start(module, words, leg.variables)
    except BadStart as error:
        return f"-ERR {error}\n"
    if any((fork.module, fork.name) == (module, start.name) for fork in leg.forks.values()):
        return _FAILED
    id = hub.new_id()
    leg.forks[id] = Fork(module, start.name)
    try:
        await hub.steering.command(leg.id, start.command, id=id)
    except BaseException:
        leg.forks.pop(id, None)
        raise
    if start.metadata:  # without a turn of its own: no sound may go before it
        await hub.steering.command(leg.id, commands.StreamText(command=id, text=start.metadata), is_next=True)
    hub.tell("MEDIA_BUG_START", leg, hub.epoch(), {"Media-Bug-Function": start.name})
    return _SUCCESS


async def _steer(hub: Hub, leg: Leg, id: str, verb: str, text: str) -> str:
    match verb:
        case "send_text" if text:
            await hub.steering.command(leg.id, commands.StreamText(command=id, text=text))
        case "pause" | "resume":
            action: commands.Command = commands.Control(command=id, action="pause" if verb == "pause" else "resume")
            await hub.steering.command(leg.id, action)
        case "graceful-shutdown":
            leg.forks[id].is_ending = True
            await hub.steering.command(leg.id, commands.Control(command=id, action="pause"))
        case "stop":
            if text:
                await hub.steering.command(leg.id, commands.StreamText(command=id, text=text))
            await hub.steering.command(leg.id, commands.Cancel(command=id))
        case _:
            return _USAGE if verb == "send_text" else _FAILED
    return _SUCCESS


# What becomes of them, in the order of translation.py


def started(hub: Hub, leg: Leg, event: events.StreamStarted, at: float) -> None:
    if (fork := leg.forks.get(event.command)) is not None:
        tell_custom(hub, leg, forks.connected(fork), at)


def texted(hub: Hub, leg: Leg, event: events.StreamTexted, at: float) -> None:
    fork = leg.forks.get(event.command)
    if fork is None:
        return
    tell_custom(hub, leg, forks.texted(fork, event.text), at)
    kind = forks.read_message(event.text).get("type") if fork.module == "audio_fork" else None
    if kind == "killAudio":
        hub.nursery.start_soon(_silence, hub, leg, event.command)
    elif kind == "playAudio":
        hub.nursery.start_soon(keeping_audio.keep, hub, leg, event.text)


def dropped(hub: Hub, leg: Leg, event: events.StreamDropped, at: float) -> None:
    if (fork := leg.forks.get(event.command)) is not None:
        tell_custom(hub, leg, forks.overrun(fork), at)


def finished(hub: Hub, leg: Leg, event: events.StreamFinished, at: float) -> None:
    fork = leg.forks.pop(event.command, None)
    if fork is not None and isinstance(event.outcome, Streamed):
        tell_custom(hub, leg, forks.finished(fork, event.outcome), at)
        hub.tell("MEDIA_BUG_STOP", leg, at, {"Media-Bug-Function": fork.name})
    hub.steering.note_outcome(event.command, event.outcome)


async def _silence(hub: Hub, leg: Leg, id: str) -> None:
    """Nothing that plays is heard any more, and nothing that the peer has said."""
    with suppress(Refused):  # it has ended
        await hub.steering.command(leg.id, commands.StreamClear(command=id))
        await sounding.break_off(Stage(hub, leg, Execution("break", "all", "")), are_all=True)


AUDIO_FORK = _api("audio_fork", "24k at most; the same rate both ways; playAudio of at most 131,072 characters")
AUDIO_STREAM = _api("audio_stream", "24k at most; frames of 20 ms, not compressed; binary messages are heard")
