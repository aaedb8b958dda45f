"""What there is, is documented: every command, key, verb and error that somebody may need."""

from __future__ import annotations

from pathlib import Path

import pytest

import callflow
from callflow import Call, errors
from callflow.cli.program import command_line
from engine.config import ConfigError, load

from .markdown import PAGES, ROOT

DOCS = ROOT / "docs"
COMMANDS = [command.callback.__name__ for command in command_line().registered_commands if command.callback is not None]
VERBS = [name for name, member in vars(Call).items() if callable(member) and not name.startswith("_")]
SECTIONS = [
    "[sip]", "[rtp]", "[socket]", "[esl]", "[[user]]", "[registrar]", "[[app]]", "[limits]", "[store]", "[[route]]",
    "[[calendar]]", "[[context]]", "[trace]", "[traces]", "[streams]",
]  # fmt: skip
ERRORS = [name for name in callflow.__all__ if name in vars(errors)]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_section(command: str) -> None:
    assert f"## callflow {command.replace('_', '-')}\n" in (DOCS / "command-line.md").read_text()


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_is_among_the_scripts(verb: str) -> None:
    assert f"{verb}(" in (DOCS / "scripts.md").read_text() or f"`{verb}`" in (DOCS / "scripts.md").read_text()


@pytest.mark.parametrize("error", ERRORS)
def test_each_error_is_named(error: str) -> None:
    assert any(error in page.read_text() for page in PAGES)


@pytest.mark.parametrize("section", SECTIONS)
def test_each_key_of_the_configuration_is_explained(section: str, tmp_path: Path) -> None:
    path = tmp_path / "callflow.toml"
    path.write_text(f"{section}\n{'q' * 40} = 1\n")  # unlike any key: all that there are get named
    with pytest.raises(ConfigError, match="unknown key") as told:
        load(path)
    keys = str(told.value).partition("(known: ")[2].rstrip(")").split(", ")
    text = "".join((DOCS / name).read_text() for name in ("configuration.md", "routing.md"))
    assert not [key for key in keys if f"`{key}`" not in text and f"\n{key} = " not in text]


def test_the_recording_is_small_and_plays_without_scripts() -> None:
    path = DOCS / "first-call.svg"
    text = path.read_text()
    assert path.stat().st_size < 150_000
    assert "<script" not in text
    assert "prefers-color-scheme:dark" in text
    assert "prefers-reduced-motion" in text
    assert Path(DOCS / "record.py").exists()
