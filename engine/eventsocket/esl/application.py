"""FreeSWITCH's dialplan applications as our typed commands: one function each, and the table of them all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

import trio

from callflow.protocol import commands

from . import asking, bridging, conferring, recording, setting, sounding, transferring
from .stage import NONE, Application, Stage
from .vocabulary import q850, read_cause

_LONGEST_SLEEP = 86_400.0  # seconds


async def answer(stage: Stage, data: str) -> str:
    if not stage.leg.answered_at:
        await stage.do(commands.Answer())
    return NONE


async def pre_answer(stage: Stage, data: str) -> str:
    await stage.do(commands.Progress())
    return NONE


async def ring_ready(stage: Stage, data: str) -> str:
    await stage.do(commands.Ring())
    return NONE


async def hangup(stage: Stage, data: str) -> str:
    stage.leg.cause = read_cause(data)
    await stage.do(commands.Hangup(cause=q850(stage.leg.cause)))
    return NONE


async def respond(stage: Stage, data: str) -> str:
    status = data.split(maxsplit=1)[0] if data.strip() else ""
    if status.isascii() and status.isdigit() and 300 <= int(status[:4]) <= 699:
        await stage.do(commands.Reject(reason=int(status)))
    return NONE


async def redirect(stage: Stage, data: str) -> str:
    targets = tuple(target.strip() for target in data.split(",") if target.strip())
    await stage.do(commands.Redirect(targets=targets))
    return NONE


async def park(stage: Stage, data: str) -> str:
    leg, hub = stage.leg, stage.hub
    leg.is_parked = True
    hub.enter(leg, "CS_PARK", hub.epoch())
    hub.tell("CHANNEL_PARK", leg, hub.epoch())
    stage.execution.under_way.set()
    try:
        await trio.sleep_forever()
    finally:
        if leg.is_parked and not leg.hangup_at:
            leg.is_parked = False
            hub.tell("CHANNEL_UNPARK", leg, hub.epoch())
    return NONE


async def sleep(stage: Stage, data: str) -> str:
    stage.execution.under_way.set()
    milliseconds = data.strip()
    if milliseconds.isascii() and milliseconds.isdigit() and len(milliseconds) < 12:
        await trio.sleep(min(int(milliseconds) / 1000, _LONGEST_SLEEP))
    return NONE


async def hold(stage: Stage, data: str) -> str:
    await stage.do(commands.Hold())
    return NONE


async def unhold(stage: Stage, data: str) -> str:
    await stage.do(commands.ResumeCommand())
    return NONE


async def sched_hangup(stage: Stage, data: str) -> str:
    when, _, cause = data.strip().partition(" ")
    digits = when.removeprefix("+")
    if digits.isascii() and digits.isdigit() and len(digits) < 12:
        number = q850(read_cause(cause or "ALLOTTED_TIMEOUT"))
        relative = when.startswith("+") or not digits
        await stage.do(
            commands.HangupAt(after=float(digits), cause=number)
            if relative
            else commands.HangupAt(at=float(digits), cause=number)
        )
    return NONE


async def nothing(stage: Stage, data: str) -> str:
    return NONE


def _a(perform: Callable[[Stage, str], Awaitable[str]], differs: str = "") -> Application:
    return Application(perform, differs)


APPLICATIONS: Mapping[str, Application] = MappingProxyType({
    "answer": _a(answer),
    "break": _a(sounding.interrupt),
    "bridge": _a(bridging.bridge, "user/ and sofia/ endpoints; no gateways, groups or loopback"),
    "conference": _a(conferring.conference, "a name, pin, and the flags mute, deaf, moderator, wait-mod, endconf"),
    "deflect": _a(transferring.deflect),
    "eavesdrop": _a(conferring.eavesdrop, "a call of this door that is bridged; without keys to whisper"),
    "echo": _a(sounding.echo),
    "endless_playback": _a(sounding.endless_playback),
    "eval": _a(nothing),
    "export": _a(setting.export, "set on the channel, and on the legs that it dials from then on"),
    "flush_dtmf": _a(nothing, "digits keyed ahead stay"),
    "gentones": _a(sounding.gentones, "%(on,off,frequencies) and loops; no other TGML"),
    "hangup": _a(hangup),
    "hold": _a(hold),
    "info": _a(nothing, "logs nothing"),
    "intercept": _a(bridging.intercept, "a call of this door"),
    "log": _a(nothing, "logs nothing"),
    "multiset": _a(setting.multiset),
    "multiunset": _a(setting.multiunset),
    "park": _a(park),
    "play_and_get_digits": _a(asking.play_and_get_digits, "no failure extension; patterns of callflow's own syntax"),
    "playback": _a(sounding.playback, "one playback over another ends it instead of pausing it"),
    "pre_answer": _a(pre_answer),
    "read": _a(asking.read),
    "record": _a(recording.record, "below the recordings folder of the door; silence_hits are seconds"),
    "record_session": _a(recording.record_session, "below the recordings folder of the door"),
    "redirect": _a(redirect),
    "respond": _a(respond, "300 to 699"),
    "ring_ready": _a(ring_ready),
    "say": _a(sounding.say, "the recorded words that callflow has"),
    "sched_hangup": _a(sched_hangup),
    "send_dtmf": _a(sounding.send_dtmf, "RFC 4733"),
    "set": _a(setting.set_one),
    "sleep": _a(sleep),
    "speak": _a(sounding.speak, "recorded words: no synthesizer"),
    "start_dtmf": _a(nothing, "in-band digits are not looked for"),
    "stop_dtmf": _a(nothing, "in-band digits are not looked for"),
    "stop_record_session": _a(recording.stop_record_session),
    "transfer": _a(transferring.transfer, "to a number of our routes, or inline; -bleg and -both by uuid_transfer"),
    "unhold": _a(unhold),
    "unset": _a(setting.unset),
})
