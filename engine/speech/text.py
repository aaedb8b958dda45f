"""What may be spoken, and what its recording is called. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from callflow.protocol.frames import ErrorCode

LONGEST = 1000  # characters of one text

_VOICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+-]{0,63}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")


class SpeechError(Exception):
    """A text cannot be spoken; the message says why. `code` is that of the protocol."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class Speech(Protocol):
    """Who speaks."""

    def path(self, text: str, voice: str) -> Path:
        """Where the recording is, or will be: what plays it waits. Raises SpeechError."""
        ...


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text and its voice, checked."""

    text: str
    voice: str

    @property
    def name(self) -> str:
        """The hash of it."""
        return hashlib.sha256(f"{self.voice}\0{self.text}".encode()).hexdigest()


def spoken(text: str, voice: str) -> Spoken:
    """Raises SpeechError."""
    plain = _CONTROLS.sub(" ", text).strip()
    if not plain or len(text) > LONGEST:
        raise SpeechError("bad_argument", f"expected a text of 1 to {LONGEST} characters to speak, got {len(text)}")
    if any("\ud800" <= character <= "\udfff" for character in plain):
        raise SpeechError("bad_argument", "expected a text in Unicode to speak, got half a character")
    if not _VOICE.fullmatch(voice):
        raise SpeechError("bad_argument", f"expected a voice such as en-us or de+f3, got {voice[:64]!r}")
    return Spoken(plain, voice)
