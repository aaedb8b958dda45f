"""What a worker may take: [limits] and [[app]] of the configuration."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20
DRAIN_WITHIN = 6 * 3600.0  # seconds that a version may go on with its calls after it was replaced


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLimits:
    """The limits of one app's workers. 0 lifts one."""

    memory: int = 1024 * MIB  # octets that are resident
    step: float = 5.0  # seconds that the script may keep its event loop from coming round


def spell_memory(octets: int) -> str:
    """As it stands in the configuration."""
    return f"{octets / MIB:.0f} MB"
