"""How commands speak: results to stdout, everything else to stderr; refused is exit code 1."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

_T = TypeVar("_T")


class Refused(Exception):
    """The command was understood but could not be done. The text says why and, where there is one, the way out."""


class BadOption(Exception):
    """An option says what it cannot, which is wrong usage. The text says what was expected."""

    def __init__(self, option: str, message: str) -> None:
        super().__init__(message)
        self.option = option


class _Output(Console):
    """Whose reader may have seen enough: then the command ends quietly, where rich would do so from within a task."""

    def on_broken_pipe(self) -> None:
        raise  # what rich handles when it calls this


def stdout() -> Console:
    """Where results go; plain text when it is no terminal."""
    return _Output(highlight=False, soft_wrap=True)


def stderr() -> Console:
    """Where complaints go."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def complain(message: str) -> None:
    """Say what went wrong."""
    stderr().print(f"[bold red]callflow:[/] {escape(message)}")


def print_json(value: Any) -> None:  # noqa: ANN401 - anything JSON can say
    """One value on one line."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def print_rows(
    rows: Sequence[_T], columns: Sequence[str], row_of: Callable[[_T], Sequence[str]], *, empty: str, json: bool
) -> None:
    """What a listing command found: as one value of JSON, or for a person."""
    if json:
        print_json(msgspec.to_builtins(rows))
    else:
        print_table(columns, [row_of(row) for row in rows], empty=empty)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
    """Rows for a person to read."""
    if not rows:
        stderr().print(escape(empty))
        return
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*map(escape, row))
    console = stdout()
    width = None if console.is_terminal else 1000  # a pipe gets whole lines
    console.print(table, width=width, soft_wrap=False)
