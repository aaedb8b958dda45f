"""redirect: an unanswered caller is told where to call instead (RFC 3261 21.3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callflow.protocol import commands
from callflow.protocol.causes import cause_of_status
from engine.sip.messages import Address, Uri

from .argument import headers_of
from .ending import Ending
from .errors import CommandError
from .origination import parse_address

if TYPE_CHECKING:
    from .channel import Channel

MOVED_TEMPORARILY = 302
_MOST = 10  # targets


def redirect(channel: Channel, _id: str, command: commands.Redirect) -> None:
    if not 0 < len(command.targets) <= _MOST:
        raise CommandError("bad_argument", f"expected 1 to {_MOST} targets, got {len(command.targets)}")
    headers = headers_of(command.headers, channel.table.limits.headers)
    contacts = [("Contact", str(Address(_uri(channel, target)))) for target in command.targets]
    channel.expect_inbound("redirect")
    cause = cause_of_status(MOVED_TEMPORARILY)
    channel.end(Ending(cause, "app", MOVED_TEMPORARILY, "Moved Temporarily", [*headers, *contacts]))


def _uri(channel: Channel, target: str) -> Uri:
    """The URI as the caller can call it: a user of ours is at the host that the caller called."""
    destination = parse_address(target, channel.table.locator)
    if isinstance(destination, Uri):
        return destination
    called = Uri.parse(channel.facts.callee.uri)
    return Uri(user=destination.name, host=called.host, port=called.port)
