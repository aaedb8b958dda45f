"""headers: what the peer's INVITE said, or its answer to ours. Credentials are nobody's business but the engine's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callflow.protocol import commands

from .errors import CommandError

if TYPE_CHECKING:
    from engine.sip.messages import Message

    from .channel import Channel

_MOST = 256  # fields in one reply
_LONGEST = 2048  # characters of a value; the rest is cut off
_SECRET = frozenset({"authorization", "proxy-authorization"})


def read_headers(channel: Channel, _id: str, command: commands.Headers) -> dict[str, list[str]]:
    limits = channel.table.limits
    if len(command.names) > limits.headers:
        raise CommandError("bad_argument", f"expected at most {limits.headers} names, got {len(command.names)}")
    message = channel.signalling.invite.message
    if message is None:
        return {}
    return _named(message, command.names) if command.names else _all(message)


def _named(message: Message, names: tuple[str, ...]) -> dict[str, list[str]]:
    """By the names as they were asked for."""
    found = {name: message.headers(name) for name in names if name.lower() not in _SECRET}
    return {name: [value[:_LONGEST] for value in values[:_MOST]] for name, values in found.items() if values}


def _all(message: Message) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in message.header_items()[:_MOST]:
        if name.lower() not in _SECRET:
            found.setdefault(name, []).append(value[:_LONGEST])
    return found
