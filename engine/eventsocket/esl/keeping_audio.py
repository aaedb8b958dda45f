"""What the program behind a fork gives to play (playAudio): a file while the call lasts, and an event that names it."""

from __future__ import annotations

import shutil
from contextlib import suppress

import structlog
import trio

from .fork import Told, read_audio, read_message
from .headers import channel_headers
from .hub import Hub
from .leg import Leg

FOLDER = "audio_fork.tmp"  # below the door's recordings
MAX_FILES = 500  # of one call

logger = structlog.get_logger("engine.esl")


async def keep(hub: Hub, leg: Leg, text: str) -> None:
    """Write it, and tell where it is: a name that `playback` and `uuid_broadcast` find."""
    audio, owner = read_audio(read_message(text)), hub.steering.owner
    if audio is None or owner is None or owner.recordings is None or leg.hangup_at:
        return
    if len(leg.files) >= MAX_FILES:
        logger.warning("not kept", call=leg.id, reason=f"expected at most {MAX_FILES} files to play of a call")
        return
    name = f"{FOLDER}/{hub.new_id()}.tmp{audio.suffix}"
    path = trio.Path(owner.recordings / name)
    leg.files.append(str(path))
    try:
        await path.parent.mkdir(parents=True, exist_ok=True)
        await path.write_bytes(audio.octets)
    except OSError as error:
        logger.warning("not kept", call=leg.id, reason=str(error))
        return
    if leg.hangup_at:  # meanwhile
        return await remove(leg)
    tell_custom(hub, leg, audio.told(name), hub.epoch())


async def remove(leg: Leg) -> None:
    """The call has ended."""
    for file in leg.files:
        with suppress(OSError):
            await trio.Path(file).unlink(missing_ok=True)


async def remove_all(hub: Hub) -> None:
    """Those that an engine left which was killed."""
    owner = hub.steering.owner
    if owner is not None and owner.recordings is not None:
        folder = owner.recordings / FOLDER
        await trio.to_thread.run_sync(lambda: shutil.rmtree(folder, ignore_errors=True))


def tell_custom(hub: Hub, leg: Leg, told: Told | None, at: float) -> None:
    """A CUSTOM event of a channel, if there is one and anybody wants it."""
    if told is not None and hub.wants("CUSTOM", told[0]):
        hub.announce("CUSTOM", channel_headers("CUSTOM", leg, hub.find), subclass=told[0], body=told[1], at=at)
