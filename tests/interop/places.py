"""The scripts that the engine runs here."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
IVR = HERE.parents[1] / "examples" / "ivr" / "ivr.py"
IVR_PROMPTS = IVR.parent / "prompts"
CALLS = HERE / "calls.py"
