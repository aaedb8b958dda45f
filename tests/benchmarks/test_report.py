"""The table and the JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.figure import Figure
from benchmarks.report import print_report, show, write_json

FACTS = {"cpu": "A Processor", "cores": "2"}
COST = Figure(
    name="a call", unit="CPU-ms/call", values=(0.8, 0.7, 0.75), how="by counting.", beside={"app": "0.20 ms"},
    warning="it was noisy",
)  # fmt: skip
RATE = Figure(name="calls", unit="calls/s", values=(1300,), how="by counting.")


def test_the_table_has_the_median_the_spread_and_what_is_wrong():
    console = Console(file=io.StringIO(), width=160)
    print_report(console, FACTS, [COST, RATE], seconds=12.4)
    text = console.file.getvalue()
    assert "A Processor" in text
    assert "0.750" in text
    assert "0.700 to 0.800, n=3" in text
    assert "! a call: it was noisy" in text
    assert "a call, calls: by counting." in text
    assert "one run" in text


def test_the_json_has_every_repetition(tmp_path: Path):
    write_json(tmp_path / "figures.json", FACTS, [COST])
    read = json.loads((tmp_path / "figures.json").read_text())
    assert read["machine"] == FACTS
    [figure] = read["figures"]
    assert figure["value"] == 0.75
    assert figure["values"] == [0.8, 0.7, 0.75]
    assert figure["warning"] == "it was noisy"


@pytest.mark.parametrize(("value", "text"), [(0.7541, "0.754"), (7.541, "7.54"), (75.41, "75.4"), (7541.2, "7541")])
def test_three_digits_count(value: float, text: str):
    assert show(value) == text
