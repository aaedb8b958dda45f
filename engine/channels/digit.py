"""send_digits: keys to the peer by RTP or by INFO, one command after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callflow.protocol import commands
from callflow.protocol.events import DigitsSent
from callflow.protocol.outcomes import Sent
from engine.media import session as media
from engine.sip.info import RELAY, KeyInfo

from .argument import digits_only, within
from .errors import CommandError
from .keys import Way
from .state import State
from .verb import Why

_PRESSED_MS = 100

if TYPE_CHECKING:
    from typing import Literal

    from engine.sip.events import ResponseReceived

    from .channel import Channel
    from .timer import Timer


def send_digits(channel: Channel, command_id: str, command: commands.SendDigits) -> None:
    digits_only("digits", command.digits, channel.table.limits.digits_sent)
    if not command.digits:
        raise CommandError("bad_argument", "expected at least one digit to send")
    within("duration_ms", command.duration_ms, 40, 8000)
    within("gap_ms", command.gap_ms, 20, 8000)
    if command.via == "info" and channel.state is not State.ANSWERED:
        raise CommandError("wrong_state", f"INFO: expected an answered call, came one that is {channel.state.value}")
    channel.open_audio("send_digits")
    kind = Informing if command.via == "info" else Sending
    sending = kind(channel, command_id, command)
    is_first = not any(isinstance(verb, Sending | Informing) for verb in channel.running)
    channel.run(sending)
    if is_first:
        sending.begin()


def press(channel: Channel, _id: str, command: commands.Press) -> None:
    """Keys that nobody sent, one after another: told, used or kept as if they had come by INFO."""
    digits_only("digits", command.digits, channel.table.limits.digits_sent)
    for digit in command.digits.upper():
        if channel.is_alive and channel.keys.start(digit, Way.NONE):
            channel.keys.end(digit, _PRESSED_MS, Way.NONE)


class Sending:
    """A send_digits by RTP that runs, or waits for an earlier one to end."""

    __slots__ = ("_channel", "_command", "_name", "command_id")

    def __init__(self, channel: Channel, command_id: str, command: commands.SendDigits) -> None:
        self.command_id = command_id
        self._channel = channel
        self._command = command
        self._name: str | None = None

    @property
    def has_begun(self) -> bool:
        return self._name is not None

    def begin(self) -> None:
        self._name = self._channel.name_for(self)
        command = self._command
        self._channel.media.send_digits(
            self._name,
            command.digits,
            duration_ms=command.duration_ms,
            gap_ms=command.gap_ms,
            is_inband=None if command.via is None else command.via == "inband",
        )

    def press(self, digit: str) -> bool:
        return False

    def receive(self, event: media.MediaEvent) -> None:
        if isinstance(event, media.DigitsSent):
            _finish(self._channel, self, Sent(event.digits, event.reason))

    def stop(self, why: Why) -> None:
        if self._name is not None:
            self._channel.media.stop(self._name)
        else:
            self.give_up()

    def give_up(self) -> None:
        _finish(self._channel, self, Sent("", "stopped"))


class Informing:
    """A send_digits by INFO: each key waits for the answer to the one before, and then for its time; a Respondent."""

    __slots__ = ("_channel", "_command", "_count", "_timer", "command_id", "has_begun")

    def __init__(self, channel: Channel, command_id: str, command: commands.SendDigits) -> None:
        self.command_id = command_id
        self.has_begun = False
        self._channel = channel
        self._command = command
        self._count = 0  # keys that the peer has taken
        self._timer: Timer | None = None

    def begin(self) -> None:
        self.has_begun = True
        self._send()

    def receive_response(self, event: ResponseReceived) -> None:
        """The answer to the key that was sent last."""
        if event.status >= 300:
            self._finish("refused")
            return
        self._count += 1
        if self._count == len(self._command.digits):
            self._finish("completed")
        else:
            pause = (self._command.duration_ms + self._command.gap_ms) / 1000
            self._timer = self._channel.table.timers.after(pause, self._send)

    def press(self, digit: str) -> bool:
        return False

    def receive(self, event: media.MediaEvent) -> None:
        pass

    def stop(self, why: Why) -> None:
        self._finish("stopped")

    def give_up(self) -> None:
        self._finish("stopped")

    def _send(self) -> None:
        channel, key = self._channel, KeyInfo(self._command.digits[self._count], self._command.duration_ms)
        sent = channel.table.sip.request_in_call(
            channel.signalling.invite, "INFO", headers=[("Content-Type", RELAY)], body=key.write(), owner=self
        )
        if sent is None:  # the call is just ending
            self._finish("stopped")

    def _finish(self, reason: Literal["completed", "stopped", "refused"]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        _finish(self._channel, self, Sent(self._command.digits[: self._count], reason))


def _finish(channel: Channel, sending: Sending | Informing, outcome: Sent) -> None:
    channel.finish(sending, DigitsSent(command=sending.command_id, outcome=outcome))
    waiting = [verb for verb in channel.running if isinstance(verb, Sending | Informing)]
    if waiting and not waiting[0].has_begun and channel.is_alive:
        waiting[0].begin()
