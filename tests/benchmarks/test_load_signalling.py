"""What SIPp says of itself, read."""

from __future__ import annotations

import pytest

from benchmarks.load_signalling import CallLoad, read_statistics


def row(*, created: int = 200, answered: int = 200, seconds: float = 2.0, under: dict[str, int] | None = None):
    began = 1795420123.5
    return {
        "StartTime": f"2026-11-23\t07:48:43.500000\t{began:.6f}",
        "CurrentTime": f"2026-11-23\t07:48:45.500000\t{began + seconds:.6f}",
        "TotalCallCreated": str(created),
        "SuccessfulCall(C)": str(answered),
        "Retransmissions(C)": "3",
        "ResponseTimeRepartition1": "",
        **{f"ResponseTimeRepartition1_{bound}": str(count) for bound, count in (under or {"<1": answered}).items()},
        "": "",
    }


def read(**facts) -> CallLoad:
    return read_statistics(row(**facts), offered=100, cpu=0.5)


def test_a_run_where_all_went_well():
    load = read()
    assert (load.calls, load.answered, load.retransmissions, load.setup_ms) == (200, 200, 3, 1.0)
    assert load.seconds == pytest.approx(2.0)
    assert load.is_kept_up


def test_the_percentile_is_the_bound_under_which_95_percent_came():
    assert read(under={"<1": 100, "<2": 80, "<5": 15, "<10": 5, ">=1000": 0}).setup_ms == 5


def test_too_many_over_the_last_bound_are_over_every_bound():
    load = read(under={"<1": 100, "<1000": 80, ">=1000": 20})
    assert load.setup_ms == float("inf")
    assert not load.is_kept_up


@pytest.mark.parametrize(
    "facts",
    [{"answered": 197}, {"under": {"<1": 100, "<500": 100}}, {"seconds": 4.0}],
    ids=["calls that were not answered", "answers that came late", "a generator that fell behind"],
)
def test_what_is_not_kept_up(facts):
    assert not read(**facts).is_kept_up
