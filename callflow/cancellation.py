"""Telling when a cancellation reaches a coroutine, which neither trio nor asyncio says.

`watch` drives a coroutine step by step, as the event loop would, and looks at what comes in: asyncio throws a
cancellation into the coroutine, trio sends it in as a value that is unwrapped further down. Whose cancellation it is
cannot be seen: a time-out inside the coroutine, the end of a `trio.sleep` even, is told like one from outside.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

import anyio

T = TypeVar("T")


async def watch(work: Awaitable[T], on_cancelled: Callable[[], None]) -> T:
    """Await something; `on_cancelled` is called whenever a cancellation reaches it, just before."""
    return await Watched(work, on_cancelled)


class Watched(Awaitable[T]):
    """What `watch` awaits; `work` is what it drives."""

    def __init__(self, work: Awaitable[T], on_cancelled: Callable[[], None]) -> None:
        self.work = work
        self._on_cancelled = on_cancelled
        self._cancelled = anyio.get_cancelled_exc_class()

    def __await__(self) -> Generator[Any, Any, T]:  # Any: what the event loop and its primitives say to each other
        steps = self.work.__await__()
        try:
            wish = next(steps)
            while True:
                try:
                    answer = yield wish
                except BaseException as error:
                    self._look_at(error)
                    wish = steps.throw(error)
                else:
                    self._look_at(getattr(answer, "error", None))
                    wish = steps.send(answer)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            answer = None  # the cancellation in it has this frame in its traceback: a circle

    def _look_at(self, error: BaseException | None) -> None:
        if isinstance(error, self._cancelled):
            self._on_cancelled()
