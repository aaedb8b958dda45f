"""Two calls connected, and a third that listens in; hold and mute."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from callflow.protocol.commands import Bridge, Hold, Listen, Mute, ResumeCommand, Source, Unbridge, Unmute
from callflow.protocol.outcomes import Left, Unbridged
from callflow.running import Running, running

if TYPE_CHECKING:
    from callflow.call import Call

Direction: TypeAlias = Literal["in", "out", "both"]
ListenMode: TypeAlias = Literal["listen", "whisper", "barge"]


async def bridge(call: Call, other: Call, *, hangup_after: bool = True, deadline: float | None = None) -> Unbridged:
    """Connect with another call of this script, until one of them leaves or hangs up.

    An unanswered caller is answered. With `hangup_after`, whoever is left is hung up, too.
    """
    return cast(
        "Unbridged", await call._leg.perform(Bridge(other=other.id, hangup_after=hangup_after), deadline=deadline)
    )


@asynccontextmanager
async def bridging(call: Call, other: Call, *, hangup_after: bool = True) -> AsyncGenerator[Running[Unbridged], None]:
    """Connect with another call while the script does something else; the end of the block parts them."""
    async with running(call._leg, Bridge(other=other.id, hangup_after=hangup_after), Running[Unbridged]) as handle:
        yield handle


async def unbridge(call: Call, *, deadline: float | None = None) -> None:
    """Part the call from its bridge; both stay up."""
    await call._leg.ask(Unbridge(), deadline=deadline)


async def listen(call: Call, other: Call | str, mode: ListenMode = "listen", *, deadline: float | None = None) -> Left:
    """Hear both ends of another of the app's calls, by the call or its channel's id, while it is bridged or confers.

    `listen`: nobody notices; `whisper`: only that call hears this one; `barge`: all hear it, so a bridge is a call of
    three, and of two again when this one leaves. What is listened to goes on as it was.
    """
    command = Listen(other=other if isinstance(other, str) else other.id, mode=mode)
    return cast("Left", await call._leg.perform(command, deadline=deadline))


@asynccontextmanager
async def listening(call: Call, other: Call | str, mode: ListenMode = "listen") -> AsyncGenerator[Running[Left], None]:
    """Hear another call while the script does something else; the end of the block leaves."""
    command = Listen(other=other if isinstance(other, str) else other.id, mode=mode)
    async with running(call._leg, command, Running[Left]) as handle:
        yield handle


async def hold(call: Call, *music: Source, deadline: float | None = None) -> None:
    """Put the peer on hold: it hears the music, for ever, and is not heard. A bridge goes on after `resume`."""
    await call._leg.ask(Hold(music=music), deadline=deadline)


async def resume(call: Call, *, deadline: float | None = None) -> None:
    """Take the peer off hold."""
    await call._leg.ask(ResumeCommand(), deadline=deadline)


@asynccontextmanager
async def holding(call: Call, *music: Source) -> AsyncGenerator[None, None]:
    """Hold the peer for as long as the block lasts."""
    await hold(call, *music)
    try:
        yield
    finally:
        await call._leg.undo(ResumeCommand())


async def mute(call: Call, direction: Direction = "in", *, deadline: float | None = None) -> None:
    """Silence a direction: `in`, nobody hears what the peer says; `out`, the peer hears nothing; or `both`."""
    await call._leg.ask(Mute(direction=direction), deadline=deadline)


async def unmute(call: Call, direction: Direction = "both", *, deadline: float | None = None) -> None:
    """Let a direction be heard again."""
    await call._leg.ask(Unmute(direction=direction), deadline=deadline)


@asynccontextmanager
async def muting(call: Call, direction: Direction = "in") -> AsyncGenerator[None, None]:
    """Silence a direction for as long as the block lasts."""
    await mute(call, direction)
    try:
        yield
    finally:
        await call._leg.undo(Unmute(direction=direction))
