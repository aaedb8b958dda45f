"""When something is open."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from engine.scripting.calendar import Calendar, Day, parse_day, parse_hours

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone=BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


OFFICE = Calendar(
    name="office",
    zone=BERLIN,
    hours=(parse_hours("mon-fri 09:00-17:30"), parse_hours("sat 10:00-12:00")),
    holidays=frozenset({parse_day("12-25"), parse_day("2026-05-14")}),
)


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        ("2026-11-23 09:00", True),  # a Monday
        ("2026-11-23 08:59", False),
        ("2026-11-23 17:29", True),
        ("2026-11-23 17:30", False),
        ("2026-11-28 11:00", True),  # a Saturday
        ("2026-11-28 12:00", False),
        ("2026-11-29 11:00", False),
        ("2026-12-25 11:00", False),  # every year
        ("2031-12-25 11:00", False),
        ("2026-05-14 11:00", False),  # this year's
        ("2027-05-14 11:00", True),
    ],
)
def test_it_is_open_in_its_hours_but_on_holidays(when, is_open):
    assert OFFICE.is_open(at(when)) is is_open


def test_hours_are_those_of_its_zone_summer_and_winter():
    assert OFFICE.is_open(at("2026-07-01 07:00", ZoneInfo("UTC")))  # 9:00 in summer
    assert not OFFICE.is_open(at("2026-11-23 07:00", ZoneInfo("UTC")))  # 8:00 in winter


def test_hours_past_midnight_belong_to_the_day_they_begin_on():
    night = Calendar(
        name="night", hours=(parse_hours("fri 22:00-06:00"),), holidays=frozenset({parse_day("2026-11-27")})
    )
    utc = ZoneInfo("UTC")
    assert night.is_open(at("2026-11-20 23:00", utc))
    assert night.is_open(at("2026-11-21 05:59", utc))
    assert not night.is_open(at("2026-11-21 06:00", utc))
    assert not night.is_open(at("2026-11-20 05:00", utc))
    assert not night.is_open(at("2026-11-28 05:00", utc))  # began on a holiday


def test_dates_alone_are_whole_days_and_nothing_at_all_is_always():
    christmas = Calendar(name="christmas", dates=frozenset({parse_day("12-24"), parse_day("12-25")}))
    assert christmas.is_open(at("2026-12-24 00:00", ZoneInfo("UTC")))
    assert not christmas.is_open(at("2026-12-26 00:00", ZoneInfo("UTC")))
    assert Calendar(name="always").is_open(0.0)


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ("2026-11-23 10:00", "mon 2026-11-23 10:00 CET"),
        ("2026-11-23 20:00", "mon 2026-11-23 20:00 CET is outside its hours"),
        ("2026-12-25 10:00", "fri 2026-12-25 10:00 CET is a holiday"),
    ],
)
def test_it_says_why(when, why):
    assert OFFICE.judge(at(when))[1] == why


@pytest.mark.parametrize(
    ("text", "days", "first", "last"),
    [
        ("mon-fri 09:00-17:30", {0, 1, 2, 3, 4}, 540, 1050),
        ("sat,sun 0:00-24:00", {5, 6}, 0, 1440),
        ("Fri-Mon 10:00 - 11:00", {4, 5, 6, 0}, 600, 660),
        ("22:00-06:00", set(range(7)), 1320, 360),
    ],
)
def test_hours_are_read(text, days, first, last):
    hours = parse_hours(text)
    assert (hours.days, hours.first, hours.last) == (days, first, last)


@pytest.mark.parametrize(
    "text", ["", "mon", "9-17", "mon 9:00-9:00", "mon 25:00-26:00", "mon 09:60-10:00", "foo 09:00-10:00", "24:00-01:00"]
)
def test_what_are_no_hours_is_refused(text):
    with pytest.raises(ValueError, match="expected"):
        parse_hours(text)


def test_days_are_read_with_and_without_a_year():
    assert parse_day("2026-12-25") == Day(2026, 12, 25)
    assert parse_day("02-29") == Day(None, 2, 29)
    assert [str(parse_day(text)) for text in ("2026-12-25", "12-25")] == ["2026-12-25", "12-25"]


@pytest.mark.parametrize("text", ["", "2026-13-01", "2026-02-29", "12-32", "25.12.", "2026-1-1"])
def test_what_is_no_day_is_refused(text):
    with pytest.raises(ValueError, match="expected a day"):
        parse_day(text)
