"""Languages as they are found: grammar and recordings in an app's `say/LANGUAGE`, before those that are shipped."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import callflow.protocol
from engine.channels.errors import CommandError

from .grammar import Grammar, read_grammar
from .template import BadGrammar

SOUNDS = Path(callflow.protocol.__file__).parents[1] / "sounds"  # by language: what is shipped
GRAMMAR = "language.toml"

_LARGEST_FILE = 65536  # octets


class Pack:
    """A language, as an app has it; `own` is the app's folder of it, if it may have one."""

    __slots__ = ("_found", "_own", "_shipped", "language")

    def __init__(self, language: str, own: Path | None) -> None:
        self.language = language
        self._own = own
        self._shipped = SOUNDS / language
        self._found: dict[str, Path] = {}

    def grammar(self) -> Grammar:
        """Raises CommandError for a language that nobody made, and for a file that is wrong."""
        for folder in self._folders():
            path = folder / GRAMMAR
            try:
                facts = path.stat()
            except OSError:
                continue
            return _grammar(path, facts.st_mtime_ns, facts.st_size)
        known = ", ".join(languages())
        own = f"one with say/{self.language}/{GRAMMAR} in the app's folder"
        message = f"expected a language among {known}, or {own}, got {self.language!r}"
        raise CommandError("unsupported", message, {"language": self.language})

    def has(self, word: str) -> bool:
        """Is there a recording?"""
        for folder in self._folders() if word not in self._found else ():
            path = (folder / f"{word}.wav").resolve()
            if path.parent == folder and path.is_file():
                self._found[word] = path
                break
        return word in self._found

    def recording(self, word: str) -> Path:
        """That of a word which has one."""
        return self._found[word]

    def missing(self, words: list[str]) -> CommandError:
        """What is said where words have no recording."""
        message = f"no recording of {', '.join(words)[:200]} in say/{self.language} of the app's folder"
        return CommandError("not_found", message, {"missing": words, "language": self.language})

    def _folders(self) -> tuple[Path, ...]:
        return (self._own, self._shipped) if self._own is not None else (self._shipped,)


def languages() -> list[str]:
    """The languages that are shipped."""
    return sorted(path.parent.name for path in SOUNDS.glob(f"*/{GRAMMAR}"))


@lru_cache(maxsize=64)
def _grammar(path: Path, changed_at_ns: int, octets: int) -> Grammar:
    """That of the file as it was last changed."""
    if octets > _LARGEST_FILE:
        raise CommandError("bad_argument", f"expected at most {_LARGEST_FILE} octets, {path} has {octets}")
    try:
        return read_grammar(path.read_bytes())
    except (BadGrammar, OSError) as error:
        raise CommandError("bad_argument", f"{os.fspath(path)}: {error}") from error
