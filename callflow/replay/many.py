"""Saved calls made again and compared, one after another; many of them by a process on each processor."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from callflow.runtime.loader import load_script

from .replaying import Replayer, compare_with
from .saved import SavedCall

Saved: TypeAlias = tuple[Path, SavedCall]

FEW = 60  # calls that are made again before a second process has started
_BATCH = 20
_MOST = 16  # processes
_GARBAGE = 20_000  # objects before a collection: of a simulation that is over there are as many, and none before


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one call; `diff` is empty if it went the same way. `title` says who called whom."""

    path: Path
    call: str
    title: str
    diff: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        return not self.diff


def replay_all(saved: Sequence[Saved], script: Path, *, prepare: Callable[[], None]) -> Iterator[Verdict]:
    """Make all calls again, in their order. Each process does `prepare` first. Raises ScriptError."""
    load_script(script, script.stem)
    processes = min(len(os.sched_getaffinity(0)), _MOST)
    if len(saved) <= FEW or processes == 1:
        prepare()
        yield from _replay_some(script, saved)
        return
    batches = [saved[at : at + _BATCH] for at in range(0, len(saved), _BATCH)]
    pool = ProcessPoolExecutor(processes, get_context("spawn"), initializer=_begin, initargs=(prepare,))
    with pool:
        try:
            yield from chain.from_iterable(pool.map(partial(_replay_many, script), batches))
        finally:
            pool.shutdown(cancel_futures=True)


def _begin(prepare: Callable[[], None]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    gc.freeze()
    gc.set_threshold(_GARBAGE)
    prepare()


def _replay_many(script: Path, saved: Sequence[Saved]) -> list[Verdict]:
    return list(_replay_some(script, saved))


def _replay_some(script: Path, saved: Sequence[Saved]) -> Iterator[Verdict]:
    with TemporaryDirectory(prefix="callflow-replay-") as folder:
        replayer = Replayer(script, folder=Path(folder))
        for path, call in saved:
            with redirect_stdout(sys.stderr):  # what the script prints is no verdict
                replayed = replayer.replay(call)
            compared = compare_with(call, replayed, old_name=path.name, new_name=str(script))
            created = call.created
            title = f"{created.to or created.callee} from {created.caller}"
            yield Verdict(path, call.call, title, compared.diff)
