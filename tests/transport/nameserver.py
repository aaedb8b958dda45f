"""A name server on a socket of its own, that knows what a test has it know."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import trio
import trio.socket

from engine.transport.names import DnsNames


class NameServer:
    """`zone`: records by name and kind, each as a text of a zone file. `asked` counts the questions."""

    def __init__(self, zone: dict[tuple[str, str], list[str]], *, ttl: int = 300) -> None:
        self.zone = zone
        self.asked: Counter[tuple[str, str]] = Counter()
        self.port = 0
        self._ttl = ttl
        self._socket = trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM)

    @property
    def names(self) -> DnsNames:
        """What asks this one."""
        return DnsNames(nameservers=[("127.0.0.1", self.port)], resolve_host=_nobody)

    async def open(self) -> None:
        await self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]

    async def run(self) -> None:
        while True:
            data, peer = await self._socket.recvfrom(4096)
            await self._socket.sendto(self._answer(data), peer)

    def close(self) -> None:
        self._socket.close()

    def _answer(self, data: bytes) -> bytes:
        query = dns.message.from_wire(data)
        (question,) = query.question
        name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
        self.asked[name, kind] += 1
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        records = self.zone.get((name, kind))
        if records:
            answer.answer.append(dns.rrset.from_text(question.name, self._ttl, "IN", kind, *records))
        elif not any(known == name for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire()


async def _nobody(host: str) -> list[str]:
    from engine.transport.errors import Unreachable

    raise Unreachable(f"{host}: no address found")


@asynccontextmanager
async def name_server(zone: dict[tuple[str, str], list[str]], *, ttl: int = 300) -> AsyncIterator[NameServer]:
    server = NameServer(zone, ttl=ttl)
    await server.open()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        try:
            yield server
        finally:
            nursery.cancel_scope.cancel()
            server.close()
