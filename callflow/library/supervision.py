"""Supervision: somebody hears a call of another, whispers to the agent, barges in, or takes the caller over.

floor = Supervision()

await floor.bridge(call, agent, name="agent 7")            # instead of call.bridge(agent)
await floor.supervise(supervisor, "agent 7")               # in the supervisor's script
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from callflow import Call, Digits, Left, NotFound, Running, Unbridged, race

from .handover import Handover

KEYS = {"1": "listen", "2": "whisper", "3": "barge", "4": "take over"}


@dataclass(frozen=True, slots=True)
class Watched:
    """A bridge that may be listened to: the caller, to be had, and the agent."""

    caller: Handover
    agent: Call


class Supervision:
    """The bridges that can be supervised, by names."""

    def __init__(self) -> None:
        self._watched: dict[str, Watched] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The bridges that are up."""
        return tuple(self._watched)

    async def bridge(self, call: Call, agent: Call, *, name: str) -> Unbridged:
        """Connect the two as `Call.bridge` does; but the caller stays up for this script when the agent is gone.

        Taken over, the agent is hung up, and this returns when the supervisor is done with the caller.
        """
        handover = Handover(call)
        watched = self._watched[name] = Watched(handover, agent)
        try:
            async with call.bridging(agent, hangup_after=False) as bridge:
                ended = await race(bridge.wait(), handover.wait_wanted())
            await agent.hangup()
            if ended is not None:
                return ended
            await handover.lend()
            return Unbridged("transferred")
        finally:
            handover.close()
            if self._watched.get(name) is watched:
                del self._watched[name]

    async def supervise(self, call: Call, name: str) -> Left | Unbridged | None:
        """Listen until the bridge or the call ends; keys: 1 listen, 2 whisper, 3 barge, 4 take over. None: no such."""
        mode: Literal["listen", "whisper", "barge"] = "listen"
        await call.answer()
        while (watched := self._watched.get(name)) is not None:
            try:
                async with call.listening(watched.agent, mode) as ear:
                    ended = await race(ear.wait(), self._wait_key(call, ear))
            except NotFound:  # it hung up just now
                return None
            if isinstance(ended, Left):
                return ended
            if KEYS[ended] == "take over":
                return await watched.caller.bridge(call)
            mode = cast('Literal["listen", "whisper", "barge"]', KEYS[ended])
        return None

    async def _wait_key(self, call: Call, ear: Running[Left]) -> str:
        while True:
            keyed = await call.gather(max=1, valid="[1-4]", timeout=3600, terminators="")
            if isinstance(keyed, Digits):
                return keyed.value
