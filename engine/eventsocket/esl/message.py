"""sendmsg: a message to a channel, that has it execute an application or hang up."""

from __future__ import annotations

from .client import Client
from .execution import Execution
from .framing import Request
from .leg import Leg
from .performing import execute
from .vocabulary import q850, read_cause

MAX_LOOPS = 1_000_000


async def receive_message(client: Client, request: Request, arguments: str) -> None:
    """Do what the message says, and answer it."""
    leg = client.hub.find(arguments) if arguments else client.leg
    if leg is None or leg.hangup_at:
        client.reply(f"-ERR invalid session id [{arguments or (client.leg.id if client.leg is not None else '')}]")
        return
    call = (request.header("call-command") or "").lower()
    if call == "execute":
        await _execute(client, leg, request)
    elif call == "hangup":
        client.reply("+OK")
        leg.cause = read_cause(request.header("hangup-cause") or "NORMAL_CLEARING")
        client.hub.nursery.start_soon(client.hub.steering.hang_up, leg.id, q850(leg.cause))
    elif call == "xferext":
        client.reply("+OK")
        for name, value in request.headers:
            if name.lower() == "application":
                application, _, data = value.partition(" ")
                execute(client.hub, leg, Execution(application, data, client.hub.new_id(), is_locking=True))
    elif call in ("unicast", "nomedia"):
        client.reply(f"-ERR {call} is not supported")
    else:
        client.reply("+OK")


async def _execute(client: Client, leg: Leg, request: Request) -> None:
    execution = _read(client, request)
    if client.is_async or client.leg is None:
        client.reply("+OK" if execute(client.hub, leg, execution) else "-ERR memory error")
        return
    client.hold()  # a socket without async learns of all that happens after the reply
    try:
        if execute(client.hub, leg, execution):
            await execution.done.wait()
        client.reply("+OK")
    finally:
        client.let_go()


def _read(client: Client, request: Request) -> Execution:
    loops = request.header("loops") or "1"
    count = int(loops) if loops.removeprefix("-").isdigit() and loops.isascii() and len(loops) < 8 else 1
    return Execution(
        (request.header("execute-app-name") or "").strip(),
        request.header("execute-app-arg") or request.body,
        request.header("Event-UUID") or client.hub.new_id(),
        request.header("Event-UUID-Name") or "",
        (request.header("event-lock") or request.header("event-lock-pri") or "").lower() == "true",
        -1 if count < 0 else max(1, min(count, MAX_LOOPS)),
    )
