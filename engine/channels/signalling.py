"""The SIP and SDP side of one channel: its invite, its negotiation, and the media stream that they agree on.

It decides nothing: `channel` says when. Offers and answers are RFC 3264, carried as RFC 3261 13 and 14 allow.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from engine.media.agreement import stream_of
from engine.media.session import MediaSession
from engine.sdp.association import read_candidates
from engine.sdp.negotiation import Agreement, Negotiation, NotAcceptable
from engine.sip.invite_usage import InviteState
from engine.sip.messages import ParseError

from .gathering import Gathering
from .ports import Headers, SipPort
from .reason import warning_of

if TYPE_CHECKING:
    from engine.sip.events import RequestInCall
    from engine.sip.invite import Invite

    from .timer import Timers


class Signalling:
    """One invite with its negotiation, steering one media session."""

    __slots__ = ("_answer", "_media", "_negotiation", "_offer_is_ours", "_sip", "gathering", "invite")

    def __init__(
        self, sip: SipPort, invite: Invite, negotiation: Negotiation, media: MediaSession, timers: Timers
    ) -> None:
        self.invite = invite
        self._sip = sip
        self._negotiation = negotiation
        self._media = media
        self._answer = b""  # our answer to the first offer: the 183 and the 200 carry the same
        self._offer_is_ours = False  # a 200 with our offer is out; the ACK brings the answer
        self.gathering = Gathering(sip, invite, negotiation, timers)
        self._expect_peer()

    @property
    def agreed(self) -> Agreement | None:
        """What offer and answer came to so far."""
        return self._negotiation.agreed

    @property
    def codec(self) -> str:
        """The codec agreed on, empty before."""
        agreed = self._negotiation.agreed
        return agreed.codec if agreed is not None else ""

    @property
    def has_telephone_event(self) -> bool:
        """Were events for keys agreed on (RFC 4733)?"""
        agreed = self._negotiation.agreed
        return agreed is not None and agreed.telephone_event is not None

    @property
    def encryption(self) -> str:
        """How media is encrypted: `Security.media`."""
        return self._negotiation.encryption

    @property
    def is_held(self) -> bool:
        """Has the peer put us on hold?"""
        agreed = self._negotiation.agreed
        return agreed is not None and agreed.is_held_by_peer

    @property
    def is_unheard(self) -> bool:
        """Has our INVITE had no answer at all, not even 100?"""
        return self.invite.state is InviteState.CALLING

    @property
    def can_offer_early(self) -> bool:
        """The caller takes an offer of ours in a 183, and answers it in its PRACK (RFC 3262 5)."""
        return self.invite.reliable is not None and self.invite.reliable.is_understood

    def prepare_answer(self, *, has_offer: bool) -> None:
        """Make the SDP of our 183 or 200; with an offer at hand the media begins."""
        if self._answer:
            return
        if not has_offer:
            self._answer = self._negotiation.create_offer()
            self._offer_is_ours = True
            self._expect_peer()
            return
        self._answer = self._negotiation.create_answer()
        self._update_media()

    def ring(self, headers: Headers) -> None:
        self._sip.ring(self.invite, status=180, headers=headers)

    def progress(self, headers: Headers) -> None:
        self.gathering.when_done(
            lambda: self._sip.ring(self.invite, status=183, headers=self._with_package(headers), body=self._whole())
        )

    def answer(self, headers: Headers) -> None:
        self.gathering.when_done(
            lambda: self._sip.answer(self.invite, body=self._whole(), headers=self._with_package(headers))
        )

    def reject(self, status: int, headers: Headers) -> None:
        self._sip.reject(self.invite, status, headers=headers)

    def hang_up(self, headers: Headers) -> None:
        self._sip.hang_up(self.invite, headers=headers)

    def receive_answer(self, body: bytes) -> bool:
        """The answer to our offer, in a 200 or an ACK. False: it fits nothing we can do."""
        self._offer_is_ours = False
        try:
            self._negotiation.receive_answer(body)
        except (ParseError, NotAcceptable):
            return False
        self._update_media()
        self.gathering.confirm()
        return True

    def receive_candidates(self, fragment: str) -> bool:
        """Candidates of the peer in an INFO (RFC 8840); False: there is no ICE here."""
        if not self._negotiation.receive_candidates(read_candidates(fragment)):
            return False
        self._update_media()
        return True

    def receive_early(self, body: bytes) -> None:
        """The answer to our offer in a 183, or to a re-INVITE of ours. A bad one changes nothing."""
        with suppress(ParseError, NotAcceptable):
            self._negotiation.receive_answer(body)
            self._update_media()

    def receive_ack(self, body: bytes) -> bool:
        """The ACK to a 200 of ours. False: it should have brought an answer, and did not."""
        return not self._offer_is_ours or self.receive_answer(body)

    def receive_reinvite(self, body: bytes) -> None:
        """Answer a re-INVITE; one that cannot be is refused, and the session goes on as it was (RFC 3261 14.2)."""
        if not body:
            self._offer_is_ours = True
            self._sip.answer(self.invite, body=self._negotiation.create_offer())
            return
        try:
            self._negotiation.receive_offer(body)
        except ParseError:
            self._sip.reject(self.invite, 400)
        except NotAcceptable as error:
            self._sip.reject(self.invite, 488, headers=[warning_of(error)])
        else:
            answer = self._negotiation.create_answer()
            self._update_media()
            self._sip.answer(self.invite, body=answer)

    def receive_update(self, event: RequestInCall) -> None:
        """Answer the offer of an UPDATE, or refuse it: then the session goes on as it was (RFC 3311 5.2)."""
        try:
            self._negotiation.receive_offer(event.request.body)
        except ParseError:
            self._sip.respond(event.transaction, 400)
            return
        except NotAcceptable as error:
            self._sip.respond(event.transaction, 488, headers=[warning_of(error)])
            return
        answer = self._negotiation.create_answer()
        self._update_media()
        self._sip.respond(event.transaction, 200, body=answer)

    def refresh(self) -> None:
        """Say again what was said: the session timer wants a re-INVITE (RFC 4028 7.4)."""
        self._sip.reinvite(self.invite, body=self._negotiation.create_offer())

    def _whole(self) -> bytes:
        """Our description, with the candidates that were found since it was made."""
        return self._answer if not self._negotiation.candidates else self._negotiation.repeat()

    def _with_package(self, headers: Headers) -> Headers:
        return [*headers, *self.gathering.headers]

    def _expect_peer(self) -> None:
        """Our offer is out: the peer may come before its answer does."""
        offered = self._negotiation.offered_association
        if offered is not None:
            self._media.associate(offered)

    def _update_media(self) -> None:
        agreed = self._negotiation.agreed
        if agreed is None:
            return
        if agreed.association is not None:
            self._media.associate(agreed.association, remote=agreed.remote)
        self._media.update(stream_of(agreed, signalled_from=self.invite.flow.remote[0]))
