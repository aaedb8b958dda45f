"""What an editor knows of callflow when it is installed: the type of every public name, and what it is for."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import callflow
from callflow import Call, testing

ROOT = Path(callflow.__file__).parent.parent
PYRIGHT = Path(sys.executable).with_name("pyright")
NOT_IMPORTED_BY_SCRIPTS = re.compile(r"callflow\.(cli|phone|replay|runtime|simulation|protocol\.(reference|schema))\b")
VERBS = {name for name, member in vars(Call).items() if inspect.isfunction(member) and not name.startswith("_")}
PUBLIC = {name: getattr(callflow, name) for name in callflow.__all__} | {
    name: getattr(testing, name) for name in testing.__all__
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which callflow is installed, not a folder that one works in."""
    site = tmp_path_factory.mktemp("python") / "site-packages"
    site.mkdir()
    for package in ("callflow", "engine"):
        (site / package).symlink_to(ROOT / package)
    packages = [path for path in sys.path if path.endswith("site-packages")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *packages])}


def pyright(environment: dict[str, str], folder: Path, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [PYRIGHT, "--outputjson", "--pythonpath", sys.executable, *arguments],
        env=environment, cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_every_name_of_the_sdk_has_a_type(installed: dict[str, str], tmp_path: Path) -> None:
    told = pyright(installed, tmp_path, "--verifytypes", "callflow", "--ignoreexternal")["typeCompleteness"]
    assert told["pyTypedPath"]
    names = {symbol["name"] for symbol in told["symbols"]}
    assert {f"callflow.{name}" for name in callflow.__all__} <= names
    untyped = {
        symbol["name"]: diagnostic["message"]
        for symbol in told["symbols"]
        for diagnostic in symbol["diagnostics"]
        if "missing" in diagnostic["message"] or " unknown" in diagnostic["message"].replace("partially unknown", "")
        if not NOT_IMPORTED_BY_SCRIPTS.match(symbol["name"])
    }
    # Call's verbs are functions of their modules: their types are those, as the next test sees.
    assert {name.removeprefix("callflow.call.Call.") for name in untyped} <= VERBS, untyped


def test_an_editor_in_strict_mode_knows_each_verb(installed: dict[str, str], tmp_path: Path) -> None:
    verbs = "\n".join(f"    reveal_type(call.{name})" for name in sorted(VERBS))
    imports = [f"from {module.__name__} import {name}" for module in (callflow, testing) for name in module.__all__]
    (tmp_path / "script.py").write_text("\n".join(imports) + f"\ndef verbs(call: Call) -> None:\n{verbs}\n")
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "reportUnusedImport": false}')
    told = pyright(installed, tmp_path)["generalDiagnostics"]
    assert [item["message"] for item in told if item["severity"] != "information"] == []
    revealed = [item["message"] for item in told]
    assert len(revealed) == len(VERBS)
    assert [text for text in revealed if "Unknown" in text or "->" not in text] == []


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_name_says_what_it_is_for(name: str) -> None:
    thing = PUBLIC[name]
    assert inspect.getdoc(thing) or not isinstance(thing, type), name
    members = vars(thing) if isinstance(thing, type) else {}
    described = {key: inspect.getdoc(member) for key, member in members.items() if _is_described(key, member)}
    assert [key for key, text in described.items() if not text] == []


def _is_described(name: str, member: object) -> bool:
    return not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property))
