"""`srtp` of the configuration: whether media is encrypted, by listener, user and trunk; read, and looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

from engine.sdp.security import POLICIES, Policy
from engine.sip.events import Flow
from engine.trunks.spec import TrunkSpec
from engine.trunks.trunk import Trunk

from .listener import Listener, is_loopback, parse_listener
from .toml_reader import Wrong, one_of, show

_PRIVATE = ("tls", "wss")  # transports that show nobody the keys in SDP
_WILDCARDS = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True, kw_only=True)
class SrtpOfListeners:
    """[sip] srtp: of every listener, or of those that are named."""

    everywhere: Policy = "off"
    named: tuple[tuple[Listener, Policy], ...] = ()

    def of(self, flow: Flow) -> Policy:
        """That of the listener where a flow ends; of a connection that we made, that of the first of its transport."""
        host, port = flow.local
        alike = [(listener, policy) for listener, policy in self.named if listener.transport == flow.transport]
        exact = [policy for listener, policy in alike if listener.port == port and listener.host in (host, *_WILDCARDS)]
        return (exact or [policy for _, policy in alike] or [self.everywhere])[0]


def read_policy(value: object) -> Policy:
    """off, optional or required."""
    return cast("Policy", one_of(POLICIES)(value))


def read_policies(value: object) -> SrtpOfListeners:
    """One policy, or a table with one for each listener that has any."""
    if not isinstance(value, dict):
        return SrtpOfListeners(everywhere=read_policy(value))
    named = []
    for name, policy in value.items():
        try:
            named.append((parse_listener(name), read_policy(policy)))
        except ValueError as error:
            raise Wrong(str(error), at=(name,)) from error
    return SrtpOfListeners(named=tuple(named))


def check_policies(srtp: SrtpOfListeners, listeners: Sequence[Listener]) -> None:
    """Raise Wrong for a listener that there is not."""
    for listener, _ in srtp.named:
        if listener not in listeners:
            raise Wrong(
                f"expected one of the listeners of [sip] listen, got {show(str(listener))}",
                at=("sip", "srtp", str(listener)),
            )


def policies(
    listeners: SrtpOfListeners, users: Mapping[str, Policy | None] = MappingProxyType({})
) -> Callable[..., Policy]:
    """The policy with a peer: what its trunk says, else its user, else the listener."""

    def policy_of(flow: Flow, *, user: str | None, trunk: Trunk | None) -> Policy:
        if trunk is not None and trunk.spec.srtp is not None:
            return trunk.spec.srtp
        told = users.get(user) if user is not None else None
        return told if told is not None else listeners.of(flow)

    return policy_of


def exposures(
    srtp: SrtpOfListeners,
    listeners: Sequence[Listener],
    users: Sequence[tuple[str, Policy | None]],
    trunks: Sequence[TrunkSpec],
) -> Iterator[str]:
    """Where keys travel in the clear: who can read the SIP there can hear the calls. One sentence for each place."""
    open_listeners = [each for each in listeners if each.transport not in _PRIVATE and not is_loopback(each.host)]
    named = dict(srtp.named)
    for listener in open_listeners:
        if named.get(listener, srtp.everywhere if not srtp.named else "off") != "off":
            yield f"srtp at {listener}: its keys travel in the clear; let phones come by tls"
    for name, policy in users:
        if policy not in (None, "off") and open_listeners:
            yield f"srtp of user {name}: his keys travel in the clear, unless his phone comes by tls"
    for trunk in trunks:
        if trunk.srtp not in (None, "off") and any(target.transport != "tls" for target in trunk.targets):
            yield f"srtp of trunk {trunk.name}: its keys travel in the clear; give its targets as tls:HOST"
