"""Finding the App in a script, and what is said when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from callflow.errors import ScriptError
from callflow.runtime.loader import load_app

ONE = """
from callflow import App, Call
app = App("{name}")
@app.route("1000")
async def reception(call: Call) -> None: ...
"""


def script(folder: Path, text: str) -> Path:
    path = folder / "script.py"
    path.write_text(text)
    return path


def test_the_only_app_of_a_script_is_found_whatever_its_name(tmp_path):
    app = load_app(script(tmp_path, ONE.format(name="reception")), "ivr")
    assert app.patterns == ("1000",)


def test_one_of_several_apps_is_found_by_name(tmp_path):
    other = "other = App('two')\n@other.route('2000')\nasync def answer(call: Call) -> None: ...\n"
    path = script(tmp_path, ONE.format(name="one") + other)
    assert load_app(path, "two").name == "two"
    with pytest.raises(ScriptError, match="found 'one', 'two', none of them 'three'"):
        load_app(path, "three")


def test_a_script_imports_what_lies_beside_it(tmp_path):
    (tmp_path / "opening_hours.py").write_text("HOURS = 8")
    load_app(script(tmp_path, "from opening_hours import HOURS\n" + ONE.format(name="x")), "beside")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("app = (", r"script.py:1: SyntaxError: '\(' was never closed"),
        ("import nowhere", "script.py:1: ModuleNotFoundError: No module named 'nowhere'"),
        ("\n\ndef f():\n    return 1 / 0\nf()\n", "script.py:4: ZeroDivisionError"),
        ("raise SystemExit(2)", "script.py:1: SystemExit: 2"),
        ("x = 1", r'expected an App, such as app = App\("broken"\), found none'),
        ("from callflow import App\napp = App('x')", r"expected at least one @app.route"),
        (
            "from callflow import App\n@App('x').route('(')\nasync def f(call): ...",
            r'route "\(" of f \(.*expected a reg',
        ),
        ("from callflow import App\n@App('x').route('1')\ndef f(call): ...", r'route "1": expected an async function'),
    ],
)
def test_what_is_wrong_with_a_script_is_told_with_its_place(tmp_path, text, message):
    with pytest.raises(ScriptError, match=message) as caught:
        load_app(script(tmp_path, text), "broken")
    assert "script.py" in caught.value.report


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ScriptError, match=r"nowhere.py: expected a Python script, there is no such file"):
        load_app(tmp_path / "nowhere.py", "x")


def test_the_report_begins_in_the_script_not_in_the_machinery(tmp_path):
    with pytest.raises(ScriptError) as caught:
        load_app(script(tmp_path, "1 / 0"), "x")
    assert "importlib" not in caught.value.report
    assert "1 / 0" in caught.value.report
