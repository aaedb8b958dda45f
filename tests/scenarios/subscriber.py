"""A phone made by hand that subscribes, publishes and writes: it answers NOTIFYs as a test says, and registers."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from callflow.testing import Simulation
from engine.registrar.users import User
from engine.sip.digest import Credentials, authorize, parse_challenges
from engine.sip.events import Flow
from engine.sip.messages import Request, Response, parse_datagram, request, response
from engine.transport.memory import MemoryTransport

ENGINE = ("10.0.0.1", 5060)
PASSWORD = "a-word-to-pass"
SENT_AGAIN_AFTER = 5.0  # seconds: one request may get lost


class Subscriber:
    """`requests` are those that came, once each; `take` waits for the next of them."""

    def __init__(self, simulation: Simulation, user: str, host: str) -> None:
        self.user, self.host = user, host
        self.uri = f"sip:{user}@{ENGINE[0]}"
        self.requests: list[Request] = []
        self.answer: Callable[[Request], int | None] = lambda request: 200  # None: nothing
        self._responses: dict[tuple[str, int], Response] = {}
        self._known: set[tuple[str, str]] = set()
        self._taken = 0
        self._count = itertools.count(1000 * int(host.rpartition(".")[2]))  # of two phones, one is ahead
        self._changed = trio.Event()
        self._transport: MemoryTransport | None = None
        if simulation.switch.users.get(user) is None:
            simulation.switch.users.add(User.of(user, PASSWORD))
        known = simulation.switch.users.get(user)
        assert known is not None
        self._credentials = Credentials(user, known.password)

    def add_transport(self, transport: MemoryTransport) -> None:
        self._transport = transport

    async def ask(
        self,
        method: str,
        *headers: tuple[str, str],
        to: str | None = None,
        body: bytes = b"",
        after: Response | None = None,
        is_known: bool = True,
    ) -> Response:
        """Send a request, with credentials when it is asked for them, unless nobody knows us.

        `after`: the answer of the dialog it is in.
        """
        call_id = after.call_id if after is not None else f"{self.host}-{next(self._count)}"
        answered = await self._send(method, headers, to, body, after, call_id)
        if answered.status != 401 or not is_known:
            return answered
        uri = to or self.uri
        authorization = authorize(
            parse_challenges(answered.headers("WWW-Authenticate")),
            self._credentials,
            method=method,
            uri=uri if after is None else self._target(after),
            cnonce="c",
        )
        return await self._send(method, (*headers, ("Authorization", str(authorization))), to, body, after, call_id)

    async def subscribe(
        self, event: str, *, expires: int = 600, to: str | None = None, after: Response | None = None
    ) -> Response:
        return await self.ask("SUBSCRIBE", ("Event", event), ("Expires", str(expires)), to=to, after=after)

    async def register(self) -> None:
        assert (await self.ask("REGISTER", ("Expires", "600"))).status == 200

    async def take(self) -> Request:
        """The next request that came."""
        while len(self.requests) <= self._taken:
            await self._changed.wait()
        self._taken += 1
        return self.requests[self._taken - 1]

    def _target(self, after: Response) -> str:
        return str(after.contacts[0].uri)

    async def _send(
        self,
        method: str,
        headers: tuple[tuple[str, str], ...],
        to: str | None,
        body: bytes,
        after: Response | None,
        call_id: str,
    ) -> Response:
        assert self._transport is not None
        cseq = next(self._count)
        uri = self._target(after) if after is not None else (to or self.uri)
        fields = [
            ("Via", f"SIP/2.0/UDP {self.host}:5060;branch=z9hG4bK{self.host}{cseq};rport"),
            ("Max-Forwards", "70"),
            ("From", str(after.from_) if after is not None else f"<{self.uri}>;tag=t{self.host}"),
            ("To", str(after.to) if after is not None else f"<{uri}>"),
            ("Call-ID", call_id),
            ("CSeq", f"{cseq} {method}"),
            ("Contact", f"<sip:{self.user}@{self.host}:5060>"),
            *headers,
        ]
        data = request(method, uri, headers=fields, body=body)
        while (call_id, cseq) not in self._responses:
            self._transport.send(data, Flow("udp", (self.host, 5060), ENGINE))
            with trio.move_on_after(SENT_AGAIN_AFTER):
                while (call_id, cseq) not in self._responses:
                    await self._changed.wait()
        return self._responses[call_id, cseq]

    def receive(self, data: bytes, flow: Flow) -> None:
        message = parse_datagram(data)
        if isinstance(message, Response):
            if message.status >= 200:
                self._responses[message.call_id, message.cseq] = message
        else:
            self._receive_request(message, flow)
        self._changed.set()
        self._changed = trio.Event()

    def _receive_request(self, message: Request, flow: Flow) -> None:
        status = self.answer(message)
        key = (message.call_id, message.via.branch or "")
        if key not in self._known:
            self._known.add(key)
            self.requests.append(message)
        if status is not None and self._transport is not None:
            tag = None if message.to.tag else "us"
            self._transport.send(response(message, status, to_tag=tag, received=flow.remote), flow)


@asynccontextmanager
async def subscriber(simulation: Simulation, user: str, host: str = "10.0.9.1") -> AsyncIterator[Subscriber]:
    phone = Subscriber(simulation, user, host)
    transport = simulation.network.attach(phone, host)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(transport.run, phone.receive)
        yield phone
        nursery.cancel_scope.cancel()
