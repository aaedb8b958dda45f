"""How Python looks for garbage in a process that carries calls: seldom, and not among what stays anyway.

Whoever looks stops everything meanwhile. By default, all that an engine has is looked through again and again while
calls come, for 0.2 s each time. But calls are freed with their last reference: there is next to nothing to find. Two
million objects that stayed, some 200 MB, are worth a look: scripts and libraries may leave circles.
"""

from __future__ import annotations

import gc

_YOUNG, _MIDDLE, _OLD = 50_000, 20, 2  # objects more than before; looks at the young; looks at those


def postpone() -> None:
    """All is being set up: what is made now stays, so there is nothing to find until `settle`."""
    gc.disable()


def settle() -> None:
    """All has been set up: what is there now stays, and is not looked at again."""
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
    gc.enable()
