"""fifo: callers wait with music in a named queue, and who takes them out has the one who has waited longest."""

from __future__ import annotations

from collections import deque

import trio

from .headers import channel_headers
from .hub import Hub
from .stage import NONE, Stage
from .steering import Refused
from .waiting import Waiting

SUBCLASS = "fifo::info"
_USAGE = "-ERR expected: name in [announcement] [music] | name out [wait|nowait] [announcement] [music]"


class Fifo:
    """One queue."""

    def __init__(self) -> None:
        self.callers: deque[Waiting] = deque()
        self.came = trio.Event()

    def push(self, waiting: Waiting) -> None:
        self.callers.append(waiting)
        self.came.set()
        self.came = trio.Event()

    def pop(self) -> Waiting | None:
        """Who has waited longest, and does still."""
        while self.callers:
            if (waiting := self.callers.popleft()).is_there:
                return waiting
        return None


async def fifo(stage: Stage, data: str) -> str:
    words = data.split()
    if len(words) < 2 or words[1] not in ("in", "out"):
        return _USAGE
    name = words[0].partition("!")[0]  # without its importance
    queue = stage.hub.fifos.setdefault(name, Fifo())
    if words[1] == "in":
        music = words[3] if len(words) > 3 else stage.leg.variables.get("fifo_music", "")
        await _wait(stage, name, queue, music)
    else:
        await _serve(stage, name, queue, waits="nowait" not in words[2:3])
    return NONE


async def _wait(stage: Stage, name: str, queue: Fifo, music: str) -> None:
    waiting = Waiting(stage.leg)
    queue.push(waiting)
    _tell(stage.hub, name, "push", waiting)
    try:
        await waiting.wait(stage, music)
    finally:
        if waiting in queue.callers:
            queue.callers.remove(waiting)
            _tell(stage.hub, name, "abort", waiting)
        _forget(stage.hub, name, queue)


async def _serve(stage: Stage, name: str, queue: Fifo, *, waits: bool) -> None:
    """One caller after another, as long as the leg is there; without waiting: one, if one is there."""
    stage.execution.under_way.set()
    while not stage.leg.hangup_at:
        waiting = queue.pop()
        if waiting is None:
            if not waits:
                return
            await queue.came.wait()
            continue
        _tell(stage.hub, name, "caller_pop", waiting)
        try:
            await waiting.connect(stage)
        except Refused as refused:
            if refused.code != "not_found":  # it hung up just now
                raise
            continue
        if not waits:
            return


def _forget(hub: Hub, name: str, queue: Fifo) -> None:
    if not queue.callers and hub.fifos.get(name) is queue:
        del hub.fifos[name]


def _tell(hub: Hub, name: str, action: str, waiting: Waiting) -> None:
    if hub.wants("CUSTOM", SUBCLASS):
        own = {"FIFO-Name": name, "FIFO-Action": action, "FIFO-Caller-UUID": waiting.leg.id}
        hub.announce("CUSTOM", own | channel_headers("CUSTOM", waiting.leg, hub.find), subclass=SUBCLASS)
