"""A leg that waits to be taken by another, with music: what `valet_park` and `fifo` have in common.

Who takes it has the music stopped first, so that nothing plays into the bridge.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import trio

from callflow.protocol import commands
from callflow.protocol.source import Silence

from .background import playing
from .leg import Leg
from .sound import sources_of
from .stage import Stage
from .vocabulary import NORMAL_CLEARING, q850

_QUIET = (Silence(1.0),)  # to be played for ever, where there is no music


@dataclass(slots=True, eq=False)
class Waiting:
    """One leg, and its meetings with who takes it."""

    leg: Leg
    _wanted: trio.Event = field(default_factory=trio.Event)
    _free: trio.Event = field(default_factory=trio.Event)
    _over: trio.Event = field(default_factory=trio.Event)

    @property
    def is_there(self) -> bool:
        """It waits still, and nobody has come for it."""
        return not self.leg.hangup_at and not self._wanted.is_set()

    async def wait(self, stage: Stage, music: str) -> None:
        """Until somebody has taken it and is done with it. Raises Refused."""
        if not self.leg.answered_at:
            await stage.do(commands.Answer())
        stage.execution.under_way.set()
        try:
            async with playing(stage, music, sources_of(music, stage.hub.sounds) or _QUIET):
                await self._wanted.wait()
        finally:
            self._free.set()
        await self._over.wait()

    async def connect(self, stage: Stage) -> None:
        """Bridge it with the leg of `stage`, until one of them hangs up or they are parted. Raises Refused."""
        self._wanted.set()
        hub = stage.hub
        try:
            await self._free.wait()
            await stage.run(commands.Bridge(other=self.leg.id, hangup_after=False))
        finally:
            self._over.set()
            if not self.leg.hangup_at and not self.leg.bridge:
                hub.nursery.start_soon(hub.steering.hang_up, self.leg.id, q850(NORMAL_CLEARING))
