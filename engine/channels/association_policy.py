"""To whom DTLS and ICE are offered, and how ICE is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine.sdp.association import IceCredentials, Presence

if TYPE_CHECKING:
    from engine.sip.events import Flow

_BROWSERS = ("ws", "wss")  # the transports of phones in web pages (RFC 7118)
_UFRAG = 8  # characters; RFC 8445 §5.3 wants 24 bits at random, and 128 of the password


@dataclass(frozen=True, slots=True)
class AssociationPolicy:
    """`dtls`: offered to phones that come by WebSocket, to all, or to none, and then taken from none.

    `new_token` gives 64 random bits or more, in hex.
    """

    new_token: Callable[[], str]
    dtls: Literal["websocket", "always", "never"] = "websocket"
    is_lite: bool = False

    def presence(self, fingerprint: str) -> Presence | None:
        """What we bring along; None: nothing of that kind."""
        if self.dtls == "never":
            return None
        return Presence(fingerprint, self._new_credentials, self.is_lite)

    def is_offered(self, flow: Flow) -> bool:
        """Is it offered to who is reached by that way?"""
        return self.dtls == "always" or (self.dtls == "websocket" and flow.transport in _BROWSERS)

    def _new_credentials(self) -> IceCredentials:
        return IceCredentials(self.new_token()[:_UFRAG], self.new_token() + self.new_token())
