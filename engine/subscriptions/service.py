"""Subscriptions of users (RFC 6665): who may have one, for how long, and what is told to all who have.

::

    subscriptions = Subscriptions(sip=endpoint, authentication=..., sources={"message-summary": mailboxes}, ...)
    subscriptions.handle(request_received)  # a SUBSCRIBE; inside a subscription: refresh(subscribe_received)
    nursery.start_soon(subscriptions.run)
    subscriptions.tell("message-summary", "100")
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import trio

from engine.registrar.authentication import Authentication, Challenge
from engine.sip.events import Flow, RequestReceived, SubscribeReceived, SubscriptionEnded
from engine.sip.messages import ParseError, Request
from engine.sip.subscription import Document, EventName, Reason, Subscription, read_event, read_expires

from .package import PACKAGES, Package, Source

if TYPE_CHECKING:
    from engine.sip.stack import ServerRequest

Headers: TypeAlias = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many subscriptions there may be; beyond it a new one is answered 503."""

    all: int = 50_000
    of_user: int = 500  # an attendant's console has hundreds
    from_address: int = 5_000  # an office behind one


class Notifier(Protocol):
    """What is asked of SIP."""

    def respond(
        self, transaction: ServerRequest, status: int, *, reason: str | None = None, headers: Headers = (),
        body: bytes = b"",
    ) -> None: ...  # fmt: skip

    def accept_subscription(
        self, transaction: ServerRequest, *, event: EventName, expires: int, content_type: str, document: Document,
        owner: object,
    ) -> Subscription: ...  # fmt: skip

    def refresh_subscription(self, subscription: Subscription, transaction: ServerRequest, *, expires: int) -> None: ...

    def tell_subscription(self, subscription: Subscription) -> None: ...

    def end_subscription(self, subscription: Subscription, reason: Reason) -> None: ...


@dataclass(frozen=True, slots=True)
class _Subscriber:
    """Who has a subscription, to what. The owner of a Subscription."""

    user: str
    package: Package
    of: str
    address: str


@dataclass(frozen=True, slots=True)
class _Refusal:
    status: int
    reason: str | None = None
    headers: Headers = ()


class Subscriptions:
    """All of them."""

    def __init__(
        self,
        *,
        sip: Notifier,
        authentication: Authentication,
        sources: Mapping[str, Source],
        limits: Limits | None = None,
    ) -> None:
        """`sources` by the names of their packages."""
        self._sip, self._authentication = sip, authentication
        self._sources = sources
        self._limits = limits or Limits()
        self._live: dict[tuple[str, str], dict[Subscription, None]] = {}  # by package and whose state it is
        self._of_user: Counter[str] = Counter()
        self._from_address: Counter[str] = Counter()
        self._news: dict[tuple[str, str], None] = {}  # that are to be told: as many as are watched, at most
        self._has_news = trio.Event()
        self._allow_events = ("Allow-Events", ", ".join(sources))

    def __len__(self) -> int:
        return self._of_user.total()

    def handle(self, event: RequestReceived) -> None:
        """Answer a SUBSCRIBE outside of dialogs."""
        accepted = self._judge(event.request, event.flow)
        if isinstance(accepted, _Refusal):
            self._refuse(event.transaction, accepted)
            return
        name, expires, subscriber = accepted
        if expires:
            self._of_user[subscriber.user] += 1
            self._from_address[subscriber.address] += 1
        subscription = self._sip.accept_subscription(
            event.transaction,
            event=name,
            expires=expires,
            content_type=subscriber.package.content_type,
            document=self._document(subscriber, event.request),
            owner=subscriber,
        )
        if expires:
            self._live.setdefault((subscriber.package.name, subscriber.of), {})[subscription] = None

    def refresh(self, event: SubscribeReceived) -> None:
        """Answer a SUBSCRIBE inside a subscription: from its user, and no other (RFC 6665 8.1)."""
        subscriber = event.subscription.owner
        assert isinstance(subscriber, _Subscriber)
        user = self._authentication.check(event.request, subscriber.address)
        expires = _expires_of(event.request, subscriber.package)
        if isinstance(user, Challenge):
            self._refuse(event.transaction, _Refusal(user.status, headers=user.headers))
        elif user.name != subscriber.user:
            self._refuse(event.transaction, _Refusal(403, "Not Your Subscription"))
        elif isinstance(expires, _Refusal):
            self._refuse(event.transaction, expires)
        else:
            self._sip.refresh_subscription(event.subscription, event.transaction, expires=expires)

    def forget(self, event: SubscriptionEnded) -> None:
        """One is over."""
        subscriber = event.subscription.owner
        assert isinstance(subscriber, _Subscriber)
        key = subscriber.package.name, subscriber.of
        if (live := self._live.get(key)) is None or event.subscription not in live:
            return  # it was told once, and never counted
        del live[event.subscription]
        if not live:
            del self._live[key]
        for counter, whose in ((self._of_user, subscriber.user), (self._from_address, subscriber.address)):
            counter[whose] -= 1
            if not counter[whose]:
                del counter[whose]

    def tell(self, package: str, of: str) -> None:
        """The state of this user has changed: soon all are told who subscribed to it. May be called from anywhere."""
        if (package, of) in self._live:
            self._news[package, of] = None
            self._has_news.set()

    async def run(self) -> None:
        """Send what there is to tell, until cancelled: not from within whatever changed."""
        while True:
            await self._has_news.wait()
            self._has_news = trio.Event()
            news, self._news = self._news, {}
            for each in news:
                for subscription in list(self._live.get(each, ())):
                    self._sip.tell_subscription(subscription)

    def is_watched(self, package: str, of: str) -> bool:
        """Whether anybody has subscribed to it."""
        return (package, of) in self._live

    def flows(self, package: str, of: str) -> Iterable[Flow]:
        """Where those are who are told."""
        return [subscription.flow for subscription in self._live.get((package, of), ())]

    def close(self) -> None:
        """Tell all that it is over here, and that they may subscribe again at once (RFC 6665 4.1.3)."""
        for live in list(self._live.values()):
            for subscription in list(live):
                self._sip.end_subscription(subscription, "deactivated")

    def _judge(self, request: Request, flow: Flow) -> tuple[EventName, int, _Subscriber] | _Refusal:
        try:
            name = read_event(request)
        except ParseError as error:
            return _Refusal(error.status, "Needs an Event Package", (self._allow_events,))
        package, source = PACKAGES.get(name.package), self._sources.get(name.package)
        if package is None or source is None:
            return _Refusal(489, None, (self._allow_events,))  # RFC 6665 8.3.2
        user = self._authentication.check(request, flow.remote[0])
        if isinstance(user, Challenge):
            return _Refusal(user.status, headers=user.headers)
        of = (request.uri.user or user.name)[:_LONGEST]
        if status := source.refuse(user.name, of):
            return _Refusal(status)
        if not _accepts(request, package):
            return _Refusal(406, None, (("Accept", package.content_type),))
        expires = _expires_of(request, package)
        if isinstance(expires, _Refusal):
            return expires
        subscriber = _Subscriber(user.name, package, of, flow.remote[0])
        return (name, expires, subscriber) if self._has_room(subscriber) else _TOO_MANY

    def _has_room(self, subscriber: _Subscriber) -> bool:
        limits = self._limits
        is_there_room = len(self) < limits.all and self._of_user[subscriber.user] < limits.of_user
        return is_there_room and self._from_address[subscriber.address] < limits.from_address

    def _document(self, subscriber: _Subscriber, request: Request) -> Document:
        source, of = self._sources[subscriber.package.name], subscriber.of
        entity = f"sip:{of}@{request.uri.host}"
        return lambda version: source.document(of, entity, version)

    def _refuse(self, transaction: ServerRequest, refusal: _Refusal) -> None:
        self._sip.respond(transaction, refusal.status, reason=refusal.reason, headers=refusal.headers)


_LONGEST = 128  # characters of whose state it is
_TOO_MANY = _Refusal(503, "Too Many Subscriptions", (("Retry-After", "60"),))


def _expires_of(request: Request, package: Package) -> int | _Refusal:
    """What is granted: 0 for what ends it, or is told once (RFC 6665 4.4.3)."""
    wanted = read_expires(request, package.default_expires)
    if 0 < wanted < package.min_expires:
        return _Refusal(423, None, (("Min-Expires", str(package.min_expires)),))
    return min(wanted, package.max_expires)


def _accepts(request: Request, package: Package) -> bool:
    """Without Accept a phone takes the package's own type (RFC 6665 3.1.3)."""
    if request.header("Accept") is None:
        return True
    types = {value.partition(";")[0].strip().lower() for value in request.values("Accept")}
    return not types or not types.isdisjoint({package.content_type, "application/*", "*/*"})
