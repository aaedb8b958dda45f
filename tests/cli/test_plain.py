"""Command lines of engines that are read without typer: as typer reads them, or not at all."""

from __future__ import annotations

from dataclasses import fields

import pytest
from typer.main import get_group

from callflow.cli.plain import read
from callflow.cli.program import command_line
from callflow.cli.starting import Start


def by_typer(arguments: list[str]) -> Start:
    group = get_group(command_line(arguments[0]))
    with group.make_context("callflow", list(arguments)) as context:
        name, command, rest = group.resolve_command(context, list(arguments))
        return Start(**command.make_context(name, rest, parent=context).params)


def plainly(start: Start) -> dict[str, object]:
    told = {field.name: getattr(start, field.name) for field in fields(start)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items() if value}


@pytest.mark.parametrize("line", [
    "serve --config callflow.toml",
    "serve --config=callflow.toml --data /var/lib/callflow",
    "serve --data a --config a.toml --config b.toml --socket 127.0.0.1:0",
    "serve --sip udp:127.0.0.1:5070 --config a.toml --sip=tcp:127.0.0.1:5070",
    "run ivr.py",
    "run ivr.py queue.lua --sip udp:[::1]:5070 --data=here",
    "run --socket 127.0.0.1:7444 ivr.py --data here queue.py",
])  # fmt: skip
def test_what_is_read_is_what_typer_reads(line: str):
    start = read(line.split())
    assert start is not None
    assert plainly(start) == plainly(by_typer(line.split()))


@pytest.mark.parametrize("line", [
    "serve", "serve --help", "serve -h", "serve --config", "serve --config a.toml extra", "serve --config --data",
    "run", "run --", "run a.py --bogus", "run a.py --config b.toml", "run a.py -v", "run a.py --dat here",
])  # fmt: skip
def test_anything_else_is_for_typer(line: str):
    assert read(line.split()) is None
