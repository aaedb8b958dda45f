"""From which lines of a script a command came: the task that waits for it is found, and its coroutines looked at."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import trio

import callflow
from callflow.cancellation import Watched
from callflow.pending import Pending

_OURS = Path(callflow.__file__).parent


def lines_of(command: str, folder: Path) -> tuple[str, ...]:
    """`FILE:LINE`, outermost first, of the files in the folder; of the task that waits for the command."""
    for task in _tasks(trio.lowlevel.current_root_task()):
        frames = list(_frames(task.coro))
        if any(_waits_for(frame, command) for frame in frames):
            return tuple(_place(frame, folder) for frame in frames if _is_of_script(frame, folder))
    return ()


def _tasks(task: trio.lowlevel.Task | None) -> Iterator[trio.lowlevel.Task]:
    if task is not None:
        yield task
        for nursery in task.child_nurseries:
            for child in nursery.child_tasks:
                yield from _tasks(child)


def _frames(awaited: Any) -> Iterator[FrameType]:  # noqa: ANN401 - coroutines, generators, and what wraps them
    """What a coroutine waits in, from the outside in; see `trio.lowlevel.Task.iter_await_frames`."""
    while awaited is not None:
        if (frame := getattr(awaited, "cr_frame", None)) is not None:
            yield frame
            awaited = awaited.cr_await
        elif (frame := getattr(awaited, "gi_frame", None)) is not None:
            yield frame
            watched = frame.f_locals.get("self")
            awaited = watched.work if isinstance(watched, Watched) else awaited.gi_yieldfrom
        else:  # of an async generator there is only something that refers to it
            generator = next((each for each in gc.get_referents(awaited) if hasattr(each, "ag_frame")), None)
            if generator is None or generator.ag_frame is None:
                return
            yield generator.ag_frame
            awaited = generator.ag_await


def _waits_for(frame: FrameType, command: str) -> bool:
    is_ours = Path(frame.f_code.co_filename).is_relative_to(_OURS)
    return is_ours and any(isinstance(value, Pending) and value.id == command for value in frame.f_locals.values())


def _is_of_script(frame: FrameType, folder: Path) -> bool:
    return Path(frame.f_code.co_filename).is_relative_to(folder)


def _place(frame: FrameType, folder: Path) -> str:
    return f"{Path(frame.f_code.co_filename).relative_to(folder)}:{frame.f_lineno}"
