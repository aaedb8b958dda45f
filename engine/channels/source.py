"""What is heard and where it is recorded: a program's names become sources and paths, never outside its folders."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from callflow.protocol.source import File, Say, Silence, Source, Text, Tone
from engine.media import session as media
from engine.speech.text import SpeechError

from .argument import within
from .errors import CommandError
from .language.pack import Pack
from .ports import Owner
from .speech import PAUSE, words_of
from .tone import COUNTRIES, TONES, tone_of

if TYPE_CHECKING:
    from .channel import Channel

_LONGEST_NAME = 512
_LONGEST_PART = 240  # octets; file systems allow 255, and a recording is NAME.part first
_WORDS_PER_SOURCE = 8  # on average
_PAUSE_MS = 250  # at a comma
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?")
_HASH = re.compile(r"[0-9a-f]{64}")
_LONGEST = 86400.0  # seconds of one tone or silence


def resolve_for(channel: Channel, sources: Sequence[Source]) -> tuple[media.Source, ...]:
    """The sources, ready to play to a channel. Raises CommandError."""
    return resolve_sources(sources, channel.owner, channel.table.limits.sources, language=channel.language)


def resolve_sources(
    sources: Sequence[Source], owner: Owner | None, most: int, *, language: str = ""
) -> tuple[media.Source, ...]:
    """The sources, ready to play. `language`: of those that name none; without it, that of the app.

    Raises CommandError; of a missing file it names the file and the folder.
    """
    language = language or (owner.language if owner is not None else "en")
    if len(sources) > most:
        raise CommandError("bad_argument", f"expected at most {most} sources, got {len(sources)}")
    resolved: list[media.Source] = []
    for each in sources:
        source = _in_language(each, language)
        resolved += _say(source, owner) if isinstance(source, Say) else [_resolve(source, owner)]
    if len(resolved) > most * _WORDS_PER_SOURCE:
        raise CommandError("bad_argument", f"expected at most {most * _WORDS_PER_SOURCE} words, got {len(resolved)}")
    return tuple(resolved)


def resolve_ringback(ringback: Source, owner: Owner | None) -> media.Source:
    """A country's ringback tone, or any source."""
    if isinstance(ringback, str) and ringback in COUNTRIES:
        return TONES[f"ringback/{ringback}"]
    return _resolve(_in_language(ringback, owner.language if owner is not None else "en"), owner)


def recording_path(name: str, owner: Owner | None) -> Path:
    """Where a recording of that name goes; its folder is made. Raises CommandError."""
    if owner is None or owner.recordings is None:
        raise CommandError("not_found", f"no place for recording {name[:64]!r}: the app has no recordings folder")
    path = _below(owner.recordings, name)
    if os.path.isdir(path) or path == owner.recordings.resolve():
        raise CommandError("bad_argument", f"expected the name of a recording, got the folder {name[:64]!r}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError("bad_argument", f"no folder for recording {name[:64]!r}: {error.strerror}") from error
    return path


def check_language(language: str) -> str:
    """Raises CommandError for what is no language's name."""
    if not _LANGUAGE.fullmatch(language):
        raise CommandError("bad_argument", f"expected a language such as en, got {language[:16]!r}")
    return language


def _in_language(source: Source, language: str) -> Source:
    if isinstance(source, Say | Text) and not source.language:
        return msgspec.structs.replace(source, language=language)
    return source


def _resolve(source: Source, owner: Owner | None) -> media.Source:
    if isinstance(source, str):
        return media.FileSource(_file(source, owner))
    if isinstance(source, File):
        return media.FileSource(_cached(source, owner), suffix=PurePosixPath(source.name).suffix[1:] or None)
    if isinstance(source, Text):
        return _speech(source, owner)
    if isinstance(source, Silence):
        within("seconds of silence", source.seconds, 0.001, _LONGEST)
        return media.SilenceSource(round(source.seconds * 1000))
    if isinstance(source, Say):
        raise CommandError("bad_argument", "expected a file or a tone here, got words to say")
    assert isinstance(source, Tone)
    tone = tone_of(source.plan)
    if source.seconds is None:
        return tone
    within("seconds of tone", source.seconds, 0.001, _LONGEST)
    return replace(tone, duration_ms=round(source.seconds * 1000))


def _file(name: str, owner: Owner | None) -> Path:
    if owner is None:
        raise CommandError("not_found", f"no file {name[:64]!r}: nobody owns the call", {"file": name[:64]})
    for folder in (owner.folder, owner.recordings):  # what the app recorded can be played, too
        path = _below(folder, name) if folder is not None else None
        if path is not None and os.path.isfile(path):  # never raises
            return path
    if owner.folder is None:
        message = f"no file {name[:64]!r}: the app has no folder here, and no such recording"
        raise CommandError("not_found", message, {"file": name[:64]})
    raise CommandError("not_found", f"no file {name!r} in {owner.folder}", {"file": name, "folder": str(owner.folder)})


def _cached(source: File, owner: Owner | None) -> Path:
    """A file of an app on another machine; it is asked for, if it has not been sent."""
    if not _HASH.fullmatch(source.sha256):
        raise CommandError("bad_argument", f"expected a SHA-256 in hex, got {source.sha256[:64]!r}")
    if owner is None or owner.files is None:
        raise CommandError("not_found", f"no file {source.name[:64]!r}: the app cannot be asked for it")
    return owner.files.path(source.name, source.sha256)


def _speech(source: Text, owner: Owner | None) -> media.Source:
    """The recording of a text, made now if it was not before."""
    if owner is None or owner.speech is None:
        raise CommandError("unsupported", "no text to speech here")
    try:
        path = owner.speech.path(source.text, source.voice or source.language)
    except SpeechError as error:
        raise CommandError(error.code, str(error)) from error
    return media.FileSource(path, text=source.text)


def _say(source: Say, owner: Owner | None) -> list[media.Source]:
    """The recordings of the words, the app's own before those that are shipped."""
    check_language(source.language)
    folder = owner.folder if owner is not None else None
    pack = Pack(source.language, _below(folder, f"say/{source.language}") if folder is not None else None)
    words = words_of(source.text, kind=source.kind, grammar=pack.grammar(), is_known=pack.has)
    if not words:
        raise CommandError("bad_argument", f"expected something to say, got {source.text[:64]!r}")
    if missing := sorted({word for word in words if word != PAUSE and not pack.has(word)}):
        raise pack.missing(missing)
    return [
        media.SilenceSource(_PAUSE_MS) if word == PAUSE else media.FileSource(pack.recording(word)) for word in words
    ]


def _below(folder: Path, name: str) -> Path:
    """The path of that name with every link followed; it is below the folder, or CommandError is raised."""
    refusal = CommandError("bad_argument", f"expected a name inside the app's folder, got {name[:64]!r}")
    relative = PurePosixPath(name)
    if not name or len(name) > _LONGEST_NAME or "\0" in name or relative.is_absolute() or ".." in relative.parts:
        raise refusal
    if any(len(part.encode(errors="replace")) > _LONGEST_PART for part in relative.parts):
        raise refusal
    root = folder.resolve()
    try:
        path = (root / relative).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # links that go in a circle; what is no text
        raise refusal from error
    if not path.is_relative_to(root):
        raise refusal
    return path
