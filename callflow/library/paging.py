"""Paging: phones of a group pick up by themselves, on their loudspeakers, and hear who calls; no answer is heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import anyio

from callflow import App, Call, NotFound, Tone

AUTO_ANSWER: Mapping[str, str] = {
    "Call-Info": "<sip:callflow>;answer-after=0",  # what most phones take for an order; others want Alert-Info
    "Alert-Info": "<http://callflow>;info=alert-autoanswer;delay=0",
}
CHIME = Tone("659", seconds=0.3)


async def page(
    app: App,
    call: Call,
    targets: Sequence[str],
    *,
    headers: Mapping[str, str] = AUTO_ANSWER,
    talk: bool = False,
    longest: float = 60.0,
) -> int:
    """Have the phones that pick up hear the caller until it hangs up, at most `longest` seconds: says how many did.

    With `talk` they may answer (an intercom). A call that pages twice at a time is one page.
    """
    await call.answer()
    reached = 0
    async with app.conference(f"page {call.id}", enter=(), leave=()) as room:

        async def hear(leg: Call) -> None:
            await room.join(leg, muted=not talk)

        async def ring(target: str) -> None:
            nonlocal reached
            with suppress(NotFound):
                won = await app.originate(
                    target, script=hear, timeout=longest / 4, caller_id=call.caller.number, headers=headers
                )
                reached += hasattr(won, "leg")

        with anyio.move_on_after(longest):
            async with room.joining(call, moderator=True, end=True) as paging, anyio.create_task_group() as tasks:
                for target in targets:
                    tasks.start_soon(ring, target)
                await room.play(CHIME)
                await paging.wait()
    return reached
