"""The torture set on the wire: every message's outcome is an acceptable one, and the page says which."""

from __future__ import annotations

from pathlib import Path

from tests.sip.test_torture import needs_set
from tests.trio_tests import run_trio

from . import torture


@needs_set
@run_trio
async def test_every_message_has_an_acceptable_outcome_by_both_transports_and_the_page_is_true(tmp_path: Path):
    found = await torture.outcomes(tmp_path)
    assert [outcome.name for outcome in found if not outcome.is_acceptable] == []
    assert torture.page(found) == torture.PAGE.read_text(), "python -m tests.interop.torture writes it anew"
