"""Sending a party to somebody else, and deciding on a phone's wish to do so."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import anyio

from callflow.errors import NotFound
from callflow.protocol.commands import AcceptTransfer, RefuseTransfer, Transfer, TransferPolicy
from callflow.protocol.events import Event, TransferRequested
from callflow.protocol.outcomes import TransferFailed, Transferred

if TYPE_CHECKING:
    from callflow.call import Call

Decision: TypeAlias = bool | str | int
_MAX_REQUESTS = 4  # that wait while one is decided


async def transfer(
    call: Call,
    to: str | Call,
    *,
    timeout: float = 60.0,  # noqa: ASYNC109 - the engine's, and no error
    headers: Mapping[str, str] | None = None,
    deadline: float | None = None,
) -> Transferred | TransferFailed:
    """Have the peer's phone call a target itself, or whoever another call talks with, in its place.

    The call stays up, also when it is done: hang it up, or let the script end. `timeout` is how long the phone may
    take to say what came of it.
    """
    other = None if isinstance(to, str) else to.id
    command = Transfer(
        target=to if isinstance(to, str) else "", other=other, timeout=timeout, headers=dict(headers or {})
    )
    return cast("Transferred | TransferFailed", await call._leg.perform(command, deadline=deadline))


async def transfer_policy(
    call: Call, requests: Literal["engine", "app", "refuse"], *, wait: float = 10.0, deadline: float | None = None
) -> None:
    """Say who decides when the peer's phone wants to transfer the other party: see `deciding_transfers` for `app`."""
    await call._leg.ask(TransferPolicy(requests=requests, wait=wait), deadline=deadline)


@asynccontextmanager
async def deciding_transfers(
    call: Call, decide: Callable[[TransferRequested], Awaitable[Decision]], *, wait: float = 10.0
) -> AsyncGenerator[None, None]:
    """Have an async function decide on the transfers that the peer's phone asks for, while the block lasts.

    True lets it be done, a target sends the other party there, False or a SIP status refuses.

    async with agent.deciding_transfers(only_inside):
        await call.bridge(agent)
    """
    send, receive = anyio.create_memory_object_stream[TransferRequested](_MAX_REQUESTS)

    def take(event: Event) -> None:
        if isinstance(event, TransferRequested) and event.decides == "app":
            with suppress(anyio.WouldBlock):  # the engine refuses what is not decided in time
                send.send_nowait(event)

    async def serve() -> None:
        try:
            async for request in receive:
                await _carry_out(call, request, await decide(request))
        except Exception as error:  # raised below as itself, not in a group
            errors.append(error)
            tasks.cancel_scope.cancel()

    errors: list[Exception] = []
    with send, receive, call._leg.listening(take):
        await transfer_policy(call, "app", wait=wait)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(serve)
                try:
                    yield
                except Exception as error:
                    errors.append(error)
                tasks.cancel_scope.cancel()
        finally:
            await call._leg.undo(TransferPolicy())
    if errors:
        raise errors[0]


async def _carry_out(call: Call, request: TransferRequested, decision: Decision) -> None:
    command: AcceptTransfer | RefuseTransfer
    if isinstance(decision, bool):
        command = AcceptTransfer(request=request.request) if decision else RefuseTransfer(request=request.request)
    elif isinstance(decision, str):
        command = AcceptTransfer(request=request.request, target=decision)
    else:
        command = RefuseTransfer(request=request.request, status=decision)
    with suppress(NotFound):  # it was too late, or the phone took it back
        await call._leg.ask(command)
