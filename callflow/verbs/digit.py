"""Keys: what a caller presses, and pressing some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from callflow.protocol.commands import Gather, SendDigits, Source
from callflow.protocol.outcomes import Digits, Invalid, Sent, Stopped, TimedOut

if TYPE_CHECKING:
    from callflow.call import Call


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
        valid=valid, type_ahead=type_ahead, retries=retries, invalid=_sources(invalid),
    )  # fmt: skip
    outcome = await call._leg.perform(command, deadline=deadline)
    return TimedOut() if isinstance(outcome, Stopped) else cast("Digits | TimedOut | Invalid", outcome)


async def send_digits(
    call: Call, digits: str, *, duration_ms: int = 120, gap_ms: int = 80, deadline: float | None = None
) -> Sent:
    """Send digits (0-9 * # A-D) as key presses."""
    command = SendDigits(digits=digits, duration_ms=duration_ms, gap_ms=gap_ms)
    return cast("Sent", await call._leg.perform(command, deadline=deadline))


def _sources(sources: Source | Sequence[Source]) -> tuple[Source, ...]:
    if isinstance(sources, str) or not isinstance(sources, Sequence):
        return (sources,)
    return tuple(sources)
