"""TLS on a connection, without I/O: octets of the network in, octets of SIP out, and back (RFC 3261 §26.2.1).

::

    session = TlsSession(context, server_name="sip.example.net")   # or without a name: as the server
    to_network = session.begin()
    received, to_network = session.receive(from_network)           # raises ssl.SSLError
    to_network = session.send(data)
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import cached_property

READ_SIZE = 65536


class TlsContexts:
    """With what TLS is spoken: as the server where we listen, as the client to others, whose certificates it checks.

    The client's is made when it is first wanted: to read all that a system trusts takes a twentieth of a start.
    """

    def __init__(self, client: Callable[[], ssl.SSLContext], server: ssl.SSLContext | None = None) -> None:
        self._new_client = client
        self.server = server

    @cached_property
    def client(self) -> ssl.SSLContext:
        """For connections to others."""
        return self._new_client()


class TlsSession:
    """One side of a connection. What is sent before the handshake is over waits for it."""

    def __init__(self, context: ssl.SSLContext, *, server_name: str | None = None) -> None:
        """`server_name`: whom the certificate of the other side must name; without one it is ours that is shown."""
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._in, self._out, server_side=server_name is None, server_hostname=server_name
        )
        self._unsent = bytearray()
        self.is_open = False
        self.is_closed = False  # by the other side

    def begin(self) -> bytes:
        """The first octets for the network: of a client, its hello."""
        self._shake_hands()
        return self._out.read()

    def send(self, data: bytes) -> bytes:
        """What to send to the network for this."""
        if not self.is_open:
            self._unsent += data
            return b""
        self._object.write(data)
        return self._out.read()

    def receive(self, data: bytes) -> tuple[bytes, bytes]:
        """What was received, and what to send for it. Raises ssl.SSLError; `alert` tells the other side why."""
        self._in.write(data)
        if not self.is_open:
            self._shake_hands()
        received = self._read() if self.is_open else b""
        return received, self._out.read()

    def alert(self) -> bytes:
        """The last octets after an error."""
        return self._out.read()

    def _shake_hands(self) -> None:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return
        self.is_open = True
        if self._unsent:
            self._object.write(bytes(self._unsent))
            self._unsent.clear()

    def _read(self) -> bytes:
        received = bytearray()
        while True:
            try:
                data = self._object.read(READ_SIZE)
            except ssl.SSLWantReadError:
                return bytes(received)
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                data = b""
            if not data:
                self.is_closed = True
                return bytes(received)
            received += data
