"""Which version of an app takes the next call, and what becomes of the others. No processes."""

from __future__ import annotations

import itertools

import pytest

from engine.scripting.version import KEPT, TRANSITIONS, NoVersion, Trigger, Version, Versions, VersionState

LOADING, ACTIVE, DRAINING, RETIRED, FAILED = VersionState


def loaded(versions: Versions, *, share: float = 1.0) -> Version:
    """One more version, which has loaded."""
    version = versions.add()
    versions.install(version, share)
    version.is_up = True
    return version


def take(versions: Versions, count: int) -> list[str]:
    """Who takes so many calls, one after another."""
    names = []
    for _ in range(count):
        version = versions.next()
        assert version is not None
        versions.count(version)
        names.append(version.name)
    return names


@pytest.mark.parametrize(("state", "trigger"), list(itertools.product(VersionState, Trigger)))
def test_what_cannot_happen_in_a_state_is_an_error(state, trigger):
    version = Version(1)
    version.state = state
    if (state, trigger) in TRANSITIONS:
        version.enter(trigger)
        assert version.state is TRANSITIONS[state, trigger]
    else:
        with pytest.raises(ValueError, match=trigger.name):
            version.enter(trigger)


def test_nobody_takes_calls_before_a_version_has_loaded():
    versions = Versions()
    versions.add()
    assert versions.next() is None


def test_the_newest_takes_the_calls_and_the_one_before_drains():
    versions = Versions()
    first = loaded(versions)
    second = versions.add()
    assert take(versions, 2) == ["1", "1"]
    assert versions.install(second) == [first]
    assert (first.state, second.state) == (DRAINING, ACTIVE)
    assert take(versions, 2) == ["2", "2"]
    assert (first.calls, second.calls) == (2, 2)


def test_a_version_that_does_not_load_replaces_nothing():
    versions = Versions()
    first, second = loaded(versions), versions.add()
    versions.refuse(second)
    assert (first.state, second.state) == (ACTIVE, FAILED)
    assert versions.next() is first


@pytest.mark.parametrize("percent", [1, 5, 10, 25, 33, 50, 70, 99])
def test_a_canary_takes_exactly_its_share_and_evenly(percent):
    versions = Versions()
    loaded(versions)
    loaded(versions, share=percent / 100)
    names = take(versions, 1000)
    assert names.count("2") == percent * 10
    assert names[:100].count("2") == percent
    assert all(abs(names[:count].count("2") - count * percent / 100) <= 1 for count in range(1000))


def test_a_canary_without_a_worker_takes_no_calls():
    versions = Versions()
    loaded(versions)
    loaded(versions, share=0.5).is_up = False
    assert take(versions, 4) == ["1"] * 4


def test_a_canary_that_is_given_all_calls_is_none_any_more():
    versions = Versions()
    first, second = loaded(versions), loaded(versions, share=0.1)
    assert versions.give_share(0.5) == []
    assert take(versions, 4).count("2") == 2
    assert versions.give_share(1.0) == [first]
    assert (versions.current, versions.canary) == (second, None)
    with pytest.raises(NoVersion):
        versions.give_share(0.5)


def test_a_canary_goes_and_the_other_has_all_calls_again():
    versions = Versions()
    first, second = loaded(versions), loaded(versions, share=0.9)
    assert versions.roll_back() == (first, [second])
    assert take(versions, 3) == ["1"] * 3


def test_another_canary_replaces_the_canary():
    versions = Versions()
    first, second, third = loaded(versions), loaded(versions, share=0.5), loaded(versions, share=0.5)
    assert [first.state, second.state, third.state] == [ACTIVE, DRAINING, ACTIVE]


def test_a_full_version_replaces_both_that_share_the_calls():
    versions = Versions()
    first, second = loaded(versions), loaded(versions, share=0.5)
    third = loaded(versions)
    assert [first.state, second.state, third.state] == [DRAINING, DRAINING, ACTIVE]


def test_rollback_goes_back_to_one_that_drains_and_on_to_the_one_before_it():
    versions = Versions()
    first, second, third = loaded(versions), loaded(versions), loaded(versions)
    assert versions.roll_back() == (second, [third])
    assert versions.roll_back() == (first, [second])
    assert [first.state, second.state, third.state] == [ACTIVE, DRAINING, DRAINING]
    with pytest.raises(NoVersion):
        versions.roll_back()


def test_rollback_to_one_that_has_retired_loads_it_while_the_other_goes_on():
    versions = Versions()
    first, second = loaded(versions), loaded(versions)
    first.enter(Trigger.ENDED)
    assert versions.roll_back() == (first, [])
    assert (first.state, versions.next()) == (LOADING, second)
    assert versions.roll_back() == (first, [])
    assert versions.install(first) == [second]
    assert versions.next() is first
    with pytest.raises(NoVersion):
        versions.roll_back()


def test_the_last_versions_are_kept_and_the_live_ones():
    versions = Versions()
    busy = loaded(versions)
    for _ in range(3 * KEPT):
        before = versions.current
        loaded(versions)
        if before is not busy:
            assert before is not None
            before.enter(Trigger.ENDED)
    assert busy in versions.all
    assert RETIRED not in {version.state for version in versions.live}
    assert len(versions.all) <= KEPT + 3


def fail(version: Version, *, calls: int, errors: int) -> None:
    version.calls, version.errors = calls, errors


@pytest.mark.parametrize(
    ("calls", "errors", "is_worse"), [(4, 4, False), (5, 5, True), (25, 5, True), (26, 5, False), (101, 50, False)]
)
@pytest.mark.parametrize("share", [1.0, 0.1])
def test_a_new_version_is_worse_if_a_fifth_of_its_first_calls_fail(calls, errors, is_worse, share):
    versions = Versions()
    loaded(versions)
    second = loaded(versions, share=share)
    fail(second, calls=calls, errors=errors)
    assert versions.is_worse(second) is is_worse


def test_a_version_is_no_worse_than_one_that_fails_as_often():
    versions = Versions()
    first, second = loaded(versions), loaded(versions)
    fail(first, calls=10, errors=10)
    fail(second, calls=10, errors=10)
    assert not versions.is_worse(second)


def test_a_version_that_came_back_and_the_first_one_stay():
    versions = Versions()
    first, second = loaded(versions), loaded(versions)
    loaded(versions)
    versions.roll_back()
    for version in (first, second):
        fail(version, calls=10, errors=10)
        assert not versions.is_worse(version)
