"""How hard the engine works: what `callflow status` and `callflow top` tell of it beside its calls."""

from __future__ import annotations

import os
import time
from pathlib import Path

from callflow.protocol.queries import EngineLoad

from .gate import Gate

_MEMORY = Path("/proc/self/statm")  # sizes in pages: of all, and of what is resident


def load_of(gate: Gate) -> EngineLoad:
    """The load of this process, whose event loop and media the gate watches."""
    return EngineLoad(
        cpu_seconds=round(time.process_time(), 2),
        memory_octets=_resident(),
        lag_ms=round(1000 * gate.lag.value, 1),
        media_late_ms=round(1000 * gate.media_lag.value, 1),
        queue_ms=round(1000 * gate.queue.value, 1),
        overloaded=gate.reason or "",
        is_draining=gate.is_draining.is_set(),
    )


def _resident() -> int:
    try:
        return int(_MEMORY.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # no Linux
        return 0
