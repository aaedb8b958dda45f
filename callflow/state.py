"""The state of an engine at one moment: what a monitor begins with, or goes on with where events are missing."""

from __future__ import annotations

from dataclasses import dataclass

from .protocol.frames import BridgeState, ChannelState


@dataclass(frozen=True, slots=True)
class State:
    """The live channels and bridges after the event `seq`: the events behind it say what changes."""

    seq: int
    channels: tuple[ChannelState, ...] = ()
    bridges: tuple[BridgeState, ...] = ()
