"""A simulated trunk: a SIP peer behind a host name, such as a carrier, that takes calls to any number.

A script reaches it as `NUMBER@NAME`. It answers, refuses, lets it ring, or is not there; and this may change.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from callflow.phone import Phone, PhoneCall, PhoneEvent
from engine.media.fake import FakeMediaEngine
from engine.media.session import Source

from .phone import PATIENCE, SimulatedPhone

UNAVAILABLE = 503


class SimulatedTrunk:
    """Whoever is called by way of the trunk is a phone of `calls`, and awaited by `called`."""

    def __init__(
        self,
        phone: Phone,
        media: FakeMediaEngine,
        nursery: trio.Nursery,
        *,
        answers_after: float | None,
        fails_with: int | None,
        connect: Callable[[bool], None],
    ) -> None:
        """`connect` plugs the trunk into the network, or pulls it out."""
        self.name = phone.name
        self.answers_after = answers_after
        self.media = media
        self.endpoint = phone.endpoint
        self.calls: list[SimulatedPhone] = []
        self._phone = phone
        self._nursery = nursery
        self._status = fails_with
        self._plays: tuple[Source, ...] = ()
        self._connect = connect
        self._lines: dict[PhoneCall, SimulatedPhone] = {}
        self._changed = trio.Event()

    def __repr__(self) -> str:
        return f"<SimulatedTrunk {self.name}>"

    def uri(self, number: str) -> str:
        """What a script dials to reach that number by this trunk."""
        return f"sip:{number}@{self.name}"

    async def run(self) -> None:
        """Take calls until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.media.run)
            await nursery.start(self.endpoint.run)
            while True:
                self._take_call(await self._phone.wait_call())

    # What becomes of it

    def fail(self, status: int = UNAVAILABLE) -> None:
        """Refuse calls from now on. Those that are up go on."""
        self._status = status

    def recover(self) -> None:
        """Take calls again."""
        self._status = None

    def play(self, *what: Source) -> None:
        """Play that to callers from now on, before anybody answers (183), as networks play BUSY or CONGESTION."""
        self._plays = what

    def vanish(self) -> None:
        """Be cut off from now on: nothing that is sent there arrives, nothing comes from there, no call is ended."""
        self._connect(False)

    def come_back(self) -> None:
        """Be connected again."""
        self._connect(True)

    # What came of it

    async def called(self, number: str | None = None, *, within: float = PATIENCE) -> SimulatedPhone:
        """Wait for a call, or one to that number, that nobody waited for before; the phone that rings there."""
        with trio.move_on_after(within):
            while True:
                for phone in self.calls:
                    if number in (None, phone.name) and phone.expected:
                        phone.expected = False
                        return phone
                await self._changed.wait()
        wanted = f"to {number} " if number is not None else ""
        what = f"no call {wanted}came to {self.name} within {within:g} s"
        raise AssertionError(f"{what}. What happened:\n{self.describe()}")

    def hang_up(self) -> None:
        """All who were called by this trunk hang up."""
        for phone in self.calls:
            if phone.is_in_call:
                phone.hang_up()

    @property
    def is_in_call(self) -> bool:
        """There is a call that is not over."""
        return any(phone.is_in_call for phone in self.calls)

    def describe(self) -> str:
        """What those who were called did and perceived, a line each."""
        return "\n".join(phone.describe() for phone in self.calls)

    def take(self, call: PhoneCall, event: PhoneEvent) -> None:
        """What the phone tells."""
        if call in self._lines:
            self._lines[call].take(call, event)

    def _take_call(self, call: PhoneCall) -> None:
        number = call.invite.local.uri.user or ""
        phone = SimulatedPhone(
            self._phone, self.media, self._nursery, name=number, answers_after=self.answers_after, rejects=self._status
        )
        phone.behaves(answers_after=self.answers_after, rejects=self._status, plays=self._plays)
        self.calls.append(phone)
        self._lines[call] = phone
        phone.take_call(call)
        self._changed.set()
        self._changed = trio.Event()
