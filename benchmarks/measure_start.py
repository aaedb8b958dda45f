"""How long it takes from starting an engine to the first call that its app has answered."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from tempfile import mkdtemp

import trio

from .bench import Bench
from .engine import free_port, pin_worker, started_process
from .figure import Figure, milliseconds
from .load_media import Phones, running_phones
from .script import ANSWER

KNOCK_EVERY = 0.002  # seconds
WITHIN = 15.0


async def measure(bench: Bench) -> list[Figure]:
    """Start engines, one after another."""
    bench.say(f"{bench.sizes.starts} starts")
    async with running_phones(bench, legs=2 + bench.sizes.starts) as phones:
        await _start(bench, phones)  # compiles what is not, as an installer does
        taken = [await _start(bench, phones) for _ in range(bench.sizes.starts)]
    return [
        Figure(
            name="start to first answer", unit="s", values=tuple(answered for _, answered in taken),
            how="from starting the engine's process to the answer that a caller gets from the script, who calls as "
            "soon as the SIP port is open. Its modules are compiled, as installed ones are.",
            beside={"SIP port open after": milliseconds(sorted(opened for opened, _ in taken)[len(taken) // 2])},
        )
    ]  # fmt: skip


async def _start(bench: Bench, phones: Phones) -> tuple[float, float]:
    """Seconds until the port was open, and until a call was answered."""
    folder = Path(mkdtemp(prefix="engine-", dir=bench.folder))
    server = ("127.0.0.1", free_port())
    started_at = time.perf_counter()
    with trio.fail_after(WITHIN):
        async with started_process(bench, folder, "worker", port=server[1]) as process, trio.open_nursery() as nursery:
            nursery.start_soon(_keep_worker_away, bench, process.pid)
            await _knock(server)
            opened = time.perf_counter() - started_at
            calls = await phones.call(server, ANSWER, count=1, rate=1000)
            answered = time.perf_counter() - started_at
            await phones.hang_up(calls)
            nursery.cancel_scope.cancel()
    return opened, answered


async def _knock(server: tuple[str, int]) -> None:
    """Wait until a UDP port is open: until then the kernel refuses what is sent there. An empty line is no SIP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as knocker:
        knocker.connect(server)
        knocker.setblocking(False)
        while True:
            try:
                knocker.send(b"\r\n\r\n")
                await trio.sleep(KNOCK_EVERY)
                knocker.recv(100)
                return
            except ConnectionRefusedError:
                continue
            except BlockingIOError:
                return


async def _keep_worker_away(bench: Bench, pid: int) -> None:
    """Let the worker start on the other core."""
    while pin_worker(bench, pid) is None:  # noqa: ASYNC110 - another process
        await trio.sleep(KNOCK_EVERY)
