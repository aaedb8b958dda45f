"""An INVITE with Replaces: a phone takes the place of another in a call that is up, or that rings there (RFC 3891)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from callflow.protocol.events import ChannelCreated, ChannelTransferred
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
from .state import UNANSWERED, State

if TYPE_CHECKING:
    from engine.sip.events import InviteReceived

    from .channel import Channel
    from .table import ChannelTable

_FORBIDDEN, _GONE, _BUSY, _UNAVAILABLE, _DECLINED = 403, 481, 486, 503, 603


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
    status = _check(named, replaced, user)
    if status or replaced is None:
        return Refusal(status)
    channel = _open(table, event, replaced, user)
    if isinstance(channel, Refusal):
        return channel
    channel.answer()
    if channel.is_alive and replaced.watcher is not None:
        replaced.watcher.leg_picked_up(replaced, channel)
    elif channel.is_alive:
        _swap(replaced, channel)
    return None


def _check(named: Replaces | None, replaced: Channel | None, user: str | None) -> int:
    """0, or the status that refuses it (3891 3)."""
    if named is None or replaced is None:
        return _GONE
    if _rings(replaced):
        return 0 if user is not None else _FORBIDDEN  # what rings for one is not for everybody
    if replaced.state is not State.ANSWERED:
        return _GONE
    if named.is_early_only:
        return _BUSY
    return 0 if replaced.bridge is not None else _DECLINED


def _rings(channel: Channel) -> bool:
    """Is it a phone that somebody's dial lets ring? An early dialog that the peer began is not to be replaced (3)."""
    is_dialled = channel.watcher is not None and channel.facts.parent is not None
    return is_dialled and not channel.is_inbound and channel.state in UNANSWERED


def _open(table: ChannelTable, event: InviteReceived, replaced: Channel, user: str | None) -> Channel | Refusal:
    """A channel for the new phone, in the app of the call it is in. What was ringing is the dialler's as that was."""
    body, owner = event.request.body, replaced.owner if _rings(replaced) else None
    try:
        channel = table.open(table.new_id(), owner, has_offer=bool(body))
    except PortsExhausted:
        return Refusal(_UNAVAILABLE)
    negotiation = table.negotiation(channel.media, event.flow)
    status = read_offer(negotiation, body)
    if status:
        channel.media.close()
        return Refusal(status)
    table.add(channel, event.invite)
    admission = Admission(app=replaced.facts.app or "", owner=owner, user=user)
    facts = facts_of(event, admission, negotiation.encryption)
    if _rings(replaced):
        facts = _as_dialled(facts, replaced.facts)
    channel.begin(Signalling(table.sip, event.invite, negotiation, channel.media), facts)
    channel.transfers.user = user
    return channel


def _as_dialled(told: ChannelCreated, replaced: ChannelCreated) -> ChannelCreated:
    """For all who look at calls, a phone that picks up is one more that was dialled."""
    return replace(
        told, direction="outbound", caller=replaced.caller, callee=told.caller, to=told.caller.number,
        parent=replaced.parent, withheld=replaced.withheld,
    )  # fmt: skip


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
