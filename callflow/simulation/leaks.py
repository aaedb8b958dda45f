"""What is left over: everything that no live call accounts for, by name."""

from __future__ import annotations

from collections.abc import Iterator

import trio

from engine.switch import Switch

from .phone import SimulatedPhone
from .trunk import SimulatedTrunk

PHONE_TASK = "simulated phone"  # how the tasks of phones are named: phones come and go, and are not the engine's


def find_leaks(switch: Switch) -> Iterator[str]:
    """What the engine holds too many of, with calls up or not, at any time.

    Transactions outlive their calls for a while (RFC 3261 §17), and `finally` blocks theirs: see `find_remains`.
    """
    table = switch.table.counts()
    yield from _excess("media session", switch.media.open_sessions, table.channels)
    yield from _excess("invite", table.invites, table.channels)
    yield from _excess("bridge", table.bridges, table.channels // 2)
    yield from _excess("conference", table.conferences, max(table.channels, 1))
    yield from _excess("media room", switch.media.open_rooms, table.conferences + table.bridges)
    if table.channels == 0 and table.conferences == 0:  # the last recording of one may be on its way
        yield from _excess("channel timer", table.timers, 0)
        yield from _excess("channel task", table.tasks, 0)
        yield from _excess("promised leg", table.claimed_ids, 0)
        yield from _excess("owned channel", sum(len(session.owned) for session in switch.sessions.all()), 0)


def find_remains(switch: Switch, *, tasks: int) -> Iterator[str]:
    """What the engine holds when no call has been up for a minute, and ran `tasks` tasks before the first."""
    yield from find_leaks(switch)
    yield from _excess("channel", switch.table.counts().channels, 0)
    yield from _excess("conference", switch.table.counts().conferences, 0)
    for name, count in switch.stack.counts._asdict().items():
        yield from _excess(f"SIP {name.removesuffix('s')}", count, 0)
    yield from _excess("task", count_tasks(), tasks)


def find_phone_remains(phone: SimulatedPhone | SimulatedTrunk) -> Iterator[str]:
    """What a phone holds that hung up a minute ago: if the engine forgot something, the phone may know."""
    yield from _excess(f"media session of {phone.name}'s phone", phone.media.open_sessions, 0)
    for name, count in phone.endpoint.stack.counts._asdict().items():
        yield from _excess(f"SIP {name.removesuffix('s')} of {phone.name}'s phone", count, 0)


def count_tasks() -> int:
    """How many tasks there are, without those of phones."""
    root = trio.lowlevel.current_root_task()
    return _count_below(root) if root is not None else 0


def _count_below(task: trio.lowlevel.Task) -> int:
    if task.name.startswith(PHONE_TASK):
        return 0
    return 1 + sum(_count_below(child) for nursery in task.child_nurseries for child in nursery.child_tasks)


def _excess(name: str, count: int, expected: int) -> Iterator[str]:
    if count > expected:
        yield f"{count - expected} {name}{'s' if count - expected > 1 else ''}"
