"""INFO inside a call: keys that the peer tells so (engine.sip.info), answered whatever they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.sip.info import ACCEPT, read_key
from engine.sip.messages import ParseError

from .gathering import PACKAGE
from .keys import Way

if TYPE_CHECKING:
    from engine.sip.events import RequestInCall

    from .channel import Channel

_LONGEST_FRAGMENT = 16_384  # octets
_PASSED_ON = ""  # the media's name of keys that no command has sent: nobody asks for their end


def receive_info(channel: Channel, event: RequestInCall) -> None:
    """200 to a key and to an empty INFO, 415 to what is no key's, 469 to an unknown package (RFC 6086 4.2.2)."""
    respond = channel.table.sip.respond
    package = event.request.header("Info-Package")
    if package is not None:
        is_taken = package.strip().lower() == PACKAGE and _take_candidates(channel, event)
        respond(event.transaction, 200 if is_taken else 469)
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


def _take_candidates(channel: Channel, event: RequestInCall) -> bool:
    """Candidates that the peer did not know when it described itself (RFC 8840); False: it is no such peer."""
    body = event.request.body[:_LONGEST_FRAGMENT].decode(errors="replace")
    return channel.is_alive and channel.signalling.receive_candidates(body)


def _pass_on(channel: Channel, digit: str, duration_ms: int) -> None:
    """To the other end of a bridge, which hears nothing of our INFO; keys by RTP went there as they came."""
    if channel.bridge is None or channel.signalling.has_telephone_event:
        return
    other = channel.bridge.partner(channel)
    other.media.send_digits(_PASSED_ON, digit, duration_ms=max(duration_ms, 80))
