"""How pages are read: a block that nobody runs is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from .markdown import Block, read_blocks
from .page import Page

TEXT = """
# A page

<!-- shell: with call 1001; exit 1 -->
```sh
callflow hangup ID
```

<!-- simulate: caller calls 1;
     caller ended -->
```python
pass
```

```text
nobody runs this
```
"""


def blocks(tmp_path: Path) -> list[Block]:
    path = tmp_path / "page.md"
    path.write_text(TEXT)
    return read_blocks(path)


def test_a_comment_gives_a_kind_an_argument_and_options(tmp_path: Path) -> None:
    shell, simulate, _ = blocks(tmp_path)
    assert (shell.kind, shell.argument, shell.options) == ("shell", "", {"with": "call 1001", "exit": "1"})
    assert (simulate.kind, simulate.parts) == ("simulate", ("caller calls 1", "caller ended"))
    assert shell.text == "callflow hangup ID\n"


def test_a_block_without_a_comment_fails(tmp_path: Path) -> None:
    *_, unknown = blocks(tmp_path)
    page = Page(tmp_path / "page.md", tmp_path / "folder")
    with pytest.raises(AssertionError, match="no test knows how to run this block"):
        page.run(unknown)


def test_a_file_that_nothing_uses_fails(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("<!-- file: unused.py -->\n```python\npass\n```\n")
    page = Page(path, tmp_path / "folder")
    with pytest.raises(AssertionError, match="nothing on the page runs"):
        page.run(page.blocks[0])
