"""Parking: a call waits with music in a numbered slot until somebody picks it up from any phone.

parking = Parking("701", "702", "703")

match await parking.park(call):
    case Parked(was_picked_up=False):
        ...                                 # nobody came: ring whoever parked it
"""

from __future__ import annotations

from dataclasses import dataclass

import anyio

from callflow import Call, Say, Source, Tone, Unbridged

from .handover import Handover

MUSIC: tuple[Source, ...] = (Tone("440", seconds=0.4), Tone("554", seconds=0.4), Tone("659", seconds=0.8))


@dataclass(frozen=True, slots=True)
class Parked:
    """It was parked in `slot`; and then somebody picked it up, or its time was over."""

    slot: str
    was_picked_up: bool


@dataclass(frozen=True, slots=True)
class Full:
    """There was no slot for it."""


class Parking:
    """The slots. `timeout`: seconds after which a call comes back to its script. `music` is repeated."""

    def __init__(self, *slots: str, music: Source | tuple[Source, ...] = MUSIC, timeout: float = 180.0) -> None:
        self._slots = slots
        self._music = music if isinstance(music, tuple) else (music,)
        self._timeout = timeout
        self._parked: dict[str, Handover] = {}

    @property
    def parked(self) -> dict[str, Call]:
        """The calls that wait, by their slots."""
        return {slot: handover.call for slot, handover in self._parked.items()}

    async def park(self, call: Call, slot: str | None = None) -> Parked | Full:
        """Tell the caller the slot, and have it wait there; without a `slot`, in the first that is free."""
        chosen = slot or next((each for each in self._slots if each not in self._parked), None)
        if chosen is None or chosen in self._parked:
            return Full()
        handover = self._parked[chosen] = Handover(call)
        try:
            with anyio.move_on_after(self._timeout):
                await self._wait(call, chosen, handover)
            if handover.is_wanted:
                self._parked.pop(chosen)
                await handover.lend()
            return Parked(chosen, handover.is_wanted)
        finally:
            handover.close()
            if self._parked.get(chosen) is handover:
                del self._parked[chosen]

    async def pickup(self, call: Call, slot: str) -> Unbridged | None:
        """Connect with the call in that slot, until one hangs up. None: nobody is parked there."""
        handover = self._parked.get(slot)
        return await handover.bridge(call) if handover is not None else None

    async def _wait(self, call: Call, slot: str, handover: Handover) -> None:
        await call.play(Say("park"), Say(slot, kind="digits"))
        async with call.playing(*self._music, repeat=0):
            await handover.wait_wanted()
