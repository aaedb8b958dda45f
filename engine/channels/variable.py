"""set, get, set_language: a program's own data on a channel, and the language in which it is spoken to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callflow.protocol import commands

from .errors import CommandError
from .source import check_language

if TYPE_CHECKING:
    from .channel import Channel


def set_variables(channel: Channel, _id: str, command: commands.Set) -> None:
    limits = channel.table.limits
    for name, value in command.variables.items():
        if not name or len(name) > limits.variable_name:
            raise CommandError("bad_argument", f"expected a variable name of 1 to {limits.variable_name} characters")
        if value is not None and len(value) > limits.variable_value:
            raise CommandError(
                "bad_argument",
                f"expected a value of at most {limits.variable_value} characters for {name!r}, got {len(value)}",
            )
    changed = channel.variables | command.variables
    kept = {name: value for name, value in changed.items() if value is not None}
    if len(kept) > limits.variables:
        raise CommandError("overloaded", f"expected at most {limits.variables} variables on one channel")
    channel.variables = kept


def set_language(channel: Channel, _id: str, command: commands.SetLanguage) -> None:
    channel.language = check_language(command.language)


def get_variables(channel: Channel, _id: str, command: commands.Get) -> dict[str, str]:
    if not command.variables:
        return dict(channel.variables)
    return {name: channel.variables[name] for name in command.variables if name in channel.variables}
