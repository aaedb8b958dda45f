"""Requests outside of dialogs, and the wait for what becomes of them: OPTIONS and REGISTER, as trunks send them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import trio

from engine.sip.digest import Credentials
from engine.sip.events import Flow, ResponseReceived
from engine.sip.messages import Address, Response, Uri

if TYPE_CHECKING:
    from engine.sip.stack import ClientRequest


class SipPort(Protocol):
    """What is asked of SIP; `engine.transport.endpoint.Endpoint`."""

    def request(
        self,
        method: str,
        uri: Uri,
        *,
        flow: Flow,
        from_: Address,
        to: Address,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        credentials: Credentials | None = None,
        call_id: str | None = None,
        cseq: int = 1,
    ) -> ClientRequest:
        """Send a request; its outcome is told as ResponseReceived, at once perhaps."""
        ...

    async def resolve(self, uri: Uri) -> Flow:
        """The way to a URI. Raises Unreachable."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What came: 408 without a response is silence, 503 without one a transport that failed."""

    status: int
    response: Response | None
    cseq: int  # of the last attempt

    @property
    def is_useless(self) -> bool:
        """Is this a reason to ask another server (RFC 3263 4.3)?"""
        return self.status == 503 or (self.status == 408 and self.response is None)

    def __str__(self) -> str:
        if self.response is not None:
            return f"{self.status} {self.response.reason}"[:200]
        return "no answer" if self.status == 408 else "not reached"


class Asker:
    """Who waits for an answer. `receive` is given every ResponseReceived."""

    def __init__(self, sip: SipPort) -> None:
        self.sip = sip
        self._waiting: dict[object, trio.Event] = {}
        self._answers: dict[object, ResponseReceived] = {}
        self._is_sending = False

    def receive(self, event: ResponseReceived) -> None:
        """Wake who asked. An answer may come while the request is being sent."""
        waiting = self._waiting.get(event.transaction)
        if waiting is not None or self._is_sending:
            self._answers[event.transaction] = event
        if waiting is not None:
            waiting.set()

    async def ask(
        self,
        method: str,
        uri: Uri,
        *,
        flow: Flow,
        address: Address,
        to: Address | None = None,
        headers: Sequence[tuple[str, str]] = (),
        credentials: Credentials | None = None,
        call_id: str | None = None,
        cseq: int = 1,
        within: float,
    ) -> Answer:
        """Send a request from `address`, and wait for its final response."""
        self._is_sending = True
        try:
            request = self.sip.request(
                method,
                uri,
                flow=flow,
                from_=address,
                to=to or address,
                headers=headers,
                credentials=credentials,
                call_id=call_id,
                cseq=cseq,
            )
        finally:
            self._is_sending = False
        for other in self._answers.keys() - self._waiting.keys() - {request}:  # told meanwhile, and none of ours
            del self._answers[other]
        return await self._wait(request, within)

    async def _wait(self, request: ClientRequest, within: float) -> Answer:
        is_answered = self._waiting[request] = trio.Event()
        try:
            if request not in self._answers:
                with trio.move_on_after(within):
                    await is_answered.wait()
        finally:
            del self._waiting[request]
            event = self._answers.pop(request, None)
        if event is None:
            return Answer(408, None, request.cseq)
        return Answer(event.status, event.response, request.cseq)
