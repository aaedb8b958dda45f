"""A part of the set by which hearing is measured: enough to see that it has not become worse."""

from __future__ import annotations

from benchmarks.measure_hearing import of_answers, of_tones


def test_people_and_machines_are_told_apart():
    found = of_answers(60)
    assert set(found) == {"human", "machine", "unknown"}
    assert found["human"][1] >= 0.95  # whoever is put through to an agent is a person
    assert found["machine"][2] >= 0.95
    assert found["human"][2] >= 0.65


def test_tones_are_told_by_their_names():
    found = of_tones(8)
    assert set(found) == {"busy", "congestion", "sit", "cng", "ced", "beep"}
    for what, (_, precision, recall) in found.items():
        assert precision >= 0.95, what
        assert recall >= 0.95, what
