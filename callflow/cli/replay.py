"""`callflow save` and `callflow replay`: real calls kept, and made again with another version of their script."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from callflow.client import Engine
from callflow.errors import ScriptError

from .log import log_errors_only
from .options import JsonOption
from .output import Refused, complain, print_json, stderr, stdout
from .place import data_folder
from .where import Where, choosing_engine, with_engine

if TYPE_CHECKING:
    from callflow.replay.many import Verdict
    from callflow.replay.saved import SavedCall

_SHORT = 8  # characters of an id


@choosing_engine
def save(
    where: Where,
    call: Annotated[str, typer.Argument(metavar="[CALL]", help="The call's id, or how it begins.")] = "",
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where to; it is made if need be.")] = Path(),
    every: Annotated[bool, typer.Option("--all", help="All calls that the engine still knows.")] = False,
) -> None:
    """Keep a call as a file: what happened, and what its script decided. It may be up, or have ended lately.

    The engine knows calls of the last hour, if there are not too many. What the caller keyed is in the file, PINs too.

    Examples:

        callflow save 3f9c

        callflow save --all --to calls
    """
    if every == bool(call):
        raise typer.BadParameter("expected the id of a call, or --all", param_hint="CALL")

    async def act(engine: Engine) -> None:
        await (_save_all(engine, to) if every else _save(engine, call, to))

    with_engine(act, where)


def replay(
    place: Annotated[Path, typer.Argument(metavar="FOLDER|FILE", help="Saved calls, see: callflow save")],
    app: Annotated[
        str, typer.Option("--app", metavar="SCRIPT", help="The script, its folder, or the hash of a version.")
    ],
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="The data folder of the engine that has the versions.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Make saved calls again in simulation with a script, and compare what it decides with what was decided then.

    Callers and callees do what they did, at the same moments after the same prompts. Exit code 0: all calls went the
    same way; 1: some did not; 2: there is nothing to compare.

    Examples:

        callflow replay calls --app ivr.py

        callflow replay calls/3f9c41d2a5b6e788.call.json --app ivr.py --json
    """
    began = time.perf_counter()
    saved, script = _read(place, app, data)
    results = list(_replay_all(saved, script, shows=not json))
    counts = Counter(result.is_same for result in results)
    seconds = time.perf_counter() - began
    if json:
        _print_json(results, seconds)
    else:
        differ = f"{counts[False]} differ" if counts[False] != 1 else "1 differs"
        stdout().print(f"{_count(len(results))} in {seconds:.1f} s: {counts[True]} same, {differ}")
    if counts[False]:
        raise typer.Exit(1)


async def _save(engine: Engine, call: str, to: Path) -> None:
    from callflow.replay.saving import NotKept, save_call

    try:
        _write(await save_call(engine, call), to)
    except NotKept as error:
        raise Refused(str(error)) from error


async def _save_all(engine: Engine, to: Path) -> None:
    from callflow.replay.saving import save_all

    saved, failed = await save_all(engine)
    for call in saved:
        _write(call, to)
    for error in failed:
        complain(str(error))
    if failed:
        raise Refused(f"{len(failed)} of {len(failed) + len(saved)} calls could not be saved")
    if not saved:
        stderr().print("no calls")


def _write(call: SavedCall, to: Path) -> None:
    from callflow.replay.saved import write_saved

    try:
        print(write_saved(call, to), flush=True)
    except OSError as error:
        raise Refused(f"cannot write to {to}: {error.strerror or error}") from error
    except ValueError as error:
        raise Refused(str(error)) from error


def _read(place: Path, app: str, data: Path | None) -> tuple[list[tuple[Path, SavedCall]], Path]:
    """The calls, and the script. Raises typer.BadParameter for what is none."""
    from callflow.replay.saved import SavedCallError, find_saved, read_saved

    try:
        saved = [(path, read_saved(path)) for path in find_saved(place)]
    except SavedCallError as error:
        raise typer.BadParameter(str(error), param_hint="FOLDER|FILE") from error
    apps = {call.app for _, call in saved}
    script = _find_script(app, apps, data)
    if len(apps) > 1 and script.stem in apps:  # one script takes the calls of one app
        own = [(path, call) for path, call in saved if call.app == script.stem]
        stderr().print(f"left out: {_count(len(saved) - len(own))} of other apps than {script.stem}", markup=False)
        saved = own
    return saved, script


def _find_script(app: str, apps: set[str], data: Path | None) -> Path:
    """The script at a path, in a folder, or in a version's copy under DATA/versions."""
    path = Path(app)
    if path.is_file():
        return path
    versions = data_folder(data) / "versions"
    folders = [path] if path.is_dir() else sorted(versions.glob(f"{app}*")) if app.isalnum() else []
    if len(folders) != 1:
        found = f"there are {len(folders)} versions that begin so" if folders else "there is no such thing"
        raise typer.BadParameter(
            f"expected a script, a folder, or the hash of a version below {versions}, got {app!r}: {found}",
            param_hint="--app",
        )
    named = [folders[0] / f"{name}{suffix}" for name in sorted(apps) for suffix in (".py", ".lua")]
    scripts = [script for script in named if script.is_file()]
    scripts = scripts or sorted(it for it in folders[0].glob("*.py") if not it.name.startswith(("test_", "_")))
    scripts = scripts or sorted(folders[0].glob("*.lua"))
    if len(scripts) != 1:
        names = ", ".join(script.name for script in scripts) or "none"
        raise typer.BadParameter(f"{folders[0]}: expected one script, found {names}; name it", param_hint="--app")
    return scripts[0]


def _replay_all(saved: Sequence[tuple[Path, SavedCall]], script: Path, *, shows: bool) -> Iterator[Verdict]:
    from callflow.replay.many import replay_all

    try:
        for verdict in replay_all(saved, script, prepare=log_errors_only):
            if shows:
                _print(verdict)
            yield verdict
    except ScriptError as error:
        stderr().print(error.report.rstrip(), markup=False)
        raise typer.BadParameter(str(error), param_hint="--app") from error


def _count(calls: int) -> str:
    return "1 call" if calls == 1 else f"{calls} calls"


def _print(result: Verdict) -> None:
    console = stdout()
    word = "same" if result.is_same else "[bold]differs[/]"
    console.print(f"{word}  {escape(result.call[:_SHORT])}  {escape(result.title)}")
    for line in result.diff:
        style = {"-": "red", "+": "green", "@": "cyan", "!": "bold red"}.get(line[:1], "")
        console.print(line, markup=False, style=style or None)


def _print_json(results: Sequence[Verdict], seconds: float) -> None:
    calls = [
        {
            "file": str(result.path),
            "call": result.call,
            "result": "same" if result.is_same else "differs",
            "diff": list(result.diff),
        }
        for result in results
    ]
    same = sum(result.is_same for result in results)
    print_json({"same": same, "differ": len(results) - same, "seconds": round(seconds, 3), "calls": calls})
