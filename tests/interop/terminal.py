"""Our own phone over real sockets, in the process of the test."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from callflow.phone import Phone
from engine.media.engine import NativeMediaEngine
from engine.sip.digest import Credentials
from engine.sip.stack import SipStack
from engine.transport.endpoint import Endpoint

from .engine import PASSWORDS

PORTS = (40000, 49151)


@asynccontextmanager
async def terminal(name: str = "guest") -> AsyncIterator[Phone]:
    """A phone that may place and take any number of calls; a user of the engine knows its password."""
    media = NativeMediaEngine("127.0.0.1", PORTS)
    stack = SipStack(new_token=lambda: secrets.token_hex(8))
    password = PASSWORDS.get(name)
    phone = Phone(
        lambda on_event: Endpoint(stack, on_event=on_event),
        media,
        name=name,
        credentials=Credentials(name, password) if password else None,
        domain="127.0.0.1",
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(media.run)
        await nursery.start(phone.endpoint.run)
        await phone.endpoint.listen("udp", "127.0.0.1", 0)
        yield phone
        nursery.cancel_scope.cancel()
