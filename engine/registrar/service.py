"""The registrar (RFC 3261 §10.3): answers every REGISTER, keeps the contacts, and tells of them by events.

::

    registrar = Registrar(sip=endpoint, authentication=..., locations=..., events=log, clock=trio.current_time)
    nursery.start_soon(registrar.run)
    registrar.handle(request_received)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import trio

from callflow.protocol.events import Event, RegistrationAdded, RegistrationExpired, RegistrationRemoved
from engine.sip.events import RequestReceived
from engine.sip.messages import ParseError, Request
from engine.sip.registration import (
    Accepted,
    Added,
    Change,
    Contact,
    Limits,
    Refreshed,
    Refused,
    Removed,
    register,
    response_headers,
)

from .authentication import Authentication, Challenge
from .locations import Locations

if TYPE_CHECKING:
    from engine.sip.stack import ServerRequest


class Responder(Protocol):
    """What the registrar asks of SIP."""

    def respond(
        self,
        transaction: ServerRequest,
        status: int,
        *,
        reason: str | None = None,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> None:
        """Answer a request outside a dialog."""
        ...


class EventSink(Protocol):
    """Where events go."""

    def emit(self, event: Event) -> int:
        """Number and keep an event."""
        ...


class Registrar:
    """Answers REGISTER. One task, `run`, lets contacts expire."""

    def __init__(
        self,
        *,
        sip: Responder,
        authentication: Authentication,
        locations: Locations,
        events: EventSink,
        clock: Callable[[], float] = trio.current_time,
        limits: Limits | None = None,
    ) -> None:
        self._sip, self._authentication, self._locations = sip, authentication, locations
        self._events, self._clock, self._limits = events, clock, limits or Limits()
        self._has_changed = trio.Event()

    def handle(self, event: RequestReceived) -> None:
        """Answer one REGISTER."""
        status, reason, headers = self._decide(event)
        self._sip.respond(event.transaction, status, reason=reason, headers=headers)

    def restore(self, found: Iterable[tuple[str, Sequence[Contact]]], *, is_user: Callable[[str], bool]) -> None:
        """Have what was there before a restart: of the users that there still are, what has not expired meanwhile.

        What has registered before this could be read is newer.
        """
        for user, contacts in found:
            newer = self._locations.stored(user)
            keys = {contact.key for contact in newer}
            both = [*(contact for contact in contacts if contact.key not in keys), *newer][-self._limits.contacts :]
            if not is_user(user) or not self._locations.has_room(user, both):
                self._locations.store(user, newer)
            elif newer:
                self._locations.store(user, both)
            else:
                self._locations.restore(user, both)
        self._expire()
        self._has_changed.set()

    def forget(self, user: str) -> None:
        """There is no such user any more."""
        contacts = self._locations.stored(user)
        if contacts:
            self._locations.store(user, ())
            for contact in contacts:
                self._events.emit(RegistrationRemoved(user=user, contact=str(contact.uri)))

    async def run(self) -> None:
        """Let contacts expire, until cancelled."""
        while True:
            self._has_changed = trio.Event()
            deadline = self._locations.next_deadline()
            with trio.move_on_at(float("inf") if deadline is None else deadline):
                await self._has_changed.wait()
                continue
            self._expire()

    def _expire(self) -> None:
        for user, contact in self._locations.expire(now=self._clock()):
            self._events.emit(RegistrationExpired(user=user, contact=str(contact.uri)))

    def _decide(self, event: RequestReceived) -> tuple[int, str | None, Sequence[tuple[str, str]]]:
        request = event.request
        try:
            name = _address_of_record(request)
        except ParseError as error:
            return error.status, error.reason, ()
        if name is None:
            return 400, "To Must Be a SIP URI With a User", ()
        user = self._authentication.check(request, event.flow.remote[0])
        if isinstance(user, Challenge):
            return user.status, None, user.headers
        if name != user.name:
            return 403, "Not Your Address", ()
        return self._register(user.name, event)

    def _register(self, user: str, event: RequestReceived) -> tuple[int, str | None, Sequence[tuple[str, str]]]:
        now = self._clock()
        stored = self._locations.stored(user)
        result = register(stored, event.request, flow=event.flow, limits=self._limits, now=now)
        if isinstance(result, Refused):
            return result.status, result.reason, result.headers
        if not self._locations.has_room(user, result.contacts):
            return 503, "Too Many Registrations", (("Retry-After", "60"),)
        self._store(user, result, now)
        return 200, None, response_headers(event.request, result, now=now)

    def _store(self, user: str, result: Accepted, now: float) -> None:
        if not result.changes:
            return
        self._locations.store(user, result.contacts)
        for event in _events_of(user, result.changes, now):
            self._events.emit(event)
        self._has_changed.set()


def _address_of_record(request: Request) -> str | None:
    """The user in To (§10.3 step 5). Raises ParseError."""
    uri = request.to.uri
    return uri.user if uri.scheme in ("sip", "sips") else None


def _events_of(user: str, changes: Sequence[Change], now: float) -> Iterator[Event]:
    for change in changes:
        contact: Contact = change.contact
        match change:
            case Added() | Refreshed():
                yield RegistrationAdded(
                    user=user,
                    contact=str(contact.uri),
                    expires_after=contact.expires_at - now,
                    is_refresh=isinstance(change, Refreshed),
                )
            case Removed():
                yield RegistrationRemoved(user=user, contact=str(contact.uri))
