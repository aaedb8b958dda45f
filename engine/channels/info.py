"""INFO inside a call: keys that the peer tells so (engine.sip.info), answered whatever they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.sip.info import ACCEPT, read_key
from engine.sip.messages import ParseError

from .keys import Way

if TYPE_CHECKING:
    from engine.sip.events import RequestInCall

    from .channel import Channel

_PASSED_ON = ""  # the media's name of keys that no command has sent: nobody asks for their end


def receive_info(channel: Channel, event: RequestInCall) -> None:
    """200 to a key and to an empty INFO, 415 to what is no key's, 469 to a package: we know none (RFC 6086 4.2.2)."""
    respond = channel.table.sip.respond
    if event.request.header("Info-Package") is not None:
        respond(event.transaction, 469)
        return
    try:
        told = read_key(event.request)
    except ParseError:
        respond(event.transaction, 400)
        return
    if told is None and event.request.body:
        respond(event.transaction, 415, headers=[ACCEPT])
    else:
        respond(event.transaction, 200)
    if told is None or not told.key or not channel.is_alive:
        return
    if channel.keys.start(told.key, Way.INFO):
        channel.keys.end(told.key, told.duration_ms, Way.INFO)
        _pass_on(channel, told.key, told.duration_ms)


def _pass_on(channel: Channel, digit: str, duration_ms: int) -> None:
    """To the other end of a bridge, which hears nothing of our INFO; keys by RTP went there as they came."""
    if channel.bridge is None or channel.signalling.has_telephone_event:
        return
    other = channel.bridge.partner(channel)
    other.media.send_digits(_PASSED_ON, digit, duration_ms=max(duration_ms, 80))
