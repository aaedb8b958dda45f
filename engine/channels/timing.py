"""hangup_at: the call ends at a time, whoever is there then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callflow.protocol import commands

from .answering import status_of
from .argument import within
from .ending import Ending
from .errors import CommandError
from .reason import cause_of, reason_header

if TYPE_CHECKING:
    from .channel import Channel

_LONGEST = 86400.0 * 366  # seconds


def hang_up_at(channel: Channel, _id: str, command: commands.HangupAt) -> None:
    cause = cause_of(command.cause)
    if (command.after is None) == (command.at is None):
        raise CommandError("bad_argument", "hangup_at: expected either `after` or `at`")
    after = command.after if command.after is not None else (command.at or 0.0) - channel.table.epoch()
    within("after" if command.at is None else "seconds until `at`", after, 0, _LONGEST)
    if channel.hangup_timer is not None:
        channel.hangup_timer.cancel()
        channel.hangup_timer = None
    if command.after == 0:
        return
    ending = Ending(cause, "app", status=status_of(channel, cause), headers=[reason_header(cause)])
    channel.hangup_timer = channel.table.timers.after(after, lambda: channel.end(ending))
