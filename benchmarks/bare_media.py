"""Media of phones that only send and count: `bare_phones.rs` in a process of its own, behind our own SIP.

Our media engine as a load would be as busy as the one that is measured; this sends and checks the same packets, and
does nothing else.
"""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import trio

from engine.media.session import MediaEngine, MediaEvent, PortsExhausted, Source, Statistics, Stream

from .bench import Bench
from .process import on_core

_SOURCE = Path(__file__).with_name("bare_phones.rs")


@dataclass(frozen=True, slots=True)
class Figures:
    """What all phones together have received so far."""

    at: float  # seconds since they started
    packets: int
    lost: int
    delayed: int
    jitter_ms: float  # of the worst stream


class BareMedia:
    """A media engine for phones whose calls are answered, speak or listen, and end. Nothing else."""

    def __init__(self, process: subprocess.Popen[str], ports: Sequence[int]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._commands, self._answers = process.stdin, process.stdout
        self._free = list(enumerate(ports))
        self.pid = process.pid

    def as_engine(self) -> MediaEngine:
        """For a phone, which asks no more of it than there is."""
        return cast("MediaEngine", self)

    def open(self, on_event: Callable[[MediaEvent], None]) -> BareSession:
        """A leg. Raises PortsExhausted."""
        if not self._free:
            raise PortsExhausted("every leg of the load is in use")
        index, port = self._free.pop()
        return BareSession(self, index, port)

    def tell(self, command: str) -> None:
        """One command for the process."""
        self._commands.write(command + "\n")
        self._commands.flush()

    def figures(self) -> Figures:
        """What was received until now."""
        self.tell("figures")
        at_us, packets, lost, delayed, jitter_us = map(int, self._answers.readline().split())
        return Figures(at_us / 1e6, packets, lost, delayed, jitter_us / 1e3)

    def give_back(self, index: int, port: int) -> None:
        """A leg that is free again."""
        self._free.append((index, port))


class BareSession:
    """A leg of it, as far as a phone asks."""

    def __init__(self, media: BareMedia, index: int, port: int) -> None:
        self._media, self._index, self._port = media, index, port
        self._is_open = True

    @property
    def local(self) -> tuple[str, int]:
        """What stands in the SDP."""
        return "127.0.0.1", self._port

    def update(self, stream: Stream) -> None:
        """Send there from now on."""
        if self._is_open and stream.remote is not None:
            self._media.tell(f"to {self._index} {stream.remote[1]} {stream.payload_type}")

    def play(self, playback: str, sources: Sequence[Source], *, repeat: int = 1) -> None:
        """Speak, whatever: for ever."""
        if self._is_open:
            self._media.tell(f"say {self._index}")

    def watch_audio(self, *, is_on: bool) -> None:
        """It reports nothing."""

    def statistics(self) -> Statistics:
        """They are not kept by the leg: see `BareMedia.figures`."""
        return Statistics()

    def close(self) -> None:
        """Send nothing more."""
        if self._is_open:
            self._is_open = False
            self._media.tell(f"end {self._index}")
            self._media.give_back(self._index, self._port)


@asynccontextmanager
async def running_media(bench: Bench, *, legs: int) -> AsyncIterator[BareMedia]:
    """So many legs, ready, on the core of the load."""
    program = bench.folder / "bare_phones"
    if not program.exists():
        await trio.run_process(["rustc", "-O", "--edition", "2021", str(_SOURCE), "-o", str(program)])
    command = on_core(bench.cores.load, [str(program), str(legs)])
    with _started(command) as process:
        ports = [int(port) for port in cast("IO[str]", process.stdout).readline().split()]
        yield BareMedia(process, ports)


@contextmanager
def _started(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """Its commands and answers are a line each: they are written and read without waiting for anything else."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
