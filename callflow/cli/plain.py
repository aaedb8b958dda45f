"""The command line of an engine as it is mostly written, read without typer: to import that takes a seventh of a start.

What is not understood here, typer reads, which also says what is wrong, and helps. So this need not know all: only what
both read is read the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from .starting import Start

_OPTIONS = ("--config", "--sip", "--socket", "--data")


def read(arguments: Sequence[str]) -> Start | None:
    """`run SCRIPT...` or `serve --config FILE`, with options; None: it is for typer."""
    command, given = arguments[0], {name: list[str]() for name in _OPTIONS}
    scripts: list[Path] = []
    words = iter(arguments[1:])
    for word in words:
        if not word.startswith("-"):
            scripts.append(Path(word))
        elif (option := _option(word, words)) is not None:
            given[option[0]].append(option[1])
        else:
            return None
    config, socket, data = (_last(given[name]) for name in ("--config", "--socket", "--data"))
    is_whole = (config is not None and not scripts) if command == "serve" else (config is None and bool(scripts))
    if not is_whole:
        return None
    return Start(
        config=Path(config) if config is not None else None,
        scripts=scripts,
        sip=given["--sip"] or None,
        socket=socket,
        data=Path(data) if data is not None else None,
    )


def _option(word: str, words: Iterator[str]) -> tuple[str, str] | None:
    """An option and its value, be it the next word; None for what is no such option."""
    name, equals, value = word.partition("=")
    if name not in _OPTIONS:
        return None
    if equals:
        return name, value
    following = next(words, None)
    return (name, following) if following is not None and not following.startswith("-") else None


def _last(values: Sequence[str]) -> str | None:
    return values[-1] if values else None
