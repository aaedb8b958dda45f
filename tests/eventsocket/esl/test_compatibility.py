"""The table of what there is, is true."""

from __future__ import annotations

import re
from pathlib import Path

from engine.eventsocket.esl import compatibility
from engine.eventsocket.esl.vocabulary import TOLD

ROOT = Path(__file__).parents[3]
SOURCES = [path.read_text() for path in (ROOT / "engine" / "eventsocket" / "esl").glob("*.py")]


def test_the_page_is_fresh():
    assert (ROOT / compatibility.PAGE).read_text() == compatibility.page(), "run make docs"


def test_every_event_that_is_told_is_in_the_table():
    told = {name for text in SOURCES for name in re.findall(r'(?:tell|announce)\(\s*"([A-Z_]+)"', text)}
    assert told - {"CUSTOM"} == {name for name in TOLD if " " not in name}
