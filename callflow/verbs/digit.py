"""Keys: what a caller presses, when asked, or at any time; and pressing some."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Literal, TypeVar, cast

import anyio
import msgspec

from callflow.menu import Choice, Menu
from callflow.protocol.commands import (
    BindDigits,
    BoundCommand,
    Command,
    Gather,
    Press,
    SendDigits,
    Source,
    UnbindDigits,
)
from callflow.protocol.events import DigitsMatched, Event
from callflow.protocol.outcomes import Digits, Invalid, Sent, Stopped, TimedOut
from callflow.sources import as_sources

if TYPE_CHECKING:
    from callflow.call import Call

ResultT = TypeVar("ResultT")

_MAX_MATCHES = 10  # presses that wait while one is served


async def gather(
    call: Call,
    *prompt: Source,
    min: int = 1,
    max: int = 1,
    terminators: str = "#",
    timeout: float = 5.0,  # noqa: ASYNC109 - the engine's, and no error
    digit_timeout: float = 3.0,
    valid: str = "",
    type_ahead: bool = True,
    retries: int = 0,
    invalid: Source | Sequence[Source] = (),
    deadline: float | None = None,
) -> Digits | TimedOut | Invalid:
    """Collect `min` to `max` digits, playing `prompt` until the first one.

    `timeout` (to the first digit) and `digit_timeout` (to each next one) are seconds after the end of the prompt.
    `valid` is a regular expression for the whole entry; after an invalid one or none at all, `invalid` is played
    and the prompt again, `retries` times.
    """
    command = Gather(
        prompt=prompt, min=min, max=max, terminators=terminators, timeout=timeout, digit_timeout=digit_timeout,
        valid=valid, type_ahead=type_ahead, retries=retries, invalid=as_sources(invalid),
    )  # fmt: skip
    outcome = await call._leg.perform(command, deadline=deadline)
    return TimedOut() if isinstance(outcome, Stopped) else cast("Digits | TimedOut | Invalid", outcome)


async def send_digits(
    call: Call,
    digits: str,
    *,
    duration_ms: int = 120,
    gap_ms: int = 80,
    via: Literal["rtp", "info", "inband"] | None = None,
    deadline: float | None = None,
) -> Sent:
    """Send digits (0-9 * # A-D) as key presses: as events or in band, as was agreed; `via` says which, or by INFO."""
    command = SendDigits(digits=digits, duration_ms=duration_ms, gap_ms=gap_ms, via=via)
    return cast("Sent", await call._leg.perform(command, deadline=deadline))


async def menu(
    call: Call,
    prompt: Source | Sequence[Source],
    choices: Mapping[str, Choice[ResultT]],
    *,
    timeout: float = 5.0,  # noqa: ASYNC109 - the engine's, and no error
    retries: int = 2,
    invalid: Source | Sequence[Source] = (),
) -> ResultT | TimedOut | Invalid:
    """Have the caller choose, and go on with the function of the choice: its result, or why there was no choice.

    match await call.menu("menu.wav", {"1": sales, "2": support}, invalid="what.wav"):
        case TimedOut() | Invalid():
            await call.play("goodbye.wav")

    A `Menu` is the same as a value, and may be a choice of another.
    """
    return await Menu(prompt, choices, timeout=timeout, retries=retries, invalid=invalid)(call)


async def press(call: Call, digits: str, *, deadline: float | None = None) -> None:
    """Have keys count as if the caller had pressed them: a menu or a gather that runs takes them, or the next one."""
    await call._leg.ask(Press(digits=digits), deadline=deadline)


async def bind_digits(call: Call, digits: str, do: Command | None = None, *, deadline: float | None = None) -> None:
    """Watch for digits (`*1`) whatever the call does, also in a bridge; the engine then does the command, by itself.

    Without a command the event `channel.digits_matched` is all. See `binding_digits` for a function of the script's.

    await call.bind_digits("*9", Hangup())
    """
    await call._leg.ask(BindDigits(digits=digits, do=_bound(do and call._leg.link.named(do))), deadline=deadline)


async def unbind_digits(call: Call, digits: str = "", *, deadline: float | None = None) -> None:
    """Watch for these digits no more; without any, for none."""
    await call._leg.ask(UnbindDigits(digits=digits), deadline=deadline)


@asynccontextmanager
async def binding_digits(
    call: Call, digits: str, function: Callable[[], Awaitable[object]]
) -> AsyncGenerator[None, None]:
    """Have an async function called whenever the digits are keyed, one time after another, while the block lasts.

    async with call.binding_digits("*1", park):
        await call.bridge(agent)
    """
    send, receive = anyio.create_memory_object_stream[None](_MAX_MATCHES)

    def take(event: Event) -> None:
        if isinstance(event, DigitsMatched) and event.digits == digits:
            with suppress(anyio.WouldBlock):  # a caller who hammers at a key that is being served
                send.send_nowait(None)

    async def serve() -> None:
        try:
            async for _ in receive:
                await function()
        except Exception as error:  # raised below as itself, not in a group
            errors.append(error)
            tasks.cancel_scope.cancel()

    errors: list[BaseException] = []
    with send, receive, call._leg.listening(take):
        await bind_digits(call, digits)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(serve)
                try:
                    yield
                except (Exception, anyio.get_cancelled_exc_class()) as error:
                    # A hang-up's, too: the script is spared from here on, and the group would take it for its own.
                    errors.append(error)
                tasks.cancel_scope.cancel()
        finally:
            await call._leg.undo(UnbindDigits(digits=digits))
    if errors:
        raise errors[0]


def _bound(command: Command | None) -> BoundCommand | None:
    return None if command is None else BoundCommand(name=command.name, args=msgspec.to_builtins(command))
