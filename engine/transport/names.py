"""The name service: NAPTR, SRV and addresses by DNS, kept as long as they say; hosts of the system's own as well."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from ..sip.next_hop import is_literal
from .enum import Rule
from .locating import Pointer, Server
from .resolver import resolve_host

LOOKUP_TIMEOUT = 3.0  # seconds for one question
MAX_CACHED = 10_000  # answers
MAX_RECORDS = 64  # of one answer

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

_T = TypeVar("_T")


class HostNames:
    """Hosts and their addresses: whom `resolve_host` knows; and numbers that `find_rules` does."""

    def __init__(
        self,
        resolve_host: Callable[[str], Awaitable[list[str]]] = resolve_host,
        find_rules: Callable[[str], Sequence[Rule]] = lambda domain: (),
    ) -> None:
        self._resolve_host, self._find_rules = resolve_host, find_rules

    async def pointers(self, domain: str) -> Sequence[Pointer]:
        return ()

    async def servers(self, name: str) -> Sequence[Server]:
        return ()

    async def rules(self, domain: str) -> Sequence[Rule]:
        return self._find_rules(domain)

    async def addresses(self, host: str) -> Sequence[str]:
        """Raises Unreachable."""
        return await self._resolve_host(host)


class DnsNames:
    """What DNS knows. Without an answer in time, or a server to ask, there is nothing.

    The library is imported for the first question: it takes a twentieth of a start, and many have peers by address.
    """

    def __init__(
        self,
        *,
        nameservers: Sequence[tuple[str, int]] | None = None,
        resolve_host: Callable[[str], Awaitable[list[str]]] = resolve_host,
    ) -> None:
        """`nameservers`: addresses and ports; None: those of the system.

        `resolve_host` is asked for hosts that DNS does not know.
        """
        self._resolve_host = resolve_host
        self._nameservers = nameservers

    @cached_property
    def _resolver(self) -> Resolver:
        from dns.asyncresolver import Resolver
        from dns.resolver import LRUCache, NoResolverConfiguration

        try:
            resolver = Resolver(configure=self._nameservers is None)
        except NoResolverConfiguration:
            resolver = Resolver(configure=False)
        if self._nameservers is not None:
            resolver.nameservers = [address for address, _ in self._nameservers]
            resolver.nameserver_ports = dict(self._nameservers)
        resolver.lifetime = LOOKUP_TIMEOUT
        resolver.cache = LRUCache(MAX_CACHED)
        return resolver

    async def pointers(self, domain: str) -> Sequence[Pointer]:
        return await self._ask(domain, "NAPTR", _pointer)

    async def rules(self, domain: str) -> Sequence[Rule]:
        return await self._ask(domain, "NAPTR", _rule)

    async def servers(self, name: str) -> Sequence[Server]:
        found = await self._ask(name, "SRV", _server)
        return [server for server in found if server.host]  # a lone dot says that there is none (RFC 2782)

    async def addresses(self, host: str) -> Sequence[str]:
        """IPv4 before IPv6. Raises Unreachable."""
        if is_literal(host):
            return [host]
        if "." not in host:
            return await self._resolve_host(host)
        found = [*await self._ask(host, "A", str), *await self._ask(host, "AAAA", str)]
        return found or await self._resolve_host(host)

    async def _ask(self, name: str, kind: str, read: Callable[[Any], _T]) -> list[_T]:
        from dns.exception import DNSException

        if not self._resolver.nameservers:
            return []
        try:
            answer = await self._resolver.resolve(name, kind, search=False)
        except (DNSException, OSError, UnicodeError, ValueError):
            return []
        return [read(record) for record in list(answer)[:MAX_RECORDS]]


def _pointer(record: Any) -> Pointer:  # noqa: ANN401 - dnspython gives its records no types
    """RFC 3263 4.1: the flag is "s"; a regular expression is not for us."""
    replacement = record.replacement.to_text(omit_final_dot=True)
    is_ours = record.flags.lower() == b"s" and not record.regexp
    service = record.service.decode("ascii", "replace") if is_ours else ""
    return Pointer(record.order, record.preference, service, replacement)


def _rule(record: Any) -> Rule:  # noqa: ANN401 - likewise
    flags, service, regexp = (text.decode("ascii", "replace") for text in (record.flags, record.service, record.regexp))
    replacement = record.replacement.to_text(omit_final_dot=True)
    told = "" if replacement in (".", "@") else replacement
    return Rule(record.order, record.preference, flags, service, regexp, told)


def _server(record: Any) -> Server:  # noqa: ANN401 - likewise
    host = record.target.to_text(omit_final_dot=True)
    return Server(record.priority, record.weight, record.port, "" if host in (".", "@") else host)
