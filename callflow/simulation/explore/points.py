"""Commands as points of a walk: what each is called, and what may happen while it runs. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from callflow.protocol import commands
from callflow.protocol.commands import Command

from .entry import entries_of
from .option import Dialled, HangUp, LetGo, Option, Part, Press, Speak
from .step import Point, State

_ID = re.compile(r"\b[0-9a-f]{8,}\b|\bc-[0-9a-f-]+")


def point_of(command: Command, *, who: str, lines: tuple[str, ...], bound: Sequence[str] = ()) -> Point | None:
    """The point that a command is; None if it is done at once. `bound`: the digits that are watched for."""
    options = _options(command, bound)
    if options is None:
        return None
    text = _ID.sub("ID", _text(command))
    return Point(
        State(who, _what(command, text), lines),
        text,
        lines[-1] if lines else "",
        options,
        is_input=isinstance(command, commands.Gather | commands.Record | commands.Dial | commands.Originate),
        is_engaging=not isinstance(command, commands.Dial) or command.ringback is not None or command.early_media,
    )


def targets_of(command: Command) -> list[str]:
    """Whom it dials, each once."""
    stages = command.stages if isinstance(command, commands.Dial | commands.Originate) else ()
    return list(dict.fromkeys(name_of(target) for stage in stages for target in stage))


def name_of(target: commands.Target) -> str:
    """What the script calls whom it dials: a number of a trunk is NUMBER@TRUNK, however it was given."""
    return f"{target.target}@{target.trunk}" if target.trunk else target.target


def _options(command: Command, bound: Sequence[str]) -> tuple[Option, ...] | None:
    match command:
        case commands.Gather():
            return (LetGo("keys nothing"), *entries_of(command), HangUp())
        case commands.Play(stop_on=keys) | commands.SayCommand(stop_on=keys) | commands.ToneCommand(stop_on=keys):
            return (LetGo(), *(Press(key, key) for key in keys), HangUp())
        case commands.Record():
            stop = [Press(key, key) for key in command.terminators[:1]]
            return (LetGo("says nothing"), Speak(), *stop, HangUp())
        case commands.Dial() | commands.Originate():
            return (*_dialled(command), HangUp()) if isinstance(command, commands.Dial) else _dialled(command)
        case commands.Bridge():
            return (Part(), *(Press(keys, keys) for keys in bound), HangUp())
        case commands.Join() | commands.Listen():
            return (LetGo("stays"), *(Press(keys, keys) for keys in bound), HangUp())
        case commands.RecordCall() | commands.ConferenceRecord():  # they go on beside what there is to choose
            return None
    return (LetGo(), HangUp()) if command.ends_as else None


def _dialled(command: commands.Dial | commands.Originate) -> tuple[Option, ...]:
    targets = targets_of(command)
    key = command.confirm.key if isinstance(command, commands.Dial) and command.confirm is not None else ""
    who = targets[0] if len(targets) == 1 else None
    failures: list[Option] = [
        Dialled(who, "does not answer"), Dialled(who, "is busy"), Dialled(who, "is unreachable")
    ]  # fmt: skip
    answers = [Dialled(target, "answers", with_key) for target in targets for with_key in dict.fromkeys((key, ""))]
    return (*failures, *answers)


def _text(command: Command) -> str:
    match command:
        case commands.Gather(prompt=prompt, valid=valid):
            return " ".join(["gather", *_names(prompt), *([valid] if valid else [])])
        case commands.Play(sources=sources):
            return " ".join(["play", *_names(sources)])
        case commands.SayCommand(text=text):
            return f'say "{text[:40]}"'
        case commands.ToneCommand(plan=plan):
            return f"tone {plan}"
        case commands.Record(path=path):
            return f"record {path}"
        case commands.Dial() | commands.Originate():
            return f"{command.name} {' '.join(targets_of(command))}"
    return command.name


def _names(sources: Sequence[commands.Source]) -> list[str]:
    return [_name(source) for source in sources[:4]] + (["..."] if len(sources) > 4 else [])


def _name(source: commands.Source) -> str:
    match source:
        case str():
            return source
        case commands.Tone(plan=plan):
            return f"tone {plan}"
        case commands.Silence(seconds=seconds):
            return f"silence {seconds:g}"
        case commands.Say(text=text) | commands.Text(text=text):
            return f'"{text[:40]}"'
    return source.name


def _what(command: Command, text: str) -> str:
    """What tells points of one line from each other: not what is said, which may count something."""
    if isinstance(command, commands.SayCommand):
        return command.name
    return re.sub(r'"[^"]*"', '""', text)
