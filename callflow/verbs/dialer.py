"""Dialling others, and having them confirm that they take the call."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, TypeAlias, cast

import anyio
import anyio.abc

from callflow.dialing import Answered, Stage, make_stages
from callflow.errors import CallEnded, WrongState
from callflow.protocol import outcomes
from callflow.protocol.commands import Confirm, Confirmation, Dial, Source
from callflow.protocol.events import ChannelAnswered, ChannelEnded, DialBranch, Event
from callflow.protocol.outcomes import Failed

if TYPE_CHECKING:
    from callflow.call import Call

WantsTheCall: TypeAlias = "Callable[[Call], Awaitable[bool]]"


async def dial(
    call: Call,
    *stages: Stage,
    timeout: float = 30.0,  # noqa: ASYNC109 - the engine's, and no error
    ringback: Source | None = None,
    early_media: bool = False,
    confirm: Confirmation | WantsTheCall | None = None,
    caller_id: str | None = None,
    withheld: bool | None = None,
    headers: Mapping[str, str] | None = None,
    redirects: int = 0,
    tones: bool = True,
    deadline: float | None = None,
) -> Answered | Failed:
    """Dial the stages in turn, the targets of a stage together; the first to answer wins, the others end.

    A target is a user's name, a SIP URI, or a `Target` with a delay or time-out of its own. `timeout` is seconds
    per stage. The caller hears `ringback` (`us`, `eu`, or a source) meanwhile, and with `early_media` what the callee's
    side plays before it answers. With `confirm` answering alone does not win: whoever picks up keys the `key` of a
    `Confirmation`, or an async function is run on each answered leg and says whether it takes the call. Of the
    addresses that a callee sends the call to (3xx) up to `redirects` are tried. `withheld` hides who calls from those
    who are dialled, or shows it, whatever the caller wished. A callee's side that plays busy, congestion or special
    information before it answers has refused, unless `tones` is False: then the caller may listen to the end.
    """
    plan = make_stages(stages, new_leg=lambda: call._leg.link.new_id("leg"))
    command = Dial(
        stages=plan, timeout=timeout, ringback=ringback, early_media=early_media, caller_id=caller_id,
        withheld=withheld, headers=dict(headers or {}), redirects=redirects, tones=tones,
        confirm=Confirmation(timeout=timeout) if callable(confirm) else confirm,
    )  # fmt: skip
    legs = {target.leg: call._new_leg(target.leg, target.target) for stage in plan for target in stage}
    for leg in legs.values():
        call._owner.adopt(leg)
    forks = _Forks(call, legs)
    try:
        async with _asking(forks, confirm if callable(confirm) else None):
            with call._leg.listening(forks.take):
                outcome = await call._leg.perform(command, deadline=deadline, on_begin=forks.expect)
        if not isinstance(outcome, outcomes.Answered):
            return cast("Failed", outcome)
        # A user's second phone, or where a callee was redirected to: the engine made that leg.
        won = legs.pop(outcome.leg, None) or call._owner.find(outcome.leg) or call._new_leg(outcome.leg, outcome.target)
        won.is_answered = True
        return Answered(won, outcome.target)
    finally:
        for leg in legs.values():  # those that lost; and one that answered while the dial was being cancelled
            if leg.is_answered:
                leg._leg.hang_up_nowait()
            call._owner.drop(leg)


class _Forks:
    """The legs of one dial: those that it named, and any other that answers: a second phone, a trunk's next target."""

    def __init__(self, call: Call, legs: dict[str, Call]) -> None:
        self.legs = legs
        self.on_answer: Callable[[Call], None] = lambda leg: None  # of a leg that was not known before
        self._call = call
        self._command = ""

    def expect(self, command: str) -> None:
        """The dial has begun, under this id."""
        self._command = command

    def take(self, event: Event) -> None:
        """What happens to the call that dials."""
        if not isinstance(event, DialBranch) or event.command != self._command:
            return
        if event.state == "answered" and event.leg not in self.legs:
            known = self._call._owner.find(event.leg)
            leg = self.legs[event.leg] = known or self._call._new_leg(event.leg, event.target)
            if known is None:
                self._call._owner.adopt(leg)
            self.on_answer(leg)


@asynccontextmanager
async def _asking(forks: _Forks, function: WantsTheCall | None) -> AsyncGenerator[None, None]:
    """While the block lasts, run a function on each leg that answers, until the leg ends."""
    if function is None:
        yield
        return
    errors: list[BaseException] = []
    async with anyio.create_task_group() as tasks:
        with ExitStack() as listening:
            for leg in forks.legs.values():
                listening.enter_context(_asking_one(leg, function, tasks, errors))
            forks.on_answer = lambda leg: listening.enter_context(
                _asking_one(leg, function, tasks, errors, is_answered=True)
            )
            try:
                yield
            except (Exception, anyio.get_cancelled_exc_class()) as error:
                errors.append(error)  # raised below as itself; a hang-up's, too: the group would take it for its own
            tasks.cancel_scope.cancel()
    if errors:
        raise errors[0]


@contextmanager
def _asking_one(
    leg: Call,
    function: WantsTheCall,
    tasks: anyio.abc.TaskGroup,
    errors: list[BaseException],
    *,
    is_answered: bool = False,
) -> Generator[None, None, None]:
    scope = anyio.CancelScope()

    async def ask() -> None:
        with scope:
            try:
                await leg._leg.ask(Confirm(accept=await function(leg)))
            except (CallEnded, WrongState):  # it has hung up, or another has won
                return
            except Exception as error:
                errors.append(error)
                tasks.cancel_scope.cancel()

    def take(event: Event) -> None:
        if isinstance(event, ChannelAnswered):
            tasks.start_soon(ask)
        elif isinstance(event, ChannelEnded):
            scope.cancel()

    if is_answered:
        tasks.start_soon(ask)
    with leg._leg.listening(take):
        yield
