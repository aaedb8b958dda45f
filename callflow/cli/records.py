"""`callflow records`: what stays of calls, read from a running engine's store and written as one likes."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Annotated, Any, TypeAlias

import msgspec
import typer

from callflow.client import Engine
from callflow.errors import EventsMissed
from callflow.protocol.commands import Records
from callflow.protocol.records import CallRecord

from .output import print_json, print_table
from .where import Where, choosing_engine, with_engine

_Write: TypeAlias = Callable[[CallRecord], None]

_COLUMNS = ("ENDED", "FROM", "TO", "APP", "SECONDS", "CAUSE", "BY", "CHANNEL")
_AGO = re.compile(r"(\d+(?:\.\d+)?)([smhd])", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@choosing_engine
def records(
    where: Where,
    format: Annotated[
        str,
        typer.Option(
            "--format", metavar="table|csv|json|TEMPLATE", help="How, for example '{ended:%H:%M} {caller} {billable}'."
        ),
    ] = "table",
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Ended since: 2h, 7d, or '2026-12-24 09:00'.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Ended before.")] = None,
    call: Annotated[
        str, typer.Option("--call", metavar="ID", help="All legs of a call, given the id of any of them.")
    ] = "",
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="Calls of this user.")] = "",
    number: Annotated[str, typer.Option("--number", metavar="NUMBER", help="Caller, callee or dialled number.")] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with those to come, until Ctrl-C.")] = False,
) -> None:
    """Show the records of calls: one for each leg, oldest first.

    A template is Python's format string over the fields of a record; `created`, `answered` and `ended` are times that
    take a pattern, and the numbers of media are `received_packets`, `sent_lost` and the like.

    Examples:

        callflow records --since 24h

        callflow records --since 2026-12-01 --until 2027-01-01 --format csv > december.csv

        callflow records --follow --format '{ended:%Y-%m-%d %H:%M} {caller} -> {to}: {billable:.0f} s'
    """
    query = Records(since=_time(since, "--since"), until=_time(until, "--until"), call=call, user=user, number=number)
    write = _writer(format)

    async def show(engine: Engine) -> None:
        if format == "table" and not follow:
            print_table(_COLUMNS, [_row(record) async for record in _read(engine, query)], empty="no records")
            return
        if format == "csv":
            print(_csv_line(list(_facts(_EXAMPLE))), flush=True)
        if follow:
            await engine.subscribe("record.written")
        async for record in _follow(engine, query) if follow else _read(engine, query):
            write(record)

    with_engine(show, where)


async def _read(engine: Engine, query: Records) -> AsyncIterator[CallRecord]:
    """Page by page."""
    while True:
        page = msgspec.convert(await engine.command(query), list[CallRecord])
        for record in page:
            yield record
        if len(page) < query.limit:
            return
        query = msgspec.structs.replace(query, after=page[-1].id)


async def _follow(engine: Engine, query: Records) -> AsyncIterator[CallRecord]:
    """Those there are, then those that come: an event only says that it is time to look."""
    events = engine.events()
    while True:
        async for record in _read(engine, query):
            query = msgspec.structs.replace(query, after=record.id)
            yield record
        try:
            await anext(events)
        except EventsMissed:
            continue


def _time(text: str | None, option: str) -> float | None:
    """Seconds since the epoch, of a local time or of a while ago."""
    if text is None:
        return None
    if ago := _AGO.fullmatch(text):
        return time.time() - float(ago[1]) * _UNITS[ago[2]]
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        expected = f"expected 90m, 2h, 7d or a time like '2026-12-24 09:00', got {text!r}"
        raise typer.BadParameter(expected, param_hint=option) from None


def _writer(format: str) -> _Write:
    if format == "json":
        return lambda record: print_json(msgspec.to_builtins(record))
    if format == "csv":
        return lambda record: print(_csv_line([_plain(value) for value in _facts(record).values()]), flush=True)
    if format == "table":
        return lambda record: print("  ".join(_row(record)), flush=True)
    try:
        format.format(**_facts(_EXAMPLE))
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        known = ", ".join(_facts(_EXAMPLE))
        expected = f"expected table, csv, json or a template of {known}; got {format!r}: {error}"
        raise typer.BadParameter(expected, param_hint="--format") from error
    return lambda record: print(format.format(**_facts(record)), flush=True)


def _facts(record: CallRecord) -> dict[str, Any]:
    """The fields by name, flat, with times that can be formatted."""
    facts = {name: getattr(record, name) for name in record.__struct_fields__}
    times = {name: facts.pop(f"{name}_at") for name in ("created", "progress", "answered", "ended")}
    for direction in ("received", "sent"):
        media = facts.pop(direction)
        facts |= {f"{direction}_{name}": getattr(media, name) for name in media.__struct_fields__}
    facts["bridged_with"] = " ".join(record.bridged_with)
    facts["variables"] = " ".join(f"{name}={value}" for name, value in record.variables.items())
    told = {name: "" if value is None else value for name, value in facts.items()}
    return {name: _Time.at(value) for name, value in times.items()} | told


class _Time:
    """A local time, or none; either takes a pattern."""

    def __init__(self, at: datetime | None) -> None:
        self._at = at

    @classmethod
    def at(cls, epoch: float | None) -> _Time:
        return cls(None if epoch is None else datetime.fromtimestamp(epoch).astimezone())

    def __format__(self, pattern: str) -> str:
        if self._at is None:
            return ""
        return self._at.strftime(pattern) if pattern else self._at.isoformat(timespec="milliseconds")

    def __str__(self) -> str:
        return format(self)


def _plain(value: object) -> str:
    """Text that no spreadsheet takes for a formula: what callers name themselves is in here."""
    text = str(value)
    return f"'{text}" if isinstance(value, str) and re.match(r"[=@\t\r]|[+-](?![0-9]+$)", text) else text


def _csv_line(values: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()


def _row(record: CallRecord) -> tuple[str, ...]:
    return (
        format(_Time.at(record.ended_at), "%Y-%m-%d %H:%M:%S"),
        record.caller,
        record.to,
        record.app or "",
        f"{record.billable:.1f}",
        record.cause_name,
        record.ended_by,
        record.channel,
    )


_EXAMPLE = CallRecord(
    channel="",
    direction="inbound",
    caller="",
    callee="",
    to="",
    created_at=0.0,
    progress_at=0.0,
    answered_at=0.0,
    ended_at=0.0,
    cause=16,
    cause_name="normal_clearing",
    ended_by="caller",
    phase="answered",
)
