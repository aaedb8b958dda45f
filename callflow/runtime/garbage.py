"""How often a process that runs for long looks for garbage in cycles: seldom.

Nearly all that a call leaves behind goes when it is no longer referred to. What Python looks through, to find the rest, is
what lives: by its own measure several times for each call, a tenth of all that an engine or a worker does. It looks
young objects through 50,000 at a time here, which takes some milliseconds.
"""

from __future__ import annotations

import gc

_THRESHOLDS = (50_000, 20, 20)


def collect_seldom() -> None:
    """To be said once, by a process about itself, before it imports what it needs: imports make much, and no garbage."""
    gc.set_threshold(*_THRESHOLDS)
