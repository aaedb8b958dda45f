"""What can be heard: files of the app, tones, silence, words put together from recorded prompts, and spoken texts."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

SayKind: TypeAlias = Literal[
    "words", "digits", "telephone", "number", "ordinal", "spelled", "time", "date", "duration", "money"
]


class Tone(msgspec.Struct, frozen=True, tag_field="source", tag="tone"):
    """A tone: one named by country (`busy/us`, `ringback/eu`) or frequencies in Hz (`440+480`); no seconds: endless."""

    plan: str
    seconds: float | None = None


class Silence(msgspec.Struct, frozen=True, tag_field="source", tag="silence"):
    """Nothing to hear, for so many seconds."""

    seconds: float


class Say(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="source", tag="say"):
    """Words from recorded prompts: `say/LANGUAGE/WORD.wav` of the app's folder first, then callflow's own (`de`, `en`).

    `text` is, by kind: `words` (numbers up to 9999 among them are said as numbers, what has no recording is spelled),
    `digits` 0-9 * # +, a `telephone` number with a pause between its groups, a `number` such as -12.5, an `ordinal`
    such as 21, `spelled` letters and digits, a `time` 23:59, a `date` 2026-12-25, a `duration` 1:30:00 or in seconds,
    `money` 12.50 USD. Without a `language` it is the call's, see `set_language`.
    """

    text: str
    language: str = ""
    kind: SayKind = "words"


class Text(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="source", tag="text"):
    """Any text, spoken by text to speech (`pip install 'callflow[say]'`), at most 1000 characters.

    `voice` is one of espeak-ng's, such as `en-us` or `de+f3`; without it, what speaks the language. Without a
    `language` it is the call's, see `set_language`.
    """

    text: str
    language: str = ""
    voice: str = ""


class File(msgspec.Struct, frozen=True, tag_field="source", tag="file"):
    """A file of an app on another machine, by the hash of its content: the engine asks for what it does not have."""

    name: str
    sha256: str


# A string is the name of a file inside the app's folder, or of a recording that the app made.
Source: TypeAlias = str | Tone | Silence | Say | Text | File
