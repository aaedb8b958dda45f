"""One version at work: its worker or its host in the engine, started again when it dies, until the version ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from .version import Version
from .worker import Exit, Worker

BACK_OFF = (0.1, 5.0)  # seconds, first and longest
STEADY_AFTER = 10.0  # a worker that lived so long is replaced without waiting long


class Toll:
    """What the death of a worker counts as: its calls, each an error; or one, if it had none. Either is told first."""

    def __init__(self) -> None:
        self._calls = 0
        self._is_counted_alone = False

    def die(self) -> int:
        """The worker is dead: how many errors more that makes."""
        self._is_counted_alone = self._calls == 0
        return int(self._is_counted_alone)

    def lose(self) -> int:
        """A call has lost it: how many errors more that makes."""
        self._calls += 1
        was_counted, self._is_counted_alone = self._is_counted_alone, False
        return int(not was_counted)


class Running:
    """What a version has while it is live. `run` it."""

    def __init__(self, version: Version, *, share: float) -> None:
        """`share`: of the new calls, from when it has loaded."""
        self.version = version
        self.share = share
        self.worker: Worker | None = None
        self.session = ""  # of the worker, while it is connected
        self.last_session = ""
        self.toll = Toll()
        self.exit: Exit | None = None
        self.settled = trio.Event()  # it has loaded, or it will not
        self.idle = trio.Event()  # while it drains: it has no calls
        self.ended = trio.Event()
        self.scope = trio.CancelScope()
        self.draining = trio.CancelScope()

    @property
    def pid(self) -> int | None:
        return self.worker.pid if self.worker is not None else None

    async def run(
        self, run_once: Callable[[Running], Awaitable[Exit]], wants_another: Callable[[Running, Exit], bool]
    ) -> None:
        """Have a worker, and after it another, as long as one is wanted. Cancel `scope` to end it."""
        delay = BACK_OFF[0]
        try:
            with self.scope:
                while True:
                    started_at = trio.current_time()
                    self.exit = await run_once(self)
                    if not wants_another(self, self.exit):
                        return
                    if trio.current_time() - started_at > STEADY_AFTER:
                        delay = BACK_OFF[0]
                    await trio.sleep(delay)
                    delay = min(delay * 2, BACK_OFF[1])
        finally:
            self.settled.set()
            self.ended.set()
