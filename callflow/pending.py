"""A command on its way to the engine, and what came of it."""

from __future__ import annotations

from collections.abc import Callable

import anyio

from .errors import CallflowError, Disconnected
from .protocol.commands import Command
from .protocol.frames import ReplyFrame
from .protocol.outcomes import Outcome

CANCEL_TIMEOUT = 2.0  # seconds that a cancelled command may take to say how far it came


class Pending:
    """A command on its way: first accepted (or refused), then ended, if it is of those that end with an outcome."""

    __slots__ = ("accepted", "channel", "command", "ended", "error", "id", "on_settled", "outcome", "reply")

    def __init__(self, id: str, command: Command, channel: str | None) -> None:
        self.id: str = id
        self.command: Command = command
        self.channel: str | None = channel
        self.accepted: anyio.Event = anyio.Event()
        self.ended: anyio.Event = anyio.Event()
        self.reply: ReplyFrame | None = None
        self.outcome: Outcome | None = None
        self.error: CallflowError | None = None
        self.on_settled: Callable[[Pending], None] | None = None  # told when it was accepted, or refused

    async def wait_accepted(self) -> None:
        """Raises what the engine replied."""
        await self.accepted.wait()
        if self.reply is None and self.error is not None:  # what failed later was accepted all the same
            raise self.error

    async def wait_ended(self) -> Outcome:
        """The outcome. Raises what the engine replied."""
        await self.ended.wait()
        if self.outcome is None:
            raise self.error or Disconnected("the connection to the engine ended")
        return self.outcome

    def accept(self, reply: ReplyFrame) -> None:
        """The engine took the command."""
        self.reply = reply
        self.accepted.set()
        if not self.command.ends_as:
            self.ended.set()
        if self.on_settled is not None:
            self.on_settled(self)

    def end(self, outcome: Outcome) -> None:
        """The engine reported the end, which implies that it took the command."""
        self.outcome = outcome
        self.accepted.set()
        self.ended.set()

    def fail(self, error: CallflowError) -> None:
        """There will be no outcome."""
        if self.outcome is None and self.error is None:
            self.error = error
        self.accepted.set()
        self.ended.set()
        if self.on_settled is not None:
            self.on_settled(self)
