"""sched_hangup, sched_transfer, sched_broadcast, sched_api and sched_del: by api, and as applications of a channel."""

from __future__ import annotations

from collections.abc import Callable

from callflow.protocol.commands import Hangup

from . import transferring
from .asked import OK, Asked
from .hub import Hub
from .leg import Leg
from .performing import run
from .schedule import When, Work, read_when
from .stage import NONE, Stage
from .steering import Refused
from .tending import NO_CHANNEL
from .vocabulary import q850, read_cause

_TOO_MANY = "-ERR too many tasks\n"
_LEGS = ("aleg", "bleg", "both")


async def api_hangup(asking: Asked, arguments: str) -> str:
    leg, when, cause = _of_channel(asking, arguments)
    return _answer(hang_up(asking.hub, leg, when, cause)) if leg is not None and when is not None else NO_CHANNEL


async def api_transfer(asking: Asked, arguments: str) -> str:
    leg, when, where = _of_channel(asking, arguments)
    if leg is None or when is None or not where:
        return NO_CHANNEL
    return _answer(_transfer(asking.hub, leg, when, where))


async def api_broadcast(asking: Asked, arguments: str) -> str:
    leg, when, path = _of_channel(asking, arguments)
    if leg is not None and when is not None and path and not _broadcast(asking.hub, leg, when, path):
        return _TOO_MANY
    return "+OK Message scheduled\n"  # whatever channel it was


async def api_delete(asking: Asked, arguments: str) -> str:
    if not arguments:
        return "-USAGE: <task_id>|<group_id>\n"
    return f"+OK Deleted: {asking.hub.schedule.drop(arguments)}\n"


async def hangup(stage: Stage, data: str) -> str:
    when, cause = _when_and(stage.hub, data)
    if when is not None:
        hang_up(stage.hub, stage.leg, when, cause)
    return NONE


async def transfer(stage: Stage, data: str) -> str:
    when, where = _when_and(stage.hub, data)
    if when is not None and where:
        _transfer(stage.hub, stage.leg, when, where)
    return NONE


async def broadcast(stage: Stage, data: str) -> str:
    when, path = _when_and(stage.hub, data)
    if when is not None and path:
        _broadcast(stage.hub, stage.leg, when, path)
    return NONE


def broadcast_now(hub: Hub, leg: Leg, what: str) -> None:
    """`PATH` or `APPLICATION::DATA`, then aleg, bleg or both: on the channel, on the other, or on both."""
    words = what.split()
    which = words[-1] if words[-1] in (*_LEGS, "holdb") and len(words) > 1 else "aleg"
    what = what.removesuffix(which).strip() if what.endswith(which) else what
    application, double, data = what.partition("::")
    other = hub.find(leg.other) if leg.other is not None else None
    for each in (leg if which != "bleg" else None, other if which in ("bleg", "both") else None):
        if each is not None:
            run(hub, each, application if double else "playback", data if double else what)


def hang_up(hub: Hub, leg: Leg, when: When, cause: str) -> bool:
    """False: too much is to be done already."""

    async def work() -> None:
        leg.cause = read_cause(cause or "ALLOTTED_TIMEOUT")
        await hub.steering.command(leg.id, Hangup(cause=q850(leg.cause)))

    return _add(hub, leg, when, "sched_hangup", work)


def _transfer(hub: Hub, leg: Leg, when: When, where: str) -> bool:
    async def work() -> None:
        await transferring.send(hub, leg, where)

    return _add(hub, leg, when, "sched_transfer", work)


def _broadcast(hub: Hub, leg: Leg, when: When, what: str) -> bool:
    async def work() -> None:
        broadcast_now(hub, leg, what)

    return _add(hub, leg, when, "sched_broadcast", work)


def _add(hub: Hub, leg: Leg, when: When, about: str, work: Work) -> bool:
    async def quietly() -> None:
        try:
            if not leg.hangup_at:
                await work()
        except Refused:  # it has ended, or is another's
            return

    return hub.schedule.add(when, leg.id, about, quietly) is not None


def _answer(is_added: bool) -> str:
    return OK if is_added else _TOO_MANY


def _when_and(hub: Hub, data: str) -> tuple[When | None, str]:
    when, _, rest = data.strip().partition(" ")
    return read_when(when, hub.epoch()), rest.strip()


def _of_channel(asking: Asked, arguments: str) -> tuple[Leg | None, When | None, str]:
    """`TIME CHANNEL ...`."""
    when, rest = _when_and(asking.hub, arguments)
    id, _, rest = rest.partition(" ")
    leg = asking.hub.find(id)
    return (leg if leg is not None and not leg.hangup_at else None), when, rest.strip()


def add_api(asking: Asked, arguments: str, ask: Callable[[str], Work]) -> str:
    """sched_api: `TIME GROUP COMMAND ...`; `ask` makes of a command what has it asked."""
    words = arguments.split(maxsplit=2)
    when = read_when(words[0], asking.hub.epoch()) if words else None
    if when is None or len(words) < 3:
        return "-USAGE: [+@]<time> <group_name> <command_string>[&]\n"
    task = asking.hub.schedule.add(when, words[1], "sched_api", ask(words[2].rstrip("&")))
    return f"+OK Added: {task.id}\n" if task is not None else _TOO_MANY
