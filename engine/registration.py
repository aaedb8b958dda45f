"""[registrar]: how long phones stay registered, and how many of one user."""

from __future__ import annotations

from types import MappingProxyType

from engine.sip.registration import Limits

from .toml_reader import Reader, Wrong, show, table

MAX_EXPIRES = 7 * 24 * 3600  # seconds
MAX_CONTACTS = 100


def _whole(least: int, most: int, what: str) -> Reader:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"expected {what}, from {least} to {most}, got {show(value)}")
        return value

    return read


REGISTRAR = MappingProxyType({
    "min_expires": ("min_expires", _whole(1, MAX_EXPIRES, "whole seconds")),
    "max_expires": ("max_expires", _whole(1, MAX_EXPIRES, "whole seconds")),
    "contacts": ("contacts", _whole(1, MAX_CONTACTS, "how many phones a user may have")),
})


def read_registrar(value: object) -> Limits:
    """The table."""
    limits: Limits = table(Limits, REGISTRAR)(value)
    if limits.min_expires > limits.max_expires:
        message = f"expected at most max_expires ({limits.max_expires}), got {limits.min_expires}"
        raise Wrong(message, at=("min_expires",))
    return limits
