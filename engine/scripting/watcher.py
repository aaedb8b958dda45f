"""A script's folder, watched: saving a file is enough to reload."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import structlog
import trio
from watchfiles import Change, awatch

STEP_MS = 50  # a change is told when nothing more has changed for so long: editors and `git pull` write several files
LONGEST_MS = 1000  # and at the latest so long after the first

# Nothing else reloads: the engine's own output may go to a file there, and would have it reload for ever.
SUFFIXES = frozenset({
    ".py", ".lua", ".wav", ".mp3", ".ogg", ".opus", ".flac", ".json", ".toml", ".yaml", ".yml", ".ini", ".cfg", ".xml",
})  # fmt: skip

logger = structlog.get_logger("engine.scripting")


async def watch_folder(
    folder: Path, is_skipped: Callable[[Path], bool], changed: Callable[[Path, float | None], None]
) -> None:
    """Call `changed` when scripts, prompts or tables in the folder have changed; until cancelled.

    It is given the folder, and when the last of them was written, in seconds since the epoch, if it is there.

    A folder that cannot be watched is logged: there is still `callflow reload`.
    """

    def is_wanted(change: Change, path: str) -> bool:
        at = Path(path)
        return at.suffix in SUFFIXES and not any(
            is_skipped(part) for part in (at, *at.parents) if part != folder and part.is_relative_to(folder)
        )

    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_set_when_cancelled, stop)
        try:
            async for changes in awatch(
                folder, watch_filter=is_wanted, debounce=LONGEST_MS, step=STEP_MS, stop_event=stop, recursive=True
            ):
                changed(folder, _written_at(changes))
        except OSError as error:
            logger.warning("cannot watch for changes", folder=str(folder), error=str(error))
        nursery.cancel_scope.cancel()


def _written_at(changes: Iterable[tuple[Change, str]]) -> float | None:
    """A file that was moved here keeps the time at which it was written; its inode tells when it was moved."""
    times = []
    for _, path in changes:
        with suppress(OSError):
            times.append(Path(path).stat().st_ctime)
    return max(times, default=None)


async def _set_when_cancelled(stop: trio.Event) -> None:
    """The watcher's thread looks at the event; a cancellation alone would wait for the thread."""
    try:
        await trio.sleep_forever()
    finally:
        stop.set()
