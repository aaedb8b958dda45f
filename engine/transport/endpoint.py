"""An endpoint: a SipStack with sockets and a clock. What the engine and phones talk to.

::

    endpoint = Endpoint(stack, on_event=handle)
    nursery.start_soon(endpoint.run)
    host, port = await endpoint.listen("udp", "127.0.0.1", 0)
    invite = endpoint.invite(uri, flow=await endpoint.resolve(uri), from_=..., body=offer)

Everything is done at once and in one thread: bytes in, events up, bytes out. Only `resolve` waits.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol

import trio

from ..sip.events import Flow, SipEvent
from ..sip.messages import Address, Uri
from ..sip.refer import Refer, Replaces
from ..sip.referral import Referral
from ..sip.stack import CallRequest, ClientRequest, Credentials, Invite, ServerRequest, SipStack
from ..sip.subscription import Document, EventName, Reason, Subscription
from ..sip.timers import NEVER
from . import enum
from .address import LocalAddresses, bind, family, is_wildcard
from .advertising import Advertising
from .backlog import Backlog, worst
from .errors import Unreachable
from .locating import Hop, Names, locate
from .names import HostNames
from .resolver import resolve_host
from .switching import Switching
from .tcp import TcpLimits, TcpTransport
from .tls import TlsContexts
from .udp import UdpTransport

MIN_REST = 0.005  # seconds between two wakings of the timer task: under load, deadlines are served in batches

_WHOLE = ("udp", "ws", "wss")  # transports that bring whole messages, and no stream to be cut into them
_STREAMS = ("tcp", "tls", "ws", "wss")
_SECURE = ("tls", "wss")

Headers = Sequence[tuple[str, str]]


class Transport(Protocol):
    """What carries datagrams: a socket, or the memory of a simulation."""

    @property
    def name(self) -> str: ...

    @property
    def local(self) -> tuple[str, int]: ...

    def send(self, data: bytes, flow: Flow) -> None:
        """Send without waiting. Raises OSError when that is known to be in vain."""

    async def run(self, receive: Callable[[bytes, Flow], None]) -> None:
        """Hand on what arrives, until cancelled."""


class Endpoint:
    """Drives a SipStack. Its verbs are the stack's; each takes effect before it returns."""

    def __init__(
        self,
        stack: SipStack,
        *,
        clock: Callable[[], float] = trio.current_time,
        on_event: Callable[[SipEvent], None],
        resolve_host: Callable[[str], Awaitable[list[str]]] = resolve_host,
        tcp_limits: TcpLimits | None = None,
        only: str | None = None,
        tls: TlsContexts | None = None,
        names: Names | None = None,
        chance: Callable[[], float] = random.random,
        enum_suffix: str = enum.SUFFIX,
        origins: Collection[str] = (),
        advertising: Advertising | None = None,
    ) -> None:
        """Without `tls` none is spoken; without `names` no servers are looked up, only addresses.

        `enum_suffix`: below which domain phone numbers are looked up; `origins`: of the pages whose phones
        may open a WebSocket.
        """
        self.stack = stack
        self._clock = clock
        self._on_event = on_event
        self._resolve_host = resolve_host
        self._only = only
        self._names = names or HostNames(resolve_host)
        self._chance = chance
        self._enum = enum_suffix
        self._tls = tls
        self._origins = origins
        self._advertising = advertising or Advertising()
        self._tcp_limits = tcp_limits or TcpLimits()
        self._addresses = LocalAddresses()
        self._transports: list[Transport] = []
        self._transport_of: dict[tuple[str, tuple[str, int]], Transport] = {}
        self._nursery: trio.Nursery | None = None
        self._switching = Switching(connect=self._connect, send=self._send, fail=self._lose_connection, clock=clock)
        stack.use_streams(self._stream_for)
        self._timer = trio.CancelScope()
        self._not_before = float("-inf")
        self._wakes_for = NEVER  # the deadline of the stack for which the timer task wakes
        self._is_flushing = False

    @property
    def listeners(self) -> list[tuple[str, str, int]]:
        """(transport, host, port) of each transport that peers can reach."""
        return [(transport.name, *transport.local) for transport in self._transports if transport.local[1]]

    @property
    def addresses(self) -> list[tuple[str, str, int]]:
        """The listeners, and what is advertised of them."""
        outside = [
            (name, *seen)
            for name, host, port in self.listeners
            if (seen := self._advertising.outside(name, (host, port), (host, port))) is not None
        ]
        return [*self.listeners, *outside]

    def backlog(self) -> Backlog:
        """What waits to be read by UDP, and what was lost. Connections hold back their peers instead."""
        return worst(each.backlog() for each in self._transports if isinstance(each, UdpTransport))

    def media_host(self, flow: Flow) -> str | None:
        """The address for media that the peer at the end of a flow is told; None: the one that media has."""
        host = flow.local[0]
        return host if self._advertising.is_advertised(host) else None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; then all sockets are closed. Calls are ended by who holds them, before that."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                for transport in self._transports:
                    self._start(transport, nursery)
                task_status.started()
                await self._run_timers()
            finally:
                self._nursery = None

    async def listen(self, transport: str, host: str, port: int) -> tuple[str, int]:
        """Open a listener; port 0 takes any. The address it got. Raises OSError, Unreachable for an unknown name."""
        literal = (await self._resolve_host(host))[0]
        listener = self._open_listener(transport, literal, port)
        self.add_transport(listener)
        return listener.local

    def add_transport(self, transport: Transport) -> None:
        """From now on send and receive by this one too."""
        self._transports.append(transport)
        if self._nursery is not None:
            self._start(transport, self._nursery)

    async def locate(self, uri: Uri, *, transport: str | None = None) -> list[Hop]:
        """The servers of a URI, in the order in which to try them (RFC 3263). Raises Unreachable."""
        return await locate(uri, self._names, transport=self._only or transport, chance=self._chance)

    async def look_up(self, number: str) -> list[Uri]:
        """Where a phone number is reached, by ENUM (RFC 6116). Raises Unreachable."""
        return await enum.look_up(number, self._names, suffix=self._enum)

    async def reach(self, hop: Hop) -> Flow:
        """The flow to a server: a connection is opened or used again. Raises Unreachable."""
        remote = hop.host, hop.port
        try:
            if hop.transport == "udp":
                return self._flow_by_udp(remote)
            return await self._flow_by_connection(hop.transport, remote, hop.name)
        except OSError as error:
            raise Unreachable(f"{hop.transport}:{hop.host}:{hop.port}: {error}") from error

    async def resolve(self, uri: Uri, *, transport: str | None = None) -> Flow:
        """The flow to the first server of a URI that can be reached. Raises Unreachable."""
        reasons = []
        for hop in await self.locate(uri, transport=transport):
            try:
                return await self.reach(hop)
            except Unreachable as error:
                reasons.append(str(error))
        raise Unreachable(f"{uri}: {'; '.join(reasons) or 'no address found'}")

    # The verbs of the stack.

    def ring(self, invite: Invite, *, status: int = 180, headers: Headers = (), body: bytes = b"") -> None:
        self.stack.ring(invite, status=status, headers=headers, body=body, now=self._clock())
        self._flush()

    def answer(self, invite: Invite, *, body: bytes, headers: Headers = ()) -> None:
        self.stack.answer(invite, body=body, headers=headers, now=self._clock())
        self._flush()

    def reject(self, invite: Invite, status: int, *, reason: str | None = None, headers: Headers = ()) -> None:
        self.stack.reject(invite, status, reason=reason, headers=headers, now=self._clock())
        self._flush()

    def hang_up(self, invite: Invite, *, headers: Headers = (), status: int = 480) -> None:
        self.stack.hang_up(invite, headers=headers, status=status, now=self._clock())
        self._flush()

    def reinvite(self, invite: Invite, *, body: bytes) -> bool:
        is_sent = self.stack.reinvite(invite, body=body, now=self._clock())
        self._flush()
        return is_sent

    def invite(
        self,
        uri: Uri,
        *,
        flow: Flow,
        from_: Address,
        to: Address | None = None,
        body: bytes,
        headers: Headers = (),
        routes: Headers = (),
        credentials: Credentials | None = None,
        call_id: str | None = None,
        max_forwards: int = 70,
    ) -> Invite:
        invite = self.stack.invite(
            uri,
            flow=flow,
            from_=from_,
            to=to,
            body=body,
            headers=headers,
            routes=routes,
            credentials=credentials,
            call_id=call_id,
            max_forwards=max_forwards,
            now=self._clock(),
        )
        self._flush()
        return invite

    def request(
        self,
        method: str,
        uri: Uri,
        *,
        flow: Flow,
        from_: Address,
        to: Address,
        headers: Headers = (),
        body: bytes = b"",
        credentials: Credentials | None = None,
        call_id: str | None = None,
        cseq: int = 1,
        owner: object = None,
    ) -> ClientRequest:
        request = self.stack.request(
            method,
            uri,
            flow=flow,
            from_=from_,
            to=to,
            headers=headers,
            body=body,
            credentials=credentials,
            call_id=call_id,
            cseq=cseq,
            owner=owner,
            now=self._clock(),
        )
        self._flush()
        return request

    def respond(
        self,
        transaction: ServerRequest,
        status: int,
        *,
        reason: str | None = None,
        headers: Headers = (),
        body: bytes = b"",
    ) -> None:
        self.stack.respond(transaction, status, reason=reason, headers=headers, body=body, now=self._clock())
        self._flush()

    def request_in_call(
        self, invite: Invite, method: str, *, headers: Headers = (), body: bytes = b"", owner: object = None
    ) -> CallRequest | None:
        request = self.stack.request_in_call(invite, method, headers=headers, body=body, owner=owner, now=self._clock())
        self._flush()
        return request

    def accept_refer(self, invite: Invite, transaction: ServerRequest, asked: Refer) -> Referral | None:
        referral = self.stack.accept_refer(invite, transaction, asked, now=self._clock())
        self._flush()
        return referral

    def tell_referral(self, referral: Referral, status: int) -> None:
        self.stack.tell_referral(referral, status, now=self._clock())
        self._flush()

    def accept_subscription(
        self,
        transaction: ServerRequest,
        *,
        event: EventName,
        expires: int,
        content_type: str,
        document: Document,
        owner: object,
    ) -> Subscription:
        subscription = self.stack.accept_subscription(
            transaction,
            event=event,
            expires=expires,
            content_type=content_type,
            document=document,
            owner=owner,
            now=self._clock(),
        )
        self._flush()
        return subscription

    def refresh_subscription(self, subscription: Subscription, transaction: ServerRequest, *, expires: int) -> None:
        self.stack.refresh_subscription(subscription, transaction, expires=expires, now=self._clock())
        self._flush()

    def tell_subscription(self, subscription: Subscription) -> None:
        self.stack.tell_subscription(subscription, now=self._clock())
        self._flush()

    def end_subscription(self, subscription: Subscription, reason: Reason) -> None:
        self.stack.end_subscription(subscription, reason, now=self._clock())
        self._flush()

    def find(self, replaces: Replaces) -> Invite | None:
        return self.stack.find(replaces)

    # What comes from below.

    def _receive_datagram(self, data: bytes, flow: Flow) -> None:
        self.stack.receive_datagram(data, flow, now=self._clock())
        self._flush()

    def _receive_data(self, data: bytes, flow: Flow) -> None:
        self.stack.receive_data(data, flow, now=self._clock())
        self._flush()

    def _lose_connection(self, flow: Flow) -> None:
        for each in (flow, *self._switching.lose(flow)):
            self.stack.close_flow(each, now=self._clock())
        self._flush()

    def _flush(self) -> None:
        """Send what is to be sent and tell what happened. A verb called by who is told finds this at work already."""
        if self._is_flushing:
            return
        self._is_flushing = True
        stack = self.stack
        try:
            while not stack.is_idle:
                for data, flow in stack.datagrams_to_send():
                    self._send(data, flow)
                event = stack.next_event()
                if event is not None:
                    self._on_event(event)
                    continue
                for flow in stack.flows_to_close():  # last: what came by it before has its answers
                    self._close(flow)
        finally:
            self._is_flushing = False
        self._set_timer()

    def _send(self, data: bytes, flow: Flow) -> None:
        if not flow.connection and flow.transport == "tcp" and self._nursery is not None:
            self._switching.send(data, flow, self._nursery)
            return
        transport = self._transport_of.get((flow.transport, flow.local)) or self._find_transport(flow)
        try:
            if transport is None:
                raise OSError(f"nothing listens on {flow.transport}:{flow.local[0]}:{flow.local[1]} any more")
            transport.send(data, flow)
        except OSError:
            if flow.transport == "udp":
                self.stack.fail_flow(flow, now=self._clock())
            else:
                self.stack.close_flow(flow, now=self._clock())

    def _close(self, flow: Flow) -> None:
        transport = self._find_transport(flow)
        if isinstance(transport, TcpTransport):
            transport.close_flow(flow)

    def _find_transport(self, flow: Flow) -> Transport | None:
        """The transport of a flow, by its address; remembered, so that a message costs one lookup."""
        host, port = flow.local
        for transport in self._transports:
            ours = transport.local
            is_it = ours == flow.local or (is_wildcard(ours[0]) and ours[1] == port and family(ours[0]) == family(host))
            is_it = is_it or self._advertising.outside(transport.name, ours, ours) == flow.local
            if transport.name == flow.transport and is_it:
                self._transport_of[flow.transport, flow.local] = transport
                return transport
        if flow.transport != "udp":  # a connection of ours, from a port of its own
            return next((transport for transport in self._transports if transport.name == flow.transport), None)
        return None

    # Time.

    async def _run_timers(self) -> None:
        while True:
            with trio.CancelScope() as self._timer:
                self._wakes_for = NEVER
                self._set_timer()
                await trio.sleep_forever()
            self._not_before = trio.current_time() + MIN_REST
            self.stack.handle_deadline(now=self._clock())
            self._flush()

    def _set_timer(self) -> None:
        """Let the timer task wake in time. It is never put off: waking for nothing costs less than moving it."""
        deadline = self.stack.next_deadline()
        if deadline is None or deadline >= self._wakes_for:
            return
        self._wakes_for = deadline
        at = max(trio.current_time() + deadline - self._clock(), self._not_before)
        if at < self._timer.deadline:
            self._timer.deadline = at

    # Transports.

    def _start(self, transport: Transport, nursery: trio.Nursery) -> None:
        receive = self._receive_datagram if transport.name in _WHOLE else self._receive_data
        nursery.start_soon(transport.run, receive)

    def _open_listener(self, transport: str, host: str, port: int) -> UdpTransport | TcpTransport:
        if transport == "udp":
            return UdpTransport(bind(socket.SOCK_DGRAM, host, port), self._addresses, self._advertising)
        if transport in _STREAMS:
            return self._open_tcp(transport, host, port)
        raise ValueError(f"expected udp, tcp, tls, ws or wss, got {transport!r}")

    def _open_tcp(self, name: str, host: str, port: int | None) -> TcpTransport:
        if name in _SECURE and (self._tls is None or (port is not None and self._tls.server is None)):
            raise Unreachable(f"{name}:{host}: expected a certificate to listen with, got none")
        return TcpTransport(
            host,
            port,
            closed=self._lose_connection,
            is_in_use=self._is_in_use,
            limits=self._tcp_limits,
            tls=self._tls if name in _SECURE else None,
            is_websocket=name in ("ws", "wss"),
            origins=self._origins,
            advertising=self._advertising,
        )

    def _flow_by_udp(self, remote: tuple[str, int]) -> Flow:
        transport = self._choose("udp", remote[0])
        if transport is None:
            raise Unreachable(f"udp:{remote[0]}:{remote[1]}: no udp listener of ours can send there")
        if isinstance(transport, UdpTransport):
            return transport.flow_to(remote)
        return Flow("udp", transport.local, remote)

    async def _flow_by_connection(self, name: str, remote: tuple[str, int], server_name: str) -> Flow:
        transport = self._choose(name, remote[0])
        if not isinstance(transport, TcpTransport):
            transport = self._open_tcp(name, "::" if ":" in remote[0] else "0.0.0.0", None)
            self.add_transport(transport)
        return await transport.connect(remote, server_name if name == "tls" else "")

    def _stream_for(self, flow: Flow) -> Flow | None:
        """The flow of a request that is too large for a flow by UDP. The peer must be able to call back: we listen."""
        if self._only is not None or not isinstance(self._find_transport(flow), UdpTransport):
            return None
        listener = self._choose("tcp", flow.remote[0])
        return self._switching.stream(flow, listener.local[1]) if listener is not None and listener.local[1] else None

    async def _connect(self, flow: Flow) -> Flow:
        return await self.reach(Hop("tcp", *flow.remote, ""))

    def _is_in_use(self, flow: Flow) -> bool:
        return any(self.stack.is_in_use(each) for each in (flow, *self._switching.names(flow)))

    def _choose(self, name: str, host: str) -> Transport | None:
        """Of the transports that could send to a host, the one bound to where the kernel would send from."""
        able = [t for t in self._transports if t.name == name and family(t.local[0]) == family(host)]
        if len(able) <= 1:
            return able[0] if able else None
        try:
            local = self._addresses.towards(host)
        except OSError:
            return able[0]
        exact = (t for t in able if t.local[0] == local)
        return next(exact, None) or next((t for t in able if is_wildcard(t.local[0])), able[0])
