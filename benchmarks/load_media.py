"""Phones by the hundred, on the core of the load: our own SIP stack in this process, beside it what sends and counts.

What they hear is counted: a stream with gaps is not worth a figure.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import trio

from callflow.phone import Phone, PhoneCall
from engine.media.session import ToneSource
from engine.sdp.codec import NARROW
from engine.sdp.security import Policy
from engine.sip.messages import Uri
from engine.sip.stack import SipStack
from engine.transport.endpoint import Endpoint

from .bare_media import BareMedia, running_media
from .bench import Bench
from .own_media import OwnMedia, running_own_media
from .process import cpu_seconds

PACKETS_PER_SECOND = 50
ANSWER_WITHIN = 30.0  # seconds
HANG_UP_RATE = 1000.0  # per second
END_WITHIN = 5.0  # seconds
MAX_LOSS = 0.001
MAX_DELAYED = 0.01  # of the packets: more than 30 ms after the one before


class CallsFailed(Exception):
    """Not every call was answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """How streams arrived over a while."""

    streams: int
    seconds: float
    packets: int
    lost: int  # by their sequence numbers
    delayed: int  # came more than 30 ms after the one before
    jitter_ms: float  # of the worst stream (RFC 3550 A.8)

    @property
    def loss(self) -> float:
        return self.lost / max(self.packets + self.lost, 1)

    @property
    def is_clean(self) -> bool:
        """Less than 0.1 % was lost, 99 % of the gaps are below 30 ms; a packet more or less at a stream's edges."""
        expected = self.streams * (self.seconds * PACKETS_PER_SECOND * (1 - MAX_LOSS) - 1)
        return self.loss < MAX_LOSS and self.packets >= expected and self.delayed < MAX_DELAYED * self.packets

    def __str__(self) -> str:
        gaps = self.delayed / max(self.packets, 1)
        text = f"loss {self.loss:.2%}, gaps > 30 ms {gaps:.2%}, worst jitter {self.jitter_ms:.1f} ms"
        return text.replace("%", " %")


class Listening:
    """What the phones hear from now on, in so many streams."""

    def __init__(self, phones: Phones, *, streams: int) -> None:
        self._media, self._streams = phones.media, streams
        self._before = self._media.figures()
        self._cpu = cpu_seconds(self._media.pid)
        self._started_at = time.perf_counter()

    def heard(self) -> Cadence:
        """What was, until now."""
        now, before = self._media.figures(), self._before
        return Cadence(
            streams=self._streams,
            seconds=now.at - before.at,
            packets=now.packets - before.packets,
            lost=now.lost - before.lost,
            delayed=now.delayed - before.delayed,
            jitter_ms=now.jitter_ms,
        )

    def load(self) -> float:
        """The share of its core that was used meanwhile."""
        return (cpu_seconds(self._media.pid) - self._cpu) / (time.perf_counter() - self._started_at)


class Phones:
    """Callers, and callees who answer at once, of these codecs."""

    def __init__(
        self,
        media: BareMedia | OwnMedia,
        *,
        callers: Sequence[str],
        callees: Sequence[str],
        srtp: Policy = "off",
        callee_port: int = 0,
    ) -> None:
        """`callee_port`: where they are called, for who cannot be told; 0: anywhere."""
        self.media, self._callee_port = media, callee_port
        self._caller = self._phone("load", callers, srtp)
        self._callee = self._phone("callee", callees, srtp)
        self.answered: list[PhoneCall] = []  # by callees

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Run them until cancelled."""
        async with trio.open_nursery() as nursery:
            for phone, port in ((self._caller, 0), (self._callee, self._callee_port)):
                await nursery.start(phone.endpoint.run)
                await phone.endpoint.listen("udp", "127.0.0.1", port)
            nursery.start_soon(self._answer)
            task_status.started()
            await trio.sleep_forever()

    @property
    def port(self) -> int:
        """Where callees are called."""
        return self._callee.endpoint.listeners[0][2]

    async def call(self, server: tuple[str, int], number: str, *, count: int, rate: float) -> list[PhoneCall]:
        """Bring so many calls up. Raises CallsFailed."""
        calls = []
        uri = Uri(user=number, host=server[0], port=server[1])
        for _ in range(count):
            calls.append(await self._caller.call(uri))
            calls[-1].session.watch_audio(is_on=False)
            await trio.sleep(1 / rate)
        with trio.move_on_after(ANSWER_WITHIN):
            answers = [await call.wait_answered() for call in calls]
            if all(answers):
                return calls
        failed = [call for call in calls if call.ended or not any(call.events)]
        raise CallsFailed(f"{len(failed)} of {count} calls to {number} failed: {failed[0].ended if failed else 'late'}")

    def play(self, calls: Sequence[PhoneCall]) -> None:
        """Let callers speak, for ever."""
        for call in calls:
            call.play(ToneSource((440.0,)))  # bare phones say noise

    async def hang_up(self, calls: Sequence[PhoneCall]) -> None:
        """End calls, and wait until the far end has confirmed it."""
        for call in calls:
            call.hang_up()
            await trio.sleep(1 / HANG_UP_RATE)
        with trio.move_on_after(END_WITHIN):
            stacks = [phone.endpoint.stack for phone in (self._caller, self._callee)]
            while any(stack.counts.invites for stack in stacks):  # noqa: ASYNC110 - a confirmed BYE is told to nobody
                await trio.sleep(0.02)

    async def _answer(self) -> None:
        while True:
            call = await self._callee.wait_call()
            call.session.watch_audio(is_on=False)
            call.answer()
            self.answered.append(call)

    def _phone(self, name: str, codecs: Sequence[str], srtp: Policy) -> Phone:
        stack = SipStack(new_token=partial(secrets.token_hex, 8))
        return Phone(
            lambda on_event: Endpoint(stack, on_event=on_event),
            self.media.as_engine(),
            name=name,
            codecs=codecs,
            srtp=srtp,
        )


@asynccontextmanager
async def running_phones(
    bench: Bench,
    *,
    legs: int,
    callers: Sequence[str] = NARROW,
    callees: Sequence[str] = NARROW,
    srtp: Policy = "off",
    callee_port: int = 0,
) -> AsyncIterator[Phones]:
    """Phones that are ready to call and be called, with so many legs in all.

    `srtp`: what they want of the engine. Their own packets are plain: they only count what comes.
    """
    async with (
        running_media(bench, legs=legs) as media,
        _running(Phones(media, callers=callers, callees=callees, srtp=srtp, callee_port=callee_port)) as phones,
    ):
        yield phones


@asynccontextmanager
async def running_own_phones(*, callees: Sequence[str] = NARROW, srtp: Policy = "off") -> AsyncIterator[Phones]:
    """Phones that encrypt and code what they say, with our own media; callers speak PCMU."""
    async with (
        running_own_media() as media,
        _running(Phones(media, callers=("PCMU",), callees=callees, srtp=srtp)) as phones,
    ):
        yield phones


@asynccontextmanager
async def _running(phones: Phones) -> AsyncIterator[Phones]:
    async with trio.open_nursery() as nursery:
        await nursery.start(phones.run)
        yield phones
        nursery.cancel_scope.cancel()
