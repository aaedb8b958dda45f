"""Outbound legs: where a target is reached, by which trunk, and the call that is placed there."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from callflow.protocol.events import ChannelCreated, Security
from engine.sip.identity import BY_FROM, Identity, state_identity
from engine.sip.messages import Address, ParseError, Uri

from .caller import NUMBER, Caller, from_of, party_of
from .errors import CommandError
from .ports import Headers, Owner
from .signalling import Signalling

if TYPE_CHECKING:
    from engine.sip.digest import Credentials
    from engine.trunks.trunk import Trunk

    from .channel import Channel
    from .ports import Locator
    from .spot import Spot
    from .table import ChannelTable

_LONGEST_TARGET = 512
_E164 = re.compile(r"\+[0-9]{1,15}", re.ASCII)
CHEAPEST = "*"  # in place of a trunk's name
_HOPS = 70  # RFC 3261 8.1.1.6


@dataclass(frozen=True, slots=True)
class User:
    """A registered user of ours, whatever contacts that is."""

    name: str


@dataclass(frozen=True, slots=True)
class Group:
    """All users of a group, together."""

    name: str


@dataclass(frozen=True, slots=True)
class TrunkNumber:
    """A number that is called by way of a trunk."""

    trunk: Trunk
    number: str


@dataclass(frozen=True, slots=True)
class LeastCost:
    """A number that is called by way of these trunks, the first that takes it."""

    trunks: tuple[Trunk, ...]
    number: str


@dataclass(frozen=True, slots=True)
class Enum:
    """A phone number that DNS has addresses of (RFC 6116)."""

    number: str


Destination: TypeAlias = User | Group | Uri | TrunkNumber | LeastCost | Enum


def parse_target(table: ChannelTable, target: str, trunk: str = "") -> Destination:
    """What a program dials: as `parse_address`, `NUMBER@TRUNK`, with or without `sip:`, `group:NAME`, or
    `enum:+NUMBER`.

    `NUMBER@*` goes by the cheapest trunk. Raises CommandError.
    """
    if target.startswith("enum:"):
        return _enum(target)
    if target.startswith("group:"):
        return _group(table, target.removeprefix("group:"))
    if trunk:
        return _trunk_number(table, target, trunk)
    number, at, name = target.rpartition("@")
    if at and ":" not in target:
        return _trunk_number(table, number, name)
    destination = parse_address(target, table.locator)
    if isinstance(destination, User) or destination.port is not None or not destination.user:
        return destination
    is_trunk = table.trunks is not None and table.trunks.get(destination.host) is not None
    return _trunk_number(table, destination.user, destination.host) if is_trunk else destination


def parse_address(target: str, locator: Locator) -> User | Uri:
    """`alice` or `sip:alice@one-of-ours` is our user; any other `sip:` or `sips:` URI is called as it is.

    What a peer says is read so: our trunks are not for him. Raises CommandError.
    """
    if len(target) > _LONGEST_TARGET or not target or not target.isprintable() or " " in target:
        raise CommandError("bad_argument", f"expected a user's name or a SIP URI to dial, got {target[:64]!r}")
    if ":" not in target and "@" not in target:
        return User(target)
    try:
        uri = Uri.parse(target)
    except ParseError as error:
        raise CommandError("bad_argument", f"expected a user's name or a SIP URI, {target[:64]!r}: {error}") from error
    if uri.scheme not in ("sip", "sips") or not uri.host:
        raise CommandError("bad_argument", f"expected a user's name or a sip: or sips: URI, got {target[:64]!r}")
    if uri.user and (locator.is_local(uri.host, uri.port) or _means_user(uri, locator)):
        return User(uri.user)
    return uri


def _enum(target: str) -> Enum:
    number = target.removeprefix("enum:")
    if not _E164.fullmatch(number):
        raise CommandError("bad_argument", f"expected a number such as enum:+4930123, got {target[:64]!r}")
    return Enum(number)


def _group(table: ChannelTable, name: str) -> Group:
    if not table.locator.members(name):
        raise CommandError("bad_argument", f"expected the name of a group that has users, got {name[:64]!r}")
    return Group(name)


def _trunk_number(table: ChannelTable, number: str, name: str) -> TrunkNumber | LeastCost:
    if name == CHEAPEST:
        return _least_cost(table, number)
    trunk = table.trunks.get(name) if table.trunks is not None else None
    if trunk is None:
        raise CommandError("bad_argument", f"expected the name of a [[trunk]], got {name[:64]!r}", {"trunk": name[:64]})
    _expect_number(number, f"the trunk {name}")
    return TrunkNumber(trunk, number)


def _least_cost(table: ChannelTable, number: str) -> LeastCost:
    _expect_number(number, "the cheapest trunk")
    trunks = table.trunks.cheapest(number) if table.trunks is not None else ()
    if not trunks:
        raise CommandError(
            "bad_argument", f"expected a number that a [[trunk]] has a price for (costs), got {number!r}"
        )
    return LeastCost(tuple(trunks), number)


def _expect_number(number: str, by: str) -> None:
    if not NUMBER.fullmatch(number):
        raise CommandError("bad_argument", f"expected a number to dial by {by}, got {number[:64]!r}")


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
    spot: Spot,
    *,
    caller: Caller,
    headers: Headers,
    owner: Owner | None,
    parent: str | None,
    trunk: Trunk | None = None,
    credentials: Credentials | None = None,
) -> Channel:
    """Place a call for an owner, in the name of a caller, as the trunk wants it. Raises PortsExhausted."""
    uri, flow, user = spot.uri, spot.flow, spot.user
    host = flow.local[0]
    leg = table.open(leg_id, owner, has_offer=False)
    negotiation = table.negotiation(leg.media, flow, trunk)
    to = Address(Uri(user=user, host=host) if user is not None else uri)
    policy = trunk.spec.identity if trunk is not None else table.identities(user) if user is not None else BY_FROM
    identity, account = _identity(caller, trunk, uri.host if trunk is not None else host)
    from_, stated = state_identity(identity, policy.writes, account=account)
    invite = table.sip.invite(
        uri,
        flow=flow,
        from_=from_,
        to=to,
        body=negotiation.create_offer(),
        headers=_headers(headers, stated, trunk),
        routes=spot.routes,
        credentials=credentials,
        max_forwards=_max_forwards(table, parent),
    )
    table.add(leg, invite)
    facts = ChannelCreated(
        direction="outbound",
        caller=party_of(from_ if account is not None and from_ == account else identity.address),
        callee=party_of(to),
        to=to.uri.user or to.uri.host,
        app=owner.app if owner is not None else None,
        owner=owner.session if owner is not None else None,
        trunk=trunk.name if trunk is not None else None,
        parent=parent,
        sip_call_id=invite.call_id,
        withheld=caller.is_withheld,
        security=Security(transport=flow.transport, media=negotiation.encryption),
    )
    leg.transfers.user = user
    leg.begin(Signalling(table.sip, invite, negotiation, leg.media), facts)
    return leg


def _identity(caller: Caller, trunk: Trunk | None, host: str) -> tuple[Identity, Address | None]:
    """Who calls, and as whom we are known to the trunk: an address of the peer's domain, unless it is told another."""
    spec = trunk.spec if trunk is not None else None
    host = spec.from_domain or host if spec is not None else host
    account = None
    if spec is not None and spec.from_user is not None:
        account = Address(Uri(user=spec.from_user, host=host), caller.party.name)
    return Identity(from_of(caller.party, host), caller.is_withheld), account


def _headers(told: Headers, stated: Headers, trunk: Trunk | None) -> Headers:
    """What the program says, unless the trunk is not to see it; what it does not, the engine and the trunk's policy."""
    spec = trunk.spec if trunk is not None else None
    kept = [field for field in told if spec is None or field[0].lower() not in spec.strip]
    names = {name.lower() for name, _ in kept}
    own = (*stated, *(spec.headers if spec is not None else ()))
    return [*kept, *(field for field in own if field[0].lower() not in names)]


def _max_forwards(table: ChannelTable, parent: str | None) -> int:
    """A call that is passed on has one hop less to go: switches that send it round and round stop some time (483)."""
    channel = table.channels.get(parent or "")
    request = channel.signalling.invite.request if channel is not None else None
    left = request.max_forwards if request is not None else None
    return _HOPS if left is None else min(_HOPS, max(0, left - 1))
