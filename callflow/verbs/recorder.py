"""Recording: what the caller says, or both sides of the call."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from callflow.download import download as fetch
from callflow.protocol.commands import Record, RecordCall
from callflow.protocol.outcomes import Recorded
from callflow.running import Recording, running

if TYPE_CHECKING:
    from callflow.call import Call


async def record(
    call: Call,
    path: str,
    *,
    max: float = 3600.0,
    silence: float = 0.0,
    terminators: str = "#",
    beep: bool = False,
    trim: bool = False,
    deadline: float | None = None,
) -> Recorded:
    """Record the caller to a WAV file below the app's recordings, for `max` seconds at most.

    It ends after `silence` seconds of it (0: never), at a digit in `terminators`, and when the caller hangs up:
    then, too, it returns, with reason `hangup`, and the script has `HANGUP_WINDOW` seconds to make use of it.
    With `trim` the silence around what was said is left out.
    """
    command = Record(path=path, max=max, silence=silence, terminators=terminators, beep=beep, trim=trim)
    return cast("Recorded", await call._leg.perform(command, deadline=deadline))


@asynccontextmanager
async def recording(
    call: Call,
    path: str,
    *,
    max: float = 3600.0,
    silence: float = 0.0,
    terminators: str = "",
    beep: bool = False,
    trim: bool = False,
) -> AsyncGenerator[Recording, None]:
    """Record beside what the script does meanwhile; the end of the block stops it."""
    command = Record(path=path, max=max, silence=silence, terminators=terminators, beep=beep, trim=trim)
    async with running(call._leg, command, Recording) as handle:
        yield handle


async def download(call: Call, path: str, to: Path) -> int:
    """Save a recording of this app's as a file here; its octets. An app beside the engine has it already.

    recorded = await call.record("message.wav")
    await call.download(recorded.path, Path("messages") / f"{call.id}.wav")
    """
    return await fetch(call._leg.link, path, to)


async def record_call(
    call: Call, path: str, *, stereo: bool = True, max: float = 14400.0, deadline: float | None = None
) -> Recorded:
    """Record both sides of the call, whatever it does meanwhile, until it ends; see `recording_call`."""
    return cast("Recorded", await call._leg.perform(RecordCall(path=path, stereo=stereo, max=max), deadline=deadline))


@asynccontextmanager
async def recording_call(
    call: Call, path: str, *, stereo: bool = True, max: float = 14400.0
) -> AsyncGenerator[Recording, None]:
    """Record both sides of the call beside what the script does; the end of the block, or of the call, stops it.

    `stereo`: the caller's voice left, what the caller hears right; else mixed.

    async with call.recording_call(f"{call.id}.wav") as recording:
        await call.bridge(agent)
    """
    async with running(call._leg, RecordCall(path=path, stereo=stereo, max=max), Recording) as handle:
        yield handle
