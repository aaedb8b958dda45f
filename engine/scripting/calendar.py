"""When something is open: hours of a week in a time zone, days of a year, and holidays. Pure: the time is given.

hours = parse_hours("mon-fri 09:00-17:30")
Calendar("office", ZoneInfo("Europe/Berlin"), hours=(hours,)).is_open(at)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple, TypeAlias

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MINUTES = 24 * 60
_HOURS = re.compile(r"(?:([a-z,\- ]+?)\s+)?(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)", re.ASCII)


class Day(NamedTuple):
    """A day of one year, or without a year of every year."""

    year: int | None
    month: int
    day: int

    def __str__(self) -> str:
        return f"{self.year}-{self.month:02}-{self.day:02}" if self.year else f"{self.month:02}-{self.day:02}"


@dataclass(frozen=True, slots=True)
class Hours:
    """From `first` to before `last`, in minutes of the day, on these days of the week (0 is Monday).

    With `last` at or before `first` they run past midnight, and belong to the day on which they begin.
    """

    days: frozenset[int]
    first: int
    last: int

    def include(self, weekday: int, minute: int) -> bool:
        """Is that minute of that day of the week in here?"""
        if self.first < self.last:
            return weekday in self.days and self.first <= minute < self.last
        return (weekday in self.days and minute >= self.first) or (
            (weekday - 1) % 7 in self.days and minute < self.last
        )


Days: TypeAlias = frozenset[Day]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Open within the hours (none: all day), on the dates (none: every day), and never on a holiday."""

    name: str
    zone: tzinfo = UTC
    hours: tuple[Hours, ...] = ()
    dates: Days = frozenset()
    holidays: Days = frozenset()

    def is_open(self, at: float) -> bool:
        """Is it open then, in seconds since the epoch?"""
        return self.judge(at)[0]

    def judge(self, at: float) -> tuple[bool, str]:
        """Whether it is open then, and why."""
        now = datetime.fromtimestamp(at, self.zone)
        told = f"{DAYS[now.weekday()]} {now:%Y-%m-%d %H:%M} {now.tzname()}"
        minute = now.hour * 60 + now.minute
        open_since = next((hours for hours in self.hours if hours.include(now.weekday(), minute)), None)
        # Hours past midnight are those of the day before, holiday or not.
        began = now.date()
        if open_since is not None and open_since.first >= open_since.last and minute < open_since.last:
            began -= timedelta(days=1)
        if _contains(self.holidays, began):
            return False, f"{told} is a holiday"
        if self.dates and not _contains(self.dates, began):
            return False, f"{told} is none of its dates"
        if self.hours and open_since is None:
            return False, f"{told} is outside its hours"
        return True, told


def _contains(days: Days, day: date) -> bool:
    return Day(day.year, day.month, day.day) in days or Day(None, day.month, day.day) in days


def parse_hours(text: str) -> Hours:
    """Read `mon-fri 09:00-17:30`, `sat,sun 10:00-12:00` or `22:00-06:00`. Raises ValueError."""
    match = _HOURS.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f'expected hours such as "mon-fri 09:00-17:30", got "{text}"')
    first, last = (_minute(hour, minute, text) for hour, minute in ((match[2], match[3]), (match[4], match[5])))
    if first == _DAY_MINUTES:
        raise ValueError(f'expected a beginning before 24:00, got "{text}"')
    if first == last:
        raise ValueError(f'expected an end after the beginning (all day is 00:00-24:00), got "{text}"')
    return Hours(_weekdays(match[1], text), first, last)


def parse_day(text: str) -> Day:
    """Read `2026-12-25`, or `12-25` for every year. Raises ValueError."""
    match = re.fullmatch(r"(?:(\d{4})-)?(\d\d)-(\d\d)", text, re.ASCII)
    if match is not None:
        year = int(match[1]) if match[1] else None
        try:
            date(year or 2024, int(match[2]), int(match[3]))  # 2024 has a 29th of February
            return Day(year, int(match[2]), int(match[3]))
        except ValueError:
            pass
    raise ValueError(f'expected a day as "2026-12-25", or "12-25" for every year, got "{text}"')


def _minute(hour: str, minute: str, text: str) -> int:
    made = int(hour) * 60 + int(minute)
    if int(minute) > 59 or made > _DAY_MINUTES:
        raise ValueError(f'expected times from 00:00 to 24:00, got "{text}"')
    return made


def _weekdays(text: str | None, hours: str) -> frozenset[int]:
    if text is None:
        return frozenset(range(7))
    found: set[int] = set()
    for part in text.replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(f'expected days such as "mon-fri" or "sat,sun", got "{hours}"')
        start, end = DAYS.index(first), DAYS.index(last or first)
        found.update((start + step) % 7 for step in range((end - start) % 7 + 1))
    return frozenset(found)
