"""How often a process that runs for long looks for garbage in cycles: seldom.

Nearly all that a call leaves behind goes when it is no longer referred to. To find the rest Python looks through what
lives, by its own measure several times for each call: a tenth of all that an engine does. Here it looks through 50,000
young objects at a time, which takes some milliseconds.
"""

from __future__ import annotations

import gc

_THRESHOLDS = (50_000, 20, 20)


def collect_seldom() -> None:
    """Once, of a process about itself, before it imports what it needs: that makes many objects, and no garbage."""
    gc.set_threshold(*_THRESHOLDS)
