"""How a call begins and ends: answering, ringing, early media, refusing, hanging up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import anyio

from callflow.errors import CallEnded
from callflow.protocol.commands import Answer, Command, Hangup, HangupAt, Progress, Redirect, Reject, Ring
from callflow.protocol.events import ChannelEnded

if TYPE_CHECKING:
    from callflow.call import Call

_HANGUP_TIMEOUT = 5.0  # how long the end of a call that we hang up may take to arrive


async def answer(call: Call, *, headers: Mapping[str, str] | None = None, deadline: float | None = None) -> None:
    """Answer the call. If it is answered already, that is fine."""
    await call._leg.ask(Answer(headers=dict(headers or {})), deadline=deadline)
    call.is_answered = True


async def ring(call: Call, *, headers: Mapping[str, str] | None = None, deadline: float | None = None) -> None:
    """Let the caller's phone say that it rings here."""
    await call._leg.ask(Ring(headers=dict(headers or {})), deadline=deadline)


async def progress(call: Call, *, headers: Mapping[str, str] | None = None, deadline: float | None = None) -> None:
    """Open early media: the caller hears what is played, before the call is answered and charged."""
    await call._leg.ask(Progress(headers=dict(headers or {})), deadline=deadline)


async def reject(
    call: Call,
    reason: str | int = "declined",
    *,
    headers: Mapping[str, str] | None = None,
    deadline: float | None = None,
) -> None:
    """Refuse an unanswered call: `busy`, `declined`, `not_found`, `unavailable`, a Q.850 name, or a SIP status."""
    await _end(call, Reject(reason=reason, headers=dict(headers or {})), deadline)


async def hangup(
    call: Call,
    cause: str | int = "normal_clearing",
    *,
    headers: Mapping[str, str] | None = None,
    deadline: float | None = None,
) -> None:
    """End the call. If it has ended already, that is fine."""
    if not call.is_over:
        await _end(call, Hangup(cause=cause, headers=dict(headers or {})), deadline)


async def redirect(
    call: Call, *targets: str, headers: Mapping[str, str] | None = None, deadline: float | None = None
) -> None:
    """Send an unanswered caller elsewhere (302): to users of ours by name, or SIP URIs, the most wanted first."""
    await _end(call, Redirect(targets=targets, headers=dict(headers or {})), deadline)


async def hangup_at(
    call: Call,
    *,
    after: float | None = None,
    at: float | None = None,
    cause: str | int = "normal_clearing",
    deadline: float | None = None,
) -> None:
    """Have the engine end the call `after` seconds, or `at` a time (seconds since the epoch); `after` 0 takes it back.

    The engine keeps the time: it holds even if this app is gone by then.
    """
    await call._leg.ask(HangupAt(after=after, at=at, cause=cause), deadline=deadline)


async def wait_hangup(call: Call) -> ChannelEnded:
    """Wait for the end, and say how it came. Raises Disconnected when the engine was lost."""
    await call._leg.wait_gone()
    if call._leg.ended is None:
        raise call._leg.error or CallEnded("the call has ended", channel=call.id)
    return call._leg.ended


async def _end(call: Call, command: Command, deadline: float | None) -> None:
    # Shielded: the script that hangs up is not cancelled by the hang-up it asked for, but goes on in its window. The
    # end may come before the reply, as it happens before the command is done.
    leg = call._leg
    leg.check(command)
    with anyio.move_on_after(_HANGUP_TIMEOUT if deadline is None else deadline, shield=True):
        await leg.link.request(command, channel=leg.id)
        await leg.wait_gone()
        return
    if deadline is not None:
        raise leg.too_late(command, deadline)
