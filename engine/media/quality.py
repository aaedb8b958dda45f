"""How good a voice is likely to sound: the E-model (ITU-T G.107), reduced to what a media engine can measure.

Noise and loudness are taken at G.107's default values, which leave R = 93.2, and no echo is assumed. From that is taken
what delay costs (Idd, G.107 §7.4) and what loss costs for G.711 with concealment of lost packets (Ie-eff, §7.5, with
Ie = 0 and Bpl = 25.1 of G.113 Appendix I), loss taken as random.
"""

from __future__ import annotations

import math

_BEST_R = 93.2
_LOSS_ROBUSTNESS = 25.1  # Bpl of G.711 with packet loss concealment
_NOTICED_MS = 100.0  # a shorter delay costs nothing


def estimated_mos(*, loss: float, delay_ms: float) -> float:
    """The mean opinion score, 1.0 to 4.4, of so great a share lost (0 to 1) and so long a way from mouth to ear."""
    rating = _BEST_R - _delay_impairment(delay_ms) - _loss_impairment(100 * min(max(loss, 0.0), 1.0))
    return _mos(rating)


def _delay_impairment(delay_ms: float) -> float:
    if delay_ms <= _NOTICED_MS:
        return 0.0
    x = math.log2(delay_ms / _NOTICED_MS)
    return 25 * (math.pow(1 + x**6, 1 / 6) - 3 * math.pow(1 + (x / 3) ** 6, 1 / 6) + 2)


def _loss_impairment(percent: float) -> float:
    return 95.0 * percent / (percent + _LOSS_ROBUSTNESS)


def _mos(rating: float) -> float:
    """G.107 Annex B; its cubic dips below 1 for the worst ratings."""
    if rating <= 0:
        return 1.0
    return max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6)
