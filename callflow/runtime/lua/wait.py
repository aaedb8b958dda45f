"""What a coroutine waits for, or a handle stands for: a command's reply or outcome, a call's end, a moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from callflow.protocol.commands import Command
from callflow.protocol.outcomes import Outcome

if TYPE_CHECKING:
    from .run import Run

Kind: TypeAlias = Literal["do", "begin", "end", "wait_ended", "sleep", "outside"]


class Cancellable(Protocol):
    """A timer, or what goes on outside of the engine."""

    def cancel(self) -> None: ...


class Wait:
    """`number` is the coroutine's, 0 when nobody waits; `id` the command's, if there is one."""

    __slots__ = (
        "channel",
        "command",
        "id",
        "is_stopped",
        "is_told",
        "kind",
        "legs",
        "number",
        "outcome",
        "run",
        "then",
        "timer",
    )

    def __init__(
        self,
        number: int,
        kind: Kind,
        *,
        channel: str | None = None,
        run: Run | None = None,
        command: Command | None = None,
    ) -> None:
        self.number = number
        self.kind = kind
        self.channel = channel
        self.run = run
        self.command = command
        self.id = ""
        self.outcome: Outcome | None = None
        self.is_told = False  # that it was accepted, to whom has a handle on it
        self.then: Callable[[], None] | None = None  # what is to be done at its end, of our own
        self.is_stopped = False  # by the script: the outcome is no hang-up's
        self.legs: tuple[str, ...] = ()  # of a dial
        self.timer: Cancellable | None = None  # what is in vain when nobody waits

    def cancel_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
