"""The headers of events, in FreeSWITCH's order: those of every event, of a channel, of its caller, its variables."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .leg import CONTEXT, Leg, codec_name, codec_rate, micro
from .vocabulary import STATES, WITH_VARIABLES


@dataclass(slots=True)
class Core:
    """What is said of the engine in every event."""

    uuid: str
    hostname: str
    address: str
    version: str
    started_at: float
    sequence: int = 0

    def headers(self, name: str, at: float, subclass: str = "") -> dict[str, str]:
        """The first headers; each event has the next number."""
        self.sequence += 1
        first = {"Event-Subclass": subclass} if subclass else {}
        return first | {
            "Event-Name": name,
            "Core-UUID": self.uuid,
            "FreeSWITCH-Hostname": self.hostname,
            "FreeSWITCH-Switchname": self.hostname,
            "FreeSWITCH-IPv4": self.address,
            "FreeSWITCH-IPv6": "::1",
            "Event-Date-Local": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at)),
            "Event-Date-GMT": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(at)),
            "Event-Date-Timestamp": micro(at),
            "Event-Calling-File": "callflow",
            "Event-Calling-Function": "callflow",
            "Event-Calling-Line-Number": "1",
            "Event-Sequence": str(self.sequence),
        }


Find = Callable[[str], Leg | None]


def channel_headers(name: str, leg: Leg, find: Find) -> dict[str, str]:
    """Those of an event of this channel. `find` gives the other leg."""
    headers = dict(_basic(leg)) | dict(profile("Caller-", leg))
    other = find(leg.other) if leg.other is not None else None
    if other is not None:
        headers |= {"Other-Type": leg.other_type or "originatee"} | dict(profile("Other-Leg-", other))
    if name in WITH_VARIABLES:
        headers |= leg.variable_headers()
    return headers


def snapshot_headers(leg: Leg, find: Find) -> dict[str, str]:
    """The whole channel, as `connect` is answered: its profile twice, under Channel- and Caller-."""
    return dict(profile("Channel-", leg)) | channel_headers("CHANNEL_DATA", leg, find)


def _basic(leg: Leg) -> Iterator[tuple[str, str]]:
    yield "Channel-State", leg.state
    yield "Channel-Call-State", leg.call_state
    yield "Channel-State-Number", str(STATES.get(leg.state, 0))
    yield "Channel-Name", leg.name
    yield "Unique-ID", leg.id
    yield "Call-Direction", leg.facts.direction
    yield "Presence-Call-Direction", leg.facts.direction
    yield "Channel-HIT-Dialplan", "true" if leg.is_inbound else "false"
    yield "Channel-Call-UUID", leg.call_id
    yield "Answer-State", leg.answer_state
    if leg.cause and leg.hangup_at:
        yield "Hangup-Cause", leg.cause
    for way in ("Read", "Write") if leg.codec else ():
        yield f"Channel-{way}-Codec-Name", codec_name(leg.codec)
        yield f"Channel-{way}-Codec-Rate", str(codec_rate(leg.codec))
        yield f"Channel-{way}-Codec-Bit-Rate", "64000"


def profile(prefix: str, leg: Leg) -> Iterator[tuple[str, str]]:
    """The caller's profile; what is empty is left out."""
    return ((prefix + name, value) for name, value in _profile(leg) if value)


def _profile(leg: Leg) -> Iterator[tuple[str, str]]:
    caller, callee = leg.facts.caller, leg.facts.callee
    variables = leg.variables
    name = variables.get("effective_caller_id_name") or caller.name or caller.number
    number = variables.get("effective_caller_id_number") or caller.number
    yield "Direction", leg.facts.direction
    yield "Logical-Direction", leg.facts.direction
    yield "Username", leg.facts.user or caller.number
    yield "Dialplan", "XML"
    yield "Caller-ID-Name", name
    yield "Caller-ID-Number", number
    yield "Orig-Caller-ID-Name", caller.name or caller.number
    yield "Orig-Caller-ID-Number", caller.number
    yield "Callee-ID-Name", "" if leg.is_inbound else callee.name
    yield "Callee-ID-Number", "" if leg.is_inbound else callee.number
    yield "Network-Addr", _address(leg)
    yield "ANI", caller.number
    yield "Destination-Number", leg.destination or leg.facts.to
    yield "Unique-ID", leg.id
    yield "Source", "mod_sofia"
    yield "Context", variables.get("user_context", CONTEXT)
    yield "Channel-Name", leg.name
    yield "Profile-Index", "1"
    yield "Profile-Created-Time", micro(leg.transferred_at or leg.created_at)
    times = (
        ("Created", leg.created_at), ("Answered", leg.answered_at), ("Progress", leg.progress_at),
        ("Progress-Media", leg.early_at), ("Hangup", leg.hangup_at), ("Transfer", leg.transferred_at),
        ("Resurrect", 0.0), ("Bridged", leg.bridged_at),
    )  # fmt: skip
    for name, at in times:
        yield f"Channel-{name}-Time", micro(at)
    yield "Channel-Last-Hold", micro(leg.held_at)
    yield "Channel-Hold-Accum", "0"
    yield "Screen-Bit", "true"
    yield "Privacy-Hide-Name", "false"
    yield "Privacy-Hide-Number", "false"


def _address(leg: Leg) -> str:
    uri = (leg.facts.caller if leg.is_inbound else leg.facts.callee).uri
    host = uri.rpartition("@")[2].partition(";")[0]
    return host.partition("]")[0].strip("[") if host.startswith("[") else host.partition(":")[0]
