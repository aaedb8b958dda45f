"""Commands, sources and outcomes in few words, near to how a script spells them.

play welcome.wav stop_on=#       heard 2.1 s
gather menu.wav max=1            Digits("1")
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from callflow.protocol.command import Command
from callflow.protocol.commands import Fallback, File, Silence, Target, Tone
from callflow.protocol.outcomes import (
    Answered,
    AnyOutcome,
    Branch,
    Failed,
    Played,
    Recorded,
    Sent,
    Stopped,
    Unbridged,
)
from callflow.protocol.source import Say, Text

MAX_LENGTH = 120  # characters of a command's arguments; what is longer is cut
# These say by themselves what they are.
_BARE = frozenset({"sources", "prompt", "stages", "targets", "text", "plan", "path", "digits", "other", "music"})


def describe_command(command: Command) -> str:
    """Its name, and the arguments that are not as they would be anyway."""
    told = [
        text if name in _BARE else f"{name}={text}"
        for name, value in _given(command)
        if (text := _value(value)) and value is not None
    ]
    return _shortened(" ".join([command.name, *told]))


def describe_outcome(outcome: AnyOutcome) -> str:
    """How a command ended."""
    match outcome:
        case Played(heard_ms, reason, digit, error):
            how = {"completed": "", "digit": f", ended by key {digit}", "failed": f", failed: {error}"}
            return f"heard {_seconds(heard_ms)}{how.get(reason, f', {reason}')}"
        case Recorded(path, duration_ms, reason, error=error):
            return f"recorded {path}, {_seconds(duration_ms)}, {reason}{f': {error}' if error else ''}"
        case Answered(target=target):
            return f"{target} answered"
        case Failed(branches, reason):
            return ", ".join(map(_branch, branches)) or reason.replace("_", " ")
        case Unbridged(reason):
            return f"parted: {reason}"
        case Sent(digits, reason):
            return f"sent {digits}{'' if reason == 'completed' else f', {reason}'}"
        case Stopped(reason):
            return f"stopped: {reason}"
    return _spelled(outcome)


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a script."""

    path: str
    line: int
    code: str


_FRAME = re.compile(
    r'^[ |+-]*File "(?P<path>[^"]+)", line (?P<line>[0-9]+)[^\n]*(?:\n(?![ |+-]*File ")[ |]*(?P<code>[^\n]*))?',
    re.MULTILINE,
)


def find_place(traceback: str, folder: str) -> Place | None:
    """The innermost line of a traceback that is in that folder, else the innermost of all."""
    found = list(_FRAME.finditer(traceback))
    ours = [match for match in found if match["path"].startswith(folder)] or found
    if not ours:
        return None
    return Place(ours[-1]["path"], int(ours[-1]["line"]), (ours[-1]["code"] or "").strip())


def last_line(traceback: str) -> str:
    """The error itself: `ValueError: on purpose`."""
    lines = [line.strip(" |+-") for line in traceback.splitlines()]
    return next((line for line in reversed(lines) if line), "").removeprefix("callflow.errors.")


def _given(command: msgspec.Struct) -> Iterable[tuple[str, object]]:
    """The fields that differ from their defaults."""
    for field in msgspec.structs.fields(command):
        value = getattr(command, field.name)
        default = field.default
        if default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        if value != default:
            yield field.name, value


def _value(value: object) -> str:
    match value:
        case Tone(plan, seconds):
            return f"tone {plan}" + (f" {seconds:g} s" if seconds is not None else "")
        case Silence(seconds):
            return f"silence {seconds:g} s"
        case Say(text) | Text(text):
            return f"say {text!r}"
        case File(name):
            return name
        case Target(target):
            return target
        case Fallback():
            return _spelled(value)
        case tuple():
            return (" then " if value and isinstance(value[0], tuple) else ", ").join(map(_value, value))
        case float():
            return f"{value:g}"
    return str(value)


def _branch(branch: Branch) -> str:
    return f"{branch.target} {branch.reason.replace('_', ' ')}"


def _spelled(value: msgspec.Struct) -> str:
    """As one writes it in Python, without what need not be said: the first argument by its place alone."""
    told = [f"{name}={item!r}" for name, item in _given(value)]
    first = f"{msgspec.structs.fields(value)[0].name}="
    if told:
        told[0] = told[0].removeprefix(first)
    return f"{type(value).__name__}({', '.join(told)})".replace("'", '"')


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.1f} s"


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 3] + "..."
