"""Outbound legs: where a target is reached, and the call that is placed there."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from callflow.protocol.events import ChannelCreated, Party
from engine.sip.messages import Address, ParseError, Uri

from .caller import from_of, party_of
from .errors import CommandError
from .ports import Headers, Locator, Owner
from .signalling import Signalling

if TYPE_CHECKING:
    from engine.sip.digest import Credentials
    from engine.sip.events import Flow

    from .channel import Channel
    from .table import ChannelTable

_LONGEST_TARGET = 512
_HOPS = 70  # RFC 3261 8.1.1.6


@dataclass(frozen=True, slots=True)
class User:
    """A registered user of ours, whatever contacts that is."""

    name: str


Destination: TypeAlias = User | Uri


def parse_target(target: str, locator: Locator) -> Destination:
    """`alice` or `sip:alice@one-of-ours` is our user; any other `sip:` URI is called as it is. Raises CommandError."""
    if len(target) > _LONGEST_TARGET or not target or not target.isprintable() or " " in target:
        raise CommandError("bad_argument", f"expected a user's name or a SIP URI to dial, got {target[:64]!r}")
    if ":" not in target and "@" not in target:
        return User(target)
    try:
        uri = Uri.parse(target)
    except ParseError as error:
        raise CommandError("bad_argument", f"expected a user's name or a SIP URI, {target[:64]!r}: {error}") from error
    if uri.scheme != "sip" or not uri.host:
        raise CommandError("bad_argument", f"expected a user's name or a sip: URI to dial, got {target[:64]!r}")
    if uri.user and (locator.is_local(uri.host, uri.port) or _means_user(uri, locator)):
        return User(uri.user)
    return uri


def _means_user(uri: Uri, locator: Locator) -> bool:
    """`sip:desk@pbx`: a host without a dot, that is a word of the script's, and a user who is there."""
    is_word = "." not in uri.host and uri.host != "localhost" and not _is_address(uri.host)
    return is_word and bool(locator.contacts(uri.user or ""))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def originate(
    table: ChannelTable,
    leg_id: str,
    uri: Uri,
    flow: Flow,
    *,
    user: str | None,
    caller: Party,
    headers: Headers,
    owner: Owner | None,
    parent: str | None,
    credentials: Credentials | None = None,
) -> Channel:
    """Place a call for an owner, in the name of a caller. Raises PortsExhausted."""
    host = flow.local[0]
    leg = table.open(leg_id, owner, has_offer=False)
    negotiation = table.negotiation(leg.media)
    to = Address(Uri(user=user, host=host) if user is not None else uri)
    from_ = from_of(caller, host)
    invite = table.sip.invite(
        uri,
        flow=flow,
        from_=from_,
        to=to,
        body=negotiation.create_offer(),
        headers=headers,
        credentials=credentials,
        max_forwards=_max_forwards(table, parent),
    )
    table.add(leg, invite)
    facts = ChannelCreated(
        direction="outbound",
        caller=party_of(from_),
        callee=party_of(to),
        to=to.uri.user or to.uri.host,
        app=owner.app if owner is not None else None,
        owner=owner.session if owner is not None else None,
        parent=parent,
        sip_call_id=invite.call_id,
    )
    leg.transfers.user = user
    leg.begin(Signalling(table.sip, invite, negotiation, leg.media), facts)
    return leg


def _max_forwards(table: ChannelTable, parent: str | None) -> int:
    """A call that is passed on has one hop less to go: switches that send it round and round stop some time (483)."""
    channel = table.channels.get(parent or "")
    request = channel.signalling.invite.request if channel is not None else None
    left = request.max_forwards if request is not None else None
    return _HOPS if left is None else min(_HOPS, max(0, left - 1))
