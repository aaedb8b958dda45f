"""The helper's process, as the engine sees it: asked one thing at a time, and gone when it fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import trio

from .text import Spoken

COMMAND = (sys.executable, "-m", "engine.speech.helper")

_LONGEST_ANSWER = 65536  # octets


class HelperLost(Exception):
    """The process has ended, or answers nonsense."""


class _Answer(msgspec.Struct):
    """None: the recording is there."""

    error: str | None


class Helper:
    """A process that runs. `open_helper` makes one; whoever has it closes it."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._unread = b""

    @property
    def pid(self) -> int:
        return self._process.pid

    async def speak(self, spoken: Spoken, path: Path) -> str | None:
        """Have a text recorded; None, or what is wrong with it. Raises HelperLost."""
        request = {"text": spoken.text, "voice": spoken.voice, "path": str(path)}
        assert self._process.stdin is not None
        try:
            await self._process.stdin.send_all(msgspec.json.encode(request) + b"\n")
            return msgspec.json.decode(await self._line(), type=_Answer).error
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise HelperLost(await self._how_it_ended()) from error
        except msgspec.MsgspecError as error:
            raise HelperLost(f"it answered nonsense: {error}") from error

    async def close(self) -> None:
        """End it, whatever it does."""
        with trio.CancelScope(shield=True):
            self._process.kill()
            await self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                await pipe.aclose()

    async def _line(self) -> bytes:
        assert self._process.stdout is not None
        while b"\n" not in self._unread:
            octets = await self._process.stdout.receive_some()
            if not octets:
                raise HelperLost(await self._how_it_ended())
            self._unread += octets
            if len(self._unread) > _LONGEST_ANSWER:
                raise HelperLost(f"it answered more than {_LONGEST_ANSWER} octets")
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    async def _how_it_ended(self) -> str:
        status = await self._process.wait()
        return f"it ended by signal {-status}" if status < 0 else f"it ended with status {status}"


async def open_helper(command: Sequence[str] = COMMAND) -> Helper:
    """Start one. Raises OSError."""
    return Helper(await trio.lowlevel.open_process(list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE))
