"""Our candidates on their way: an answer waits for them, and who has our description is told of those that come later.

Who understands it is told by INFO (RFC 8840), others by a new offer, and either only if it was not found meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from engine.sdp.negotiation import Negotiation
    from engine.sip.invite import Invite

    from .ports import Headers, SipPort
    from .timer import Timer, Timers

PACKAGE, FRAGMENT = "trickle-ice", "application/trickle-ice-sdpfrag"
RECEIVES: Final = ("Recv-Info", PACKAGE)
_PATIENCE = 1.0  # seconds that an answer waits for servers, and that a peer is looked for before it is told more


class Gathering:
    """The candidates of one leg."""

    __slots__ = (
        "_invite",
        "_is_confirmed",
        "_is_reached",
        "_is_told",
        "_negotiation",
        "_sip",
        "_timer",
        "_timers",
        "_waiting",
    )

    def __init__(self, sip: SipPort, invite: Invite, negotiation: Negotiation, timers: Timers) -> None:
        self._sip = sip
        self._invite = invite
        self._negotiation = negotiation
        self._timers = timers
        self._timer: Timer | None = None
        self._waiting: list[Callable[[], None]] = []
        self._is_confirmed = False
        self._is_reached = False
        self._is_told = False

    @property
    def headers(self) -> Headers:
        """What our messages say of it: candidates may be sent by INFO."""
        return (RECEIVES,) if self._negotiation.has_ice else ()

    def when_done(self, send: Callable[[], None]) -> None:
        """Send our description once it has all our candidates, in order; after a second without the rest."""
        self._is_told = True
        if not self._negotiation.is_gathering:
            send()
            return
        self._waiting.append(send)
        if self._timer is None:
            self._timer = self._timers.after(_PATIENCE, self.finish)

    def add(self, candidate: str) -> None:
        """We are to be found there, too."""
        self._negotiation.add_candidate(candidate)

    def finish(self) -> None:
        """There are no more, or they take too long."""
        self._negotiation.end_candidates()
        waiting, self._waiting = self._waiting, []
        self._calm()
        for send in waiting:
            send()
        self._consider()

    def note_reached(self) -> None:
        """The peer was found: it need not be told."""
        self._is_reached = True

    def confirm(self) -> None:
        """The peer has taken our offer, which had not all candidates: should it not be found, it is told of them."""
        self._is_confirmed = True
        self._consider()

    def close(self) -> None:
        """It is over."""
        self._waiting = []
        self._calm()

    def _consider(self) -> None:
        is_due = self._is_confirmed and not self._is_told and bool(self._negotiation.candidates)
        if is_due and self._timer is None:
            self._timer = self._timers.after(_PATIENCE, self._tell)

    def _tell(self) -> None:
        self._calm()
        self._negotiation.end_candidates()
        if self._is_reached or self._is_told:
            return
        self._is_told = True
        message = self._invite.message
        packages = message.headers("Recv-Info") if message is not None else ()
        if any(PACKAGE in package for package in packages):
            headers = [("Info-Package", PACKAGE), ("Content-Type", FRAGMENT), ("Content-Disposition", "Info-Package")]
            self._sip.request_in_call(self._invite, "INFO", headers=headers, body=self._negotiation.candidates)
        else:
            self._sip.reinvite(self._invite, body=self._negotiation.create_offer())

    def _calm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
