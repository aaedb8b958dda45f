"""A leg: what the SDK knows of one channel, what is in flight on it, and how waiting on it ends.

`Call` is built on it; scripts do not see it. A hang-up must reach a script in one way whatever it waits for, so the
order in which an end is told is fixed here: see `mark_ended` and `release`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

import anyio

from .errors import CallEnded, CallflowError, DeadlineExceeded, Disconnected
from .link import Link
from .pending import CANCEL_TIMEOUT, Pending
from .protocol.commands import Bridge, Cancel, Command, Hangup
from .protocol.events import ChannelEnded, Event
from .protocol.frames import ReplyFrame
from .protocol.outcomes import Outcome, Recorded, Unbridged

END_TIMEOUT = 0.5  # how far a channel's end may be behind the outcomes that it brought


class Leg:
    """The channel `id`, over a link."""

    def __init__(self, link: Link, id: str) -> None:
        self.link = link
        self.id = id
        self.ended: ChannelEnded | None = None
        self.error: CallflowError | None = None  # set at the end
        self.on_told: Callable[[], None] = lambda: None
        self._listeners: list[Callable[[Event], None]] = []
        self._gone = anyio.Event()
        self._released = anyio.Event()
        self._pending: dict[str, Pending] = {}

    @property
    def is_over(self) -> bool:
        """The channel has ended, or is out of our hands."""
        return self.error is not None

    def tell(self, event: Event) -> None:
        """Hand an event of the channel to those who listen."""
        for listener in tuple(self._listeners):
            listener(event)

    @contextmanager
    def listening(self, listener: Callable[[Event], None]) -> Generator[None, None, None]:
        """Have every event of the channel handed to a function, which neither waits nor raises."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def mark_ended(self, ended: ChannelEnded | None, error: CallflowError) -> None:
        """Wake those who wait for the end itself. Then cancel the script, then `release`."""
        self.ended = ended
        self.error = error
        self._gone.set()

    async def wait_gone(self) -> None:
        """Wait for the end itself. Whoever waited for it knows of it: a script is not cancelled by it any more."""
        await self._gone.wait()
        self.on_told()

    def release(self) -> None:
        """Fail what is still awaited."""
        self._released.set()
        for pending in self._pending.values():
            pending.fail(self.error or Disconnected("the connection to the engine ended"))
        self._pending.clear()

    def check(self, command: Command) -> None:
        """Raise what ended the channel, if it has ended: no command is sent to a dead call."""
        if self.error is None:
            return
        self.on_told()
        if isinstance(self.error, CallEnded):
            raise CallEnded(self.error.message, command=command.name, channel=self.id)
        raise self.error

    async def ask(self, command: Command, *, deadline: float | None = None) -> ReplyFrame:
        """A command whose reply is all there is."""
        self.check(command)
        with anyio.move_on_after(deadline):
            return await self.link.request(command, channel=self.id)
        raise self.too_late(command, deadline)

    async def undo(self, command: Command) -> None:
        """Take back what a block set, shielded: also when the block is cancelled. On a dead call nothing is left to."""
        with anyio.move_on_after(CANCEL_TIMEOUT, shield=True), suppress(CallEnded, Disconnected):
            if not self.is_over:
                await self.link.request(command, channel=self.id)

    async def perform(
        self, command: Command, *, deadline: float | None = None, on_begin: Callable[[str], None] = lambda id: None
    ) -> Outcome:
        """A command that ends with an outcome. Cancelled, or past its deadline, it is let go.

        `on_begin` is told its id, before anything of it happens.
        """
        pending = self.begin(command)
        on_begin(pending.id)
        try:
            with anyio.move_on_after(deadline):
                return await self.settle(pending)
            raise self.too_late(command, deadline)
        finally:
            await self.let_go(pending)

    def begin(self, command: Command) -> Pending:
        """Send a command and go on. Whoever begins one lets it go."""
        self.check(command)
        pending = self.link.start(command, channel=self.id)
        self._pending[pending.id] = pending
        return pending

    async def settle(self, pending: Pending) -> Outcome:
        """The outcome; but one that a hang-up brought is held until the hang-up itself has arrived.

        A recording that the caller ended by hanging up is a result: it is returned, in the window after the hang-up.
        """
        outcome = await pending.wait_ended()
        if not is_last(outcome, pending.command, self.id):
            return outcome
        if isinstance(outcome, Recorded):
            with anyio.move_on_after(END_TIMEOUT, shield=True):
                await self.wait_gone()
            return outcome
        with anyio.move_on_after(END_TIMEOUT):
            await self._released.wait()
        self.check(pending.command)
        return outcome

    async def let_go(self, pending: Pending) -> None:
        """Cancel a command that has not ended, and wait, shielded and not for long, for its outcome."""
        try:
            if not (pending.ended.is_set() or self.is_over or self.link.is_closed):
                with anyio.move_on_after(CANCEL_TIMEOUT, shield=True):
                    self.link.tell(Cancel(command=pending.id), channel=self.id)
                    await pending.ended.wait()
        finally:
            self.link.forget(pending)
            self._pending.pop(pending.id, None)

    def hang_up_nowait(self) -> None:
        """Send a hang-up and do not wait; for a leg that nobody wants any more."""
        if not self.is_over:
            self.link.tell(Hangup(), channel=self.id)

    def too_late(self, command: Command, deadline: float | None) -> DeadlineExceeded:
        """The error of a command that was not done in time."""
        return DeadlineExceeded(f"not done within its deadline of {deadline} s", command=command.name, channel=self.id)


def is_last(outcome: Outcome, command: Command, channel: str) -> bool:
    """This outcome may be what a hang-up of the channel looks like."""
    if isinstance(outcome, Unbridged):
        hangs_up = isinstance(command, Bridge) and command.hangup_after
        return outcome.reason == "hangup" and (hangs_up or outcome.by in (None, channel))
    return getattr(outcome, "reason", None) in ("stopped", "hangup")
