"""What clients may say, and the exact words that they are answered with. The table is at the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from . import packet
from .api import answer_api
from .asked import Asked
from .client import Client
from .event import EslEvent, plain_block
from .framing import Request
from .headers import snapshot_headers
from .interest import read_kind
from .message import receive_message
from .vocabulary import EVENT_NAMES, LOG_LEVELS

NOT_FOUND = "-ERR command not found"
_NO_KEYWORDS = "-ERR no keywords supplied"
_DENIED = "-ERR permission denied"
_NO_SESSION = "-ERR not controlling a session"


@dataclass(frozen=True, slots=True)
class EslCommand:
    """`prefix` is what the line begins with, in any case. `who`: `full` is inbound, or an outbound socket with full."""

    prefix: str
    do: Callable[[Client, Request, str], Awaitable[None]]
    who: Literal["all", "full", "session", "full session"]


async def handle(client: Client, request: Request) -> None:
    """Answer one request of a client that has logged in."""
    line = request.line
    for each in COMMANDS:
        if line[: len(each.prefix)].lower() == each.prefix and _may(client, each):
            await each.do(client, request, _arguments(line, each.prefix))
            return
    client.hub.note_unknown(line.partition(" ")[0][:64])
    client.reply(NOT_FOUND)


def _arguments(line: str, prefix: str) -> str:
    """What follows the command: `events` is `event`, for FreeSWITCH compares the beginning only."""
    rest = line[len(prefix) :]
    return (rest if prefix.endswith(" ") else rest.partition(" ")[2]).strip()


def _may(client: Client, command: EslCommand) -> bool:
    return "full" not in command.who or client.is_full


async def _exit(client: Client, request: Request, arguments: str) -> None:
    client.reply("+OK bye")
    client.goodbye()


async def _api(client: Client, request: Request, arguments: str) -> None:
    line = request.line[4:]
    if not client.user.may_ask(line.partition(" ")[0]):
        return client.reply(_DENIED)
    body = await answer_api(Asked(client.hub, client.leg, client.user), line)
    return client.send(packet.api_response(body or "-ERR no reply\n"))


async def _bgapi(client: Client, request: Request, arguments: str) -> None:
    hub, line = client.hub, request.line[6:].strip()
    if not client.user.may_ask(line.partition(" ")[0]):
        return client.reply(_DENIED)
    job = request.header("Job-UUID") or hub.new_id()
    name, _, data = line.partition(" ")
    headers = {"Job-UUID": job, "Job-Command": name}
    if data:
        headers["Job-Command-Arg"] = data
    if client.leg is not None:
        headers["Job-Owner-UUID"] = client.leg.id
    asking = Asked(hub, client.leg, client.user)

    async def work() -> None:
        body = await answer_api(asking, line)
        hub.announce("BACKGROUND_JOB", headers, body=body or "-ERR no reply\n")

    # The job begins when this task waits: after its reply.
    if hub.start_job(work):
        return client.reply(f"+OK Job-UUID: {job}", (("Job-UUID", job),))
    return client.reply("-ERR too many jobs")


async def _event(client: Client, request: Request, arguments: str) -> None:
    kind, names = read_kind(arguments.replace(",", " ").split())
    if not client.user.may_hear(names):
        client.reply(_DENIED)
        return
    if not client.interest.add(names):
        client.reply(_NO_KEYWORDS)
        return
    client.interest.kind = kind or client.interest.kind
    client.hub.listeners.add(client)
    client.reply(f"+OK event listener enabled {client.interest.kind}")


async def _nixevent(client: Client, request: Request, arguments: str) -> None:
    is_known = client.interest.remove(arguments.replace(",", " ").split())
    client.reply("+OK events nixed" if is_known else _NO_KEYWORDS)


async def _noevents(client: Client, request: Request, arguments: str) -> None:
    was_listening = client.interest.clear()
    client.reply("+OK no longer listening for events" if was_listening else "-ERR not listening for events")


async def _filter(client: Client, request: Request, arguments: str) -> None:
    verb, _, rest = arguments.partition(" ")
    if verb.lower() == "delete":
        header, _, value = rest.strip().partition(" ")
        if not header:
            return client.reply("-ERR invalid syntax")
        client.interest.remove_filter(header, value.strip())
        return client.reply(f"+OK filter deleted. [{header}][{value.strip()}]")
    header, _, value = (rest if verb.lower() == "add" else arguments).strip().partition(" ")
    if not header or not value.strip() or not client.interest.add_filter(header, value.strip()):
        return client.reply("-ERR invalid syntax")
    return client.reply(f"+OK filter added. [{header}]=[{value.strip()}]")


async def _myevents(client: Client, request: Request, arguments: str) -> None:
    words = arguments.split()
    channel = client.leg.id if client.leg is not None else None
    if channel is None:
        channel = words.pop(0) if words else None
    kind, _ = read_kind(words)
    if channel is None:
        return client.reply("-ERR invalid uuid")
    if not client.user.may_follow():
        return client.reply(_DENIED)
    if not client.interest.follow(channel):
        return client.reply("-ERR aready enabled.")  # so it is on the wire
    client.interest.kind = kind or client.interest.kind
    client.hub.listeners.add(client)
    return client.reply("+OK Events Enabled")


async def _divert(client: Client, request: Request, arguments: str) -> None:
    if client.leg is None:
        client.reply(f"{_NO_SESSION}.")
    elif not arguments:
        client.reply("-ERR missing value.")
    else:
        client.reply("+OK events diverted" if arguments.lower() == "on" else "+OK events not diverted")


async def _linger(client: Client, request: Request, arguments: str) -> None:
    if client.leg is None:
        return client.reply(_NO_SESSION)
    if arguments.isascii() and arguments.isdigit() and len(arguments) < 6 and int(arguments):
        client.linger = int(arguments)
        return client.reply(f"+OK will linger {client.linger} seconds")
    client.linger = -1
    return client.reply("+OK will linger")


async def _nolinger(client: Client, request: Request, arguments: str) -> None:
    if client.leg is None:
        return client.reply(_NO_SESSION)
    client.linger = None
    return client.reply("+OK will not linger")


async def _sendevent(client: Client, request: Request, arguments: str) -> None:
    if not client.user.may_steer:
        return client.reply(_DENIED)
    name = arguments.upper()
    subclass = request.header("Event-Subclass") or ""
    name = name if name in EVENT_NAMES and name != "ALL" else "CUSTOM"
    id = client.hub.new_id()
    client.reply(f"+OK {id}")
    own = {key: value for key, value in request.headers if key.lower() not in ("event-name", "event-subclass")}
    headers = {**own, "Event-UUID": id, "Command": f"sendevent {arguments}"}
    return client.hub.announce(name, headers, subclass=subclass, body=request.body or None)


async def _sendmsg(client: Client, request: Request, arguments: str) -> None:
    if not client.user.may_steer:
        return client.reply(_DENIED)
    return await receive_message(client, request, arguments)


async def _getvar(client: Client, request: Request, arguments: str) -> None:
    value = client.leg.variable(arguments) if client.leg is not None else None
    client.reply(value if value else NOT_FOUND)


async def _resume(client: Client, request: Request, arguments: str) -> None:
    client.reply("+OK" if client.leg is not None else NOT_FOUND)


async def _connect(client: Client, request: Request, arguments: str) -> None:
    leg, hub = client.leg, client.hub
    if leg is None:
        return client.reply(NOT_FOUND)
    headers = {
        **hub.core.headers("CHANNEL_DATA", hub.epoch()),
        **snapshot_headers(leg, hub.find),
        "Content-Type": "command/reply",
        "Reply-Text": "+OK\n",
        "Socket-Mode": "async" if client.is_async else "static",
        "Control": "full" if client.is_full else "single-channel",
    }
    block = plain_block(EslEvent("CHANNEL_DATA", headers))
    return client.send(f"{block}\n".encode())


async def _log(client: Client, request: Request, arguments: str) -> None:
    if not client.user.log:
        return client.reply(_DENIED)
    level = arguments.lower()
    number = int(level) if level.isascii() and level.isdigit() and len(level) == 1 else LOG_LEVELS.get(level or "debug")
    if number is None or number > LOG_LEVELS["debug"]:
        return client.reply("-ERR invalid log level")
    client.log_level = number
    client.hub.log_readers.add(client)
    return client.reply(f"+OK log level {arguments} [{number}]")


async def _nolog(client: Client, request: Request, arguments: str) -> None:
    was_reading, client.log_level = client.log_level >= 0, -1
    client.hub.log_readers.discard(client)
    client.reply("+OK no longer logging" if was_reading else "-ERR not loging")  # so it is on the wire


COMMANDS = (
    EslCommand("exit", _exit, "all"),
    EslCommand("...", _exit, "all"),
    EslCommand("connect", _connect, "session"),
    EslCommand("getvar ", _getvar, "session"),
    EslCommand("myevents", _myevents, "all"),
    EslCommand("filter ", _filter, "all"),
    EslCommand("resume", _resume, "session"),
    EslCommand("divert_events", _divert, "all"),
    EslCommand("sendmsg", _sendmsg, "all"),
    EslCommand("api ", _api, "full"),
    EslCommand("bgapi ", _bgapi, "full"),
    EslCommand("event", _event, "full"),
    EslCommand("nixevent", _nixevent, "full"),
    EslCommand("noevents", _noevents, "full"),
    EslCommand("sendevent", _sendevent, "full"),
    EslCommand("nolinger", _nolinger, "full session"),
    EslCommand("linger", _linger, "full session"),
    EslCommand("nolog", _nolog, "full"),
    EslCommand("log", _log, "full"),
)
