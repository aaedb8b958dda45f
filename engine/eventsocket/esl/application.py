"""FreeSWITCH's dialplan applications as our typed commands: one function each, and the table of them all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

import trio

from callflow.protocol import commands

from . import (
    acting,
    asking,
    attended,
    bridging,
    browsing,
    conferring,
    detecting,
    displacing,
    fifo,
    keeping,
    outbound,
    parking,
    recording,
    refusing,
    scheduling,
    setting,
    sounding,
    transferring,
)
from .asked import Asked, global_setvar, strftime
from .headers import channel_headers
from .stage import NONE, Application, Stage
from .steering import Refused
from .tending import place
from .vocabulary import EVENT_NAMES, LOG_LEVELS, q850, read_cause

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


async def limit(stage: Stage, data: str) -> str:
    """`BACKEND REALM ID MAXIMUM [NUMBER ...]`: where all places are taken, the call goes to that number, or ends."""
    words = data.split()
    command = place(words)
    if command is None:
        return NONE
    try:
        await stage.do(command)
    except Refused as refused:
        if refused.code != "overloaded":
            raise
        await transferring.send(stage.hub, stage.leg, " ".join(words[4:]) or "limit_exceeded")
    return NONE


async def fire_event(stage: Stage, data: str) -> str:
    """`Event-Name=CUSTOM,Event-Subclass=mine::this,Header=value`."""
    pairs = (part.partition("=") for part in data.split(","))
    headers = {name.strip(): value.strip() for name, equals, value in pairs if equals and name.strip()}
    name = headers.pop("Event-Name", "CHANNEL_APPLICATION").upper()
    name = name if name in EVENT_NAMES and name != "ALL" else "CUSTOM"
    subclass = headers.pop("Event-Subclass", "")
    hub = stage.hub
    hub.announce(name, headers | channel_headers(name, stage.leg, hub.find), subclass=subclass)
    return NONE


async def write_log(stage: Stage, data: str) -> str:
    """`LEVEL TEXT`, for those who read the log."""
    level, _, text = data.strip().partition(" ")
    stage.hub.write_log(LOG_LEVELS.get(level.lower(), LOG_LEVELS["debug"]), text or level)
    return NONE


async def write_info(stage: Stage, data: str) -> str:
    stage.hub.write_log(
        LOG_LEVELS["info"],
        "CHANNEL_DATA:\n"
        + "".join(
            f"{name}: [{value}]\n" for name, value in channel_headers("CHANNEL_DATA", stage.leg, stage.hub.find).items()
        ),
    )
    return NONE


async def write_time(stage: Stage, data: str) -> str:
    """`[EPOCH|]FORMAT`, for those who read the log."""
    stage.hub.write_log(LOG_LEVELS["info"], await strftime(Asked(stage.hub, stage.leg), data))
    return NONE


async def set_global(stage: Stage, data: str) -> str:
    await global_setvar(Asked(stage.hub, stage.leg), data)
    return NONE


async def nothing(stage: Stage, data: str) -> str:
    return NONE


def _a(perform: Callable[[Stage, str], Awaitable[str]], differs: str = "") -> Application:
    return Application(perform, differs)


APPLICATIONS: Mapping[str, Application] = MappingProxyType({
    "answer": _a(answer),
    "att_xfer": _a(attended.att_xfer, "without keys: who hangs up decides"),
    "bind_digit_action": _a(acting.bind, "digits, no patterns; exec: and api:"),
    "bind_meta_app": _a(acting.bind_meta, "the flags o and s"),
    "break": _a(sounding.interrupt),
    "bridge": _a(bridging.bridge),
    "clear_digit_action": _a(acting.clear),
    "conference": _a(conferring.conference, "a name, pin, and the flags mute, deaf, moderator, wait-mod, endconf"),
    "curl": _a(browsing.curl, browsing.DIFFERS),
    "db": _a(keeping.db_application, "in memory"),
    "deflect": _a(transferring.deflect),
    "delay_echo": _a(sounding.delay_echo, "in whole frames of 20 ms"),
    "detect_speech": refusing.NO_RECOGNIZER,
    "digit_action_set_realm": _a(acting.set_realm, "for the channel itself"),
    "displace_session": _a(displacing.displace, "the flags l and w; who talks with the channel hears it"),
    "eavesdrop": _a(conferring.eavesdrop, "a call of this door that is bridged; without keys to whisper"),
    "echo": _a(sounding.echo),
    "endless_playback": _a(sounding.endless_playback),
    "eval": _a(nothing),
    "event": _a(fire_event),
    "execute_extension": _a(transferring.execute_extension, "inline; a number of our routes does not come back"),
    "export": _a(setting.export, "set on the channel, and on the legs that it dials from then on"),
    "fifo": _a(fifo.fifo, "no importance, no announcements"),
    "flush_dtmf": _a(nothing, "digits keyed ahead stay"),
    "gentones": _a(sounding.gentones, "%(on,off,frequencies) and loops; no other TGML"),
    "hangup": _a(hangup),
    "hash": _a(keeping.hash_application),
    "hold": _a(hold),
    "info": _a(write_info, "to those who read the log by the command log"),
    "intercept": _a(bridging.intercept, "a call of this door"),
    "limit": _a(limit, "no intervals; one place of a resource for one channel"),
    "log": _a(write_log, "to those who read the log by the command log"),
    "multiset": _a(setting.multiset),
    "multiunset": _a(setting.multiunset),
    "park": _a(park),
    "phrase": _a(sounding.phrase, "spell, or a file in the folder phrases"),
    "play_and_get_digits": _a(asking.play_and_get_digits, "no failure extension; patterns of callflow's own syntax"),
    "playback": _a(sounding.playback, "one playback over another ends it instead of pausing it"),
    "pre_answer": _a(pre_answer),
    "privacy": _a(setting.privacy, "all or nothing, for those that are dialled from then on"),
    "push": _a(setting.push),
    "queue_dtmf": _a(sounding.send_dtmf, "RFC 4733; at once"),
    "read": _a(asking.read),
    "record": _a(recording.record, "below the recordings folder of the door; silence_hits are seconds"),
    "record_session": _a(recording.record_session, "below the recordings folder of the door"),
    "redirect": _a(redirect),
    "respond": _a(respond, "300 to 699"),
    "ring_ready": _a(ring_ready),
    "say": _a(sounding.say, "the recorded words that callflow has"),
    "sched_broadcast": _a(scheduling.broadcast),
    "sched_hangup": _a(scheduling.hangup),
    "sched_transfer": _a(scheduling.transfer, "to a number of our routes, or inline"),
    "send_dtmf": _a(sounding.send_dtmf, "RFC 4733"),
    "set": _a(setting.set_one),
    "set_global": _a(set_global, "for ESL clients alone"),
    "sleep": _a(sleep),
    "socket": _a(outbound.socket_application),
    "speak": _a(sounding.speak, "recorded words: no synthesizer"),
    "start_dtmf": _a(nothing, "in-band digits are not looked for"),
    "start_tone_detect": _a(detecting.start_tone_detect, "busy, reorder, sit, cng, ced, beep"),
    "stop_displace_session": _a(displacing.stop_displace),
    "stop_dtmf": _a(nothing, "in-band digits are not looked for"),
    "stop_record_session": _a(recording.stop_record_session),
    "stop_tone_detect": _a(detecting.stop_tone_detect),
    "strftime": _a(write_time),
    "system": refusing.NO_SHELL,
    "three_way": _a(conferring.three_way, "with a call of this door"),
    "tone_detect": _a(detecting.tone_detect, "the frequencies of fax, busy, congestion, SIT, and 1000 for a beep"),
    "transfer": _a(transferring.transfer, "to a number of our routes, or inline; -bleg and -both by uuid_transfer"),
    "unbind_meta_app": _a(acting.unbind_meta),
    "unhold": _a(unhold),
    "unset": _a(setting.unset),
    "valet_park": _a(parking.valet_park, "a place is announced to who is parked"),
    "wait_for_silence": _a(detecting.wait_for_silence, "the threshold is ours, hits are 20 ms"),
})
