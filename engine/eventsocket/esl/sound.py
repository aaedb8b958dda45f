"""What FreeSWITCH's file names mean: files, tones, silence, several after another. Pure."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import PurePosixPath

from callflow.protocol.source import Say, SayKind, Silence, Source, Tone

MAX_PARTS = 32
_TONE = re.compile(r"%\(\s*([0-9.]+)\s*,\s*([0-9.]+)\s*((?:,\s*[0-9.]+\s*)+)\)")
_PARAMETERS = re.compile(r"^\{[^{}]*\}")
_LOOPS = re.compile(r"loops=(-?[0-9]{1,6})")


@dataclass(frozen=True, slots=True)
class Sound:
    """What is to be played; `repeat` 0 is for ever."""

    sources: tuple[Source, ...]
    repeat: int = 1


def sound_of(name: str, folder: str = "") -> Sound:
    """The sound of a file name or of a stream. `folder` is where prompts are: absolute names may begin with it."""
    name = _PARAMETERS.sub("", name.strip()).strip("'")
    scheme, separator, rest = name.partition("://")
    if not separator:
        return Sound((_file(name, folder),)) if name else Sound(())
    if scheme in ("http", "https"):
        return Sound((name,))
    if scheme == "shout":
        return Sound((f"http://{rest}",))
    if scheme == "http_cache":
        return sound_of(rest, folder)
    if scheme == "tone_stream":
        return _tones(rest)
    if scheme == "silence_stream":
        return _silence(rest)
    if scheme == "file_string":
        parts = [sound_of(part, folder).sources for part in rest.split("!")[:MAX_PARTS]]
        return Sound(tuple(source for part in parts for source in part))
    return Sound((_file(rest if scheme == "file" else name, folder),))


def sources_of(name: str, folder: str = "") -> tuple[Source, ...]:
    """Those of a prompt that may be missing: FreeSWITCH's clients write `silence`, or `None`."""
    if name.strip().lower() in ("", "none", "undef", "_undef_", "silence"):
        return ()
    return sound_of(name, folder).sources


def file_name(path: str, folder: str = "") -> str:
    """The name of a file inside our folders: absolute paths are taken as names below them."""
    return _file(path, folder)


def said(kind: str, method: str, text: str, language: str = "en") -> Say:
    """What the application `say` is to say."""
    kind, method = kind.lower(), method.lower()
    if kind in ("current_date", "current_time", "current_date_time", "short_date_time"):
        spoken = "time" if kind == "current_time" else "date"
        return Say(_moment(text, "%H:%M" if spoken == "time" else "%Y-%m-%d"), language, _KIND[spoken])
    if method == "iterated" and kind in ("number", "items", "persons", "messages"):
        return Say(text, language, "digits")
    if method == "counted" and kind in ("number", "items"):
        return Say(text, language, "ordinal")
    return Say(text, language, _SAID.get(kind, "words"))


_KIND: dict[str, SayKind] = {"time": "time", "date": "date"}
_SAID: dict[str, SayKind] = {
    "number": "number", "items": "number", "persons": "number", "messages": "number", "currency": "money",
    "telephone_number": "digits", "telephone_extension": "digits", "account_number": "digits", "ip_address": "digits",
    "name_spelled": "spelled", "name_phonetic": "spelled", "url": "spelled", "email_address": "spelled",
}  # fmt: skip


def _moment(text: str, form: str) -> str:
    digits = text.strip()
    if digits.isascii() and digits.isdigit() and len(digits) <= 10:
        return time.strftime(form, time.localtime(int(digits)))
    return digits


def _file(path: str, folder: str) -> str:
    pure = PurePosixPath(path)
    if not pure.is_absolute():
        return path
    if folder and pure.is_relative_to(folder):
        return str(pure.relative_to(folder))
    return path.lstrip("/")


def _tones(script: str) -> Sound:
    sources: list[Source] = []
    for on, off, frequencies in _TONE.findall(script)[:MAX_PARTS]:
        hertz = [str(round(float(each))) for each in frequencies.strip(", ").split(",")[:4] if _number(each)]
        if _number(on) and hertz and float(on) > 0:
            sources.append(Tone("+".join(hertz), float(on) / 1000))
        if _number(off) and float(off) > 0:
            sources.append(Silence(float(off) / 1000))
    loops = _LOOPS.search(script)
    repeat = int(loops[1]) if loops is not None else 1
    return Sound(tuple(sources), 0 if repeat < 0 else max(repeat, 1))


def _silence(rest: str) -> Sound:
    duration = rest.partition(",")[0].strip()
    if duration == "-1":
        return Sound((Silence(3600.0),), 0)
    return Sound((Silence(float(duration) / 1000),)) if _number(duration) and float(duration) > 0 else Sound(())


def _number(text: str) -> bool:
    return re.fullmatch(r"\s*[0-9]{1,8}(\.[0-9]{1,6})?\s*", text, re.ASCII) is not None
