"""The ladder of a call as text: a lane for each party, arrows for SIP messages, and what happened between them.

::

              192.0.2.7:5060          callflow         192.0.2.9:5060
       0.000        |--- INVITE +SDP --->|                    |
       0.001        |<-- 100 Trying -----|                    |
       0.004        |                    |                    |  channel.created  caller=alice to=1000
       0.005        |                    |                    |  > play welcome.wav
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from callflow.protocol.commands import COMMANDS
from callflow.protocol.queries import Decision, WireMessage

from .traced_call import Given, Row, TracedCall
from .wording import describe_command

LANE = 26  # characters from one lane to the next
_CLOCK = 9
_US = "callflow"
_CALLS = frozenset({"INVITE", "REFER", "MESSAGE"})  # whom they are for is worth telling
_QUIET = frozenset({
    "sip_call_id",
    "security",
    "created_at",
    "progress_at",
    "answered_at",
    "ended_at",
    "owner",
    "command",
})


class Ladder:
    """Draws rows, each as one line. The parties are those of the messages, in their order; the engine is second."""

    def __init__(self, call: TracedCall) -> None:
        peers = call.peers
        self._lanes = [*peers[:1], _US, *peers[1:]]
        self._began_at = call.rows[0].at if call.rows else 0.0
        self._legs = tuple(call.legs)

    def has_room_for(self, call: TracedCall) -> bool:
        """Are all its parties and legs in the ladder?"""
        return set(call.peers) <= set(self._lanes) and len(call.legs) == len(self._legs)

    def head(self) -> str:
        """The names of the lanes."""
        names = (name[: LANE - 2].center(LANE) for name in self._lanes)
        return " " * (_CLOCK + 2) + "".join(names).rstrip()

    def line(self, row: Row) -> str:
        """One row."""
        clock = f"{row.at - self._began_at:{_CLOCK}.3f}  "
        if isinstance(row, WireMessage):
            return clock + self._arrow(row)
        if isinstance(row, Given):
            return f"{clock}{self._bars()}  {self._leg(row.channel)}> {spelled(row.decision)}"
        return f"{clock}{self._bars()}  {self._leg(row.channel)}{row.name}  {told(row.data)}".rstrip()

    def _bars(self) -> str:
        half = LANE // 2
        return " " * half + (" " * (LANE - 1)).join("|" * len(self._lanes))

    def _arrow(self, message: WireMessage) -> str:
        lanes = self._lanes
        us, peer = lanes.index(_US), lanes.index(message.remote)
        left, right = sorted((us, peer))
        room = (right - left) * LANE - 1
        label = f" {title(message.data)} "[: room - 4]
        goes_right = message.is_sent == (us < peer)
        shaft = label.center(room - 1, "-")
        bars = list(self._bars())
        begin = LANE // 2 + left * LANE + 1
        bars[begin : begin + room] = shaft + ">" if goes_right else "<" + shaft
        return "".join(bars)

    def _leg(self, channel: str | None) -> str:
        """Which leg, if there are several: a, b, c in the order of the call."""
        if len(self._legs) < 2 or channel not in self._legs:
            return ""
        return f"{name_of_leg(self._legs.index(channel))}: "


def name_of_leg(index: int) -> str:
    """a, b, ... z, a1, b1, ..."""
    return "abcdefghijklmnopqrstuvwxyz"[index % 26] + (str(index // 26) if index >= 26 else "")


def title(data: bytes) -> str:
    """A message in a few words: `INVITE 1000 +SDP`, `200 OK (INVITE)`. Of what is no SIP, the first line."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = printable(head).split("\n")
    words = lines[0].split(" ", 2)
    sdp = " +SDP" if body.startswith(b"v=0") else ""
    if words[0] == "SIP/2.0":
        method = next((line.split()[-1] for line in lines if line.lower().startswith("cseq:")), "")
        return f"{' '.join(words[1:])} ({method}){sdp}"
    if words[-1] != "SIP/2.0":
        return lines[0]
    user = words[1].partition(":")[2].partition("@")[0] if words[0] in _CALLS and "@" in words[1] else ""
    return f"{words[0]} {user}".rstrip() + sdp


def printable(data: bytes) -> str:
    """A message as lines of text: nothing in it moves a terminal's cursor."""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    return "".join(each if each.isprintable() or each == "\n" else "\ufffd" for each in text)


def spelled(decision: Decision) -> str:
    """A command, and why it was not done: `play welcome.wav`."""
    refusal = f"  refused: {decision.error}" if decision.error else ""
    try:
        return describe_command(msgspec.convert(decision.args, COMMANDS[decision.name])) + refusal
    except (KeyError, msgspec.ValidationError):  # of another version, or misspelt
        return f"{decision.name}  {told(decision.args)}".rstrip() + refusal


def told(data: Mapping[str, Any]) -> str:
    """What an event says, on one line."""
    return "  ".join(f"{key}={_short(value)}" for key, value in _worth_telling(data))


def _worth_telling(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        if key not in _QUIET and value not in (None, "", 0, (), [], {}):
            yield key, value


def _short(value: object) -> str:
    match value:
        case {"uri": uri, **rest}:
            return str(rest.get("number") or uri)
        case dict():
            return "(" + " ".join(f"{key}={_short(item)}" for key, item in _worth_telling(value)) + ")"
        case float():
            return f"{value:.3f}".rstrip("0").rstrip(".")
        case list() | tuple():
            return ",".join(map(_short, value))
        case _:
            return str(value)
