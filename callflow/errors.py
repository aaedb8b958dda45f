"""What callflow raises. Outcomes that a caller can bring about (busy, no answer, no digits) are values, never errors.

CallflowError
├── CommandError               the engine did not accept a command, or the call was gone: `command`, `code`, `details`
│   ├── NotFound               not_found      no such channel, file, user
│   ├── WrongState             wrong_state    the call cannot do that now
│   ├── NotOwner               not_owner      another app steers this call
│   ├── BadArgument            bad_argument   a value that the command does not take
│   ├── Unauthorized           unauthorized   the token does not allow it
│   ├── Unsupported            unsupported    this engine does not know the command
│   ├── Overloaded             overloaded     a limit of the engine, or of the app's commands in flight
│   ├── DeadlineExceeded       deadline       it took longer than `deadline=` (a TimeoutError, too)
│   ├── CallEnded              call_ended     the caller, or the leg, has hung up
│   └── InternalError          internal       a fault of the engine's; its log says more
├── Unreachable                no engine answers at that address, or it refused the handshake
├── Disconnected               the connection to the engine ended
├── EventsMissed               the engine no longer keeps what this reader has not seen; `state` is what is now
├── RouteError                 a route that cannot be: bad pattern, no async function
└── ScriptError                a script that cannot be loaded
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from .protocol.frames import Error, ErrorCode
from .state import State


class CallflowError(Exception):
    """Anything that callflow raises."""


class CommandError(CallflowError):
    """A command was not accepted. The message says what was expected, what came, and what to do."""

    code: ClassVar[ErrorCode] = "internal"

    def __init__(
        self, message: str, *, command: str = "", channel: str | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.command = command
        self.channel = channel
        self.details: Mapping[str, Any] = details or {}  # Any: whatever helps, by code

    def __str__(self) -> str:
        return f"{self.command}: {self.message}" if self.command else self.message


class NotFound(CommandError):
    """There is no such channel, file or user."""

    code: ClassVar[ErrorCode] = "not_found"


class WrongState(CommandError):
    """The call cannot do that now."""

    code: ClassVar[ErrorCode] = "wrong_state"


class NotOwner(CommandError):
    """Another app steers this call."""

    code: ClassVar[ErrorCode] = "not_owner"


class BadArgument(CommandError):
    """A value that the command does not take."""

    code: ClassVar[ErrorCode] = "bad_argument"


class Unauthorized(CommandError):
    """The token is unknown, or does not allow the command."""

    code: ClassVar[ErrorCode] = "unauthorized"


class Unsupported(CommandError):
    """This engine does not know the command."""

    code: ClassVar[ErrorCode] = "unsupported"


class Overloaded(CommandError):
    """A limit was reached."""

    code: ClassVar[ErrorCode] = "overloaded"


class DeadlineExceeded(CommandError, TimeoutError):
    """The command took longer than its deadline, and was cancelled."""

    code: ClassVar[ErrorCode] = "deadline"


class CallEnded(CommandError):
    """The call is over. A script need not catch it: its hang-up is no error of the script."""

    code: ClassVar[ErrorCode] = "call_ended"


class InternalError(CommandError):
    """A fault of the engine's."""

    code: ClassVar[ErrorCode] = "internal"


class Unreachable(CallflowError):
    """No engine answers at that address, or it refused the handshake."""


class Disconnected(CallflowError):
    """The connection to the engine ended."""


class EventsMissed(CallflowError):
    """The events from `first` to `last` cannot be had any more: the reader was too slow, or away for too long.

    `state` is what is live after them. The events behind it go on from there: iterate again.
    """

    def __init__(self, first: int, last: int, state: State) -> None:
        super().__init__(f"events {first} to {last} are gone; the state after them is known")
        self.first = first
        self.last = last
        self.state = state


class RouteError(CallflowError):
    """A route that cannot be."""


class ScriptError(CallflowError):
    """A script that cannot be loaded. `report` is for the person who wrote it: file, line, traceback."""

    def __init__(self, message: str, *, report: str = "") -> None:
        super().__init__(message)
        self.report: str = report or message


ERRORS: Mapping[str, type[CommandError]] = MappingProxyType({
    error.code: error
    for error in (
        NotFound, WrongState, NotOwner, BadArgument, Unauthorized, Unsupported, Overloaded, DeadlineExceeded, CallEnded,
        InternalError,
    )
})  # fmt: skip


def command_error(error: Error, *, command: str, channel: str | None = None) -> CommandError:
    """The exception for an error that the engine replied."""
    shape = ERRORS.get(error.code, CommandError)
    return shape(error.message, command=command, channel=channel, details=error.details)
