"""What can be keyed at a gather: for each first key an entry that is valid, and one that is not."""

from __future__ import annotations

from callflow.protocol.commands import Gather
from engine.channels.errors import CommandError
from engine.channels.pattern import KEYS, digit_pattern

from .option import Press

_USUAL = "0123456789*#"
_MOST = 12  # keys of an entry that is made up


def entries_of(gather: Gather) -> list[Press]:
    """The entries to try. Without a pattern any is valid: as many keys as may be, and as few."""
    valid = _valid(gather)
    wrong = _wrong(gather, valid)
    presses = [Press(_closed(entry, gather), entry or gather.terminators[:1]) for entry in valid]
    if wrong is not None:
        presses.append(Press(_closed(wrong, gather), f"{wrong} (wrong)", again=True))
    return presses


def _valid(gather: Gather) -> list[str]:
    keys = [key for key in _USUAL if key not in gather.terminators]
    empty = [""] if gather.min == 0 and gather.terminators else []
    if gather.valid:
        try:
            found = digit_pattern(gather.valid).examples(least=max(gather.min, 1), most=gather.max)
        except CommandError:  # the engine says so, too
            return []
        usual = [entry for entry in found if not set(entry) & set(gather.terminators)]
        return empty + ([entry for entry in usual if entry[0] in _USUAL] or usual)
    if gather.max == 1:
        return empty + keys
    lengths = dict.fromkeys((max(gather.min, 1), min(gather.max, max(gather.min, _MOST))))
    return empty + ["".join(_USUAL[(place + 1) % 10] for place in range(length)) for length in lengths]


def _wrong(gather: Gather, valid: list[str]) -> str | None:
    if not gather.valid or not valid:
        return None
    begins = {entry[0] for entry in valid if entry}
    key = next((key for key in [*_USUAL, *KEYS] if key not in begins and key not in gather.terminators), None)
    return key * max(gather.min, 1) if key is not None else None


def _closed(entry: str, gather: Gather) -> str:
    """With the key that ends it, if it could be longer."""
    return entry + (gather.terminators[:1] if len(entry) < gather.max else "")
