"""The worker's sign of life: a byte in a FIFO each time that its event loop comes round. The engine looks for it.

The same FIFO gets the traceback of all threads when the engine sends SIGUSR2, of which the worker then dies: so that it
can be told where a loop was stuck. That works although no Python runs any more (faulthandler).

What the engine wants comes in the environment, as `CALLFLOW_WORKER_LIMITS=SECONDS:OCTETS:FIFO`.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

import anyio

LIMITS_VARIABLE = "CALLFLOW_WORKER_LIMITS"
TELL = signal.SIGUSR2  # where you are, and end
_HEADROOM = 1 << 30  # octets beyond the limit, at least: threads' stacks count here, too
_FIRST_TO_GO = "500"  # when the machine has no memory left: before the engine


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a worker does for whoever watches it."""

    fifo: int
    every: float  # seconds
    memory: int  # octets, 0: no limit

    @classmethod
    def open(cls, wanted: str) -> Heartbeat:
        """As the engine wants it. Raises OSError when the engine is gone."""
        every, memory, path = wanted.split(":", 2)
        return cls(os.open(path, os.O_WRONLY | os.O_NONBLOCK), float(every), int(memory))

    def prepare(self) -> None:
        """Before the script is imported."""
        faulthandler.register(TELL, file=self.fifo, all_threads=True, chain=True)
        with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write(_FIRST_TO_GO)
        if self.memory:
            # The engine sees what grows. This is for the one allocation that would take all there is: MemoryError.
            most = self.memory + max(self.memory, _HEADROOM)
            with suppress(OSError, ValueError):
                resource.setrlimit(resource.RLIMIT_DATA, (most, most))

    async def run(self) -> NoReturn:
        """Beat, for as long as the loop runs."""
        while True:
            with suppress(OSError):  # full: the engine sleeps; broken: it is gone, which the socket tells, too
                os.write(self.fifo, b".")
            await anyio.sleep(self.every)
