"""What is heard of a caller: talk, silence, tones, and who answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TypeAlias, cast

import anyio

from callflow.leg import Leg
from callflow.pending import Pending
from callflow.protocol.commands import AnswererRules, Detect, Detectable
from callflow.protocol.events import ChannelSilent, ChannelTalking, ChannelTone, DetectFinished, Event
from callflow.protocol.outcomes import Detected, Stopped, Undetected
from callflow.running import Running

if TYPE_CHECKING:
    from callflow.call import Call

Sound: TypeAlias = ChannelTalking | ChannelSilent | ChannelTone

_MAX_SOUNDS = 100  # that wait for a script; more are dropped


class Detection(Running[Detected | Undetected | Stopped]):
    """A detect that goes on. Iterated over, it gives what is heard meanwhile, until it is over."""

    def __init__(self, leg: Leg, pending: Pending, sounds: AsyncIterator[Sound]) -> None:
        super().__init__(leg, pending)
        self._sounds = sounds

    def __aiter__(self) -> AsyncIterator[Sound]:
        return self._sounds


async def detect(
    call: Call,
    *what: Detectable,
    timeout: float = 30.0,  # noqa: ASYNC109 - the engine's, and no error
    talk: float = 0.2,
    silence: float = 1.0,
    level_dbov: float = -42.0,
    rules: AnswererRules | None = None,
    deadline: float | None = None,
) -> Detected | Undetected:
    """Listen until the first of `what` is heard: talk, silence, a tone, or who answers.

    match await call.detect("answerer"):
        case Detected("human"):
            ...

    `talk` and `silence` are how many seconds of it are wanted. After `timeout` it is Undetected; 0 is without end.
    """
    command = Detect(
        what=what, timeout=timeout, talk=talk, silence=silence, level_dbov=level_dbov, rules=rules or AnswererRules()
    )
    outcome = await call._leg.perform(command, deadline=deadline)
    return Undetected() if isinstance(outcome, Stopped) else cast("Detected | Undetected", outcome)


@asynccontextmanager
async def detecting(
    call: Call,
    *what: Detectable,
    timeout: float = 0.0,  # noqa: ASYNC109 - the engine's, and no error
    talk: float = 0.2,
    silence: float = 1.0,
    level_dbov: float = -42.0,
    rules: AnswererRules | None = None,
) -> AsyncGenerator[Detection, None]:
    """Listen beside what the script does meanwhile; the end of the block ends it.

    async with call.detecting() as heard:
        async for sound in heard:
            ...     # ChannelTalking, ChannelSilent, ChannelTone

    Without `what` it goes on until the block ends.
    """
    command = Detect(
        what=what, timeout=timeout, talk=talk, silence=silence, level_dbov=level_dbov,
        rules=rules or AnswererRules(), events=True,
    )  # fmt: skip
    send, receive = anyio.create_memory_object_stream[Sound](_MAX_SOUNDS)
    begun: list[Pending] = []

    def take(event: Event) -> None:
        if isinstance(event, ChannelTalking | ChannelSilent | ChannelTone):
            with suppress(anyio.WouldBlock, anyio.ClosedResourceError):
                send.send_nowait(event)
        elif isinstance(event, DetectFinished) and event.command == begun[0].id:
            send.close()

    with send, receive, call._leg.listening(take):
        begun.append(call._leg.begin(command))
        try:
            await begun[0].wait_accepted()
            yield Detection(call._leg, begun[0], receive)
        finally:
            await call._leg.let_go(begun[0])
