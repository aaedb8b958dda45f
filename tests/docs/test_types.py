"""pyright, as strict as for the examples, accepts all Python that the pages show."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from .markdown import PAGES
from .page import Page

PYRIGHT = Path(sys.executable).with_name("pyright")


def test_pyright_accepts_every_python_block(tmp_path: Path) -> None:
    for number, path in enumerate(PAGES):
        page = Page(path, tmp_path / f"page{number}")
        for block in page.blocks:
            if block.language == "python" and block.kind not in ("file", "test"):
                (page.folder / f"line_{block.line}.py").write_text(page.source(block))
    settings = {
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",
        "reportUnusedImport": False,  # a page's prelude is for all of its blocks
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    done = subprocess.run(
        [PYRIGHT, "--project", tmp_path, "--pythonpath", sys.executable], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
