"""The estimated opinion score, against values worked out by hand from the formulas of ITU-T G.107."""

from __future__ import annotations

import pytest

from engine.media.quality import estimated_mos
from engine.media.session import Statistics


def test_without_impairment_it_is_the_best_of_the_narrow_band():
    assert estimated_mos(loss=0, delay_ms=0) == pytest.approx(4.41, abs=0.01)


@pytest.mark.parametrize(
    ("loss", "delay_ms", "mos"),
    [(0.0, 150, 4.41), (0.01, 50, 4.33), (0.05, 50, 3.92), (0.0, 400, 3.56), (0.2, 50, 2.63), (1.0, 1000, 1.0)],
)
def test_loss_and_delay_cost_what_the_formulas_give_by_hand(loss, delay_ms, mos):
    assert estimated_mos(loss=loss, delay_ms=delay_ms) == pytest.approx(mos, abs=0.01)


def test_more_of_either_is_never_better():
    by_loss = [estimated_mos(loss=loss / 100, delay_ms=50) for loss in range(101)]
    by_delay = [estimated_mos(loss=0.01, delay_ms=delay_ms) for delay_ms in range(0, 2000, 10)]
    for scores in (by_loss, by_delay):
        assert scores == sorted(scores, reverse=True)
        assert all(1.0 <= score <= 4.5 for score in scores)


def test_each_direction_has_its_own_and_what_is_not_known_has_none():
    assert (Statistics().mos_received, Statistics().mos_sent) == (None, None)
    figures = Statistics(
        packets_sent=1000, packets_received=950, packets_lost=50, remote_packets_lost=200, round_trip_ms=40.0
    )
    assert figures.mos_received == pytest.approx(3.92, abs=0.01)
    assert figures.mos_sent == pytest.approx(2.63, abs=0.01)
    unreported = Statistics(packets_sent=1000, packets_received=1000)
    assert unreported.mos_received == pytest.approx(4.4, abs=0.02)
    assert unreported.mos_sent is None


def test_late_packets_are_lost_and_jitter_is_delay():
    plain = Statistics(packets_received=1000)
    late = Statistics(packets_received=1000, packets_late=50, playout_ms=40.0)
    jittery = Statistics(packets_received=1000, jitter_ms=100.0)
    assert plain.mos_received is not None
    assert late.mos_received is not None
    assert late.mos_received < plain.mos_received - 0.3
    assert jittery.mos_received is not None
    assert jittery.mos_received < plain.mos_received - 0.1
