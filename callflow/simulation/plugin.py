"""The pytest plugin: tests that ask for `simulation` run inside one.

    async def test_welcome(simulation):
        alice = simulation.phone("alice")
        alice.call("1000")
        await alice.heard("welcome.wav")

Which script: that of the nearest mark, `@pytest.mark.callflow("ivr.py")` or `pytestmark = pytest.mark.callflow(...)`,
relative to the test's file; without one, `ivr.py` or `ivr.lua` for `test_ivr.py`, or else the only script beside the
test. A mark may name several, or hold apps that the test defines, and the options of `Simulation` (seed, latency, loss,
...). The same tests for a script in Python and for its twin in Lua:
`parametrize("simulation", ["ivr.py", "ivr.lua"], indirect=True)`.
Tests that do not ask for `simulation` are left alone, async or not.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .simulation import Simulation

_REPORT = "what happened in the simulation"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The seed may be given for a whole run."""
    group = parser.getgroup("callflow")
    group.addoption("--callflow-seed", type=int, default=0, help="seed of simulations that name none (default: 0)")


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", "callflow(*scripts, **options): what the `simulation` of a test runs, and how")


@pytest.fixture
def simulation(request: pytest.FixtureRequest, tmp_path: Path) -> Simulation:
    """A simulated engine with the test's script, on virtual time; the test runs inside of it."""
    from .simulation import Simulation  # not before somebody asks: most test runs do not simulate

    mark = request.node.get_closest_marker("callflow")
    here = request.path.parent
    named = (request.param,) if hasattr(request, "param") else mark.args if mark else ()
    apps = [here / app if isinstance(app, str | Path) else app for app in named]
    options = {"folder": tmp_path, "seed": request.config.getoption("--callflow-seed"), **(mark.kwargs if mark else {})}
    return Simulation(*(apps or [find_script(request.path)]), **options)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that asked for it inside of its simulation."""
    arguments: dict[str, Any] = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    simulated: Simulation | None = arguments.get("simulation")
    if simulated is None or not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    try:
        simulated.run(lambda: pyfuncitem.obj(**arguments))
    except Exception:
        pyfuncitem.add_report_section("call", _REPORT, simulated.report)
        raise
    return True


def find_script(test: Path) -> Path:
    """The script that a test file is about. Raises pytest.UsageError when that is not clear."""
    named = test.with_name(test.name.removeprefix("test_"))
    for script in (named, named.with_suffix(".lua")):
        if script != test and script.exists():
            return script
    scripts = [path for path in sorted(test.parent.glob("*.py")) if not _is_of_pytest(path)]
    scripts = scripts or sorted(test.parent.glob("*.lua"))
    if len(scripts) == 1:
        return scripts[0]
    found = ", ".join(path.name for path in scripts) or "none"
    raise pytest.UsageError(
        f"{test}: which script is simulated? Expected {named.name}, or one script beside the test, found {found}; "
        'name it by @pytest.mark.callflow("script.py")'
    )


def _is_of_pytest(path: Path) -> bool:
    return path.name.startswith(("test_", "__")) or path.name.endswith("_test.py") or path.name == "conftest.py"
