"""SIP over UDP: one bound socket."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import trio

from ..sip.events import Flow
from .address import Address, LocalAddresses, is_wildcard
from .advertising import Advertising
from .backlog import Backlog, Drops, measure
from .stun import answer, is_stun

MAX_PER_WAKE = 64  # datagrams read before others get their turn
MAX_WAITING = 1000  # datagrams kept while the socket is full; SIP sends again what is dropped beyond
MAX_KNOWN_FLOWS = 4096


class UdpTransport:
    """A UDP listener. Its flows have the address that the peer sees, also when it is bound to all of them."""

    name = "udp"

    def __init__(
        self,
        sock: socket.socket,
        addresses: LocalAddresses,
        advertising: Advertising | None = None,
        *,
        clock: Callable[[], float] = trio.current_time,
    ) -> None:
        """Take over a bound, non-blocking socket (`address.bind`)."""
        self._socket = sock
        self.local: Address = sock.getsockname()[:2]
        self.dropped = 0
        self._addresses = addresses
        self._advertising = advertising or Advertising()
        self._flows: dict[Address, Flow] = {}
        self._waiting: deque[tuple[bytes, Address]] = deque()
        self._is_waiting = trio.Event()
        self._clock = clock
        self._behind_since: float | None = None  # when reading began to leave something
        self._lost = Drops()

    def flow_to(self, remote: Address) -> Flow:
        """Raises OSError when there is no way to it."""
        flow = self._flows.get(remote)
        if flow is None:
            host, port = self.local
            if is_wildcard(host):
                host = self._addresses.towards(remote[0])
            if len(self._flows) >= MAX_KNOWN_FLOWS:
                self._flows.clear()
            seen = self._advertising.seen("udp", self.local, (host, port), remote[0])
            flow = self._flows[remote] = Flow("udp", seen, remote)
        return flow

    def send(self, data: bytes, flow: Flow) -> None:
        """Send one datagram; never waits. Raises OSError when it cannot be sent at all."""
        if self._waiting:
            self._wait_in_line(data, flow.remote)
            return
        try:
            self._socket.sendto(data, flow.remote)
        except BlockingIOError:
            self._wait_in_line(data, flow.remote)
        except ConnectionRefusedError:
            pass  # an ICMP error of an earlier datagram; the peer may be back

    async def run(self, receive: Callable[[bytes, Flow], None]) -> None:
        """Hand on what arrives, until cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write)
                while True:
                    await trio.lowlevel.wait_readable(self._socket)
                    self._read(receive)
        finally:
            self.close()

    def backlog(self) -> Backlog:
        """What waits to be read, and what was lost."""
        behind = self._behind_since
        return measure(self._socket, self._lost, seconds=0.0 if behind is None else self._clock() - behind)

    def close(self) -> None:
        self._socket.close()

    def _read(self, receive: Callable[[bytes, Flow], None]) -> None:
        for _ in range(MAX_PER_WAKE):
            try:
                data, remote = self._socket.recvfrom(65535)
                flow = self._flows.get(remote) or self.flow_to(remote[:2])
            except BlockingIOError:
                self._behind_since = None
                return
            except OSError:
                continue  # an ICMP error, or a source that no way leads back to
            if is_stun(data):
                self._answer_stun(data, flow)
            else:
                receive(data, flow)
        if self._behind_since is None:
            self._behind_since = self._clock()

    def _answer_stun(self, data: bytes, flow: Flow) -> None:
        """Not for SIP to see: it says nothing of any call."""
        answered = answer(data, flow.remote)
        if answered is not None:
            with suppress(OSError):
                self.send(answered, flow)

    def _wait_in_line(self, data: bytes, remote: Address) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self.dropped += 1
            return
        self._waiting.append((data, remote))
        self._is_waiting.set()

    async def _write(self) -> None:
        while True:
            await self._is_waiting.wait()
            await trio.lowlevel.wait_writable(self._socket)
            self._drain()
            if not self._waiting:
                self._is_waiting = trio.Event()

    def _drain(self) -> None:
        while self._waiting:
            try:
                self._socket.sendto(*self._waiting[0])
            except BlockingIOError:
                return
            except OSError:
                self.dropped += 1
            self._waiting.popleft()
