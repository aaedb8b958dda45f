"""tone_detect, start_tone_detect, stop_tone_detect, wait_for_silence: what the far end sounds like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import nullcontext
from types import MappingProxyType

from callflow.protocol import commands
from callflow.protocol.detecting import Detectable
from callflow.protocol.outcomes import Detected

from .asked import Asked
from .background import playing
from .dialstring import DialStringError, split_arguments
from .hub import Hub
from .leg import Leg
from .performing import run
from .sound import sources_of
from .stage import NONE, Stage
from .steering import Refused
from .tending import leg_and

_FRAME = 0.02  # seconds of a hit
_LONGEST = 3600.0
_USAGE = "expected: key tone_spec [flags] [+]timeout application arguments [hits]"
# What the frequencies that programs ask for stand for; the level and the cadence are ours.
_TONES: Mapping[frozenset[str], tuple[Detectable, ...]] = MappingProxyType({
    frozenset({"1100"}): ("cng",),
    frozenset({"2100"}): ("ced",),
    frozenset({"480", "620"}): ("busy", "congestion"),
    frozenset({"425"}): ("busy", "congestion"),
    frozenset({"400"}): ("busy", "congestion"),
    frozenset({"914", "1371", "1777"}): ("sit",),
    frozenset({"914", "1429", "1777"}): ("sit",),
    frozenset({"985", "1371", "1777"}): ("sit",),
    frozenset({"985", "1429", "1777"}): ("sit",),
    frozenset({"950", "1400", "1800"}): ("sit",),
    frozenset({"1000"}): ("beep",),
})
_NAMED: Mapping[str, tuple[Detectable, ...]] = MappingProxyType({
    "busy": ("busy", "congestion"), "busy_tone": ("busy", "congestion"), "reorder": ("congestion",),
    "congestion": ("congestion",), "sit": ("sit",), "cng": ("cng",), "fax_cng": ("cng",), "ced": ("ced",),
    "fax_ced": ("ced",), "beep": ("beep",),
})  # fmt: skip


async def tone_detect(stage: Stage, data: str) -> str:
    started = _start(stage.hub, stage.leg, _words(data))
    return NONE if started else f"-ERR {_USAGE}"


async def tone_detect_api(asking: Asked, arguments: str) -> str:
    leg, rest = leg_and(asking, arguments)
    if leg is None:
        return "-ERR Cannot locate session!\n"
    words = _words(rest)
    if not _start(asking.hub, leg, words):
        return f"-ERR {_USAGE}\n"
    return f"+OK Enabling tone detection '{words[0]}' '{words[1]}'.\n"


async def start_tone_detect(stage: Stage, data: str) -> str:
    what = _NAMED.get(data.strip().lower())
    if what is None:
        return f"-ERR expected a tone of {', '.join(sorted(_NAMED))}"
    stage.hub.nursery.start_soon(_listen, stage.hub, stage.leg, data.strip(), what, 0.0, ("", ""))
    return NONE


async def stop_tone_detect(stage: Stage, data: str) -> str:
    if stage.leg.detecting is not None:
        await stage.do(commands.Cancel(command=stage.leg.detecting))
    return NONE


async def wait_for_silence(stage: Stage, data: str) -> str:
    """`THRESHOLD SILENCE_HITS LISTEN_HITS TIMEOUT_MS [FILE]`: the file plays meanwhile, again and again."""
    words = data.split()
    if len(words) < 2 or not all(re.fullmatch(r"[0-9]{1,9}", word, re.ASCII) for word in words[:4]):
        return "-ERR expected: silence_thresh silence_hits listen_hits timeout_ms [file]"
    timeout = int(words[3]) / 1000 if len(words) > 3 else 0.0
    detect = commands.Detect(
        what=("silence",), silence=max(int(words[1]) * _FRAME, 0.1), timeout=min(timeout, _LONGEST)
    )
    sources = sources_of(words[4], stage.hub.sounds) if len(words) > 4 else ()
    async with playing(stage, words[4], sources) if sources else nullcontext():
        await stage.run(detect)
    return NONE


def _words(text: str) -> list[str]:
    try:
        return split_arguments(text)
    except DialStringError:
        return []


def _start(hub: Hub, leg: Leg, words: list[str]) -> bool:
    """Listen beside what else is done; False: that is not understood."""
    if len(words) < 2:
        return False
    what = _TONES.get(frozenset(words[1].split(",")))
    rest = words[3:] if len(words) > 2 and not re.fullmatch(r"\+?[0-9]+", words[2], re.ASCII) else words[2:]
    seconds = re.fullmatch(r"\+?([0-9]{1,6})", rest[0], re.ASCII) if rest else None
    if what is None or (rest and seconds is None):
        return False
    then = (rest[1] if len(rest) > 1 else "", rest[2] if len(rest) > 2 else "")
    hub.nursery.start_soon(_listen, hub, leg, words[0], what, float(seconds[1]) if seconds else 0.0, then)
    return True


async def _listen(
    hub: Hub, leg: Leg, key: str, what: tuple[Detectable, ...], seconds: float, then: tuple[str, str]
) -> None:
    command = commands.Detect(what=what, timeout=min(seconds, _LONGEST))
    try:
        outcome = await hub.steering.run_command(leg.id, command, began=lambda id: setattr(leg, "detecting", id))
    except Refused:  # it listens already, or has ended
        return
    finally:
        leg.detecting = None
    if not isinstance(outcome, Detected) or leg.hangup_at:
        return
    leg.variables["detected_tone"] = key
    hub.tell("DETECTED_TONE", leg, hub.epoch(), {"Detected-Tone": key})
    application, data = then
    if application:
        run(hub, leg, application, data)
