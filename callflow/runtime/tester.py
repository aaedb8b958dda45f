"""The flow tests of one version, in a process of their own: `python -m callflow.runtime.tester APP SCRIPT`.

Started by the engine for a version that is to be tested, in the version's folder. A script that does not load is told
as a worker does, with the same exit code; then pytest takes the process over, and its exit codes are the tests'.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from callflow.errors import ScriptError

from .loader import load_script
from .log import configure_log
from .worker import EXIT_SCRIPT

EXIT_FAILED = 1  # the exit codes of pytest
EXIT_USAGE = 4
EXIT_NO_TESTS = 5
NO_PYTEST = "flow tests need pytest, which is not installed: pip install 'callflow[test]'"

log = logging.getLogger("callflow.tester")


def main(arguments: Sequence[str]) -> int:
    """Load the script, and become pytest; an exit code if that cannot be."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m callflow.runtime.tester APP SCRIPT\n")
        return EXIT_USAGE
    name, script = arguments[0], Path(arguments[1])
    configure_log()
    try:
        load_script(script, name)
    except ScriptError as error:
        log.error("cannot load %s", error, extra={"traceback": error.report})
        return EXIT_SCRIPT
    if find_spec("pytest") is None:
        log.error(NO_PYTEST)
        return EXIT_FAILED
    os.execv(sys.executable, [sys.executable, *pytest_arguments(script.parent)])


def pytest_arguments(folder: Path) -> list[str]:
    """What Python is run with: nothing is written to the folder, and nothing around it counts."""
    quiet = ["-q", "--no-header", "--tb=short", "-rfE", "--color=no", "-p", "no:cacheprovider"]
    return ["-B", "-m", "pytest", *quiet, f"--rootdir={folder}", f"--confcutdir={folder}", str(folder)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
