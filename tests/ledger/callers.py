"""Callers: so many calls at a time, each answered by the engine, hung up after a while, and followed by another."""

from __future__ import annotations

import random
import secrets
import socket

import trio

from engine.sip.events import InviteAnswered, InviteEnded, InviteFailed, SipEvent
from engine.sip.messages import Address, Uri
from engine.sip.stack import SipStack
from engine.transport.endpoint import Endpoint

_SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
_LIFE = 2.0, 12.0  # seconds of a call
_PAUSE = 0.1  # seconds after one that was refused: the app is away


class Callers:
    """`run` them; they keep `count` calls up until `stop`."""

    def __init__(self, uri: str, *, count: int, dice: random.Random) -> None:
        self._uri = Uri.parse(uri)
        self._count = count
        self._dice = dice
        self._endpoint = Endpoint(SipStack(new_token=lambda: secrets.token_hex(8)), on_event=self._handle)
        self._changed: dict[int, trio.Event] = {}
        self._stopping = trio.Event()
        self.answered: set[int] = set()
        self.placed = 0
        self.refused: list[int] = []  # statuses

    async def run(self) -> None:
        """Until `stop`, and every call has ended."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
            sink.bind(("127.0.0.1", 0))
            body = _SDP.format(port=sink.getsockname()[1]).encode()
            async with trio.open_nursery() as nursery:
                await nursery.start(self._endpoint.run)
                await self._endpoint.listen("udp", "127.0.0.1", 0)
                async with trio.open_nursery() as calls:
                    for _ in range(self._count):
                        calls.start_soon(self._keep_calling, body)
                nursery.cancel_scope.cancel()

    def stop(self) -> None:
        """Hang up everything."""
        self._stopping.set()

    async def _keep_calling(self, body: bytes) -> None:
        while not self._stopping.is_set():
            flow = await self._endpoint.resolve(self._uri)
            self.placed += 1
            caller = Address.parse("<sip:caller@127.0.0.1>")
            invite = self._endpoint.invite(self._uri, flow=flow, from_=caller, body=body)
            await self._change(invite.id)
            if invite.id in self.answered:
                with trio.move_on_after(self._dice.uniform(*_LIFE)):
                    await self._wait_stopping_or_change(invite.id)
                self._endpoint.hang_up(invite)
                self.answered.discard(invite.id)
            else:
                await trio.sleep(_PAUSE)

    async def _change(self, id: int) -> None:
        self._changed[id] = trio.Event()
        await self._changed[id].wait()

    async def _wait_stopping_or_change(self, id: int) -> None:
        async with trio.open_nursery() as nursery:

            async def change() -> None:
                await self._change(id)
                nursery.cancel_scope.cancel()

            nursery.start_soon(change)
            await self._stopping.wait()
            nursery.cancel_scope.cancel()

    def _handle(self, event: SipEvent) -> None:
        match event:
            case InviteAnswered(invite):
                self.answered.add(invite.id)
            case InviteFailed(invite, status):
                self.refused.append(status)
            case InviteEnded(invite):
                self.answered.discard(invite.id)
            case _:
                return
        if (changed := self._changed.pop(invite.id, None)) is not None:
            changed.set()
