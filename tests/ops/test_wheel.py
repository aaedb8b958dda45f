"""The wheel, as `make wheels` and the container build one: with nothing of this clone beside it, it takes a call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from functools import partial
from pathlib import Path

import pytest
import trio

from tests.interop.process import until
from tests.interop.terminal import terminal
from tests.trio_tests import run_trio

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made of what was compiled for the tests already."""
    folder = tmp_path_factory.mktemp("wheel")
    maturin = [str(Path(sys.executable).with_name("maturin")), "build", "--release", "--locked", "--out", str(folder)]
    subprocess.run(maturin, cwd=ROOT, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


def test_it_has_all_that_is_run_and_no_sources_of_the_crate(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    packed = {name for name in names if not name.startswith("callflow-")}
    tree = {
        str(path.relative_to(ROOT)) for package in ("callflow", "engine") for path in (ROOT / package).rglob("*.py")
    }
    assert {name for name in packed if name.endswith(".py")} == tree
    assert any(name.startswith("engine/_native") and name.endswith(".so") for name in packed)
    assert not [name for name in packed if name.endswith((".rs", "Cargo.toml"))]
    data = {".lua", ".wav", ".toml"}
    theirs = {path for path in names if Path(path).suffix in data}
    ours = {
        str(path.relative_to(ROOT)) for package in ("callflow", "engine") for path in (ROOT / package).rglob("*")
        if path.suffix in data and not path.is_relative_to(ROOT / "engine/native")
    }  # fmt: skip
    assert theirs == ours


@run_trio
async def test_an_engine_that_was_installed_takes_a_call(wheel: Path, tmp_path: Path):
    """What it depends on is that of the tests: nothing is fetched."""
    venv.create(tmp_path / "venv", with_pip=False)
    [site] = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    zipfile.ZipFile(wheel).extractall(site)
    others = [path for path in sys.path if path.endswith("site-packages")]
    (site / "others.pth").write_text("\n".join(others))
    (tmp_path / "hello.py").write_text(
        "from callflow import App, Call, Tone\napp = App('hello')\n\n\n"
        "@app.route('1000')\nasync def hello(call: Call) -> None:\n    await call.play(Tone('440', seconds=5))\n"
    )
    run = [str(tmp_path / "venv" / "bin" / "python"), "-m", "callflow.cli", "run", "hello.py", "--data", "data",
           "--sip", "udp:127.0.0.1:0", "--socket", "127.0.0.1:0"]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    note = tmp_path / "data" / "engine.json"
    with (tmp_path / "log.txt").open("wb") as log:
        async with trio.open_nursery() as nursery:
            start = partial(trio.run_process, run, cwd=tmp_path, env=environment, stdout=log, stderr=log, check=False)
            process: trio.Process = await nursery.start(start)
            await until(lambda: note.exists() or process.returncode is not None)
            async with terminal() as guest:
                call = await guest.call(f"sip:1000@{json.loads(note.read_text())['sip'][0].removeprefix('udp:')}")
                assert await call.wait_sound()
            maps = Path(f"/proc/{process.pid}/maps").read_text()
            process.terminate()
    native = {line.split()[-1] for line in maps.splitlines() if "_native" in line}
    assert native == {str(next(site.glob("engine/_native*.so")))}
