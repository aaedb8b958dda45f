"""`callflow test`: the flow tests of a script's folder; and, with --explore, the script walked by itself."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import structlog
import typer
from rich.markup import escape

from callflow.errors import ScriptError
from callflow.runtime.tester import EXIT_NO_TESTS, EXIT_USAGE, NO_PYTEST

from .options import JsonOption
from .output import Refused, complain, print_json, stdout

if TYPE_CHECKING:
    from callflow.simulation.explore.explorer import Explored

_IS_SCRIPT = re.compile(r"\bApp\(|\bcallflow\.app\(")
_OF_PYTEST = re.compile(r"test_.*|.*_test|conftest")


def test(
    places: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FOLDER|FILE]... [-- PYTEST OPTIONS]", help="What to test. [default: this folder]"),
    ] = None,
    explore: Annotated[
        bool, typer.Option("--explore", help="Walk every choice and time-out of the scripts, without tests.")
    ] = False,
    only: Annotated[
        str | None, typer.Option("-k", metavar="EXPRESSION", help="Only tests whose names fit, as pytest says.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="The seed of the simulations.")] = 0,
    number: Annotated[
        list[str] | None,
        typer.Option(
            "--number", metavar="NUMBER", help="With --explore: whom to call; repeatable. [default: all routes]"
        ),
    ] = None,
    silence: Annotated[
        float, typer.Option("--silence", metavar="S", min=0.1, help="With --explore: seconds that are dead air.")
    ] = 10.0,
    walks: Annotated[
        int, typer.Option("--walks", metavar="N", min=1, help="With --explore: calls to each number, at most.")
    ] = 1000,
    json: JsonOption = False,
) -> None:
    """Run the flow tests of scripts in simulation: virtual time, no sockets.

    With --explore no tests are needed: each key, wrong key, silence, outcome of a dial and hang-up is tried, and dead
    ends, dead air, missing prompts, endless loops and exceptions are told, with the way there.

    The exit code is 0 when all is well, 1 when a test fails, something is found, or there is nothing to test.

    Examples:

        callflow test examples/ivr

        callflow test examples/ivr -k menu --seed 7 -- -x

        callflow test --explore ivr.py
    """
    given = places or ["."]
    paths = given[: next((index for index, text in enumerate(given) if text.startswith("-")), len(given))]
    options = given[len(paths) :]
    if explore:
        if options or only:
            raise typer.BadParameter("expected no options of pytest beside --explore, which runs no tests")
        _explore(_scripts(paths or ["."]), number or [], seed=seed, silence=silence, walks=walks, json=json)
        return
    if json or number:
        raise typer.BadParameter("expected --json and --number beside --explore")
    _run_tests([*(paths or ["."]), *options], only=only, seed=seed)


def _run_tests(arguments: Sequence[str], *, only: str | None, seed: int) -> None:
    if find_spec("pytest") is None:
        raise Refused(NO_PYTEST)
    for place in arguments:
        if place.startswith("-"):
            break
        if not Path(place.partition("::")[0]).exists():
            raise Refused(f"expected a folder or a file with tests, but there is no {place!r}")
    command = [sys.executable, "-m", "pytest", "--no-header", "-p", "no:cacheprovider", f"--callflow-seed={seed}"]
    code = subprocess.run([*command, *(["-k", only] if only else []), *arguments], check=False).returncode
    if code == EXIT_NO_TESTS:
        complain("no flow test was run: tests are `async def test_...(simulation)` in files named test_*.py")
    raise typer.Exit(0 if code == 0 else 2 if code == EXIT_USAGE else 1)


def _scripts(places: Sequence[str]) -> list[Path]:
    found: list[Path] = []
    for place in map(Path, places):
        if place.is_file():
            found.append(place)
            continue
        if not place.is_dir():
            raise Refused(f"expected a script or its folder, but there is no {str(place)!r}")
        scripts = sorted([*place.glob("*.py"), *place.glob("*.lua")])
        scripts = [path for path in scripts if not _OF_PYTEST.fullmatch(path.stem)]
        scripts = [path for path in scripts if _IS_SCRIPT.search(path.read_text(errors="replace"))]
        if not scripts:
            raise Refused(f"{place}: expected a script with an App, found none")
        found += scripts
    return found


def _explore(
    scripts: Sequence[Path], numbers: Sequence[str], *, seed: int, silence: float, walks: int, json: bool
) -> None:
    from callflow.simulation.explore.explorer import Bounds, explore

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    explored: list[Explored] = []
    for script in scripts:
        if not json:
            stdout().print(f"[bold]{escape(script.name)}[/]")
        try:
            for each in _aside(explore(script, numbers, seed=seed, bounds=Bounds(silence=silence, walks=walks))):
                explored.append(each)
                if not json:
                    _print_tree(each)
        except ScriptError as error:
            raise Refused(f"cannot load {error}") from error
    if json:
        print_json([_as_json(each) for each in explored])
    else:
        _print_findings(explored)
    if any(each.findings for each in explored):
        raise typer.Exit(1)


def _aside(explored: Iterator[Explored]) -> Iterator[Explored]:
    """The same; what the script prints meanwhile goes to stderr."""
    while True:
        with redirect_stdout(sys.stderr):
            each = next(explored, None)
        if each is None:
            return
        yield each


def _print_tree(explored: Explored) -> None:
    from callflow.simulation.explore.tree import lines_of_tree

    console = stdout()
    for line in lines_of_tree(explored.graph):
        console.print(f"  {line}", markup=False)
    for remark in _remarks(explored):
        complain(remark)


def _print_findings(explored: Sequence[Explored]) -> None:
    from callflow.simulation.explore.tree import lines_of_finding

    console = stdout()
    count = 0
    for each in explored:
        for finding in each.findings:
            count += 1
            console.print("")
            for line in lines_of_finding(finding):
                console.print(line, markup=False)
    console.print("")
    counts = {
        "number": len(explored),
        "point": sum(len(each.graph.points) for each in explored),
        "call": sum(len(each.walks) for each in explored),
    }
    told = _counted("finding", count) if count else "nothing found"
    console.print(f"{', '.join(_counted(*each) for each in counts.items())}: {told}", markup=False)


def _counted(name: str, count: int) -> str:
    return f"{count} {name}{'s' if count != 1 else ''}"


def _remarks(explored: Explored) -> Iterator[str]:
    name = f"{explored.script.name} {explored.number}"
    if explored.left:
        yield f"{name}: not all was walked: {explored.left} calls were left when the bound was reached; see --walks"
    if not explored.is_alike:
        yield f"{name}: the script did not do the same each time; does it use chance, or the real time?"


def _as_json(explored: Explored) -> dict[str, Any]:
    return {
        "script": str(explored.script),
        "number": explored.number,
        "calls": len(explored.walks),
        "left": explored.left,
        "points": [
            {"who": point.state.who, "text": point.text, "place": point.place}
            for point in explored.graph.points.values()
        ],
        "findings": [
            {"kind": found.kind, "text": found.text, "place": found.place, "path": list(found.path)}
            for found in explored.findings
        ],
    }
