"""The command line: `callflow COMMAND`. Exit codes: 0 done, 1 refused, 2 wrong usage."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from callflow.errors import CallflowError, Disconnected, Unauthorized, Unreachable
from engine.config import ConfigError

from . import dev, dial, monitor, records, replay, route, run, test, trace, versions
from .output import Refused, complain

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
for command in (
    run.run, dev.dev, run.serve, run.check, test.test, dial.dial, monitor.calls, monitor.events, monitor.hangup,
    monitor.drain, monitor.registrations, monitor.trunks, monitor.status, trace.trace, records.records, route.route,
    versions.reload, versions.rollback, versions.versions, replay.save, replay.replay,
):  # fmt: skip
    app.command()(command)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        print(f"callflow {version('callflow')}")
        raise typer.Exit


@app.callback()
def _options(
    show: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code."""
    sys.exit(run_command(sys.argv[1:] if arguments is None else arguments))


def run_command(arguments: Sequence[str]) -> int:
    """Run a command; its exit code."""
    try:
        result = app(args=list(arguments), prog_name="callflow", standalone_mode=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except (Refused, ConfigError) as error:
        complain(str(error))
    except CallflowError as error:
        complain(_explain(error))
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    else:
        return int(result or 0)
    return 1


def _explain(error: CallflowError) -> str:
    if isinstance(error, Unauthorized):
        return f"{error}; give a token that the engine knows with --token"
    if isinstance(error, Unreachable | Disconnected):
        return f"{error}; is the engine running?"
    return str(error)
