"""`callflow trace`: a call as it went, on the wire and in the engine, as a ladder, a capture or JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import trio
import typer
from rich.markup import escape

from callflow.client import Engine
from callflow.protocol.queries import PastEvent, WireMessage

from .ladder import Ladder, name_of_leg, printable
from .options import JsonOption
from .output import Refused, print_json, stderr, stdout
from .pcap import pcap
from .traced_call import Given, Row, TracedCall, read_call, read_on, read_rejected
from .where import Where, choosing_engine, with_engine

_LOOK_EVERY = 0.3  # seconds, with --follow
_STYLES: Mapping[type[Row], str] = {WireMessage: "", Given: "bold", PastEvent: "dim"}
_SEARCH = 5000  # calls looked through for one whose id begins so


@choosing_engine
def trace(
    where: Where,
    call: Annotated[
        str,
        typer.Argument(metavar="CALL", help="The id of any of its channels, or how it begins; or a Call-ID of SIP."),
    ],
    bodies: Annotated[bool, typer.Option("--bodies", "-b", help="Print the messages whole.")] = False,
    capture: Annotated[
        Path | None, typer.Option("--pcap", metavar="FILE", help="Write the SIP messages for Wireshark instead.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the call is over.")] = False,
    json: JsonOption = False,
) -> None:
    """Show how a call went: its SIP messages as they were on the wire, the commands of its app,
    and its events, on one clock.

    A call that was rejected before it had a channel is found by its Call-ID of SIP; the log has it at the level debug.

    All its legs are shown, during the call and after it, as long as the engine keeps them: the last 20,000 messages of
    all calls, and the events of up to an hour, unless [trace] says otherwise.

    Examples:

        callflow trace 3f9c

        callflow trace 3f9c --bodies

        callflow trace 3f9c --pcap call.pcap
    """
    if capture is not None and (follow or json):
        raise typer.BadParameter("goes neither with --follow nor with --json", param_hint="--pcap")

    async def show(engine: Engine) -> None:
        found = await _find(engine, call)
        if capture is not None:
            _write(capture, found)
        elif json and not follow:
            print_json([_plain(row) for row in found.rows])
        else:
            await _print(engine, found, bodies=bodies, follow=follow, json=json)

    with_engine(show, where)


async def _find(engine: Engine, call: str) -> TracedCall:
    """The call of the channel whose id is, or begins, so; or what has that Call-ID, and became no channel."""
    created = await engine.recent("channel.created", last=_SEARCH)
    ids = [
        event.channel
        for event in created
        if event.channel is not None and (event.channel.startswith(call) or event.data.get("sip_call_id") == call)
    ]
    exact = [id for id in ids if id == call] or list(dict.fromkeys(ids))
    if len(exact) == 1:
        return await read_call(engine, exact[0])
    if exact:
        raise Refused(f"{len(exact)} calls have an id that begins with {call!r}: {', '.join(exact[:5])}")
    if (rejected := await read_rejected(engine, call)).messages:
        return rejected
    raise Refused(f"the engine knows no call {call!r}, or not any more; see: callflow calls, callflow records")


def _write(path: Path, call: TracedCall) -> None:
    try:
        path.write_bytes(pcap(call.messages))
    except OSError as error:
        raise Refused(f"cannot write {path}: {error.strerror}") from error
    stderr().print(escape(f"{path}: {len(call.messages)} SIP messages"))


async def _print(engine: Engine, call: TracedCall, *, bodies: bool, follow: bool, json: bool) -> None:
    ladder: Ladder | None = None
    shown: set[tuple[type[Row], object]] = set()
    was_over = False  # a confirmed BYE is no event: after the end one more look
    while True:
        if not json and (ladder is None or not ladder.has_room_for(call)):
            ladder = Ladder(call)
            _print_head(call, ladder)
        for row in call.rows:
            key = type(row), _name_of(row)
            if key not in shown:
                shown.add(key)
                _print_row(row, ladder, bodies=bodies)
        if not follow or was_over:
            return
        was_over = call.is_over
        await trio.sleep(_LOOK_EVERY)
        await read_on(engine, call)


def _name_of(row: Row) -> object:
    """What tells a row from others of its kind."""
    return (row.channel, row.decision.id) if isinstance(row, Given) else row.seq


def _print_head(call: TracedCall, ladder: Ladder) -> None:
    for index, (channel, events) in enumerate(call.legs.items()):
        facts = events[0].data if events and events[0].name == "channel.created" else {}
        who = f"{_number(facts.get('caller'))} -> {facts.get('to') or _number(facts.get('callee'))}"
        told = (
            f"{who}  {facts.get('direction', '')}  app {facts.get('app') or '-'}" if facts else "its beginning is gone"
        )
        stdout().print(f"[bold]{name_of_leg(index)}[/]  {escape(channel)}  {escape(told)}")
    stdout().print(escape(f"\n{ladder.head()}"), style="bold")


def _number(party: object) -> str:
    return str(party.get("number") or party.get("uri", "?")) if isinstance(party, dict) else "?"


def _print_row(row: Row, ladder: Ladder | None, *, bodies: bool) -> None:
    if ladder is None:
        print_json(_plain(row))
        return
    stdout().print(escape(ladder.line(row)), style=_STYLES[type(row)])
    if bodies and isinstance(row, WireMessage):
        stdout().print(escape(textwrap.indent(printable(row.data), " " * 16)), style="cyan")


def _plain(row: Row) -> dict[str, object]:
    """A row as JSON has it."""
    if isinstance(row, Given):
        return {"kind": "command", "channel": row.channel, **msgspec.to_builtins(row.decision)}
    plain: dict[str, object] = msgspec.to_builtins(row)
    if isinstance(row, PastEvent):
        return {"kind": "event", "data": {}} | plain
    del plain["data"]
    return {"kind": "message"} | plain | {"text": row.data.decode("utf-8", "replace")}
