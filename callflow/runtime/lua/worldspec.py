"""What of the world an app may ask: told to whoever carries it out, and imported without that."""

from __future__ import annotations

import msgspec


class WorldSpec(msgspec.Struct, frozen=True):
    """These hosts, and this file."""

    hosts: tuple[str, ...] = ()
    database: str = ""  # its path


def spell_world(spec: WorldSpec) -> str:
    """As a worker is told it."""
    return msgspec.json.encode(spec).decode()
