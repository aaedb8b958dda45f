"""A conference: calls that hear each other, under a name that the app's scripts share.

async with app.conference("board", pin="4711", enter="ding.wav") as board:
    await board.join(call)

Whoever joins first makes it, the last to leave ends it. The handle joins calls to it and steers it; a script that has
no call in it may do so too. To find nobody there is NotFound.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

import anyio

from .errors import BadArgument, DeadlineExceeded
from .protocol.commands import (
    Command,
    ConferenceAction,
    ConferenceCommand,
    ConferencePlay,
    ConferenceRecord,
    ConferenceSounds,
    ConferenceState,
    Join,
    Source,
    Tone,
)
from .protocol.events import BridgeSpeaker, Event
from .protocol.outcomes import Digits, Left, Outcome, Played, Recorded
from .running import Running, running
from .sources import as_sources

if TYPE_CHECKING:
    from .call import Call
    from .link import Link

Member: TypeAlias = "Call | str"  # or the id of its channel
OutcomeT = TypeVar("OutcomeT", bound=Outcome)

_ASK = Tone("440", seconds=0.3)  # asks for the PIN where no prompt was given
_TRIES = 3  # to key the PIN


class Conference:
    """The app's conference of that name. Made by `App.conference`."""

    def __init__(
        self,
        link: Link,
        name: str,
        *,
        pin: str,
        ask: tuple[Source, ...],
        wrong: tuple[Source, ...],
        sounds: ConferenceSounds,
    ) -> None:
        """Raises BadArgument for a PIN that cannot be keyed."""
        if not all(digit in "0123456789*" for digit in pin):
            raise BadArgument(f"expected a PIN of digits, got {pin!r}", command="join")
        self._link = link
        self.name = name
        self._pin = pin
        self._ask_with = ask or (_ASK,)
        self._wrong = wrong
        self._sounds = sounds
        self.speakers: tuple[str, ...] = ()
        """The channels that speak now, in the order in which they began, at most 16: as far as this app was told."""

    def __repr__(self) -> str:
        return f"<Conference {self.name}>"

    def take(self, event: Event) -> None:
        """What the engine tells."""
        if isinstance(event, BridgeSpeaker) and event.conference == self.name:
            self.speakers = event.speakers

    # Taking part

    async def join(
        self,
        call: Call,
        *,
        muted: bool = False,
        deaf: bool = False,
        moderator: bool = False,
        wait: bool = False,
        end: bool = False,
        volume: float = 0.0,
        record: str = "",
        ask: bool = True,
        deadline: float | None = None,
    ) -> Left:
        """Take part until it leaves: it hangs up, is kicked, or the conference ends. An unanswered caller is answered.

        If there is a PIN the caller is asked for it, three times at most, unless not to `ask`. `wait`: silent and with
        music until a moderator is there. `end`: the conference ends when this moderator leaves. `volume`: in dB, to the
        others. `record`: all that is said from now on goes to that file. Cancelled, the call leaves.
        """
        command = self._join(
            muted=muted, deaf=deaf, moderator=moderator, wait=wait, end=end, volume=volume, record=record
        )
        with anyio.move_on_after(deadline):
            if ask and not await self._knows_pin(call):
                return Left("refused")
            return cast("Left", await call._leg.perform(command))
        raise DeadlineExceeded(f"not over within its deadline of {deadline} s", command="join", channel=call.id)

    @asynccontextmanager
    async def joining(
        self,
        call: Call,
        *,
        muted: bool = False,
        deaf: bool = False,
        moderator: bool = False,
        wait: bool = False,
        end: bool = False,
        volume: float = 0.0,
        record: str = "",
    ) -> AsyncGenerator[Running[Left], None]:
        """Take part while the script does something else, unasked for a PIN; the end of the block leaves."""
        command = self._join(
            muted=muted, deaf=deaf, moderator=moderator, wait=wait, end=end, volume=volume, record=record
        )
        async with running(call._leg, command, Running[Left]) as handle:
            yield handle

    # Steering

    async def members(self) -> ConferenceState:
        """Who takes part, and how."""
        return await self._steer("list")

    async def mute(self, member: Member | None = None) -> ConferenceState:
        """Nobody hears that member; without one, nobody hears any but the moderators."""
        return await self._steer("mute", member)

    async def unmute(self, member: Member | None = None) -> ConferenceState:
        """Let that member be heard again, or all."""
        return await self._steer("unmute", member)

    async def deafen(self, member: Member | None = None) -> ConferenceState:
        """That member hears nobody; without one, none but the moderators hear anybody."""
        return await self._steer("deafen", member)

    async def undeafen(self, member: Member | None = None) -> ConferenceState:
        """Let that member hear again, or all."""
        return await self._steer("undeafen", member)

    async def kick(self, member: Member) -> ConferenceState:
        """Send that member out: its join ends as `Left("kicked")`."""
        return await self._steer("kick", member)

    async def volume(self, member: Member, gain_db: float) -> ConferenceState:
        """Make that member louder, or softer, to the others."""
        return await self._steer("volume", member, gain_db=gain_db)

    async def whisper(self, member: Member, to: Member | None) -> ConferenceState:
        """What that member says is for another alone; None: for all again."""
        return await self._steer("whisper", member, to=_id(to))

    async def lock(self) -> ConferenceState:
        """Nobody more may join: `Left("locked")`."""
        return await self._steer("lock")

    async def unlock(self) -> ConferenceState:
        """Let others join again."""
        return await self._steer("unlock")

    async def pause_recording(self) -> ConferenceState:
        """Leave what comes out of what is recorded, until `resume_recording`. Raises NotFound if nothing is."""
        return await self._steer("pause")

    async def resume_recording(self) -> ConferenceState:
        """Go on recording."""
        return await self._steer("resume")

    async def end(self) -> ConferenceState:
        """Send all out: their joins end as `Left("ended")`."""
        return await self._steer("end")

    async def play(
        self,
        *sources: Source,
        member: Member | None = None,
        repeat: int = 1,
        gain_db: float = 0.0,
        deadline: float | None = None,
    ) -> Played:
        """Play to all, besides what they say, or to one member instead; returns when it was heard."""
        command = ConferencePlay(
            conference=self.name, sources=sources, member=_id(member), repeat=repeat, gain_db=gain_db
        )
        return cast("Played", await self._perform(command, deadline))

    async def record(self, path: str, *, max: float = 14400.0, deadline: float | None = None) -> Recorded:
        """Record all that is said and played, until the conference ends or it is cancelled."""
        command = ConferenceRecord(conference=self.name, path=path, max=max)
        return cast("Recorded", await self._perform(command, deadline))

    # Inside

    def _join(
        self, *, muted: bool, deaf: bool, moderator: bool, wait: bool, end: bool, volume: float, record: str
    ) -> Join:
        return Join(
            conference=self.name, pin=self._pin, muted=muted, deaf=deaf, moderator=moderator, wait=wait, end=end,
            volume=volume, record=record, sounds=self._sounds,
        )  # fmt: skip

    async def _knows_pin(self, call: Call) -> bool:
        if not self._pin:
            return True
        size = len(self._pin)
        keyed = await call.gather(
            *self._ask_with,
            min=size,
            max=size,
            valid=self._pin,
            retries=_TRIES - 1,
            invalid=self._wrong,
        )
        return isinstance(keyed, Digits)

    async def _steer(
        self, action: ConferenceAction, member: Member | None = None, *, gain_db: float = 0.0, to: str | None = None
    ) -> ConferenceState:
        command = ConferenceCommand(conference=self.name, action=action, member=_id(member), gain_db=gain_db, to=to)
        reply = await self._link.request(command)
        return self._link.connection.data(reply, ConferenceState)

    async def _perform(self, command: Command, deadline: float | None) -> Outcome:
        with anyio.move_on_after(deadline):
            return await self._link.perform(command)
        raise DeadlineExceeded(f"not done within its deadline of {deadline} s", command=command.name)


def make_sounds(
    enter: Source | Sequence[Source], leave: Source | Sequence[Source], music: Source | Sequence[Source]
) -> ConferenceSounds:
    return ConferenceSounds(as_sources(enter), as_sources(leave), as_sources(music))


def _id(member: Member | None) -> str | None:
    return member if member is None or isinstance(member, str) else member.id
