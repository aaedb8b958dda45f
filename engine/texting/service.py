"""Texts outside of calls (RFC 3428): from user to user, to apps, and from them. Who has no phone gets his later.

::

    texting = Texting(sip=endpoint, authentication=..., contacts=locations.contacts, ...)
    nursery.start_soon(texting.run)
    texting.handle(request_received)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from email.utils import formatdate
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

import trio

from callflow.protocol.events import Event, TextReceived
from engine.allowance import Allowance
from engine.registrar.authentication import Authentication, Challenge
from engine.sip.events import RequestReceived, ResponseReceived
from engine.sip.messages import Address, Uri
from engine.sip.registration import Contact
from engine.store.texts import Text, TextStore

from .kept import Kept

if TYPE_CHECKING:
    from engine.sip.events import Flow
    from engine.sip.stack import ServerRequest

Headers: TypeAlias = Sequence[tuple[str, str]]

DELIVERED, KEPT, NO_ROOM = 200, 202, 480
PATIENCE = 10.0  # seconds that phones have to answer: less than the sender waits for us
LONGEST = 16_384  # octets of a text
MAX_UNDER_WAY = 1_000  # texts; beyond it the answer is 503
RATE, BURST = 5.0, 20.0  # texts a second of one user, and at once
_LONGEST_NAME = 128
# A phone that says so would say so again: to keep it is of no use.
_FINAL = frozenset({400, 403, 405, 406, 413, 415, 420, 488, 501, 603, 606})


class Sip(Protocol):
    """What is asked of SIP."""

    def respond(
        self, transaction: ServerRequest, status: int, *, reason: str | None = None, headers: Headers = (),
        body: bytes = b"",
    ) -> None: ...  # fmt: skip

    def request(
        self, method: str, uri: Uri, *, flow: Flow, from_: Address, to: Address, headers: Headers = (),
        body: bytes = b"", owner: object = None,
    ) -> object: ...  # fmt: skip


class EventSink(Protocol):
    """Where events go."""

    def emit(self, event: Event, *, owner: str | None = None) -> int: ...


class Answer(NamedTuple):
    status: int
    reason: str | None = None
    headers: Headers = ()


class App(NamedTuple):
    """The app that a text is for; `session` None: it is away."""

    session: str | None


class Texting:
    """All of them. `run` is a task."""

    def __init__(
        self,
        *,
        sip: Sip,
        authentication: Authentication,
        is_user: Callable[[str], bool],
        contacts: Callable[[str], Sequence[Contact]],
        find_app: Callable[[str, str], App | None],
        events: EventSink,
        store: TextStore,
        new_id: Callable[[], str],
        epoch: Callable[[], float],
        clock: Callable[[], float] = trio.current_time,
    ) -> None:
        """`find_app`: that takes a number of a user's; `epoch`: seconds since the epoch; `clock` never goes back."""
        self._sip, self._authentication, self._is_user = sip, authentication, is_user
        self._contacts, self._find_app, self._events = contacts, find_app, events
        self._new_id, self._epoch, self._clock = new_id, epoch, clock
        self.kept = Kept(epoch=epoch, on_put=store.put, on_drop=store.drop)
        self._allowances: dict[str, Allowance] = {}  # by user
        self._catching_up: set[str] = set()  # users who are getting what was kept
        self._under_way = 0
        self._nursery: trio.Nursery | None = None

    async def run(self) -> None:
        """Deliver, until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                await trio.sleep_forever()
            finally:
                self._nursery = None

    def handle(self, event: RequestReceived) -> None:
        """Answer a MESSAGE outside of calls: 200 delivered, 202 it is an app's, or is kept."""
        judged = self._judge(event)
        if isinstance(judged, Text) and not self._start(self._answer, event.transaction, judged):
            judged = _OVERLOADED
        if isinstance(judged, Answer):
            self._sip.respond(event.transaction, judged.status, reason=judged.reason, headers=judged.headers)

    def send(self, *, to: str, sender: str, body: str, content_type: str, then: Callable[[int], None]) -> bool:
        """Deliver one of a program's; `then` is told 200, 202 if it is kept, or why not. False: too many."""
        return self._start(self._tell, self._text(to, sender, body, content_type), then)

    def arrive(self, user: str) -> None:
        """A phone of this user's has registered: deliver what was kept."""
        if user not in self._catching_up and self.kept.of(user):
            self._start(self._catch_up, user)

    def _judge(self, event: RequestReceived) -> Text | Answer:
        request = event.request
        if len(request.body) > LONGEST:
            return Answer(413)
        user = self._authentication.check(request, event.flow.remote[0])
        if isinstance(user, Challenge):
            return Answer(user.status, None, user.headers)
        if request.from_.uri.user != user.name:
            return Answer(403, "Not Your Address")
        if not self._allowances.setdefault(user.name, Allowance(RATE, BURST, clock=self._clock)).take():
            return Answer(503, "Too Many Texts", (("Retry-After", "5"),))
        to = (request.uri.user or "")[:_LONGEST_NAME]
        body = request.body.decode(errors="replace")
        text = self._text(to, user.name, body, (request.body_type or "text/plain")[:_LONGEST_NAME])
        return text if self._is_user(to) else self._hand_over(text)

    def _hand_over(self, text: Text) -> Answer:
        """To the app that would take a call to there."""
        app = self._find_app(text.to, text.sender) if text.to else None
        if app is None:
            return Answer(404)
        if app.session is None:
            return Answer(480)
        event = TextReceived(sender=text.sender, to=text.to, body=text.body, content_type=text.content_type)
        self._events.emit(event, owner=app.session)
        return Answer(KEPT)

    def _text(self, to: str, sender: str, body: str, content_type: str) -> Text:
        return Text(id=self._new_id(), to=to, sender=sender, body=body, content_type=content_type, at=self._epoch())

    def _start(self, function: Callable[..., object], *arguments: object) -> bool:
        """Run a task of ours. False: there are too many, or the engine stops."""
        if self._nursery is None or self._under_way >= MAX_UNDER_WAY:
            return False
        self._under_way += 1

        async def run() -> None:
            try:
                await function(*arguments)  # type: ignore[misc]
            finally:
                self._under_way -= 1

        self._nursery.start_soon(run, name="a text")
        return True

    async def _answer(self, transaction: ServerRequest, text: Text) -> None:
        self._sip.respond(transaction, await self._deliver(text))

    async def _tell(self, text: Text, then: Callable[[int], None]) -> None:
        then(await self._deliver(text))

    async def _deliver(self, text: Text) -> int:
        delivery = await self._send(text)
        if delivery.is_taken or delivery.refusal:
            return DELIVERED if delivery.is_taken else delivery.refusal
        if not _is_worth_keeping(text) or not self.kept.put(text):
            return NO_ROOM
        delivery.on_late = lambda: self.kept.drop(text)
        return KEPT

    async def _catch_up(self, user: str) -> None:
        """One after another, in their order; as long as somebody takes them."""
        self._catching_up.add(user)
        try:
            for text in self.kept.of(user):
                delivery = await self._send(text)
                if not delivery.is_taken and not delivery.refusal:
                    return
                self.kept.drop(text)
        finally:
            self._catching_up.discard(user)

    async def _send(self, text: Text) -> _Delivery:
        """To all contacts, at once; until one has taken it, or all have said no."""
        contacts = self._contacts(text.to)
        delivery = _Delivery(len(contacts))
        for contact in contacts:
            ours = contact.flow.local[0]
            self._sip.request(
                "MESSAGE",
                contact.uri,
                flow=contact.flow,
                from_=Address(Uri(user=text.sender or None, host=ours)),
                to=Address(Uri(user=text.to, host=ours)),
                headers=[
                    *contact.routes,
                    ("Content-Type", text.content_type),
                    ("Date", formatdate(text.at, usegmt=True)),
                ],
                body=text.body.encode(),
                owner=delivery,
            )
        with trio.move_on_after(PATIENCE):
            await delivery.done.wait()
        return delivery


class _Delivery:
    """What the contacts said of one text. A Respondent."""

    def __init__(self, contacts: int) -> None:
        self.is_taken = False
        self._refusals: list[int] = []  # that are final
        self.done = trio.Event()
        self.on_late: Callable[[], None] = lambda: None  # it was taken, after all
        self._contacts = self._waiting = contacts
        if not contacts:
            self.done.set()

    @property
    def refusal(self) -> int:
        """The status with which all refuse it, for good; 0: some may take it later."""
        return self._refusals[0] if self._refusals and len(self._refusals) == self._contacts else 0

    def receive_response(self, event: ResponseReceived) -> None:
        self._waiting -= 1
        if event.status < 300:
            self.is_taken = True
            self.on_late()
        elif event.status in _FINAL:
            self._refusals.append(event.status)
        if self.is_taken or not self._waiting:
            self.done.set()


def _is_worth_keeping(text: Text) -> bool:
    """That somebody writes just now (RFC 3994), and the like, is no news later."""
    return text.content_type.startswith("text/") or text.content_type.lower() == "message/cpim"


_OVERLOADED = Answer(503, "Too Many Texts", (("Retry-After", "5"),))
