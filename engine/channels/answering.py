"""answer, ring, progress, reject, hangup, cancel: the commands whose reply is all there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callflow.protocol import commands
from callflow.protocol.causes import status_of_cause

from .argument import headers_of
from .ending import Ending
from .ports import Headers
from .reason import cause_of, reason_header, rejection_of
from .state import State

if TYPE_CHECKING:
    from .channel import Channel

PROXY_AUTHENTICATION_REQUIRED = 407


def answer(channel: Channel, _id: str, command: commands.Answer) -> None:
    headers = headers_of(command.headers, channel.table.limits.headers)
    if channel.state is not State.ANSWERED:
        channel.expect_inbound("answer")
        channel.answer(headers)


def ring(channel: Channel, _id: str, command: commands.Ring) -> None:
    headers = headers_of(command.headers, channel.table.limits.headers)
    channel.expect_inbound("ring")
    channel.ring(headers)


def progress(channel: Channel, _id: str, command: commands.Progress) -> None:
    headers = headers_of(command.headers, channel.table.limits.headers)
    channel.expect_inbound("progress")
    channel.progress(headers)


def reject(channel: Channel, _id: str, command: commands.Reject) -> None:
    status, cause = rejection_of(command.reason)
    headers = headers_of(command.headers, channel.table.limits.headers)
    channel.expect_inbound("reject")
    if status == PROXY_AUTHENTICATION_REQUIRED:  # RFC 3261 21.4.8: it is of no use without a challenge
        request = channel.signalling.invite.request
        headers = [*headers, *(channel.table.router.challenge(request) if request is not None else ())]
    channel.end(Ending(cause, "app", status=status, headers=headers))


def hang_up(channel: Channel, _id: str, command: commands.Hangup) -> None:
    cause = cause_of(command.cause)
    headers = headers_of(command.headers, channel.table.limits.headers)
    channel.end(Ending(cause, "app", status=status_of(channel, cause), headers=_with_reason(headers, cause)))


def cancel(channel: Channel, _id: str, command: commands.Cancel) -> None:
    channel.stop_command(command.command)


def status_of(channel: Channel, cause: int) -> int:
    """What an unanswered call ends with: our refusal of the caller, or 487 of the callee after our CANCEL."""
    return status_of_cause(cause) if channel.is_inbound else 487


def _with_reason(headers: Headers, cause: int) -> Headers:
    if any(name.lower() == "reason" for name, _ in headers):
        return headers
    return [*headers, reason_header(cause)]
