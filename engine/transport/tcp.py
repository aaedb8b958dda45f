"""SIP over TCP, TLS or WebSocket: a listener, the connections it accepted and those opened to peers (RFC 3261 §18)."""

from __future__ import annotations

import errno
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType

import trio

from ..sip.events import Flow, TransportName
from .address import Address, bind, family
from .advertising import Advertising
from .errors import Unreachable
from .tls import TlsContexts, TlsSession
from .websocket import WebSocketSession

READ_SIZE = 65536
BACKLOG = 128  # connections the kernel keeps for us
CONNECT_TIMEOUT = 10.0
LINGER = 1.0  # seconds to clear away what a peer still sends: with that unread, the kernel would take our answer back

_NAMES: Mapping[tuple[bool, bool], TransportName] = MappingProxyType({  # by whether it is a WebSocket, and secure
    (False, False): "tcp",
    (False, True): "tls",
    (True, False): "ws",
    (True, True): "wss",
})
_OUT_OF_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpLimits:
    """Bounds on what peers may take of us. Times are seconds."""

    connections: int = 4096
    connections_per_address: int = 512
    unsent: int = 1 << 20  # octets waiting for one peer that does not read
    send_buffer: int = 1 << 17  # octets the kernel keeps besides
    silent_timeout: float = 32.0  # until the first octets of SIP: handshakes are over by then
    idle_timeout: float = 3700.0  # afterwards, without a call: a registration's longest usual life


class _Connection:
    __slots__ = (
        "error",
        "flow",
        "has_unsent",
        "is_ending",
        "is_ready",
        "is_spoken",
        "scope",
        "server_name",
        "silent_until",
        "socket",
        "tls",
        "unsent",
        "websocket",
    )

    def __init__(
        self,
        sock: socket.socket,
        flow: Flow,
        tls: TlsSession | None,
        websocket: WebSocketSession | None,
        server_name: str,
        silent_until: float,
    ) -> None:
        self.socket = sock
        self.flow = flow
        self.tls = tls
        self.websocket = websocket
        self.silent_until = silent_until  # in the clock of trio: when it is given up unless it has spoken
        self.server_name = server_name  # whose certificate was asked for, empty without TLS and for accepted ones
        self.error = ""  # why TLS failed
        self.is_ready = trio.Event()  # to be sent on, or over before that
        self.is_spoken = False
        self.is_ending = False  # nothing more is read of it, nor sent once what waits is out
        self.unsent = bytearray()
        self.has_unsent = trio.Event()
        self.scope = trio.CancelScope()


class TcpTransport:
    """A TCP listener (or none: then it only connects) with all connections of its address.

    With `tls` all of them speak TLS. With `is_websocket` all are WebSockets, which phones open and we do not.
    """

    def __init__(
        self,
        host: str,
        port: int | None,
        *,
        closed: Callable[[Flow], None],
        is_in_use: Callable[[Flow], bool],
        limits: TcpLimits = TcpLimits(),
        tls: TlsContexts | None = None,
        is_websocket: bool = False,
        origins: Collection[str] = (),
        advertising: Advertising | None = None,
    ) -> None:
        """Listen, unless `port` is None. Raises OSError saying what to do about it.

        `closed` is told of every connection that ends by itself; one `is_in_use` is never idle. `origins`: see
        `WebSocketSession`.
        """
        self.name = _NAMES[is_websocket, tls is not None]
        self.is_websocket = is_websocket
        self._origins = origins
        self._advertising = advertising or Advertising()
        self._tls = tls
        self._listener: socket.socket | None = None
        if port is not None:
            self._listener = bind(socket.SOCK_STREAM, host, port)
            self._listener.listen(BACKLOG)
            port = self._listener.getsockname()[1]
        self.local: Address = (host, port or 0)
        self.refused = 0
        self._closed = closed
        self._is_in_use = is_in_use
        self._limits = limits
        self._connections: dict[Flow, _Connection] = {}
        self._by_remote: dict[tuple[Address, str], Flow] = {}
        self._per_address: Counter[str] = Counter()
        self._connecting: dict[tuple[Address, str], trio.Event] = {}
        self._last_id = 0
        self._nursery: trio.Nursery | None = None
        self._is_running = trio.Event()
        self._receive: Callable[[bytes, Flow], None] = lambda data, flow: None

    async def run(self, receive: Callable[[bytes, Flow], None]) -> None:
        """Accept, and hand on what arrives, until cancelled."""
        self._receive = receive
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                self._is_running.set()
                if self._listener is None:
                    await trio.sleep_forever()
                else:
                    await self._accept(self._listener)
        finally:
            self.close()

    def close(self) -> None:
        if self._listener is not None:
            self._listener.close()

    def send(self, data: bytes, flow: Flow) -> None:
        """Send now or as soon as the peer reads; never waits. Raises OSError when the connection is gone."""
        connection = self._connections.get(flow)
        if connection is None:
            raise OSError(errno.ENOTCONN, f"the connection to {self.name}:{flow.remote[0]}:{flow.remote[1]} is gone")
        self._send_enciphered(connection, data if connection.websocket is None else connection.websocket.send(data))

    def _send_enciphered(self, connection: _Connection, data: bytes) -> None:
        self._send(connection, connection.tls.send(data) if connection.tls is not None else data)

    def _send(self, connection: _Connection, data: bytes) -> None:
        flow, sent = connection.flow, 0
        if not connection.unsent:
            try:
                sent = connection.socket.send(data)
            except BlockingIOError:
                pass
            except OSError:
                connection.scope.cancel()
                raise
        if sent == len(data):
            return
        if len(connection.unsent) + len(data) - sent > self._limits.unsent:
            connection.scope.cancel()
            raise OSError(errno.ENOBUFS, f"{self.name}:{flow.remote[0]}:{flow.remote[1]} does not read what it is sent")
        connection.unsent += data[sent:]
        connection.has_unsent.set()

    def close_flow(self, flow: Flow) -> None:
        connection = self._connections.get(flow)
        if connection is None:
            return
        if connection.websocket is not None:
            with suppress(OSError):
                self._send_enciphered(connection, connection.websocket.close())
        if not connection.is_ending:
            connection.is_ending = True
            connection.scope.deadline = trio.current_time() + LINGER
            self._forget_remote(connection)
            self._end_sending(connection)

    def _end_sending(self, connection: _Connection) -> None:
        if connection.is_ending and not connection.unsent:
            with suppress(OSError):  # it is gone already
                connection.socket.shutdown(socket.SHUT_WR)

    async def connect(self, remote: Address, server_name: str = "") -> Flow:
        """The flow of a connection to there, a new one if there is none. Raises Unreachable.

        `server_name`: whom its certificate must name, if TLS is spoken.
        """
        if self.is_websocket:
            raise Unreachable(f"{self.name}:{remote[0]}:{remote[1]}: only the other side opens a WebSocket")
        key = remote, server_name
        while (pending := self._connecting.get(key)) is not None:
            await pending.wait()
        flow = self._by_remote.get(key)
        if flow is not None:
            return flow
        self._connecting[key] = trio.Event()
        try:
            await self._is_running.wait()
            sock = await _connect(remote, self.name)
            connection = self._open(sock, remote, is_ours=True, server_name=server_name)
            await self._wait_ready(connection)
            return connection.flow
        finally:
            self._connecting.pop(key).set()

    async def _wait_ready(self, connection: _Connection) -> None:
        where = f"{self.name}:{connection.flow.remote[0]}:{connection.flow.remote[1]}"
        with trio.move_on_after(CONNECT_TIMEOUT) as waiting:
            await connection.is_ready.wait()
        if waiting.cancelled_caught:
            connection.scope.cancel()
            raise Unreachable(f"{where}: TLS was not agreed on within {CONNECT_TIMEOUT:g} s")
        if connection.flow not in self._connections:
            raise Unreachable(f"{where}: {connection.error or 'the connection was closed'}")

    async def _accept(self, listener: socket.socket) -> None:
        while True:
            await trio.lowlevel.wait_readable(listener)
            try:
                sock, address = listener.accept()
            except BlockingIOError:
                continue
            except OSError as error:
                if error.errno in _OUT_OF_FILES:
                    await trio.sleep(0.1)  # it stays readable; let others close theirs first
                continue
            remote = (str(address[0]), int(address[1]))
            if self._is_refused(remote[0]):
                self.refused += 1
                sock.close()
            else:
                sock.setblocking(False)
                self._open(sock, remote, is_ours=False)

    def _is_refused(self, host: str) -> bool:
        limits = self._limits
        return len(self._connections) >= limits.connections or self._per_address[host] >= limits.connections_per_address

    def _open(self, sock: socket.socket, remote: Address, *, is_ours: bool, server_name: str = "") -> _Connection:
        assert self._nursery is not None
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._limits.send_buffer)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a peer that lost power says no goodbye
        host, port = sock.getsockname()[:2]
        if is_ours and self._listener is not None and self.local[0] in (host, "0.0.0.0", "::"):
            port = self.local[1]  # where it can connect to us: the port of this connection is none to call
        self._last_id += 1
        seen = self._advertising.seen(self.name, self.local, (host, port), remote[0])
        flow = Flow(self.name, seen, remote, self._last_id)
        connection = _Connection(
            sock,
            flow,
            self._session(server_name, is_ours=is_ours),
            WebSocketSession(origins=self._origins) if self.is_websocket else None,
            server_name,
            trio.current_time() + self._limits.silent_timeout,
        )
        self._connections[connection.flow] = connection
        self._by_remote[remote, server_name] = connection.flow
        self._per_address[remote[0]] += 1
        connection.is_spoken = is_ours
        self._nursery.start_soon(self._run_connection, connection)
        return connection

    def _session(self, server_name: str, *, is_ours: bool) -> TlsSession | None:
        if self._tls is None:
            return None
        if is_ours:
            return TlsSession(self._tls.client, server_name=server_name)
        assert self._tls.server is not None, "who listens has a certificate"
        return TlsSession(self._tls.server)

    async def _run_connection(self, connection: _Connection) -> None:
        try:
            with connection.scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write, connection)
                    self._begin(connection)
                    await self._read(connection)
                    nursery.cancel_scope.cancel()
        finally:
            self._forget(connection)
            connection.is_ready.set()
        self._closed(connection.flow)  # not on our own way out

    def _forget(self, connection: _Connection) -> None:
        flow = connection.flow
        connection.socket.close()
        del self._connections[flow]
        self._forget_remote(connection)
        self._per_address[flow.remote[0]] -= 1
        if not self._per_address[flow.remote[0]]:
            del self._per_address[flow.remote[0]]

    def _forget_remote(self, connection: _Connection) -> None:
        """Nothing new is to be sent by it."""
        key = connection.flow.remote, connection.server_name
        if self._by_remote.get(key) == connection.flow:
            del self._by_remote[key]

    async def _read(self, connection: _Connection) -> None:
        while await self._wait_readable(connection):
            try:
                data = connection.socket.recv(READ_SIZE)
            except BlockingIOError:
                continue
            except OSError:
                return
            if not data:
                return
            if connection.is_ending:
                continue
            if connection.tls is not None:
                data, is_over = self._decipher(connection, connection.tls, data)
            else:
                is_over = False
            if data and self._hand_on(connection, data):
                return
            if is_over:
                return

    def _hand_on(self, connection: _Connection, data: bytes) -> bool:
        """Whether it was the last that is to be read."""
        websocket = connection.websocket
        if websocket is None:
            connection.is_spoken = True
            self._receive(data, connection.flow)
            return False
        messages, answer = websocket.receive(data)
        with suppress(OSError):  # it ends by itself then
            self._send_enciphered(connection, answer)
        for message in messages:
            connection.is_spoken = True
            self._receive(message, connection.flow)
        return websocket.is_closed

    def _begin(self, connection: _Connection) -> None:
        if connection.tls is None:
            connection.is_ready.set()
        else:
            with suppress(OSError):
                self._send(connection, connection.tls.begin())

    def _decipher(self, connection: _Connection, tls: TlsSession, data: bytes) -> tuple[bytes, bool]:
        """What was received, and whether it was the last."""
        try:
            received, answer = tls.receive(data)
        except ssl.SSLError as error:
            connection.error = f"TLS failed: {getattr(error, 'verify_message', None) or error.reason or error}"
            with suppress(OSError):
                self._send(connection, tls.alert())
            return b"", True
        with suppress(OSError):  # it ends by itself then
            self._send(connection, answer)
        if tls.is_open:
            connection.is_ready.set()
        return received, tls.is_closed

    async def _wait_readable(self, connection: _Connection) -> bool:
        """False when nothing came for so long that the connection is given up."""
        while True:
            # Counted from its first moment until it has spoken: trickling a handshake gains nothing.
            idle_until = trio.current_time() + self._limits.idle_timeout
            with trio.move_on_at(idle_until if connection.is_spoken else connection.silent_until):
                await trio.lowlevel.wait_readable(connection.socket)
                return True
            if not self._is_in_use(connection.flow):
                return False

    async def _write(self, connection: _Connection) -> None:
        while True:
            await connection.has_unsent.wait()
            with trio.move_on_after(self._limits.silent_timeout) as scope:
                await trio.lowlevel.wait_writable(connection.socket)
            if scope.cancelled_caught:
                connection.scope.cancel()
                return
            try:
                sent = connection.socket.send(connection.unsent)
            except BlockingIOError:
                continue
            except OSError:
                connection.scope.cancel()
                return
            del connection.unsent[:sent]
            if not connection.unsent:
                connection.has_unsent = trio.Event()
                self._end_sending(connection)


async def _connect(remote: Address, name: str) -> socket.socket:
    where = f"{name}:{remote[0]}:{remote[1]}"
    sock = trio.socket.socket(family(remote[0]), socket.SOCK_STREAM)
    try:
        with trio.fail_after(CONNECT_TIMEOUT):
            await sock.connect(remote)
    except trio.TooSlowError:
        raise Unreachable(f"{where}: nobody accepted the connection within {CONNECT_TIMEOUT:g} s") from None
    except OSError as error:
        raise Unreachable(f"{where}: {error.strerror or error}") from error
    else:
        plain = socket.socket(fileno=sock.detach())
        plain.setblocking(False)
        return plain
    finally:
        sock.close()
