"""What SIP tells of a call, in the words of its channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callflow.protocol.causes import cause_of_status
from callflow.protocol.events import ChannelCreated
from engine.sdp.negotiation import Negotiation, NotAcceptable
from engine.sip import events as sip
from engine.sip.messages import ParseError

from .caller import party_of
from .ending import By, Ending
from .ports import Admission
from .reason import NETWORK_OUT_OF_ORDER, NORMAL_CLEARING, TIMER_EXPIRY, read_reason

if TYPE_CHECKING:
    from .channel import Channel

_LONGEST = 512  # characters of what a peer names


def facts_of(event: sip.InviteReceived, admission: Admission) -> ChannelCreated:
    """What `channel.created` tells of a call that comes in."""
    request, owner = event.request, admission.owner
    return ChannelCreated(
        direction="inbound",
        caller=party_of(request.from_),
        callee=party_of(request.to),
        to=(request.uri.user or "")[:_LONGEST],
        app=admission.app,
        route=admission.route,
        owner=owner.session if owner is not None else None,
        user=admission.user,
        trunk=admission.trunk.name if admission.trunk is not None else None,
        sip_call_id=event.invite.call_id[:_LONGEST],
    )


def read_offer(negotiation: Negotiation, body: bytes) -> int:
    """0, or the status that refuses this offer. Without one, ours goes out in the 200 (RFC 3261 13.2.1)."""
    if not body:
        return 0
    try:
        negotiation.receive_offer(body)
    except ParseError:
        return 400
    except NotAcceptable:
        return 488
    return 0


def tell(channel: Channel, event: sip.SipEvent) -> None:
    """One event of the channel's own invite."""
    match event:
        case sip.AckReceived(_, body):
            channel.receive_ack(body)
        case sip.InviteProgressed(_, response):
            if response.status == 180:
                channel.receive_ring()
            if response.body:
                channel.receive_progress(response.body)
        case sip.InviteAnswered(_, response):
            channel.receive_answer(response.body)
        case sip.ReinviteReceived(_, request):
            channel.receive_reinvite(request.body)
        case sip.InviteCancelled(_, reason):
            cause = read_reason(reason) or NORMAL_CLEARING
            channel.end(Ending(cause, "caller", 487, "Request Terminated", is_remote=True))
        case sip.InviteFailed():
            channel.end(_failed(event))
        case sip.InviteEnded():
            channel.end(_ended(event, "caller" if channel.is_inbound else "callee"))
        case _:
            pass


def _failed(event: sip.InviteFailed) -> Ending:
    response = event.response
    told = read_reason(response.header("Reason")) if response is not None else None
    by: By = "callee" if response is not None else "network"
    return Ending(told or cause_of_status(event.status), by, event.status, event.reason[:_LONGEST], is_remote=True)


def _ended(event: sip.InviteEnded, peer: By) -> Ending:
    if event.by == "peer":
        return Ending(read_reason(event.reason) or NORMAL_CLEARING, peer, is_remote=True)
    cause = TIMER_EXPIRY if event.by == "timeout" else NETWORK_OUT_OF_ORDER
    return Ending(cause, "network", is_remote=True)
