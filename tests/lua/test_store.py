"""What calls of an app share is bounded."""

from __future__ import annotations

import pytest

from callflow.runtime.lua.store import MAX_KEYS, MAX_TOTAL, MAX_VALUE, Store


def test_values_are_kept_replaced_and_removed():
    store = Store()
    store.set("name", "first")
    store.set("name", 2)
    assert store.get("name") == 2
    store.set("name", None)
    assert store.get("name") is None
    assert store.add("count", 1) == 1
    assert store.add("count", 1.5) == 2.5


@pytest.mark.parametrize(("key", "value"), [("", 1), (7, 1), ("k" * 257, 1), ("k", {}), ("k", "v" * (MAX_VALUE + 1))])
def test_what_cannot_be_kept_is_refused(key, value):
    with pytest.raises(ValueError, match="expected a"):
        Store().set(key, value)


def test_what_is_no_number_cannot_be_added_to():
    store = Store()
    store.set("name", "text")
    with pytest.raises(ValueError, match="expected numbers to add"):
        store.add("name", 1)


def test_there_are_so_many_names_and_no_more():
    store = Store()
    for number in range(MAX_KEYS):
        store.set(str(number), True)
    with pytest.raises(ValueError, match="at most 10000 names"):
        store.set("another", True)
    store.set("0", None)
    store.set("another", True)


def test_all_together_are_bounded_and_what_is_removed_makes_room():
    store = Store()
    count = MAX_TOTAL // (MAX_VALUE + 3)
    for number in range(count):
        store.set(f"{number:03}", "v" * MAX_VALUE)
    with pytest.raises(ValueError, match="characters in all"):
        store.set("one", "v" * MAX_VALUE)
    store.set("000", None)
    store.set("one", "v" * MAX_VALUE)
