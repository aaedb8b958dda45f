"""What SIP tells of a call, in the words of its channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callflow.protocol.causes import cause_of_status
from callflow.protocol.events import ChannelCreated, Diversion, Security
from engine.sdp.negotiation import Encryption, Negotiation, NotAcceptable
from engine.sip import events as sip
from engine.sip.diversion import read_diversions
from engine.sip.identity import read_identity
from engine.sip.messages import ParseError, Response

from .caller import party_of
from .ending import By, Ending
from .info import receive_info
from .messaging import receive_message
from .ports import Admission
from .reason import NETWORK_OUT_OF_ORDER, NORMAL_CLEARING, TIMER_EXPIRY, read_reason
from .transferring import receive_notify

if TYPE_CHECKING:
    from .channel import Channel

_MOST_CONTACTS = 10
_LONGEST = 512  # characters of what a peer names


def facts_of(event: sip.InviteReceived, admission: Admission, encryption: Encryption) -> ChannelCreated:
    """What `channel.created` tells of a call that comes in."""
    request, owner = event.request, admission.owner
    identity = admission.identity or read_identity(request, "from")
    return ChannelCreated(
        direction="inbound",
        caller=party_of(identity.address),
        callee=party_of(request.to),
        to=(request.uri.user or "")[:_LONGEST],
        app=admission.app,
        route=admission.route,
        owner=owner.session if owner is not None else None,
        user=admission.user,
        trunk=admission.trunk.name if admission.trunk is not None else None,
        sip_call_id=event.invite.call_id[:_LONGEST],
        withheld=identity.is_withheld,
        diversions=tuple(Diversion(party_of(each.address), each.reason) for each in read_diversions(request)),
        security=Security(transport=event.flow.transport, media=encryption, user=admission.user),
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
        case sip.PrackReceived(_, body):
            channel.receive_ack(body)
        case sip.InviteProgressed(_, response):
            if response.status == 180:
                channel.receive_ring()
            if response.body:
                channel.receive_progress(response.body)
        case sip.InviteAnswered(body=body):
            channel.receive_answer(body)
        case sip.ReinviteReceived(_, request):
            channel.receive_reinvite(request.body)
        case sip.ReinviteAnswered(_, response):
            channel.receive_reanswer(response.body)
        case sip.RefreshDue():
            channel.signalling.refresh()
        case sip.InviteCancelled(_, reason):
            cause = read_reason(reason) or NORMAL_CLEARING
            channel.end(Ending(cause, "caller", 487, "Request Terminated", is_remote=True))
        case sip.RequestInCall(request=request):
            _receive_request(channel, event, request.method)
        case sip.InviteFailed():
            channel.end(_failed(event))
        case sip.InviteEnded():
            channel.end(_ended(event, "caller" if channel.is_inbound else "callee"))
        case _:
            pass


def _receive_request(channel: Channel, event: sip.RequestInCall, method: str) -> None:
    if method == "REFER":
        channel.transfers.receive(event)
    elif method == "NOTIFY":
        receive_notify(channel, event)
    elif method in ("PRACK", "UPDATE"):
        channel.receive_update(event)
    elif method == "MESSAGE":
        receive_message(channel, event)
    elif method == "INFO":
        receive_info(channel, event)
    else:
        channel.table.sip.respond(event.transaction, 501)


def _failed(event: sip.InviteFailed) -> Ending:
    response = event.response
    told = read_reason(response.header("Reason")) if response is not None else None
    by: By = "callee" if response is not None else "network"
    cause = told or cause_of_status(event.status)
    contacts = _contacts(response) if response is not None and event.status < 400 else ()
    return Ending(cause, by, event.status, event.reason[:_LONGEST], is_remote=True, contacts=contacts)


def _contacts(response: Response) -> tuple[str, ...]:
    """The sip: URIs of a 3xx, the most wanted first (RFC 3261 8.1.3.4)."""
    wanted = sorted(response.contacts, key=lambda contact: -_q(contact.params.get("q")))
    return tuple(str(contact.uri)[:_LONGEST] for contact in wanted if contact.uri.scheme == "sip")[:_MOST_CONTACTS]


def _q(value: str | None) -> float:
    try:
        return float(value or 1)
    except ValueError:
        return 0.0


def _ended(event: sip.InviteEnded, peer: By) -> Ending:
    if event.by == "peer":
        return Ending(read_reason(event.reason) or NORMAL_CLEARING, peer, is_remote=True)
    cause = TIMER_EXPIRY if event.by == "timeout" else NETWORK_OUT_OF_ORDER
    return Ending(cause, "network", is_remote=True)
