"""What was kept before the start, read again: in order, as users come before their phones.

restoration = Restoration()
restoration.add("users", users, directory.restore)
restoration.add("registrations", bindings, registrar.restore)
await nursery.start(restoration.run)

What cannot be read at the start is read as soon as that is possible; the engine does not wait for it. Until then none
of it is written, so that what the engine knows does not take the place of what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import structlog
import trio

from .records import StoreError

_T_co = TypeVar("_T_co", covariant=True)
_T = TypeVar("_T")
_BACK_OFF = (0.2, 10.0)  # seconds, first and longest

logger = structlog.get_logger("engine.store")


class Restorable(Protocol[_T_co]):
    """Where something is kept."""

    async def load(self) -> Sequence[_T_co]:
        """What is there. Raises StoreError."""
        ...

    async def run(self) -> None:
        """Write what changes, until cancelled; then what is left."""
        ...

    def abandon(self) -> None:
        """End without writing: it was never read."""
        ...


class Restoration:
    """Several, one after the other."""

    def __init__(self) -> None:
        self._steps: list[tuple[str, Restorable[Any], Callable[[Sequence[Any]], None]]] = []

    def add(self, what: str, kept: Restorable[_T], have: Callable[[Sequence[_T]], None]) -> None:
        """`what` is kept, in the words of the log; `have` is given what was read."""
        self._steps.append((what, kept, have))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Read, and then write, until cancelled. It has started when all is read, or something cannot be."""
        unread = list(self._steps)
        is_late = False

        def be_late() -> None:
            nonlocal is_late
            if not is_late:
                is_late = True
                task_status.started()

        async with trio.open_nursery() as nursery:
            try:
                while unread:
                    what, kept, have = unread[0]
                    found = await _read(what, kept, on_failure=be_late)
                    have(found)
                    if is_late:
                        logger.warning(f"{what} of before are read", count=len(found))
                    nursery.start_soon(unread.pop(0)[1].run)
                if not is_late:
                    task_status.started()
                await trio.sleep_forever()
            finally:
                for _, kept, _ in unread:
                    kept.abandon()


async def _read(what: str, kept: Restorable[_T], *, on_failure: Callable[[], None]) -> Sequence[_T]:
    delay, has_failed = _BACK_OFF[0], False
    while True:
        try:
            return await kept.load()
        except StoreError as error:
            if not has_failed:
                logger.error(f"{what} of before cannot be read: the store fails", error=str(error))
            has_failed = True
        on_failure()
        await trio.sleep(delay)
        delay = min(delay * 2, _BACK_OFF[1])
