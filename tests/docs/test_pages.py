"""Every code block of the README, the documentation and the examples is run, as the comment above it says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .markdown import PAGES, ROOT, Block, read_blocks
from .page import Page

BLOCKS = [block for page in PAGES for block in read_blocks(page)]
_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


@pytest.fixture(scope="module")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], Page]]:
    """One page at a time is at work: the next one ends it."""
    open_pages: list[Page] = []

    def find(path: Path) -> Page:
        if not open_pages or open_pages[-1].path != path:
            if open_pages:
                open_pages.pop().close()
            open_pages.append(Page(path, tmp_path_factory.mktemp(path.stem)))
        return open_pages[-1]

    yield find
    for page in open_pages:
        page.close()


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.place}-{block.kind or 'unknown'}")
def test_a_block_does_what_the_page_says(page_of: Callable[[Path], Page], block: Block) -> None:
    page_of(block.page).run(block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in _LINK.findall(page.read_text()) if "://" not in link]
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_stands_in_fences(page: Path) -> None:
    outside = re.sub(r"(?ms)^```.*?^```$", "", page.read_text())
    assert not re.findall(r"\n\n    \S.*", outside), "an indented block is run by nobody"
