"""JSON of peers, which nobody trusts."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from .message import MAX_NAME, MAX_TEXT, BadMessage

ShapeT = TypeVar("ShapeT")


def decoded(text: str | bytes, shape: type[ShapeT]) -> ShapeT:
    """The value of a JSON text of that shape. Raises BadMessage."""
    try:
        return msgspec.json.decode(text, type=shape)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:  # ValueError: text that is not UTF-8
        raise BadMessage(f"expected a JSON object of the dialect, got {text[:80]!r}: {error}") from error


def mark_name(name: str) -> str:
    """A mark's name, if it is not too long. Raises BadMessage."""
    if len(name) > MAX_NAME:
        raise BadMessage(f"expected a mark's name of at most {MAX_NAME} characters, got {len(name)}")
    return name


def text_of(text: str) -> str:
    """A text for the call's program, if it is not too long. Raises BadMessage."""
    if len(text) > MAX_TEXT:
        raise BadMessage(f"expected a text of at most {MAX_TEXT} characters, got {len(text)}")
    return text
