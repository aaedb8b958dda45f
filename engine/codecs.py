"""The lists of codecs in a configuration."""

from __future__ import annotations

from engine.sdp.codec import CODECS

from .toml_reader import nonempty, one_of, show


def read_codecs(value: object) -> tuple[str, ...]:
    """Codecs, best first. Raises Wrong and ValueError."""
    codecs: tuple[str, ...] = nonempty(one_of(tuple(CODECS)))(value)
    if len(set(codecs)) != len(codecs):
        raise ValueError(f"expected each codec once, got {show(value)}")
    return codecs
