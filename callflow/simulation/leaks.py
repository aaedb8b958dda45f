"""What is left over: everything that no live call accounts for, by name."""

from __future__ import annotations

from collections.abc import Iterator

from engine.switch import Switch


def find_leaks(switch: Switch, *, is_settled: bool) -> Iterator[str]:
    """A line for each kind of thing that is too many.

    Transactions outlive their calls for a while (RFC 3261 §17): they count only when `is_settled`.
    """
    table, sip = switch.table.counts(), switch.stack.counts
    yield from _excess("media session", switch.media.open_sessions, table.channels)
    yield from _excess("invite", table.invites, table.channels)
    yield from _excess("bridge", table.bridges, table.channels // 2)
    if table.channels:
        return
    for name, count in (("timer", table.timers), ("task", table.tasks), ("leg id", table.claimed_ids)):
        yield from _excess(f"channel {name}", count, 0)
    for session in switch.sessions.all():
        yield from _excess(f"channel that session {session.id} owns", len(session.owned), 0)
    if is_settled:
        for name, count in sip._asdict().items():
            yield from _excess(f"SIP {name.removesuffix('s')}", count, 0)


def _excess(name: str, count: int, expected: int) -> Iterator[str]:
    if count > expected:
        yield f"{count - expected} {name}{'s' if count - expected > 1 else ''} of no call"
