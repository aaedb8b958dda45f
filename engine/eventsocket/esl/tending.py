"""The rarer api commands about one channel: sound, files that play, texts, what records it, its heartbeat."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

from callflow.protocol import commands

from .asked import OK, Asked
from .leg import Leg
from .schedule import When
from .steering import Refused

NO_CHANNEL = "-ERR No such channel!\n"
_SUCCESS = "+OK Success\n"
_FAILED = "-ERR Operation failed\n"
_NO_FILE = "-ERR No file handle!\n"
_BEGINNING = -86_400_000  # ms: further back than any file is long
_GAIN = 3.0  # decibels of one step of volume


async def audio(asking: Asked, arguments: str) -> str:
    """`U start read|write mute` and `U stop`: `read` is what the far end says."""
    leg, rest = leg_and(asking, arguments)
    words = rest.lower().split()
    if leg is None:
        return NO_CHANNEL
    if words[:1] == ["stop"]:
        return await _quietly(asking, leg, commands.Unmute())
    if words[:1] != ["start"] or words[2:3] != ["mute"] or words[1] not in ("read", "write"):
        return "-USAGE: <uuid> [start read|write mute|stop]: levels are not changed here\n"
    if words[3:] in (["0"], ["off"]):
        return await _quietly(asking, leg, commands.Unmute(direction="in" if words[1] == "read" else "out"))
    return await _quietly(asking, leg, commands.Mute(direction="in" if words[1] == "read" else "out"))


async def file_manager(asking: Asked, arguments: str) -> str:
    """`U pause|stop|restart|seek:+MS|volume:+N`: with what plays."""
    leg, verb = leg_and(asking, arguments)
    playing = next(reversed(leg.playbacks), None) if leg is not None else None
    if leg is None or playing is None:
        return NO_CHANNEL if leg is None else _NO_FILE
    command = _control(leg, playing, verb.lower())
    if command is None:
        return "-USAGE: <uuid> pause|stop|restart|seek:[+|-]<ms>|volume:[+|-]<level>\n"
    return await _quietly(asking, leg, command)


def _control(leg: Leg, playing: str, verb: str) -> commands.Command | None:
    found = re.fullmatch(r"(seek|volume):([+-]?[0-9]{1,9})", verb, re.ASCII)
    if found is not None and found[1] == "seek":
        return commands.Control(command=playing, seek_ms=int(found[2]))
    if found is not None:
        return commands.Control(command=playing, gain_db=max(min(int(found[2]), 4), -4) * _GAIN)
    match verb:
        case "stop":
            return commands.Cancel(command=playing)
        case "restart":
            return commands.Control(command=playing, seek_ms=_BEGINNING)
        case "pause":
            is_paused = playing in leg.paused
            leg.paused = frozenset() if is_paused else frozenset({playing})
            return commands.Control(command=playing, action="resume" if is_paused else "pause")
    return None


async def phone_event(asking: Asked, arguments: str) -> str:
    """`U talk|hold`: the phone is told to, by NOTIFY."""
    leg, event = leg_and(asking, arguments)
    if leg is None or event not in ("talk", "hold"):
        return _FAILED
    await asking.hub.steering.command(leg.id, commands.Notify(event=event))
    return _SUCCESS


async def chat(asking: Asked, arguments: str) -> str:
    """`U TEXT`: to the screen of the phone."""
    leg, text = leg_and(asking, arguments)
    if leg is None or not text:
        return NO_CHANNEL
    await asking.hub.steering.command(leg.id, commands.SendMessage(body=text))
    return OK


async def send_info(asking: Asked, arguments: str) -> str:
    """`U [TYPE SUBTYPE] TEXT`."""
    leg, text = leg_and(asking, arguments)
    if leg is None or not text:
        return NO_CHANNEL
    words = text.split(maxsplit=2)
    is_typed = len(words) == 3 and words[0] in ("text", "application", "message")
    kind = f"{words[0]}/{words[1]}" if is_typed else "text/plain"
    body = words[2] if is_typed else text
    await asking.hub.steering.command(leg.id, commands.SendInfo(body=body, content_type=kind))
    return OK


async def bug_list(asking: Asked, arguments: str) -> str:
    leg, _ = leg_and(asking, arguments)
    if leg is None:
        return NO_CHANNEL
    bugs = [
        f" <media-bug>\n  <function>session_record</function>\n  <target>{escape(path)}</target>\n </media-bug>"
        for path in leg.recordings.values()
    ]
    bugs += [f" <media-bug>\n  <function>{escape(fork.name)}</function>\n </media-bug>" for fork in leg.forks.values()]
    return "\n".join(["<media-bugs>", *bugs, "</media-bugs>"]) + "\n"


async def heartbeat(asking: Asked, arguments: str) -> str:
    """`U SECONDS|0 [sched]`: SESSION_HEARTBEAT again and again."""
    hub = asking.hub
    leg, rest = leg_and(asking, arguments)
    words = rest.split()
    if leg is None or not words or not re.fullmatch(r"[0-9]{1,6}", words[0], re.ASCII):
        return _FAILED
    group, seconds = f"heartbeat {leg.id}", float(words[0])
    hub.schedule.drop(group)
    if not seconds:
        return _SUCCESS

    async def beat() -> None:
        if leg.hangup_at:
            hub.schedule.drop(group)
        else:
            hub.tell("SESSION_HEARTBEAT", leg, hub.epoch())

    first = seconds if words[1:] == ["sched"] else 0.0
    task = hub.schedule.add(When(first, seconds), group, "uuid_session_heartbeat", beat)
    return _SUCCESS if task is not None else _FAILED


async def take_place(asking: Asked, arguments: str) -> str:
    """`U BACKEND REALM ID MAXIMUM`: one place of so many, until the call ends."""
    leg, rest = leg_and(asking, arguments)
    words = rest.split()
    if leg is None:
        return NO_CHANNEL
    command = place(words)
    if command is None:
        return "-USAGE: <uuid> <backend> <realm> <id> <max>\n"
    await asking.hub.steering.command(leg.id, command)
    return OK


def place(words: list[str]) -> commands.Limit | None:
    """What `BACKEND REALM ID MAXIMUM` asks for. An interval is not kept."""
    if len(words) < 4:
        return None
    maximum = words[3].partition("/")[0]
    is_number = maximum.isascii() and maximum.isdigit() and len(maximum) < 7
    return commands.Limit(resource=f"{words[1]}_{words[2]}", maximum=int(maximum)) if is_number else None


async def media(asking: Asked, arguments: str) -> str:
    """Media go through the engine, always."""
    is_off = arguments.startswith("off ")
    leg, _ = leg_and(asking, arguments.removeprefix("off "))
    return _FAILED if leg is None or is_off else _SUCCESS


async def keep_media(asking: Asked, arguments: str) -> str:
    """Another codec during a call is not asked for."""
    return _FAILED if arguments else "-USAGE: <uuid>[ <codec_string>]\n"


async def succeed(asking: Asked, arguments: str) -> str:
    """What changes nothing here."""
    return _SUCCESS if leg_and(asking, arguments)[0] is not None else _FAILED


def leg_and(asking: Asked, arguments: str) -> tuple[Leg | None, str]:
    """The channel that the arguments begin with, if it is alive, and the rest."""
    id, _, rest = arguments.strip().partition(" ")
    leg = asking.hub.find(id)
    return (leg if leg is not None and not leg.hangup_at else None), rest.strip()


async def _quietly(asking: Asked, leg: Leg, command: commands.Command) -> str:
    try:
        await asking.hub.steering.command(leg.id, command)
    except Refused as refused:
        return f"-ERR {refused}\n"
    return OK
