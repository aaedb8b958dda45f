"""Agents for tests of the transports: an endpoint that answers what comes and notes what it was told."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import trio

from engine.sip.events import InviteReceived, SipEvent
from engine.sip.messages import Address, Uri
from engine.sip.stack import Invite, SipStack
from engine.transport.advertising import Advertising
from engine.transport.endpoint import Endpoint
from engine.transport.tcp import TcpLimits
from engine.transport.tls import TlsContexts

OFFER = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
ANSWER = b"v=0\r\no=- 2 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"

T = TypeVar("T", bound=object)


class Agent:
    """`events` in order; `wait_for` takes the first one of a kind."""

    def __init__(
        self,
        name: str,
        *,
        react: Callable[[Agent, SipEvent], None] | None = None,
        tcp_limits: TcpLimits | None = None,
        tls: TlsContexts | None = None,
        advertising: Advertising | None = None,
    ) -> None:
        count = itertools.count(1)
        self.name = name
        self.stack = SipStack(new_token=lambda: f"{name}{next(count):016x}".encode().hex())
        self.endpoint = Endpoint(
            self.stack, on_event=self._note, tcp_limits=tcp_limits, tls=tls, advertising=advertising
        )
        self.events: list[SipEvent] = []
        self._react = react
        self._news = trio.Event()

    def _note(self, event: SipEvent) -> None:
        self.events.append(event)
        if self._react is not None:
            self._react(self, event)
        self._news.set()
        self._news = trio.Event()

    async def wait_for(self, kind: type[T]) -> T:
        while True:
            for event in self.events:
                if isinstance(event, kind):
                    self.events.remove(event)
                    return event
            await self._news.wait()

    async def call(self, host: str, port: int, *, transport: str = "udp") -> Invite:
        uri = Uri.parse(f"sip:bob@{host}:{port};transport={transport}")
        flow = await self.endpoint.resolve(uri)
        return self.endpoint.invite(uri, flow=flow, from_=Address.parse(f"<sip:{self.name}@test.example>"), body=OFFER)


def answer_everything(agent: Agent, event: SipEvent) -> None:
    if isinstance(event, InviteReceived):
        agent.endpoint.answer(event.invite, body=ANSWER)


@asynccontextmanager
async def running(*agents: Agent) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        for agent in agents:
            await nursery.start(agent.endpoint.run)
        yield
        nursery.cancel_scope.cancel()
