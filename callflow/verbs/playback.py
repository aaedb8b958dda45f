"""What a caller hears: files, tones, his own voice."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from callflow.errors import BadArgument
from callflow.protocol.commands import Echo, Play, SayCommand, SayKind, Source, ToneCommand
from callflow.protocol.outcomes import Played
from callflow.running import Playback, running

if TYPE_CHECKING:
    from callflow.call import Call


async def play(
    call: Call,
    *sources: Source,
    repeat: int = 1,
    stop_on: str = "",
    offset_ms: int = 0,
    gain_db: float = 0.0,
    fade_in_ms: int = 0,
    fade_out_ms: int = 0,
    deadline: float | None = None,
) -> Played:
    """Play sources one after another, until they were heard or a digit in `stop_on` is keyed.

    `repeat` 0 is for ever. Sources are names of files in the app's folder, `Tone`s, `Silence`s. It begins `offset_ms`
    in, grows louder for `fade_in_ms` and softer for `fade_out_ms`, before its end or once it is stopped.
    Raises NotFound for a file that is not there, naming it.
    """
    command = _play(
        sources,
        repeat=repeat,
        stop_on=stop_on,
        offset_ms=offset_ms,
        gain_db=gain_db,
        fade_in_ms=fade_in_ms,
        fade_out_ms=fade_out_ms,
    )
    return cast("Played", await call._leg.perform(command, deadline=deadline))


@asynccontextmanager
async def playing(
    call: Call,
    *sources: Source,
    repeat: int = 1,
    stop_on: str = "",
    offset_ms: int = 0,
    gain_db: float = 0.0,
    fade_in_ms: int = 0,
    fade_out_ms: int = 0,
) -> AsyncGenerator[Playback, None]:
    """Play beside what the script does meanwhile; the end of the block stops it.

    async with call.playing("music.wav", repeat=0) as playback:
        result = await look_up(call.caller)
        await playback.gain(-6)
    """
    command = _play(
        sources,
        repeat=repeat,
        stop_on=stop_on,
        offset_ms=offset_ms,
        gain_db=gain_db,
        fade_in_ms=fade_in_ms,
        fade_out_ms=fade_out_ms,
    )
    async with running(call._leg, command, Playback) as playback:
        yield playback


async def say(
    call: Call,
    text: str,
    *,
    kind: SayKind = "words",
    language: str = "",
    stop_on: str = "",
    gain_db: float = 0.0,
    deadline: float | None = None,
) -> Played:
    """Say a text, put together from recorded prompts: those of the app (`say/en/*.wav`) first, then callflow's own.

    By `kind` the text is `words`, `digits`, a `telephone` number, a `number`, an `ordinal` (21), `spelled`, a `time`
    (23:59), a `date` (2026-12-25), a `duration` (1:30:00, or seconds) or `money` (12.50 USD). As a part of what is
    played or gathered it is the source `Say(text, kind=...)`.
    """
    command = SayCommand(text=text, kind=kind, language=language, stop_on=stop_on, gain_db=gain_db)
    return cast("Played", await call._leg.perform(command, deadline=deadline))


async def tone(
    call: Call, plan: str, *, seconds: float | None = None, stop_on: str = "", deadline: float | None = None
) -> Played:
    """Sound a tone, by country (`busy/us`) or frequencies in Hz (`440+480`); without `seconds` it does not end."""
    command = ToneCommand(plan=plan, seconds=seconds, stop_on=stop_on)
    return cast("Played", await call._leg.perform(command, deadline=deadline))


async def echo(call: Call, *, delay_ms: int = 0, deadline: float | None = None) -> None:
    """Answer, and send the caller's voice back, until hang-up or cancelled. `delay_ms`: so much later, up to 10,000."""
    await call._leg.perform(Echo(delay_ms=delay_ms), deadline=deadline)


def _play(
    sources: Sequence[Source],
    *,
    repeat: int,
    stop_on: str,
    offset_ms: int,
    gain_db: float,
    fade_in_ms: int,
    fade_out_ms: int,
) -> Play:
    if not sources:
        raise BadArgument("expected at least one source: a file name, a Tone, a Silence", command="play")
    return Play(
        sources=tuple(sources),
        repeat=repeat,
        stop_on=stop_on,
        offset_ms=offset_ms,
        gain_db=gain_db,
        fade_in_ms=fade_in_ms,
        fade_out_ms=fade_out_ms,
    )
