"""What a caller hears: files, tones, his own voice."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from callflow.errors import BadArgument
from callflow.protocol.commands import Echo, Play, Source
from callflow.protocol.outcomes import Played
from callflow.running import Running, running

if TYPE_CHECKING:
    from callflow.call import Call


async def play(
    call: Call,
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
    return cast("Played", await call._leg.perform(command, deadline=deadline))


@asynccontextmanager
async def playing(
    call: Call, *sources: Source, repeat: int = 1, stop_on: str = "", offset_ms: int = 0, gain_db: float = 0.0
) -> AsyncGenerator[Running[Played], None]:
    """Play beside what the script does meanwhile; the end of the block stops it.

    async with call.playing("music.wav", repeat=0):
        result = await look_up(call.caller)
    """
    command = _play(sources, repeat=repeat, stop_on=stop_on, offset_ms=offset_ms, gain_db=gain_db)
    async with running(call._leg, command) as handle:
        yield cast("Running[Played]", handle)


async def echo(call: Call, *, deadline: float | None = None) -> None:
    """Send the caller's voice back, until hang-up or cancelled."""
    await call._leg.perform(Echo(), deadline=deadline)


def _play(sources: Sequence[Source], *, repeat: int, stop_on: str, offset_ms: int, gain_db: float) -> Play:
    if not sources:
        raise BadArgument("expected at least one source: a file name, a Tone, a Silence", command="play")
    return Play(sources=tuple(sources), repeat=repeat, stop_on=stop_on, offset_ms=offset_ms, gain_db=gain_db)
