"""Tone plans: what a country's callers know as dial tone, busy, ringback and congestion (ITU-T E.180 supplement 2).

tone_of("busy/us")      the tone of that name in that country
tone_of("440+480")      frequencies in Hz, sounding together, steady
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from engine.media.session import ToneSource

from .errors import CommandError

# Country -> name -> frequencies in Hz, and cadence in ms (on, off, ...; empty: steady).
_PLANS: Mapping[str, Mapping[str, tuple[tuple[float, ...], tuple[int, ...]]]] = MappingProxyType({
    "us": {
        "dial": ((350, 440), ()),
        "ringback": ((440, 480), (2000, 4000)),
        "busy": ((480, 620), (500, 500)),
        "congestion": ((480, 620), (250, 250)),
    },
    "eu": {  # ETSI TR 101 041-2, the harmonised plan
        "dial": ((425,), ()),
        "ringback": ((425,), (1000, 4000)),
        "busy": ((425,), (500, 500)),
        "congestion": ((425,), (250, 250)),
    },
    "uk": {
        "dial": ((350, 440), ()),
        "ringback": ((400, 450), (400, 200, 400, 2000)),
        "busy": ((400,), (375, 375)),
        "congestion": ((400,), (400, 350, 225, 525)),
    },
    "de": {
        "dial": ((425,), ()),
        "ringback": ((425,), (1000, 4000)),
        "busy": ((425,), (480, 480)),
        "congestion": ((425,), (240, 240)),
    },
    "fr": {
        "dial": ((440,), ()),
        "ringback": ((440,), (1500, 3500)),
        "busy": ((440,), (500, 500)),
        "congestion": ((440,), (250, 250)),
    },
    "it": {
        "dial": ((425,), (200, 200, 600, 1000)),
        "ringback": ((425,), (1000, 4000)),
        "busy": ((425,), (500, 500)),
        "congestion": ((425,), (200, 200)),
    },
    "es": {
        "dial": ((425,), ()),
        "ringback": ((425,), (1500, 3000)),
        "busy": ((425,), (200, 200)),
        "congestion": ((425,), (200, 200, 200, 200, 200, 600)),
    },
    "nl": {
        "dial": ((425,), ()),
        "ringback": ((425,), (1000, 4000)),
        "busy": ((425,), (500, 500)),
        "congestion": ((425,), (250, 250)),
    },
    "ch": {
        "dial": ((425,), ()),
        "ringback": ((425,), (1000, 4000)),
        "busy": ((425,), (500, 500)),
        "congestion": ((425,), (200, 200)),
    },
    "at": {
        "dial": ((420,), ()),
        "ringback": ((420,), (1000, 5000)),
        "busy": ((420,), (400, 400)),
        "congestion": ((420,), (200, 200)),
    },
    "se": {
        "dial": ((425,), ()),
        "ringback": ((425,), (1000, 5000)),
        "busy": ((425,), (250, 250)),
        "congestion": ((425,), (250, 750)),
    },
    "jp": {
        "dial": ((400,), ()),
        "ringback": ((400, 415), (1000, 2000)),
        "busy": ((400,), (500, 500)),
        "congestion": ((400,), (500, 500)),
    },
})

TONES: Mapping[str, ToneSource] = MappingProxyType({
    f"{name}/{country}": ToneSource(tuple(float(hz) for hz in frequencies), cadence)
    for country, plan in _PLANS.items()
    for name, (frequencies, cadence) in plan.items()
})
COUNTRIES = frozenset(_PLANS)

_FREQUENCIES = re.compile(r"[0-9]{2,4}(\+[0-9]{2,4}){0,3}")
_LOWEST, _HIGHEST = 20.0, 3999.0  # Hz; 8 kHz audio ends at 4000


def tone_of(plan: str) -> ToneSource:
    """The endless tone of a plan. Raises CommandError naming the known ones."""
    known = TONES.get(plan)
    if known is not None:
        return known
    if _FREQUENCIES.fullmatch(plan):
        frequencies = tuple(float(hz) for hz in plan.split("+"))
        if all(_LOWEST <= hz <= _HIGHEST for hz in frequencies):
            return ToneSource(frequencies)
    raise CommandError(
        "bad_argument",
        f"expected a tone such as busy/us, or up to four frequencies of {_LOWEST:.0f} to {_HIGHEST:.0f} Hz such as "
        f"440+480, got {plan[:64]!r}; known are {', '.join(_PLANS['us'])}, of {', '.join(sorted(COUNTRIES))}",
        {"known": sorted(TONES)},
    )
