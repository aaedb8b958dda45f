"""The command line: `callflow COMMAND`. Exit codes: 0 done, 1 refused, 2 wrong usage."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from callflow.errors import CallflowError, Disconnected, Unauthorized, Unreachable
from callflow.runtime import garbage
from engine.config_error import ConfigError

from .output import BadOption, Refused, complain

_ENGINES = frozenset({"run", "dev", "serve"})  # they settle once they have started, see garbage
_PLAIN = frozenset({"run", "serve"})


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code."""
    sys.exit(run_command(sys.argv[1:] if arguments is None else arguments))


def run_command(arguments: Sequence[str]) -> int:
    """Run a command; its exit code."""
    if _ENGINES.intersection(arguments[:1]):
        garbage.postpone()
    try:
        return _run(arguments)
    except (Refused, ConfigError) as error:
        complain(str(error))
    except CallflowError as error:
        complain(_explain(error))
    return 1


def _run(arguments: Sequence[str]) -> int:
    if _PLAIN.intersection(arguments[:1]):
        from .plain import read  # and with it the engine's configuration

        try:
            if (start := read(arguments)) is not None:
                start.begin()
                return 0
        except BadOption:
            pass  # typer says it with the usage
    from .program import run_by_typer

    return run_by_typer(arguments)


def _explain(error: CallflowError) -> str:
    if isinstance(error, Unauthorized):
        return f"{error}; give a token that the engine knows with --token"
    if isinstance(error, Unreachable | Disconnected):
        return f"{error}; is the engine running?"
    return str(error)
