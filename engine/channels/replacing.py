"""An INVITE with Replaces: a phone takes the place of another in a call that is up (RFC 3891)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callflow.protocol.events import ChannelTransferred
from callflow.protocol.outcomes import Transferred, Unbridged
from engine.media.session import PortsExhausted
from engine.sip.messages import ParseError
from engine.sip.refer import Replaces, read_replaces

from .bridge import BridgeOfTwo
from .ending import Ending
from .incoming import facts_of, read_offer
from .ports import Admission, Refusal
from .reason import NORMAL_CLEARING, reason_header
from .signalling import Signalling
from .state import State

if TYPE_CHECKING:
    from engine.sip.events import InviteReceived

    from .channel import Channel
    from .table import ChannelTable

_BUSY, _UNAVAILABLE, _GONE, _DECLINED = 486, 503, 481, 603


def receive(table: ChannelTable, event: InviteReceived) -> Refusal | None:
    """Let a new phone in where another was. Or why not; None: it is in."""
    try:
        named = read_replaces(event.request.header("Replaces"))
    except ParseError as error:
        return Refusal(error.status, error.reason)
    replaced = table.find(named) if named is not None else None
    user = table.router.vouch(event)
    if isinstance(user, Refusal):
        return user
    status = _check(named, replaced)
    if status or replaced is None:
        return Refusal(status)
    return _replace(table, event, replaced, user)


def _check(named: Replaces | None, replaced: Channel | None) -> int:
    """0, or the status that refuses it (3891 3). Early dialogs are not ours to give away: they are somebody's dial."""
    if named is None or replaced is None or replaced.state is not State.ANSWERED:
        return _GONE
    if named.is_early_only:
        return _BUSY
    return 0 if replaced.bridge is not None else _DECLINED


def _replace(table: ChannelTable, event: InviteReceived, replaced: Channel, user: str | None) -> Refusal | None:
    body = event.request.body
    try:
        channel = table.open(table.new_id(), None, has_offer=bool(body))
    except PortsExhausted:
        return Refusal(_UNAVAILABLE)
    negotiation = table.negotiation(channel.media, event.flow)
    status = read_offer(negotiation, body)
    if status:
        channel.media.close()
        return Refusal(status)
    table.add(channel, event.invite)
    # Nobody steers it: it lives as long as its bridge. Its app is that of the call it is in, for the record.
    admission = Admission(app=replaced.facts.app or "", user=user)
    channel.begin(Signalling(table.sip, event.invite, negotiation, channel.media), facts_of(event, admission))
    channel.transfers.user = user
    channel.answer()
    if channel.is_alive:
        _swap(replaced, channel)
    return None


def _swap(replaced: Channel, channel: Channel) -> None:
    bridge = replaced.bridge
    assert bridge is not None
    party = bridge.partner(replaced)
    handed = bridge.detach(replaced)
    kept = [command for command in handed if command.channel is party]
    BridgeOfTwo(party, channel, is_hung_up_after=True, commands=kept).begin()
    for command in handed:
        if command.channel is replaced:
            command.end(Unbridged("transferred", replaced.id))
    told = ChannelTransferred(
        request=party.table.new_id(), by=replaced.id, to=channel.id, outcome=Transferred(channel.facts.caller.uri)
    )
    party.emit(told)
    replaced.end(Ending(NORMAL_CLEARING, "engine", headers=[reason_header(NORMAL_CLEARING)]))
