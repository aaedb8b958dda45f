"""The world as it is, with the face of `callflow.testing.Simulation`: what examples are tested with runs here, too.

Phones are ours, over real sockets; what they hear is found in what they recorded. Each breathes a soft tone of its own
while it is in a call and says nothing: whoever is connected to it hears that.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import trio

from callflow.client import Engine
from callflow.phone import Answered, Ended, Phone, PhoneCall, PhoneEvent
from engine.media.engine import NativeMediaEngine
from engine.media.session import ToneSource
from engine.sip.digest import Credentials
from engine.sip.stack import SipStack
from engine.transport.endpoint import Endpoint
from tests.interop.engine import PASSWORDS as INTEROP

from .ear import RATE, Ear, read_prompt

PASSWORDS = {**INTEROP, "caller": "rabbit-10"}
PORTS = (40000, 49151)
PATIENCE = 60.0  # seconds
_LOOK_EVERY = 0.1  # seconds
_SPEECH = (310.0, 440.0)
_BREATH = -50.0  # dBm0: below what counts as sound


class World:
    """What a test talks to. `files`: the folders in which prompts and recordings are."""

    def __init__(
        self,
        sip: str,
        *,
        files: list[Path],
        recordings: Path,
        folder: Path,
        media: NativeMediaEngine,
        nursery: trio.Nursery,
    ) -> None:
        self.recordings = recordings
        self._sip, self._files, self._folder = sip, files, folder
        self._media, self._nursery = media, nursery
        self._began = trio.current_time()
        self._breaths = itertools.count(500, 130)
        self.phones: list[RealPhone] = []

    @property
    def now(self) -> float:
        """Seconds since the test began."""
        return trio.current_time() - self._began

    def phone(self, name: str, *, answers_after: float | None = None, rejects: int | None = None) -> RealPhone:
        """A new phone, of the user of that name."""
        stack = SipStack(new_token=lambda: secrets.token_hex(8))
        made: list[RealPhone] = []
        phone = Phone(
            lambda on_event: Endpoint(stack, on_event=on_event),
            self._media,
            name=name,
            credentials=Credentials(name, PASSWORDS[name]),
            domain="127.0.0.1",
            on_event=lambda call, event: made[0].take(call, event),
        )
        made.append(
            RealPhone(
                phone, self._nursery, sip=self._sip, breath=float(next(self._breaths)), find=self._find,
                folder=self._folder, answers_after=answers_after, rejects=rejects,
            )
        )  # fmt: skip
        self.phones.append(made[0])
        self._nursery.start_soon(made[0].run)
        return made[0]

    async def wait(self, seconds: float) -> None:
        """Let so much time pass for all that are in a call, as they hear it; or on the clock, if nobody is."""
        ears = [(phone.ear, len(phone.ear.sound)) for phone in self.phones if phone.is_in_call and phone.ear]
        await trio.sleep(seconds)
        await _until(lambda: all(len(ear.sound) >= before + seconds * RATE for ear, before in ears))

    def leaks(self) -> list[str]:
        """An engine is asked for that when all have hung up: see `settled`."""
        return []

    def _find(self, name: str) -> np.ndarray:
        for folder in self._files:
            for path in folder.rglob(name):
                return read_prompt(path)
        raise AssertionError(f"there is no {name} in {self._files}")


class RealPhone:
    """A phone, and whoever holds it; see `callflow.simulation.phone.SimulatedPhone`."""

    def __init__(
        self,
        phone: Phone,
        nursery: trio.Nursery,
        *,
        sip: str,
        breath: float,
        find: Callable[[str], np.ndarray],
        folder: Path,
        answers_after: float | None,
        rejects: int | None,
    ) -> None:
        self.name = phone.name
        self.breath = breath
        self.ear: Ear | None = None
        self._phone, self._nursery, self._sip, self._find, self._folder = phone, nursery, sip, find, folder
        self._answers_after, self._rejects = answers_after, rejects
        self._line: PhoneCall | None = None
        self._is_dialing = False
        self._is_registered = trio.Event()

    async def run(self) -> None:
        """The phone itself, until cancelled."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._phone.endpoint.run)
            await self._phone.endpoint.listen("udp", "127.0.0.1", 0)
            await self._phone.register(self._sip)
            self._is_registered.set()
            while True:
                self._take_call(await self._phone.wait_call())

    # What the person does

    def call(self, number: str) -> None:
        self._is_dialing = True
        self._nursery.start_soon(self._dial, self._sip.replace("sip:", f"sip:{number}@", 1))

    def press(self, digits: str) -> None:
        self._current.press(digits)

    def speak(self, seconds: float) -> None:
        self._current.play(ToneSource(_SPEECH, duration_ms=round(1000 * seconds)), self._silence)

    def hang_up(self) -> None:
        if self._line is not None:
            self._line.hang_up()

    # What the person perceives

    @property
    def is_in_call(self) -> bool:
        return self._is_dialing or (self._line is not None and self._line.ended is None)

    @property
    def events(self) -> tuple[PhoneEvent, ...]:
        return tuple(self._line.events) if self._line is not None else ()

    async def registered(self) -> None:
        await self._is_registered.wait()

    async def rings(self) -> None:
        await self._patiently("ring", lambda: self._line is not None and self._line.ended is None)

    async def answered(self) -> None:
        await self._patiently("get through", lambda: any(isinstance(event, Answered) for event in self.events))

    async def ended(self) -> Ended:
        await self._patiently("see the call end", lambda: self._line is not None and self._line.ended is not None)
        assert self._current.ended is not None
        return self._current.ended

    async def hears(self, what: str) -> None:
        """Wait until a prompt begins."""
        await self._listen(f"hear {what}", what, Ear.begins)

    async def heard(self, what: str) -> None:
        """Wait until a prompt was heard from its beginning to its end."""
        await self._listen(f"hear all of {what}", what, Ear.ends)

    async def connected_to(self, other: RealPhone) -> None:
        """Wait until each hears the other."""
        doing = f"get connected to {other.name}"
        await self._patiently(doing, lambda: self.listens_to(other) and other.listens_to(self))

    def listens_to(self, other: RealPhone) -> bool:
        """Does what is heard now come from the other phone?"""
        return self.ear is not None and self.ear.hears_tone(other.breath)

    # The phone's own doings

    @property
    def _current(self) -> PhoneCall:
        assert self._line is not None, f"{self.name} has no call"
        return self._line

    @property
    def _silence(self) -> ToneSource:
        return ToneSource((self.breath,), level_dbm0=_BREATH)

    def take(self, call: PhoneCall, event: PhoneEvent) -> None:
        """What the phone tells."""
        if isinstance(event, Answered):
            call.play(self._silence)

    async def _dial(self, uri: str) -> None:
        await self._is_registered.wait()
        self._begin(await self._phone.call(uri))
        self._is_dialing = False

    def _begin(self, call: PhoneCall) -> None:
        path = self._folder / f"{self.name}-{secrets.token_hex(4)}.wav"
        self._line, self.ear = call, Ear(path)
        call.record(path)

    def _take_call(self, call: PhoneCall) -> None:
        self._begin(call)
        if self._rejects is not None:
            call.reject(self._rejects)
        elif self._answers_after is not None:
            self._nursery.start_soon(self._answer, call, self._answers_after)

    async def _answer(self, call: PhoneCall, after: float) -> None:
        with trio.move_on_after(after):
            await call.wait_ended()
        call.answer()

    async def _listen(self, doing: str, what: str, find: Callable[[Ear, np.ndarray], int | None]) -> None:
        at: int | None = None

        def is_heard() -> bool:
            nonlocal at
            at = find(self.ear, self._find(what)) if self.ear is not None else None
            return at is not None

        await self._patiently(doing, is_heard)
        assert self.ear is not None
        assert at is not None
        self.ear.attention = at + 1

    async def _patiently(self, doing: str, condition: Callable[[], bool]) -> None:
        with trio.move_on_after(PATIENCE):
            return await _until(condition)
        told = "\n".join(map(str, self.events))
        raise AssertionError(f"{self.name} did not {doing} within {PATIENCE:g} s. What happened:\n{told}")


@asynccontextmanager
async def world(sip: str, *, files: list[Path], recordings: Path, folder: Path) -> AsyncIterator[World]:
    """A world for one test; at its end all hang up."""
    folder.mkdir()
    media = NativeMediaEngine("127.0.0.1", PORTS)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(media.run)
        made = World(
            sip, files=[*files, recordings], recordings=recordings, folder=folder, media=media, nursery=nursery
        )
        yield made
        for phone in made.phones:
            phone.hang_up()
        await _until(lambda: not any(phone.is_in_call for phone in made.phones))
        nursery.cancel_scope.cancel()


async def settled(engine: Engine) -> None:
    """Wait until the engine has nothing left of all calls."""
    while True:
        counters = (await engine.status()).counters
        if not any(counters[name] for name in ("channels", "channel_timers", "media_sessions", "sip_dialogs")):
            return
        await trio.sleep(_LOOK_EVERY)


async def _until(condition: Callable[[], bool]) -> None:
    """Wait for what nothing tells: look again and again."""
    while not condition():  # noqa: ASYNC110
        await trio.sleep(_LOOK_EVERY)
