"""All commands, as typer reads them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Annotated

import typer

# Each command and its module, which is imported when the command is wanted: most need no more than a connection.
_MODULES = {
    "run": "run", "dev": "dev", "serve": "run", "check": "run", "test": "test", "dial": "dial", "calls": "monitor",
    "events": "monitor", "hangup": "monitor", "drain": "monitor", "registrations": "monitor", "trunks": "monitor",
    "status": "monitor", "trace": "trace", "records": "records", "route": "route", "reload": "versions",
    "rollback": "versions", "versions": "versions", "top": "top", "save": "replay", "replay": "replay", "user": "user",
    "users": "user",
}  # fmt: skip


def command_line(*names: str) -> typer.Typer:
    """The program with these commands; with none, all."""
    app = typer.Typer(
        name="callflow",
        help="A softswitch whose calls are steered by programs.\n\nFirst steps: callflow run SCRIPT, "
        "and in another terminal: callflow dial 1000 --press 1",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for name in names or _MODULES:
        command = getattr(import_module(f".{_MODULES[name]}", __package__), name)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command()(command)
    return app


def run_by_typer(arguments: Sequence[str]) -> int:
    """Run a command; its exit code. Raises what the command does."""
    app = command_line(*(name for name in arguments[:1] if name in _MODULES))
    try:
        result = app(args=list(arguments), prog_name="callflow", standalone_mode=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return int(result or 0)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        print(f"callflow {version('callflow')}")
        raise typer.Exit


def _options(
    show: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
