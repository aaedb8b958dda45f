"""A sound behind something else: it begins, and is stopped when that is over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import trio

from callflow.protocol import commands
from callflow.protocol.source import Source

from .stage import Stage
from .steering import Refused


@asynccontextmanager
async def playing(stage: Stage, name: str, sources: Sequence[Source]) -> AsyncIterator[None]:
    """Play for ever while the block lasts. What cannot be played is not heard."""
    id, steering = stage.hub.new_id(), stage.hub.steering
    stage.leg.playbacks[id] = name
    try:
        await steering.command(stage.leg.id, commands.Play(sources=tuple(sources), repeat=0), id=id)
    except Refused:
        del stage.leg.playbacks[id]
    try:
        yield
    finally:
        with trio.CancelScope(shield=True), suppress(Refused):  # it has ended
            await steering.command(stage.leg.id, commands.Cancel(command=id))
