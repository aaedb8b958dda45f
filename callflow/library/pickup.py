"""Pickup: a call that rings at somebody else's phone is taken from one's own (intercept).

pickup = Pickup()

won = await pickup.dial(call, "desk", group="sales")       # in the script that rings the desk
await pickup.take(call, group="sales")                     # in the script of *8
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from callflow import Answered, Call, Failed, Source, Target, Unbridged, race

from .handover import Handover


@dataclass(frozen=True, slots=True)
class Intercepted:
    """Somebody else took the call, and the two are done."""


class Pickup:
    """The calls that ring, by groups of phones; the one that rings longest is taken first."""

    def __init__(self) -> None:
        self._ringing: list[tuple[str, Handover]] = []

    async def dial(
        self,
        call: Call,
        *stages: str | Target | Sequence[str | Target],
        group: str = "",
        timeout: float = 30.0,  # noqa: ASYNC109 - the engine's, and no error
        ringback: Source | None = "eu",
        caller_id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered | Failed | Intercepted:
        """Dial as `Call.dial` does, while others may take the call: then it returns when they are done."""
        entry = group, Handover(call)
        self._ringing.append(entry)
        handover = entry[1]
        try:
            dialling = call.dial(*stages, timeout=timeout, ringback=ringback, caller_id=caller_id, headers=headers)
            won = await race(dialling, handover.wait_wanted())
            if won is not None:
                return won
            self._ringing.remove(entry)
            await handover.lend()
            return Intercepted()
        finally:
            handover.close()
            if entry in self._ringing:
                self._ringing.remove(entry)

    async def take(self, call: Call, *, group: str = "") -> Unbridged | None:
        """Connect with the call that rings longest in the group, until one hangs up. None: nothing rings there."""
        for known, handover in tuple(self._ringing):
            if known == group and not handover.is_wanted:
                return await handover.bridge(call)
        return None
