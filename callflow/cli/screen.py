"""Lines on their way to the terminal: whoever has one to tell does not wait for it to be shown."""

from __future__ import annotations

from collections import deque

import trio

from .output import stdout

MAX_LINES = 5000  # that wait; while the terminal takes none, the newest are left out and counted


class Screen:
    """`run` it; `flush` it when that has ended. Lines are rich markup."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque()
        self._left_out = 0
        self._arrived = trio.Event()
        self._console = stdout()

    def put(self, *lines: str) -> None:
        """Show these next."""
        for line in lines:
            if len(self._lines) < MAX_LINES:
                self._lines.append(line)
            else:
                self._left_out += 1
        self._arrived.set()

    async def run(self) -> None:
        """Show what comes, until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived = trio.Event()
            # A terminal may stand still for as long as somebody reads it.
            await trio.to_thread.run_sync(self._show, self._take(), abandon_on_cancel=True)

    def flush(self) -> None:
        """Show what is left."""
        self._show(self._take())

    def _take(self) -> list[str]:
        lines = list(self._lines)
        self._lines.clear()
        if self._left_out:
            lines.append(f"[dim]... {self._left_out} lines left out[/]")
            self._left_out = 0
        return lines

    def _show(self, lines: list[str]) -> None:
        try:
            for line in lines:
                self._console.print(line)
            self._console.file.flush()
        except (OSError, ValueError):  # nobody reads it any more; calls go on all the same
            return
