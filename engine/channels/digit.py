"""send_digits: keys to the peer by RFC 4733, one command after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callflow.protocol import commands
from callflow.protocol.events import DigitsSent
from callflow.protocol.outcomes import Sent
from engine.media import session as media

from .argument import digits_only, within
from .errors import CommandError
from .verb import Why

if TYPE_CHECKING:
    from .channel import Channel


def send_digits(channel: Channel, command_id: str, command: commands.SendDigits) -> None:
    digits_only("digits", command.digits, channel.table.limits.digits_sent)
    if not command.digits:
        raise CommandError("bad_argument", "expected at least one digit to send")
    within("duration_ms", command.duration_ms, 40, 8000)
    within("gap_ms", command.gap_ms, 20, 8000)
    channel.open_audio("send_digits")
    sending = Sending(channel, command_id, command)
    is_first = not any(isinstance(verb, Sending) for verb in channel.running)
    channel.run(sending)
    if is_first:
        sending.begin()


class Sending:
    """A send_digits that runs, or waits for an earlier one to end."""

    __slots__ = ("_channel", "_command", "_name", "command_id")

    def __init__(self, channel: Channel, command_id: str, command: commands.SendDigits) -> None:
        self.command_id = command_id
        self._channel = channel
        self._command = command
        self._name: str | None = None

    def begin(self) -> None:
        self._name = self._channel.name_for(self)
        command = self._command
        self._channel.media.send_digits(
            self._name, command.digits, duration_ms=command.duration_ms, gap_ms=command.gap_ms
        )

    def press(self, digit: str) -> bool:
        return False

    def receive(self, event: media.MediaEvent) -> None:
        if isinstance(event, media.DigitsSent):
            self._finish(Sent(event.digits, event.reason))

    def stop(self, why: Why) -> None:
        if self._name is not None:
            self._channel.media.stop(self._name)
        else:
            self._finish(Sent("", "stopped"))

    def give_up(self) -> None:
        self._finish(Sent("", "stopped"))

    def _finish(self, outcome: Sent) -> None:
        self._channel.finish(self, DigitsSent(command=self.command_id, outcome=outcome))
        waiting = [verb for verb in self._channel.running if isinstance(verb, Sending)]
        if waiting and waiting[0]._name is None and self._channel.is_alive:
            waiting[0].begin()
