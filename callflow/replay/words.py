"""Commands in words, on one line, the same for the same decision: ids are names here, and defaults are left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from callflow.protocol.commands import COMMANDS, Command

_REQUIRED = object()
_LONGEST = 2000  # characters of one command

# What stands first, without its name.
_SUBJECTS: Mapping[str, str] = {
    "bridge": "other", "cancel": "command", "control": "command", "dial": "stages", "gather": "prompt",
    "hangup": "cause", "play": "sources", "record": "path", "record_call": "path", "redirect": "targets",
    "reject": "reason", "say": "text", "send_digits": "digits", "set": "variables", "tone": "plan",
    "bind_digits": "digits", "unbind_digits": "digits", "press": "digits", "limit": "resource", "join": "conference",
    "listen": "other",
    "conference": "action", "conference_play": "sources", "conference_record": "path",
}  # fmt: skip


def describe_command(name: str, data: Mapping[str, Any], *, rename: Callable[[str], str] = str) -> str:
    """A command in words. `rename` is asked of every text in its arguments."""
    arguments = _renamed(_without_defaults(name, data), rename)
    subject = arguments.pop(_SUBJECTS.get(name, ""), None)
    words = [name] if subject is None else [name, _value(subject)]
    words += [f"{key}={_value(value)}" for key, value in arguments.items()]
    text = " ".join(word for word in words if word)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def subject_of(name: str, data: Mapping[str, Any], *, rename: Callable[[str], str] = str) -> str:
    """What a command is about, without its finer points: by this it is known again in another version."""
    subject = _SUBJECTS.get(name, "")
    arguments = _without_defaults(name, data)
    return describe_command(name, {subject: arguments[subject]} if subject in arguments else {}, rename=rename)


def _without_defaults(name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    shape = COMMANDS.get(name)
    arguments = dict(data)
    if shape is not None:
        try:
            command = msgspec.convert(arguments, shape)
        except msgspec.ValidationError:  # it was refused for that
            return arguments
        defaults = _defaults(shape)
        said = msgspec.to_builtins(command)
        arguments = {key: value for key, value in said.items() if value != defaults.get(key, _REQUIRED)}
    if name == "dial":
        arguments["stages"] = [[_target(target) for target in stage] for stage in arguments.get("stages", ())]
    return arguments


def _defaults(shape: type[Command]) -> dict[str, Any]:
    """What is left out when it is so; msgspec itself leaves out what is the very object."""
    names = shape.__struct_encode_fields__
    return dict(zip(names[len(names) - len(shape.__struct_defaults__) :], shape.__struct_defaults__, strict=True))


def _target(target: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a text, or a map with more
    """A target without the id of its leg."""
    rest = {key: value for key, value in target.items() if key != "leg"}
    return rest["target"] if len(rest) == 1 else rest


def _renamed(value: Any, rename: Callable[[str], str]) -> Any:  # noqa: ANN401 - whatever arguments are
    match value:
        case str():
            return rename(value)
        case dict():
            return {key: _renamed(item, rename) for key, item in value.items()}
        case list() | tuple():
            return [_renamed(item, rename) for item in value]
        case _:
            return value


def _value(value: Any) -> str:  # noqa: ANN401 - whatever arguments are
    match value:
        case str():
            return value if value and not set(value) & set(' "\n') else json.dumps(value, ensure_ascii=False)
        case list():
            inner = " | " if any(isinstance(item, list) for item in value) else "+"
            return inner.join(map(_value, value))
        case {"source": "file", "name": str(name)}:
            return _value(name)
        case {"source": str(source), **rest}:
            return f"{source}({', '.join(map(_value, rest.values()))})"
        case dict():
            return "(" + " ".join(f"{key}={_value(item)}" for key, item in value.items()) + ")"
        case float():
            return f"{value:g}"
        case _:
            return json.dumps(value)
