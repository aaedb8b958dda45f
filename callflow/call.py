"""A call: the script's handle on a channel.

Awaiting a verb gives its outcome; `async with` a verb in -ing gives a handle while it goes on. There is no third mode.
When the caller hangs up, the script is cancelled where it waits; `finally` blocks then have `HANGUP_WINDOW` seconds in
which they may wait, and verbs raise CallEnded. When the script returns, its call and the legs it dialled are hung up.
Every verb takes `deadline`, in seconds: past it the command is cancelled and DeadlineExceeded raised. `NotFound`,
`WrongState`, `BadArgument` and their kin mean that the script asked for what cannot be.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, Protocol, TypeAlias, cast

import anyio

from . import dialing
from .dialing import Stage, make_stages
from .errors import BadArgument, CallEnded
from .leg import Leg
from .link import Link
from .protocol.commands import (
    Answer,
    Bridge,
    Command,
    Dial,
    Echo,
    Gather,
    Get,
    Hangup,
    Play,
    Progress,
    Record,
    Reject,
    Ring,
    SendDigits,
    Set,
    Silence,
    Source,
    Tone,
    Unbridge,
)
from .protocol.events import ChannelEnded, Party
from .protocol.outcomes import (
    Answered,
    Digits,
    Failed,
    Invalid,
    Outcome,
    Played,
    Recorded,
    Sent,
    Stopped,
    TimedOut,
    Unbridged,
)
from .running import Running

HANGUP_WINDOW = 5.0  # seconds after the hang-up in which `finally` blocks and `after_hangup` functions may wait
_HANGUP_TIMEOUT = 5.0  # how long the end of a call that we hang up may take to arrive

AfterHangup: TypeAlias = Callable[[ChannelEnded], Awaitable[object]]


class Owner(Protocol):
    """Who keeps the calls of one script, see `callflow.session`."""

    def adopt(self, call: Call) -> None:
        """Take a leg in before it is dialled: its events find it by its id."""
        ...

    def drop(self, call: Call) -> None:
        """Forget a leg."""
        ...


class Call:
    """One leg of a call, from the script that steers it. `_leg` is for `callflow.run` alone."""

    def __init__(
        self,
        link: Link,
        id: str,
        owner: Owner,
        *,
        direction: Literal["inbound", "outbound"],
        caller: Party,
        callee: Party,
        to: str,
        origin: Call | None = None,
    ) -> None:
        self._leg = Leg(link, id)
        self._owner = owner
        self.direction: Literal["inbound", "outbound"] = direction
        self.caller = caller
        self.callee = callee
        self.to = to
        """The number dialled."""
        self.origin = origin
        """The call that dialled this one."""
        self.user: str | None = None
        """The authenticated user who calls."""
        self.variables: dict[str, str] = {}
        """What the script knows of the channel's variables: those it set or got."""
        self.is_answered = False
        self._after_hangup: list[AfterHangup] = []

    def __repr__(self) -> str:
        return f"<Call {self.id} {self.caller} to {self.to}>"

    @property
    def id(self) -> str:
        """The id of the channel."""
        return self._leg.id

    @property
    def ended(self) -> ChannelEnded | None:
        """How the call ended: cause, who hung up, times. None while it lives."""
        return self._leg.ended

    @property
    def is_over(self) -> bool:
        """The call has ended."""
        return self._leg.is_over

    async def answer(self, *, headers: Mapping[str, str] | None = None, deadline: float | None = None) -> None:
        """Answer the call. If it is answered already, that is fine."""
        await self._leg.ask(Answer(headers=dict(headers or {})), deadline=deadline)
        self.is_answered = True

    async def ring(self, *, headers: Mapping[str, str] | None = None, deadline: float | None = None) -> None:
        """Let the caller's phone say that it rings here."""
        await self._leg.ask(Ring(headers=dict(headers or {})), deadline=deadline)

    async def progress(self, *, headers: Mapping[str, str] | None = None, deadline: float | None = None) -> None:
        """Open early media: the caller hears what is played, before the call is answered and charged."""
        await self._leg.ask(Progress(headers=dict(headers or {})), deadline=deadline)

    async def play(
        self,
        *sources: Source,
        repeat: int = 1,
        stop_on: str = "",
        offset_ms: int = 0,
        gain_db: float = 0.0,
        deadline: float | None = None,
    ) -> Played:
        """Play sources one after another, until they were heard or a digit in `stop_on` is keyed.

        `repeat` 0 is for ever. Sources are names of files in the app's folder, `Tone`s, `Silence`s.
        Raises NotFound for a file that is not there, naming it.
        """
        command = _play(sources, repeat=repeat, stop_on=stop_on, offset_ms=offset_ms, gain_db=gain_db)
        return cast("Played", await self._perform(command, deadline))

    @asynccontextmanager
    async def playing(
        self, *sources: Source, repeat: int = 1, stop_on: str = "", offset_ms: int = 0, gain_db: float = 0.0
    ) -> AsyncGenerator[Running[Played], None]:
        """Play beside what the script does meanwhile; the end of the block stops it.

        async with call.playing("music.wav", repeat=0):
            result = await look_up(call.caller)
        """
        command = _play(sources, repeat=repeat, stop_on=stop_on, offset_ms=offset_ms, gain_db=gain_db)
        async with self._run(command) as running:
            yield cast("Running[Played]", running)

    async def gather(
        self,
        *prompt: Source,
        min: int = 1,
        max: int = 1,
        terminators: str = "#",
        timeout: float = 5.0,  # noqa: ASYNC109 - the engine's, and no error
        digit_timeout: float = 3.0,
        valid: str = "",
        type_ahead: bool = True,
        retries: int = 0,
        invalid: Source | Sequence[Source] = (),
        deadline: float | None = None,
    ) -> Digits | TimedOut | Invalid:
        """Collect `min` to `max` digits, playing `prompt` until the first one.

        `timeout` (to the first digit) and `digit_timeout` (to each next one) are seconds after the end of the prompt.
        `valid` is a regular expression for the whole entry; after an invalid one or none at all, `invalid` is played
        and the prompt again, `retries` times.
        """
        command = Gather(
            prompt=prompt, min=min, max=max, terminators=terminators, timeout=timeout, digit_timeout=digit_timeout,
            valid=valid, type_ahead=type_ahead, retries=retries, invalid=_sources(invalid),
        )  # fmt: skip
        outcome = await self._perform(command, deadline)
        return TimedOut() if isinstance(outcome, Stopped) else cast("Digits | TimedOut | Invalid", outcome)

    async def record(
        self,
        path: str,
        *,
        max: float = 3600.0,
        silence: float = 0.0,
        terminators: str = "#",
        beep: bool = False,
        deadline: float | None = None,
    ) -> Recorded:
        """Record the caller to a WAV file below the app's recordings, for `max` seconds at most.

        It ends after `silence` seconds of it (0: never), at a digit in `terminators`, and when the caller hangs up:
        then, too, it returns, with reason `hangup`, and the script has `HANGUP_WINDOW` seconds to make use of it.
        """
        command = Record(path=path, max=max, silence=silence, terminators=terminators, beep=beep)
        return cast("Recorded", await self._perform(command, deadline))

    @asynccontextmanager
    async def recording(
        self, path: str, *, max: float = 3600.0, silence: float = 0.0, terminators: str = "", beep: bool = False
    ) -> AsyncGenerator[Running[Recorded], None]:
        """Record beside what the script does meanwhile; the end of the block stops it."""
        command = Record(path=path, max=max, silence=silence, terminators=terminators, beep=beep)
        async with self._run(command) as running:
            yield cast("Running[Recorded]", running)

    async def echo(self, *, deadline: float | None = None) -> None:
        """Send the caller's voice back, until hang-up or cancelled."""
        await self._perform(Echo(), deadline)

    async def send_digits(
        self, digits: str, *, duration_ms: int = 120, gap_ms: int = 80, deadline: float | None = None
    ) -> Sent:
        """Send digits (0-9 * # A-D) as key presses."""
        command = SendDigits(digits=digits, duration_ms=duration_ms, gap_ms=gap_ms)
        return cast("Sent", await self._perform(command, deadline))

    async def dial(
        self,
        *stages: Stage,
        timeout: float = 30.0,  # noqa: ASYNC109 - the engine's, and no error
        ringback: Source | None = None,
        caller_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> dialing.Answered | Failed:
        """Dial the stages in turn, the targets of a stage together; the first to answer wins, the others end.

        A target is a user's name, a SIP URI, or a `Target` with a delay or time-out of its own. `timeout` is seconds
        per stage. The caller hears `ringback` (`us`, `eu`, or a source) meanwhile.
        """
        plan = make_stages(stages, new_leg=lambda: self._leg.link.new_id("leg"))
        command = Dial(
            stages=plan, timeout=timeout, ringback=ringback, caller_id=caller_id, headers=dict(headers or {})
        )
        legs = {target.leg: self._new_leg(target.leg, target.target) for stage in plan for target in stage}
        for leg in legs.values():
            self._owner.adopt(leg)
        try:
            outcome = await self._perform(command, deadline)
            if not isinstance(outcome, Answered):
                return cast("Failed", outcome)
            won = legs.pop(outcome.leg)
            won.is_answered = True
            return dialing.Answered(won, outcome.target)
        finally:
            for leg in legs.values():  # those that lost; and one that answered while the dial was being cancelled
                if leg.is_answered:
                    leg._leg.hang_up_nowait()
                self._owner.drop(leg)

    async def bridge(self, other: Call, *, hangup_after: bool = True, deadline: float | None = None) -> Unbridged:
        """Connect with another call of this script, until one of them leaves or hangs up.

        An unanswered caller is answered. With `hangup_after`, whoever is left is hung up, too.
        """
        return cast("Unbridged", await self._perform(Bridge(other=other.id, hangup_after=hangup_after), deadline))

    @asynccontextmanager
    async def bridging(self, other: Call, *, hangup_after: bool = True) -> AsyncGenerator[Running[Unbridged], None]:
        """Connect with another call while the script does something else; the end of the block parts them."""
        async with self._run(Bridge(other=other.id, hangup_after=hangup_after)) as running:
            yield cast("Running[Unbridged]", running)

    async def unbridge(self, *, deadline: float | None = None) -> None:
        """Part the call from its bridge; both stay up."""
        await self._leg.ask(Unbridge(), deadline=deadline)

    async def reject(
        self,
        reason: str | int = "declined",
        *,
        headers: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> None:
        """Refuse an unanswered call: `busy`, `declined`, `not_found`, `unavailable`, a Q.850 name, or a SIP status."""
        await self._end(Reject(reason=reason, headers=dict(headers or {})), deadline)

    async def hangup(
        self,
        cause: str | int = "normal_clearing",
        *,
        headers: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> None:
        """End the call. If it has ended already, that is fine."""
        if not self.is_over:
            await self._end(Hangup(cause=cause, headers=dict(headers or {})), deadline)

    async def wait_hangup(self) -> ChannelEnded:
        """Wait for the end, and say how it came. Raises Disconnected when the engine was lost."""
        await self._leg.wait_gone()
        if self._leg.ended is None:
            raise self._leg.error or CallEnded("the call has ended", channel=self.id)
        return self._leg.ended

    async def set(self, variables: Mapping[str, str | None] | None = None, /, **named: str | None) -> None:
        """Set variables of the channel, which other apps and the call record see; None removes one."""
        changes = {**(variables or {}), **named}
        await self._leg.ask(Set(variables=changes))
        self._note(changes)

    async def get(self, *names: str) -> dict[str, str]:
        """The channel's variables: all, or those named that are set."""
        reply = await self._leg.ask(Get(variables=names))
        found = self._leg.link.connection.data(reply, dict[str, str | None])
        self._note(found)
        return {name: value for name, value in found.items() if value is not None}

    def after_hangup(self, function: AfterHangup) -> AfterHangup:
        """Have an async function called with the end of the call, however it comes, for record keeping.

        It runs when the script is over, and has `HANGUP_WINDOW` seconds.
        """
        self._after_hangup.append(function)
        return function

    @property
    def after_hangup_functions(self) -> Sequence[AfterHangup]:
        """What `after_hangup` was given, in order."""
        return tuple(self._after_hangup)

    async def _perform(self, command: Command, deadline: float | None) -> Outcome:
        return await self._leg.perform(command, deadline=deadline)

    @asynccontextmanager
    async def _run(self, command: Command) -> AsyncGenerator[Running[Any], None]:  # Any: the verb says what it ends as
        pending = self._leg.begin(command)
        try:
            await pending.wait_accepted()
            yield Running(self._leg, pending)
        finally:
            await self._leg.let_go(pending)

    async def _end(self, command: Command, deadline: float | None) -> None:
        await self._leg.ask(command, deadline=deadline)
        # Shielded: the script that hangs up is not cancelled by the hang-up it asked for, but goes on in its window.
        with anyio.move_on_after(_HANGUP_TIMEOUT, shield=True):
            await self._leg.wait_gone()

    def _new_leg(self, id: str, target: str) -> Call:
        callee = Party(uri=target, number=target)
        return Call(
            self._leg.link, id, self._owner, direction="outbound", caller=self.caller, callee=callee, to=target,
            origin=self,
        )  # fmt: skip

    def _note(self, changes: Mapping[str, str | None]) -> None:
        for name, value in changes.items():
            if value is None:
                self.variables.pop(name, None)
            else:
                self.variables[name] = value


def _play(sources: Sequence[Source], *, repeat: int, stop_on: str, offset_ms: int, gain_db: float) -> Play:
    if not sources:
        raise BadArgument("expected at least one source: a file name, a Tone, a Silence", command="play")
    return Play(sources=tuple(sources), repeat=repeat, stop_on=stop_on, offset_ms=offset_ms, gain_db=gain_db)


def _sources(sources: Source | Sequence[Source]) -> tuple[Source, ...]:
    return (sources,) if isinstance(sources, str | Tone | Silence) else tuple(sources)
