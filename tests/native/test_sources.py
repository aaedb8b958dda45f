"""What the crate's sources promise of themselves."""

from __future__ import annotations

import tomllib
from pathlib import Path

CRATE = Path(__file__).parents[2] / "engine/native"


def test_unsafe_code_stands_in_one_file():
    lints = tomllib.loads((CRATE / "Cargo.toml").read_text())["lints"]["rust"]
    assert lints["unsafe_code"] == "deny"  # but where a file says otherwise
    sources = (CRATE / "src").rglob("*.rs")
    allowing = [path.relative_to(CRATE / "src") for path in sources if "allow(unsafe_code" in path.read_text()]
    assert allowing == [Path("media/syscalls.rs")]


def test_every_parser_that_can_be_fuzzed_is():
    """A target that `make fuzz` does not run by itself, or that has nothing to begin with, would be forgotten."""
    targets = {path.stem for path in (CRATE / "fuzz/targets").glob("*.rs")}
    binaries = {binary["name"] for binary in tomllib.loads((CRATE / "fuzz/Cargo.toml").read_text())["bin"]}
    default = next(line for line in (CRATE / "fuzz/run").read_text().splitlines() if "|| set --" in line)
    assert targets == binaries == set(default.split("|| set --")[1].split())
    assert all(any((CRATE / "fuzz/seeds" / target).iterdir()) for target in targets)
