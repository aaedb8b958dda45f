"""What is keyed at a gather: each first key that is valid, in the shortest way, and something that is not."""

from __future__ import annotations

import pytest

from callflow.protocol.commands import Gather
from callflow.simulation.explore.entry import entries_of


def labels(**gather):
    return [press.label for press in entries_of(Gather(**gather))]


def keys(**gather):
    return [press.keys for press in entries_of(Gather(**gather))]


def test_each_key_of_a_menu_and_one_that_is_not_on_it():
    assert labels(valid="[1239]") == ["1", "2", "3", "9", "0 (wrong)"]


def test_without_a_pattern_every_key_but_the_terminators():
    assert labels() == [*"0123456789*"]
    assert labels(terminators="*") == [*"0123456789#"]


@pytest.mark.parametrize(
    ("gather", "expected"),
    [
        ({"valid": "[12]|4[0-9]", "max": 2}, ["1#", "2#", "40", "0#"]),
        ({"valid": "9[0-9]{3}", "min": 4, "max": 4}, ["9000", "0000"]),
        ({"valid": "(1+)+2", "max": 5}, ["12#", "0#"]),
        ({"valid": "[0-9]+", "min": 3, "max": 5, "terminators": ""}, [f"{key}00" for key in range(10)] + ["***"]),
        ({"min": 4, "max": 4}, ["1234"]),
        ({"min": 2, "max": 5}, ["12#", "12345"]),
        ({"min": 0, "max": 1, "valid": "1"}, ["#", "1", "0"]),
        ({"max": 40}, ["1#", "123456789012#"]),
    ],
)
def test_entries_are_as_short_as_they_may_be_and_closed(gather, expected):
    assert keys(**gather) == expected


def test_letters_are_keyed_where_there_is_nothing_else():
    assert labels(valid="[AB]") == ["A", "B", "0 (wrong)"]


def test_a_wrong_entry_is_keyed_as_often_as_it_is_asked_for():
    assert [press.again for press in entries_of(Gather(valid="1"))] == [False, True]


def test_a_pattern_that_is_none_is_for_the_engine_to_refuse():
    assert labels(valid="[") == []
