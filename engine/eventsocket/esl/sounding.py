"""playback, say, speak, gentones, echo, delay_echo, send_dtmf, break: what the far end hears."""

from __future__ import annotations

from callflow.protocol import commands
from callflow.protocol.outcomes import Played
from callflow.protocol.source import Say, Source

from .sound import Sound, said, sound_of
from .stage import NONE, Stage
from .steering import Refused

PLAYED, MISSING, FAILED = "FILE PLAYED", "FILE NOT FOUND", "PLAYBACK ERROR"
_BY_DEFAULT = "*"  # the key that ends a playback


async def playback(stage: Stage, data: str) -> str:
    return await play(stage, data, sound_of(data, stage.hub.sounds))


async def endless_playback(stage: Stage, data: str) -> str:
    return await play(stage, data, Sound(sound_of(data, stage.hub.sounds).sources, 0))


async def gentones(stage: Stage, data: str) -> str:
    script, _, loops = data.partition("|")
    return await play(stage, data, sound_of(f"tone_stream://{script}{';loops=' + loops if loops else ''}"))


async def say(stage: Stage, data: str) -> str:
    words = data.split()
    if len(words) < 4:
        return NONE
    language = words[0].partition(":")[2] or words[0]
    has_gender = len(words) > 4 and words[3].lower() in ("feminine", "masculine", "neuter")
    text = " ".join(words[4 if has_gender else 3 :])
    language = language if len(language) <= 3 else "en"
    return await say_aloud(stage, data, said(words[1], words[2], text, language))


async def speak(stage: Stage, data: str) -> str:
    text = data.rpartition("|")[2]
    return await say_aloud(stage, data, Say(text))


async def phrase(stage: Stage, data: str) -> str:
    """`MACRO,DATA`: `spell` says its characters, another is the file of that name in the folder `phrases`."""
    macro, _, argument = (part.strip() for part in data.partition(","))
    if macro in ("spell", "spell-phonetic"):
        return await say_aloud(stage, data, Say(argument, kind="spelled"))
    return await play(stage, f"phrase:{data}", sound_of(f"phrases/{macro}.wav", stage.hub.sounds))


async def echo(stage: Stage, data: str) -> str:
    await stage.run(commands.Echo())
    return NONE


async def delay_echo(stage: Stage, data: str) -> str:
    """A second later, or as many milliseconds as it says; with what is none, or more than ten seconds, not at all."""
    text = data.strip() or "1000"
    delay_ms = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    if 1 <= delay_ms <= 10_000:
        await stage.run(commands.Echo(delay_ms=delay_ms))
    return NONE


async def send_dtmf(stage: Stage, data: str) -> str:
    digits, _, duration = data.strip().partition("@")
    milliseconds = int(duration) if duration.isascii() and duration.isdigit() and len(duration) < 5 else 120
    digits = "".join(digit for digit in digits if digit.upper() in "0123456789*#ABCD")
    if digits:
        await stage.run(commands.SendDigits(digits=digits, duration_ms=max(milliseconds, 40)))
    return NONE


async def interrupt(stage: Stage, data: str) -> str:
    await break_off(stage, are_all=data.strip() == "all")
    return NONE


async def break_off(stage: Stage, *, are_all: bool) -> None:
    """End what runs on the leg, the newest, or all; but not that it is parked."""
    for execution in reversed([each for each in stage.leg.executions.running if each.command is not None]):
        execution.is_broken = True
        assert execution.command is not None
        await stage.do(commands.Cancel(command=execution.command))
        if not are_all:
            return


async def play(stage: Stage, name: str, sound: Sound) -> str:
    """Play a sound under the name that the client gave it; the Application-Response."""
    if not sound.sources:
        return MISSING
    stop_on = terminators(stage)
    command = commands.Play(sources=sound.sources, repeat=sound.repeat, stop_on=stop_on)
    try:
        outcome = await stage.run(command, began=lambda id: stage.leg.playbacks.__setitem__(id, name))
    except Refused as refused:
        return MISSING if refused.code == "not_found" else FAILED
    if isinstance(outcome, Played) and outcome.reason == "failed":
        return FAILED
    return PLAYED


def terminators(stage: Stage) -> str:
    """The keys that end what plays or records, as the channel's variable says."""
    keys = stage.leg.variables.get("playback_terminators", _BY_DEFAULT)
    if keys in ("none", "_undef_"):
        return ""
    return "0123456789*#" if keys == "any" else "".join(key for key in keys if key in "0123456789*#")[:16]


async def say_aloud(stage: Stage, data: str, words: Say) -> str:
    """Say words under the name that the client gave them; the Application-Response."""
    sources: tuple[Source, ...] = (words,)
    response = await play(stage, f"say:{data}", Sound(sources))
    return NONE if response == PLAYED else response
