"""Finding the App in a script: the file is imported under a name of its own, with its folder first on `sys.path`."""

from __future__ import annotations

import importlib.util
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING

from callflow.app import App
from callflow.errors import ScriptError

if TYPE_CHECKING:
    from .lua.script import LuaScript


def load_script(script: Path, name: str) -> App | LuaScript:
    """A script of either language, which knows its `patterns`. Raises ScriptError."""
    if script.suffix == ".lua":
        from .lua.script import LuaScript  # most scripts are in Python, and need no Lua

        return LuaScript(script)
    return load_app(script, name)


def load_app(script: Path, name: str) -> App:
    """The script's App: its only one, or, among several, the one of this name.

    Raises ScriptError, whose report has file, line and traceback, for whatever is wrong with the script.
    """
    module = _import(script, name)
    apps = list({id(value): value for value in vars(module).values() if isinstance(value, App)}.values())
    if len(apps) > 1:
        apps = [app for app in apps if app.name == name] or apps
    if len(apps) == 1:
        return _checked(apps[0], script)
    found = "none" if not apps else f"{', '.join(sorted(repr(app.name) for app in apps))}, none of them {name!r}"
    raise ScriptError(f'{script}: expected an App, such as app = App("{name}"), found {found}')


def _import(script: Path, name: str) -> ModuleType:
    if not script.is_file():
        raise ScriptError(f"{script}: expected a Python script, there is no such file")
    module_name = "callflow_script_" + re.sub(r"\W", "_", name)
    spec = importlib.util.spec_from_file_location(module_name, script.resolve())
    if spec is None or spec.loader is None:
        raise ScriptError(f"{script}: expected a Python script, a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    folder = str(script.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    sys.modules[module_name] = module  # dataclasses and pickle look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException as error:  # SystemExit, too: a script that exits is a script that did not load
        del sys.modules[module_name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise _script_error(script, error) from error
    return module


def _checked(app: App, script: Path) -> App:
    if not app.routes:
        raise ScriptError(f'{script}: expected at least one @app.route("...") of {app!r}, found none')
    return app


def _script_error(script: Path, error: BaseException) -> ScriptError:
    line = _line_in(script, error)
    place = f"{script}:{line}" if line else str(script)
    report = "".join(traceback.format_exception(error.with_traceback(_below_import(error))))
    return ScriptError(f"{place}: {type(error).__name__}: {error}", report=report)


def _line_in(script: Path, error: BaseException) -> int | None:
    if isinstance(error, SyntaxError):
        return error.lineno
    resolved = str(script.resolve())
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == resolved]
    return lines[-1] if lines else None


def _below_import(error: BaseException) -> TracebackType | None:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None and _is_machinery(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace


def _is_machinery(filename: str) -> bool:
    return filename == __file__ or "importlib" in filename
