"""bind_digits, unbind_digits: keys that mean something whatever goes on, as `*1` does in the middle of a conversation.

Keys that a running command wants (a gather, a `stop_on`) are that command's; all others pass by here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from callflow.protocol import commands
from callflow.protocol.events import DigitsMatched

from .argument import digits_only
from .errors import CommandError
from .part import Part

if TYPE_CHECKING:
    from .channel import Channel
    from .timer import Timer

PAUSE = 3.0  # seconds between two keys of one binding
_LONGEST = 16  # keys
_MOST = 32  # bindings of one channel


@dataclass(frozen=True, slots=True)
class Binding:
    """What is to happen; `command_id` names the command that bound it."""

    command_id: str
    command: commands.Command | None


def bind_digits(channel: Channel, command_id: str, command: commands.BindDigits) -> None:
    digits_only("digits", command.digits, _LONGEST)
    if not command.digits:
        raise CommandError("bad_argument", "expected at least one digit to bind")
    binding = Binding(command_id, _command(command.do) if command.do is not None else None)
    if channel.bindings is None:
        channel.bindings = Bindings(channel)
    channel.bindings.bind(command.digits, binding)


def unbind_digits(channel: Channel, _id: str, command: commands.UnbindDigits) -> None:
    if channel.bindings is None:
        return
    if command.digits:
        channel.bindings.unbind(command.digits)
    else:
        channel.bindings.close()
        channel.bindings = None


def _command(bound: commands.BoundCommand) -> commands.Command:
    shape = commands.COMMANDS.get(bound.name)
    if shape is None or shape.of != "channel":
        raise CommandError("bad_argument", f"expected a command of a channel to bind, got {bound.name[:64]!r}")
    try:
        return msgspec.convert(bound.args, shape)
    except msgspec.ValidationError as error:
        raise CommandError("bad_argument", f"{bound.name}: {error}") from error


class Bindings(Part):
    """The bound digits of one channel, and what was keyed of them."""

    __slots__ = ("_bound", "_keyed", "_matches", "_timer")

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self._bound: dict[str, Binding] = {}
        self._keyed = ""
        self._timer: Timer | None = None
        self._matches = 0

    def bind(self, digits: str, binding: Binding) -> None:
        if digits not in self._bound and len(self._bound) >= _MOST:
            raise CommandError("overloaded", f"expected at most {_MOST} bindings on one channel")
        self._bound[digits] = binding

    def unbind(self, digits: str) -> None:
        self._bound.pop(digits, None)

    def close(self) -> None:
        self._keyed = ""
        if self._timer is not None:
            self._timer.cancel()

    def press(self, digit: str) -> bool:
        """A key that nobody else wanted. True: it may be of a binding; what proves not to be is given back."""
        keyed = self._keyed + digit
        while keyed and not any(digits.startswith(keyed) for digits in self._bound):
            if len(keyed) > 1:
                self._channel.keep_digit(keyed[0])
            keyed = keyed[1:]
        self.close()
        if not keyed:
            return False
        self._keyed = keyed
        if keyed in self._bound and not any(longer.startswith(keyed) for longer in self._bound if longer != keyed):
            self._settle()
        else:
            self._timer = self._channel.table.timers.after(PAUSE, self._settle)
        return True

    def _settle(self) -> None:
        keyed = self._keyed
        self.close()
        binding = self._bound.get(keyed)
        if binding is not None:
            self._match(keyed, binding)
            return
        for digit in keyed:
            self._channel.keep_digit(digit)

    def _match(self, digits: str, binding: Binding) -> None:
        if binding.command is None:
            self._channel.emit(DigitsMatched(digits=digits))
            return
        self._matches += 1
        command_id = f"{binding.command_id}/{self._matches}"
        self._channel.emit(DigitsMatched(digits=digits, command=command_id))
        try:
            self._channel.perform(command_id, binding.command)
        except CommandError as refused:
            if self._channel.is_alive:
                self._channel.emit(DigitsMatched(digits=digits, command=command_id, error=refused.message))
