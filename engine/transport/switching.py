"""Requests that are too large for a datagram leave by TCP (RFC 3261 §18.1.1).

The stack names the connection that it wants by a flow without a number, before there is one. Here it is opened when
something is sent by it, and again should it be gone by then. A peer that takes no connection is left alone for a while:
what is large goes to it by UDP as before.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

import trio

from ..sip.events import Flow
from .address import Address
from .errors import Unreachable

WITHIN = 2.0  # seconds for a connection to be there: the call waits
LEFT_ALONE = 600.0  # seconds, of who takes none
MAX_LEFT_ALONE = 1000  # peers; who is longest in is asked again first
MAX_WAITING = 256  # messages for one connection that is being opened; what is beyond is lost, as a datagram would be


class Switching:
    """The connections by the flows that the stack knows them by."""

    def __init__(
        self,
        *,
        connect: Callable[[Flow], Awaitable[Flow]],
        send: Callable[[bytes, Flow], None],
        fail: Callable[[Flow], None],
        clock: Callable[[], float],
    ) -> None:
        """`connect` raises Unreachable; `fail` is told of a flow that leads nowhere."""
        self._connect, self._send, self._fail, self._clock = connect, send, fail, clock
        self._opened: dict[Flow, Flow] = {}
        self._waiting: dict[Flow, list[bytes]] = {}
        self._left_alone: OrderedDict[Address, float] = OrderedDict()

    def stream(self, flow: Flow, port: int) -> Flow | None:
        """The flow by TCP to the end of one by UDP, if the peer may take that; `port` is where we listen."""
        if self._left_alone.get(flow.remote, float("-inf")) > self._clock():
            return None
        return Flow("tcp", (flow.local[0], port), flow.remote)

    def send(self, data: bytes, flow: Flow, nursery: trio.Nursery) -> None:
        """Send by the connection of a flow, in order; `nursery` opens it."""
        opened = self._opened.get(flow)
        if opened is not None:
            self._send(data, opened)
        elif (waiting := self._waiting.get(flow)) is None:
            self._waiting[flow] = [data]
            nursery.start_soon(self._open, flow)
        elif len(waiting) < MAX_WAITING:
            waiting.append(data)

    def names(self, connection: Flow) -> Iterable[Flow]:
        """The flows that a connection was opened for."""
        return [flow for flow, opened in self._opened.items() if opened == connection]

    def lose(self, connection: Flow) -> Iterable[Flow]:
        """It is gone: the flows that it was opened for."""
        lost = self.names(connection)
        for flow in lost:
            del self._opened[flow]
        return lost

    async def _open(self, flow: Flow) -> None:
        opened = None
        with trio.move_on_after(WITHIN):
            with suppress(Unreachable):
                opened = await self._connect(flow)
        waiting = self._waiting.pop(flow)
        if opened is None:
            self._leave_alone(flow.remote)
            self._fail(flow)
            return
        self._opened[flow] = opened
        for data in waiting:
            self._send(data, opened)

    def _leave_alone(self, peer: Address) -> None:
        self._left_alone[peer] = self._clock() + LEFT_ALONE
        self._left_alone.move_to_end(peer)
        if len(self._left_alone) > MAX_LEFT_ALONE:
            self._left_alone.popitem(last=False)
