"""Names, subclasses, filters and myevents decide what a client hears."""

from __future__ import annotations

from engine.eventsocket.esl.event import EslEvent
from engine.eventsocket.esl.interest import MAX_FILTERS, Interest


def event(name: str = "DTMF", subclass: str = "", **headers: str) -> EslEvent:
    return EslEvent(name, {key.replace("_", "-"): value for key, value in headers.items()}, subclass=subclass)


def interested(*words: str) -> Interest:
    interest = Interest()
    assert interest.add(words)
    return interest


def test_custom_takes_the_rest_of_the_line():
    interest = interested("DTMF", "CUSTOM", "sofia::register", "HEARTBEAT")
    assert interest.wants("CUSTOM", "sofia::register")
    assert not interest.wants("CUSTOM", "sofia::expire")
    assert not interest.wants("HEARTBEAT")


def test_all_includes_every_custom():
    assert interested("ALL").wants("CUSTOM", "whatever::there")


def test_names_may_have_their_prefix():
    assert interested("SWITCH_EVENT_DTMF").wants("DTMF")


def test_what_is_no_name_is_none():
    assert not Interest().add(["NO_SUCH_EVENT"])


def test_nixevent_takes_names_back():
    interest = interested("DTMF", "HEARTBEAT")
    assert interest.remove(["DTMF"])
    assert (interest.wants("DTMF"), interest.wants("HEARTBEAT")) == (False, True)


def test_one_of_the_filters_must_fit():
    interest = interested("DTMF")
    interest.add_filter("Unique-ID", "a")
    interest.add_filter("Unique-ID", "b")
    assert interest.passes(event(Unique_ID="B"))
    assert not interest.passes(event(Unique_ID="c"))
    assert not interest.passes(event())


def test_a_negative_filter_hides():
    interest = interested("DTMF")
    interest.add_filter("DTMF-Digit", "-5")
    assert interest.passes(event(DTMF_Digit="4"))
    assert not interest.passes(event(DTMF_Digit="5"))


def test_a_filter_may_be_a_pattern():
    interest = interested("DTMF")
    assert interest.add_filter("Caller", "/^10[0-9]{2}$/")
    assert interest.passes(event(Caller="1001"))
    assert not interest.passes(event(Caller="2001"))


def test_a_pattern_that_could_take_for_ever_is_refused():
    assert not Interest().add_filter("Caller", "/(a+)+$/")
    assert not Interest().add_filter("Caller", "/(/")


def test_filters_are_deleted_by_header_by_value_and_all():
    interest = interested("DTMF")
    for value in "abc":
        interest.add_filter("Unique-ID", value)
    interest.add_filter("Caller", "x")
    interest.remove_filter("Unique-ID", "a")
    assert [each.value for each in interest.filters] == ["b", "c", "x"]
    interest.remove_filter("Unique-ID", "")
    assert [each.value for each in interest.filters] == ["x"]
    interest.remove_filter("all", "")
    assert interest.filters == []


def test_there_are_so_many_filters_and_no_more():
    interest = Interest()
    assert all(interest.add_filter("a", str(number)) for number in range(MAX_FILTERS))
    assert not interest.add_filter("a", "b")


def test_myevents_are_those_of_one_channel_and_its_jobs():
    interest = Interest()
    assert interest.follow("u")
    assert not interest.follow("u")
    interest.add(["BACKGROUND_JOB"])
    assert interest.passes(event(Unique_ID="u"))
    assert interest.passes(event("BACKGROUND_JOB", Job_Owner_UUID="u"))
    assert not interest.passes(event(Unique_ID="v"))
