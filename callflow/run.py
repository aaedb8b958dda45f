"""One script at work on one call: started when the call comes, cancelled when it ends, and tidied up after.

A hang-up cancels the script where it waits next, once: from there on it is inside a window that the cancellation does
not reach, so that `finally` can do something. The window is short; after it nothing is spared. A script that learns of
the hang-up in another way (`wait_hangup` returns, a verb raises CallEnded) is in the window from then on.
"""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Iterator

import anyio

from .call import HANGUP_WINDOW, Call
from .cancellation import watch
from .errors import CallEnded, CallflowError, Disconnected
from .link import Link
from .protocol.commands import Hangup, Play, Tone
from .protocol.events import ChannelEnded
from .routing import CallFunction

ERROR_TONE = Tone("480+620", seconds=0.5)  # what a caller hears whose script raised
_CLOSE_TIMEOUT = 5.0  # how long hanging up what a script leaves behind may take

log: logging.Logger = logging.getLogger("callflow")
current_call: contextvars.ContextVar[str | None] = contextvars.ContextVar("callflow_call", default=None)


class Run:
    """The script of one call: its scopes, its call, the legs it dialled."""

    def __init__(self, link: Link, calls: dict[str, Call], owners: dict[str, Run], given_up: set[str]) -> None:
        self._link = link
        self._calls = calls  # of the whole session, by channel
        self._runs = owners
        self._given_up = given_up  # calls that we let go of before they have ended
        self._own: dict[str, Call] = {}
        self._hung_up = anyio.CancelScope()
        self._window = anyio.CancelScope()
        self.main: Call | None = None

    def adopt_main(self, call: Call) -> None:
        """Take in the call that the script is for: its end cancels the script."""
        self.main = call
        call._leg.on_told = self._spare
        self.adopt(call)

    def adopt(self, call: Call) -> None:
        """Take a call in: its events find it, and it ends with the script."""
        self._own[call.id] = self._calls[call.id] = call
        self._runs[call.id] = self

    def drop(self, call: Call) -> None:
        """Forget a call."""
        self._own.pop(call.id, None)
        self._calls.pop(call.id, None)
        self._runs.pop(call.id, None)

    def find(self, id: str) -> Call | None:
        """A call of its own."""
        return self._own.get(id)

    def end(self, call: Call, ended: ChannelEnded | None, error: CallflowError) -> None:
        """A call is over. The order matters: see `callflow.leg`."""
        call._leg.mark_ended(ended, error)
        if ended is None:
            self._given_up.add(call.id)
        if call is self.main:
            self._cancel()
        call._leg.release()
        self.drop(call)

    def end_all(self, error: CallflowError) -> None:
        """All its calls are out of our hands."""
        for call in tuple(self._own.values()):
            self.end(call, None, error)

    async def run(self, call: Call, function: CallFunction) -> None:
        """Run the script to its end, and hang up what it leaves. Raises nothing but cancellation."""
        token = current_call.set(call.id)
        has_failed = False
        try:
            with self._hung_up, self._window:
                await watch(function(call), self._spare)
        except Exception as error:
            has_failed = not _is_hangup(error)
            if has_failed:
                log.exception("the script raised in call %s from %s to %s", call.id, call.caller, call.to)
        finally:
            with anyio.move_on_after(_CLOSE_TIMEOUT, shield=True):
                await self._close(call, has_failed)
            await self._call_after_hangup(call)
            self.end_all(CallEnded("the script of this call is over"))
            self.main = None  # which holds us
            current_call.reset(token)

    def _cancel(self) -> None:
        self._hung_up.cancel()
        self._window.deadline = anyio.current_time() + HANGUP_WINDOW

    def _spare(self) -> None:
        # The script knows. A cancellation is for good, in trio and anyio: it would strike again at whatever `finally`
        # waits for, if the inner scope did not shield that from now on.
        if self._hung_up.cancel_called:
            self._window.shield = True

    async def _close(self, call: Call, has_failed: bool) -> None:
        try:
            if has_failed and not call.is_over:
                await call._leg.perform(Play(sources=(ERROR_TONE,)))
        except CallflowError as error:
            log.debug("no tone for call %s: %s", call.id, error)
        cause = "temporary_failure" if has_failed else "normal_clearing"
        calls = tuple(self._own.values())
        for own in calls:
            if not own.is_over:
                self._link.tell(Hangup(cause=cause), channel=own.id)
        for own in calls:
            await own._leg.wait_gone()

    async def _call_after_hangup(self, call: Call) -> None:
        if call.ended is None:
            return
        for function in call.after_hangup_functions:
            try:
                with anyio.move_on_after(HANGUP_WINDOW, shield=True):
                    await function(call.ended)
            except Exception:
                log.exception("after_hangup raised in call %s", call.id)


def _is_hangup(error: BaseException) -> bool:
    """Nothing but the end of a call, or of the engine: no fault of the script's."""
    return all(isinstance(leaf, CallEnded | Disconnected) for leaf in _leaves(error))


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
