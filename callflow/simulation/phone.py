"""A simulated phone, and whoever holds it: what that person does, and what that person perceives."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Literal

import trio

from callflow.phone import (
    Answered,
    Calling,
    DigitHeard,
    DigitsPressed,
    Ended,
    Phone,
    PhoneCall,
    PhoneEvent,
    RegistrationRefused,
    SilenceHeard,
    SoundHeard,
    TextReceived,
    TransferAsked,
    TransferTold,
)
from engine.media.fake import Digit, FakeMediaEngine, FakeMediaSession, Heard
from engine.media.session import SilenceSource, Source, ToneSource
from engine.transport.endpoint import Endpoint
from engine.transport.errors import Unreachable

from .sounds import FRAME_SECONDS, Attention, What, When, join_repeated, matches, name_of
from .voices import SPEECH
from .waiting import wait_first

PATIENCE = 60.0  # seconds that a person waits for what a test says will come
BREATH = SilenceSource(24 * 3600 * 1000)  # what a phone sends whose owner says nothing: silence is sent, too
BUSY = 486
NOT_ACCEPTABLE = 488
REGISTER_AGAIN_AFTER = 30.0  # seconds

_UNTOLD = (Calling, DigitHeard, DigitsPressed, SilenceHeard, SoundHeard)  # the timeline and the verbs tell it better


class SimulatedPhone:
    """Verbs take effect at once; what is awaited is what the person perceives.

    A wait that is in vain fails with an AssertionError that tells what happened instead: after `within` seconds of
    virtual time, and at once when the call is over.
    """

    def __init__(
        self,
        phone: Phone,
        media: FakeMediaEngine,
        nursery: trio.Nursery,
        *,
        name: str,
        registrar: str = "",
        answers_after: float | None,
        rejects: int | None,
    ) -> None:
        """`name`: its user's, or the number that was called there; `registrar`: of those who dial numbers."""
        self.name = name
        self.expected = True  # nobody has waited for it yet, see `SimulatedTrunk.called`
        self.answers_after = answers_after
        self.media = media
        self.endpoint: Endpoint = phone.endpoint
        self.written: list[tuple[str, str]] = []
        """The texts that came outside of calls: from whom, and what."""
        self._phone = phone
        phone.on_text = self._take_text
        self._nursery = nursery
        self._registrar = registrar
        self._rejects = rejects
        self._plays: tuple[Source, ...] = ()
        self._line: PhoneCall | None = None
        self._held: PhoneCall | None = None  # a call that is on hold while there is another
        self.forwards_to: str | None = None  # where it sends its callers (302)
        self.takes_info = True  # takes keys that the far end tells by INFO; if not, it says no
        self.refuses_requests = False  # refuses texts, INFO, OPTIONS and NOTIFY
        self.obeys = True  # does what the far end wants that transfers it; if not, it says no
        self._is_dialing = False
        self._log: list[tuple[float, str]] = []
        self._attention = Attention()
        self._changed = trio.Event()
        self._is_registered = trio.Event()

    def __repr__(self) -> str:
        return f"<SimulatedPhone {self.name}>"

    @property
    def uri(self) -> str:
        """Where the phone itself is reached, without the engine's registrations."""
        _, host, port = self.endpoint.listeners[0]
        return f"sip:{self.name}@{host}:{port}"

    @property
    def host(self) -> str:
        """The address of its SIP and its RTP."""
        return self.endpoint.listeners[0][1]

    async def run(self, *, registers: bool) -> None:
        """The phone itself: it registers again and again, and takes calls, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.media.run)
            await nursery.start(self.endpoint.run)
            nursery.start_soon(self._take_calls)
            while registers:  # noqa: ASYNC110 - it is not waited for, but done again and again
                await trio.sleep(await self._register())
            self._is_registered.set()

    # What the person does

    def call(self, target: str, *, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Dial a number, or a SIP URI. `headers`: what the INVITE says beside, such as who forwarded the call."""
        assert not self.is_in_call, f"{self.name} has a call already"
        self._line, self._is_dialing, self._attention = None, True, Attention()
        self._nursery.start_soon(self._dial, self._uri(target), headers)

    def answer(self) -> None:
        """Take the call that rings."""
        self._current.answer()

    def progress(self, *what: Source) -> None:
        """Let the caller hear something before anybody answers (183): a tone of the network's, perhaps."""
        self._note("is heard before it answers")
        self._current.progress(*what, BREATH)

    def reject(self, status: int = BUSY) -> None:
        """Refuse the call that rings."""
        self._current.reject(status)

    def rejects(self, status: int = BUSY) -> None:
        """Refuse calls from now on."""
        self._rejects = status

    def behaves(
        self, *, answers_after: float | None = None, rejects: int | None = None, plays: Sequence[Source] = ()
    ) -> None:
        """What the phone does by itself with calls from now on; without any it rings.

        `plays` is what callers hear before anybody answers, such as BUSY, of a network that never does.
        """
        self.answers_after, self._rejects, self._plays = answers_after, rejects, tuple(plays)

    def press(
        self,
        digits: str,
        *,
        duration_ms: int = 120,
        gap_ms: int = 80,
        via: Literal["rtp", "info", "inband"] | None = None,
    ) -> None:
        """Press keys, one after another; by INFO all at once. Without `via` they go by RTP, as was agreed."""
        self._note(f"presses {digits}" + (f" by {via}" if via else ""))
        if via == "info":
            self._current.press_by_info(digits, duration_ms=duration_ms)
        else:
            is_inband = None if via is None else via == "inband"
            self._current.press(digits, duration_ms=duration_ms, gap_ms=gap_ms, is_inband=is_inband)

    def speak(self, *what: Source | float) -> None:
        """Say something: files and tones, or so many seconds of what stands for speech; then fall silent."""
        said = [ToneSource(SPEECH, duration_ms=round(1000 * it)) if isinstance(it, int | float) else it for it in what]
        self._current.play(*said, BREATH)

    def hold(self) -> None:
        """Put the far end on hold."""
        self._note("holds")
        self._current.hold()

    def resume(self) -> None:
        """Take the far end off hold."""
        self._note("resumes")
        self._current.resume()

    def write(self, text: str) -> None:
        """Send a text to the far end."""
        self._note(f"writes {text}")
        self._current.write(text)

    async def write_to(self, target: str, text: str) -> int:
        """Send a text to a number, or a SIP URI, outside of any call; the status it was answered with."""
        self._note(f"writes to {target}: {text}")
        await self._is_registered.wait()
        return await self._phone.write(self._uri(target), text)

    async def reads(self, text: str, *, within: float = PATIENCE) -> None:
        """Wait until a text with that in it has come, outside of calls."""
        async with self._patience(f"read {text}", within):
            while not any(text in what for _, what in self.written):
                await self._changed.wait()

    @property
    def texts(self) -> list[str]:
        """What the far end wrote."""
        return [event.text for event in self.events if isinstance(event, TextReceived)]

    def transfer(self, target: str) -> None:
        """Press the transfer button: the other party shall go to that number, or SIP URI."""
        self._note(f"transfers to {target}")
        self._current.transfer(self._uri(target))

    def consult(self, target: str) -> None:
        """Put the call on hold, and call somebody else beside it."""
        self.park()
        self.call(target)

    def park(self) -> None:
        """Put the call on hold, and have the phone free for another beside it."""
        self.hold()
        self._held, self._line = self._line, None

    def connect(self, *, asks: Literal["held", "consulted"] = "held") -> None:
        """Press the transfer button again: the party on hold and the one consulted shall talk with each other.

        One of the two is asked to take the place of this phone in its call with the other.
        """
        self._note("connects the two")
        assert self._held is not None, f"{self.name} has nobody on hold"
        if asks == "held":
            self._held.transfer(self._current)
        else:
            self._current.transfer(self._held)

    def hang_up(self) -> None:
        """End the calls, or give them up. Without one it is nothing."""
        self._note("hangs up")
        self._is_dialing = False
        for line in (self._line, self._held):
            if line is not None:
                line.hang_up()
        self._wake()

    # What the person perceives

    @property
    def is_in_call(self) -> bool:
        """There is a call, answered or not."""
        return self._is_dialing or (self._line is not None and self._line.ended is None)

    @property
    def has_line(self) -> bool:
        """There is, or was, a call that got as far as the network: there is something to answer, press, hold."""
        return self._line is not None

    @property
    def session(self) -> FakeMediaSession | None:
        """The audio of the call, or of the last one."""
        session = self._line.session if self._line is not None else None
        return session if isinstance(session, FakeMediaSession) else None

    @property
    def sounds(self) -> list[Heard]:
        """All that was heard in the call, or in the last one: what, from when, until when."""
        return self.session.heard if self.session is not None else []

    @property
    def digits(self) -> str:
        """The keys that the far end pressed."""
        by_rtp = "".join(heard.what.digit for heard in self.sounds if isinstance(heard.what, Digit))
        return by_rtp + (self._line.told_digits if self._line is not None else "")

    @property
    def events(self) -> Sequence[PhoneEvent]:
        """What happened to the call, or to the last one."""
        return tuple(self._line.events) if self._line is not None else ()

    @property
    def transfer_statuses(self) -> list[int]:
        """What the far end told of the transfer that was asked for."""
        lines = [line for line in (self._held, self._line) if line is not None]
        return [event.status for line in lines for event in line.events if isinstance(event, TransferTold)]

    async def transferred(self, *, within: float = PATIENCE) -> int:
        """Wait until the outcome of the transfer that was asked for is told; says which."""
        async with self._patience("hear what became of the transfer", within):
            while not (told := [status for status in self.transfer_statuses if status >= 200]):
                await self._changed.wait()
            return told[0]
        raise AssertionError("unreachable: patience that ends raises")

    async def registered(self, *, within: float = PATIENCE) -> None:
        """Wait until the engine knows where the phone is."""
        async with self._patience("get registered", within):
            await self._is_registered.wait()

    async def rings(self, *, within: float = PATIENCE) -> None:
        """Wait until a call comes in and rings here."""
        async with self._patience("ring", within):
            while self._line is None or self._line.ended is not None:
                await self._changed.wait()

    async def answered(self, *, within: float = PATIENCE) -> None:
        """Wait until the call is up, whoever placed it."""
        async with self._patience("get through", within):
            if not await (await self._wait_line()).wait_answered():
                self._fail("get through")

    async def ended(self, *, within: float = PATIENCE) -> Ended:
        """Wait until the call is over; says how it ended."""
        async with self._patience("see the call end", within):
            return await (await self._wait_line()).wait_ended()
        raise AssertionError("unreachable: patience that ends raises")

    async def heard(self, what: What, *, within: float = PATIENCE) -> None:
        """Wait until something, later than what was asked for before, was heard from its beginning to its end."""
        await self._listen(what, "hear all of", within, lambda heard: heard.ended_at if heard.is_whole else None)

    async def hears(self, what: What, *, within: float = PATIENCE) -> None:
        """Wait until something, later than what was asked for before, begins: a file by name, a tone by a frequency."""
        await self._listen(what, "hear", within, lambda heard: heard.started_at)

    async def heard_for(self, what: What, seconds: float, *, within: float = PATIENCE) -> None:
        """Wait until something, later than what was asked for before, was heard for so long, repetitions included."""

        def when(heard: Heard) -> float | None:
            is_enough = heard.ended_at is None or heard.ended_at - heard.started_at > seconds - FRAME_SECONDS
            return heard.started_at + seconds if is_enough else None

        await self._listen(what, f"hear {seconds:g} s of", within, when, of=join_repeated)

    def seconds_of(self, what: What) -> float:
        """How long something was heard in the call, or in the last one, all in all."""
        now = trio.current_time()
        return sum((heard.ended_at or now) - heard.started_at for heard in self.sounds if matches(heard, what))

    async def connected_to(self, other: SimulatedPhone, *, within: float = PATIENCE) -> None:
        """Wait until each hears the other."""
        async with self._patience(f"get connected to {other.name}", within):
            while not (self.listens_to(other) and other.listens_to(self)):
                await wait_first(*self._changes(), *other._changes())

    def listens_to(self, other: SimulatedPhone) -> bool:
        """Does what is heard now, if only silence, come from the other phone?"""
        ours, theirs = self.session, other.session
        sound = ours.hearing if ours is not None else None
        return sound is not None and theirs is not None and any(it.origin == theirs.local for it in sound.voices)

    def describe(self) -> str:
        """What this person did and perceived, a line each."""
        sounds = [heard for heard in self.sounds if not isinstance(heard.what, SilenceSource)]
        lines = [*self._log, *((heard.started_at, f"heard {name_of(heard)}") for heard in sounds)]
        return "\n".join(f"{at:9.3f}  {self.name} {text}" for at, text in sorted(lines, key=lambda line: line[0]))

    # The phone's own doings

    @property
    def _current(self) -> PhoneCall:
        assert self._line is not None, f"{self.name} has no call"
        return self._line

    async def _register(self) -> float:
        """Register once; says after how many seconds to do so again."""
        try:
            seconds = await self._phone.register(self._registrar)
        except RegistrationRefused as refused:
            self._note(f"cannot register: {refused}")
            return REGISTER_AGAIN_AFTER
        self._is_registered.set()
        return seconds / 2

    async def _dial(self, uri: str, headers: Sequence[tuple[str, str]]) -> None:
        await self._is_registered.wait()
        if not self._is_dialing:
            return
        try:
            self._line = await self._phone.call(uri, headers=headers)
        except Unreachable as error:
            self._note(f"cannot call: {error}")
        self._is_dialing = False
        self._wake()

    def _uri(self, target: str) -> str:
        return target if target.startswith("sip:") else self._registrar.replace("sip:", f"sip:{target}@", 1)

    def _take_text(self, sender: str, text: str) -> int:
        if self.refuses_requests:
            return NOT_ACCEPTABLE
        self.written.append((sender, text))
        self._note(f"reads of {sender}: {text}")
        return 200

    async def _follow(self, call: PhoneCall) -> None:
        """Call whom the far end wants us to call, and tell it how that went."""
        asked = call.follow_transfer()
        if asked is None:
            return
        call.tell_transfer(100)
        headers = [("Replaces", str(asked.replaces))] if asked.replaces is not None else []
        try:
            line = await self._phone.call(asked.target, headers=headers)
        except Unreachable:
            call.tell_transfer(503)
            return
        if await line.wait_answered():
            self._line = line
            call.tell_transfer(200)
        else:
            assert line.ended is not None
            call.tell_transfer(line.ended.status)
        self._wake()

    async def _take_calls(self) -> None:
        while True:
            call = await self._phone.wait_call()
            self.take_call(call)

    def take_call(self, call: PhoneCall) -> None:
        """A call comes in."""
        if call.replaced is not None and call.replaced is self._line:
            self._line = call
            self._wake()
            return
        if self.is_in_call:
            call.reject(BUSY)
            return
        self._line, self._attention = call, Attention()
        self._note(f"rings: {call.remote.uri}")
        if self.forwards_to is not None:
            call.redirect(self._uri(self.forwards_to))
        elif self._rejects is not None:
            call.reject(self._rejects)
        else:
            if self._plays:
                self.progress(*self._plays)
            if self.answers_after is not None:
                self._nursery.start_soon(self._answer, call, self.answers_after)

    async def _answer(self, call: PhoneCall, after: float) -> None:
        with trio.move_on_after(after):
            await call.wait_ended()
        call.answer()

    def take(self, call: PhoneCall, event: PhoneEvent) -> None:
        """What the phone tells."""
        call.follows_transfers = self.obeys
        call.refuses_requests = self.refuses_requests
        call.takes_info = self.takes_info
        if isinstance(event, Answered):
            call.play(BREATH, repeat=0)
        elif isinstance(event, TransferAsked):
            self._nursery.start_soon(self._follow, call)
        if not isinstance(event, _UNTOLD):
            self._note(str(event))
        self._wake()

    def _note(self, text: str) -> None:
        self._log.append((trio.current_time(), text))
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def _wait_line(self) -> PhoneCall:
        while self._line is None:
            await self._changed.wait()
        return self._line

    def _changes(self) -> list[trio.Event]:
        """What is set when something changes, or another thing is heard, from now on."""
        return [self._changed] if self.session is None else [self._changed, self.session.changed]

    async def _listen(
        self, what: What, verb: str, within: float, when: When, *, of: Callable[[list[Heard]], list[Heard]] = list
    ) -> None:
        """Wait for the first that matches; look ahead, so as to be awake when it has come about and not before."""
        doing = f"{verb} {what}"
        async with self._patience(doing, within):
            await self._wait_line()
            while True:
                now = trio.current_time()
                expected = self.session.foretell(now + within) if self.session is not None else ()
                at, sound = self._attention.find(of(list(expected)), what, verb, when)
                if sound is not None and at <= now:
                    self._attention.note(verb, sound, at=at)
                    return
                if self._line is not None and self._line.ended is not None:
                    self._fail(doing)
                with trio.move_on_at(at):
                    await wait_first(*self._changes())

    @asynccontextmanager
    async def _patience(self, doing: str, within: float) -> AsyncGenerator[None]:
        with trio.move_on_after(within) as patience:
            yield
        if patience.cancelled_caught:
            self._fail(f"{doing} within {within:g} s")

    def _fail(self, doing: str) -> None:
        raise AssertionError(f"{self.name} did not {doing}. What happened:\n{self.describe()}")
