"""PUBLISH: phones say how their users are reached (RFC 3903).

::

    publishing = Publishing(sip=endpoint, authentication=..., publications=..., on_change=presences.look)
    nursery.start_soon(publishing.run)
    publishing.handle(request_received)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

import trio

from engine.registrar.authentication import Authentication, Challenge
from engine.sip.events import RequestReceived
from engine.sip.messages import ParseError, Request
from engine.sip.subscription import read_event, read_expires

from . import pidf
from .package import PRESENCE
from .publication import OPERATIONS, Asked, Operation, Publications

if TYPE_CHECKING:
    from engine.sip.stack import ServerRequest

Headers: TypeAlias = Sequence[tuple[str, str]]

MIN_EXPIRES, MAX_EXPIRES = 60, 3600  # seconds; below it 423, above it shortened
_ALLOW_EVENTS = (("Allow-Events", PRESENCE.name),)
_MAX_TAG = 128  # characters of an entity-tag


class Answer(NamedTuple):
    status: int
    reason: str | None = None
    headers: Headers = ()


class Responder(Protocol):
    """What is asked of SIP."""

    def respond(
        self, transaction: ServerRequest, status: int, *, reason: str | None = None, headers: Headers = (),
        body: bytes = b"",
    ) -> None: ...  # fmt: skip


class Publishing:
    """Answers PUBLISH. One task, `run`, lets publications expire."""

    def __init__(
        self,
        *,
        sip: Responder,
        authentication: Authentication,
        publications: Publications,
        on_change: Callable[[str], None],
        clock: Callable[[], float] = trio.current_time,
    ) -> None:
        """`on_change` is told of which user something else is published."""
        self._sip, self._authentication = sip, authentication
        self._publications, self._on_change, self._clock = publications, on_change, clock
        self._has_changed = trio.Event()

    def handle(self, event: RequestReceived) -> None:
        """Answer one PUBLISH."""
        status, reason, headers = self._decide(event.request, event.flow.remote[0])
        self._sip.respond(event.transaction, status, reason=reason, headers=headers)

    async def run(self) -> None:
        """Let publications expire, until cancelled."""
        while True:
            self._has_changed = trio.Event()
            deadline = self._publications.next_deadline()
            with trio.move_on_at(float("inf") if deadline is None else deadline):
                await self._has_changed.wait()
                continue
            for user in self._publications.expire(now=self._clock()):
                self._on_change(user)  # what another phone says may be the same, but that is rare

    def _decide(self, request: Request, source: str) -> Answer:
        """RFC 3903 6, in its order."""
        try:
            package = read_event(request).package
        except ParseError as error:
            return Answer(error.status, "Needs an Event Package", _ALLOW_EVENTS)
        if package != PRESENCE.name:
            return Answer(489, None, _ALLOW_EVENTS)
        user = self._authentication.check(request, source)
        if isinstance(user, Challenge):
            return Answer(user.status, None, user.headers)
        if request.uri.user not in (None, user.name):
            return Answer(403, "Not Yours to Publish")
        expires = read_expires(request, MAX_EXPIRES)
        if 0 < expires < MIN_EXPIRES:
            return Answer(423, None, (("Min-Expires", str(MIN_EXPIRES)),))
        return self._publish(user.name, request, min(expires, MAX_EXPIRES))

    def _publish(self, user: str, request: Request, expires: int) -> Answer:
        tag = (request.header("SIP-If-Match") or "").strip()[:_MAX_TAG]
        operation = OPERATIONS.get(Asked(bool(tag), bool(request.body), expires == 0))
        if operation is None:
            return Answer(400, "Needs a Body or SIP-If-Match")
        before = self._publications.find(user, tag) if tag else None
        if tag and before is None:
            return Answer(412)
        if operation is Operation.REMOVE:
            self._publications.remove(user, tag)
            self._on_change(user)
            return Answer(200, None, (("Expires", "0"), ("SIP-ETag", tag)))
        if operation is Operation.REFRESH and before is not None:
            presence = before.presence
        elif request.body_type != pidf.CONTENT_TYPE:
            return Answer(415, None, (("Accept", pidf.CONTENT_TYPE),))
        else:
            try:
                presence = pidf.read(request.body)
            except pidf.BadDocument:
                return Answer(400, "Not a Presence Document")
        return self._keep(user, presence, expires, tag or None)

    def _keep(self, user: str, presence: pidf.Presence, expires: int, tag: str | None) -> Answer:
        if tag is None and not self._publications.has_room():
            return Answer(503, "Too Many Publications", (("Retry-After", "60"),))
        before = self._publications.newest(user)
        new = self._publications.put(user, presence, expires_at=self._clock() + expires, instead_of=tag)
        self._has_changed.set()
        if presence != before:
            self._on_change(user)
        return Answer(200, None, (("Expires", str(expires)), ("SIP-ETag", new)))
