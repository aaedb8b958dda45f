"""The verbs of a call in Lua, from the commands of the protocol: which values stand without a name, and in which order.

`call:gather{ "welcome.wav", max = 1 }` is the command `gather` with `prompt = ("welcome.wav",)` and `max = 1`: what is
not listed here is said by the name of its field.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal

import msgspec

from callflow.protocol import commands
from callflow.protocol.commands import COMMANDS, Command


@dataclass(frozen=True, slots=True)
class Verb:
    """`positional` fields in their order; with `rest` the last takes all that follow. `own`: it is written in Lua."""

    command: type[Command]
    positional: tuple[str, ...] = ()
    rest: bool = False
    kind: Literal["plain", "ending", "own"] = "plain"
    of_app: bool = False  # else of a call


VERBS: Mapping[str, Verb] = MappingProxyType({
    "answer": Verb(commands.Answer),
    "ring": Verb(commands.Ring),
    "progress": Verb(commands.Progress),
    "reject": Verb(commands.Reject, ("reason",), kind="ending"),
    "redirect": Verb(commands.Redirect, ("targets",), rest=True, kind="ending"),
    "hangup": Verb(commands.Hangup, ("cause",), kind="ending"),
    "hangup_at": Verb(commands.HangupAt),
    "play": Verb(commands.Play, ("sources",), rest=True),
    "say": Verb(commands.SayCommand, ("text",)),
    "tone": Verb(commands.ToneCommand, ("plan",)),
    "echo": Verb(commands.Echo),
    "detect": Verb(commands.Detect, ("what",), rest=True),
    "gather": Verb(commands.Gather, ("prompt",), rest=True),
    "send_digits": Verb(commands.SendDigits, ("digits",)),
    "press": Verb(commands.Press, ("digits",)),
    "bind_digits": Verb(commands.BindDigits, ("digits", "do")),
    "unbind_digits": Verb(commands.UnbindDigits, ("digits",)),
    "record": Verb(commands.Record, ("path",)),
    "record_call": Verb(commands.RecordCall, ("path",)),
    "stream": Verb(commands.Stream, ("url",)),
    "dial": Verb(commands.Dial, ("stages",), rest=True, kind="own"),
    "bridge": Verb(commands.Bridge, ("other",)),
    "join": Verb(commands.Join, ("conference",)),
    "listen": Verb(commands.Listen, ("other", "mode")),
    "unbridge": Verb(commands.Unbridge),
    "hold": Verb(commands.Hold, ("music",), rest=True),
    "resume": Verb(commands.ResumeCommand),
    "mute": Verb(commands.Mute, ("direction",)),
    "unmute": Verb(commands.Unmute, ("direction",)),
    "set": Verb(commands.Set, kind="own"),
    "set_language": Verb(commands.SetLanguage, ("language",)),
    "get": Verb(commands.Get, ("variables",), rest=True, kind="own"),
    "headers": Verb(commands.Headers, ("names",), rest=True),
    "limit": Verb(commands.Limit, ("resource", "maximum")),
    "policy": Verb(commands.Policy),
    "transfer": Verb(commands.Transfer, ("target",)),
    "transfer_policy": Verb(commands.TransferPolicy, ("requests",)),
    "send_message": Verb(commands.SendMessage, ("body",)),
    "send_info": Verb(commands.SendInfo, ("body",)),
    "send_options": Verb(commands.SendOptions),
    "notify": Verb(commands.Notify, ("event", "body")),
    "send_text": Verb(commands.SendText, ("to", "body"), of_app=True),
    "set_mailbox": Verb(commands.SetMailbox, ("user",), of_app=True),
    "set_lamp": Verb(commands.SetLamp, ("lamp", "state"), of_app=True),
    "set_presence": Verb(commands.SetPresence, ("user", "status"), of_app=True),
    "originate": Verb(commands.Originate, ("stages",), rest=True, kind="own", of_app=True),
    "conference": Verb(commands.ConferenceCommand, ("conference",), of_app=True),
    "conference_play": Verb(commands.ConferencePlay, ("conference", "sources"), rest=True, of_app=True),
    "conference_record": Verb(commands.ConferenceRecord, ("conference", "path"), of_app=True),
})
"""By their names in Lua."""

INTERNAL: frozenset[type[Command]] = frozenset({
    commands.Abandon, commands.Cancel, commands.Control, commands.Confirm, commands.AcceptTransfer,
    commands.RefuseTransfer, commands.StreamClear, commands.StreamText,
})  # fmt: skip
"""Commands of a channel that scripts give by other means: by closing, by handles, by what they return, by failing."""

HANDLES: Mapping[str, str] = MappingProxyType({
    "playing": "play",
    "recording": "record",
    "recording_call": "record_call",
    "streaming": "stream",
    "bridging": "bridge",
    "joining": "join",
    "listening": "listen",
})
"""Verbs that give a handle while what they began goes on, and what they begin."""

OUTCOMES: Mapping[str, tuple[str, ...]] = MappingProxyType({
    str(shape.__struct_config__.tag): shape.__struct_fields__
    for command in COMMANDS.values()
    for shape in command.ends_as
})
"""The fields of each outcome, in the order in which they are handed over."""

ENDED = (
    "cause", "cause_name", "sip_status", "sip_reason", "ended_by", "phase", "created_at", "progress_at", "answered_at",
    "ended_at", "billable",
)  # fmt: skip
"""What a script is told of the end of a call."""


@cache
def lists_of(command: type[Command]) -> frozenset[str]:
    """The fields that hold several values: one alone may stand for them."""
    hints = typing.get_type_hints(command)
    return frozenset(name for name in command.__struct_fields__ if typing.get_origin(hints[name]) is tuple)


def make_command(shape: type[Command], args: dict[str, typing.Any]) -> Command:
    """The command of what a script gave. Raises msgspec.ValidationError, which says what is wrong."""
    for name in lists_of(shape):
        value = args.get(name, ())
        if value == {}:
            args[name] = ()
        elif not isinstance(value, list | tuple):
            args[name] = (value,)
    if shape is commands.Policy and "then" not in args:
        args["then"] = {name: args.pop(name) for name in ("app", "route", "cause") if name in args}
    if shape is commands.Set and isinstance(args["variables"], dict):  # a table holds no nil: false removes a variable
        args["variables"] = {name: None if value is False else value for name, value in args["variables"].items()}
    return msgspec.convert(args, shape)
