"""SIP over WebSocket on a connection, as its server, without I/O (RFC 7118): octets in, messages out, and back.

::

    session = WebSocketSession(origins=("https://phone.example.net",))
    messages, to_network = session.receive(from_network)
    to_network = session.send(message)

The handshake, frames and their bounds are those of the library `websockets`; what is left is what SIP says of them.
"""

from __future__ import annotations

import http
from collections.abc import Collection

from websockets.exceptions import InvalidState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

MAX_MESSAGE = 65535  # octets, as of a datagram
SUBPROTOCOL = Subprotocol("sip")
ANY_ORIGIN = "*"


class WebSocketSession:
    """The server's side of a connection. One message of SIP is one message of the WebSocket (RFC 7118 §5.2)."""

    def __init__(self, *, origins: Collection[str] = ()) -> None:
        """`origins`: the pages that may speak SIP to us. Clients that are no browser name none, and need none."""
        self._protocol = ServerProtocol(subprotocols=[SUBPROTOCOL], max_size=MAX_MESSAGE)
        self._origins = origins
        self._message = bytearray()
        self.is_closed = False  # nothing more is to be read

    def receive(self, data: bytes) -> tuple[list[bytes], bytes]:
        """The messages that are whole now, and what to send to the network for this."""
        protocol = self._protocol
        protocol.receive_data(data)
        messages = []
        for event in protocol.events_received():
            if isinstance(event, Request):
                self._shake_hands(event)
            elif isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self._message += event.data
                if event.fin:
                    messages.append(bytes(self._message))
                    self._message.clear()
        self.is_closed = self.is_closed or protocol.close_expected() or protocol.handshake_exc is not None
        return messages, self._take_unsent()

    def send(self, data: bytes) -> bytes:
        """What to send to the network for a message. Raises OSError when the connection is being closed."""
        try:
            if data.isascii():
                self._protocol.send_text(data)
            else:  # a text frame must be UTF-8, and a body may be anything
                self._protocol.send_binary(data)
        except InvalidState as error:
            raise OSError(f"the WebSocket is not open: {error}") from error
        return self._take_unsent()

    def close(self) -> bytes:
        """What to send to the network before the connection is closed."""
        try:
            self._protocol.send_close(CloseCode.GOING_AWAY)
        except InvalidState:
            return b""
        return self._take_unsent()

    def _shake_hands(self, request: Request) -> None:
        self._protocol.send_response(self._refuse(request) or self._protocol.accept(request))

    def _refuse(self, request: Request) -> Response | None:
        """No page of a stranger calls with the phone of whoever looks at it: a browser names the page's origin."""
        for origin in request.headers.get_all("Origin"):
            if origin not in self._origins and ANY_ORIGIN not in self._origins:
                message = f"the origin {origin} is not in [sip] origins\n"
                return self._protocol.reject(http.HTTPStatus.FORBIDDEN, message)
        return None

    def _take_unsent(self) -> bytes:
        return b"".join(self._protocol.data_to_send())
