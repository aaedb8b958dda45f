"""Opening hours, and whether it is one.

office = Hours("mon-fri 09:00-12:30 13:30-17:00, sat 10:00-14:00", zone="Europe/Berlin", closed=["2026-12-25"])

if not office.is_open():
    await call.play("closed.wav")
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import NoReturn
from zoneinfo import ZoneInfo

from callflow import BadArgument

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_RULE = re.compile(r"\s*([a-z]{3})(?:-([a-z]{3}))?((?:\s+\d\d:\d\d-\d\d:\d\d)+)\s*")
_SPAN = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)")
_END_OF_DAY = "24:00"
_FARTHEST = 366  # days that `next_opening` looks ahead


class Hours:
    """When it is open, by days of the week, in the time of `zone`; `closed` are dates when it is not."""

    def __init__(self, rules: str, *, zone: str = "UTC", closed: Sequence[str] = ()) -> None:
        """Raises BadArgument for what is no rule; a span must end after it begins (24:00 is the day's end)."""
        self._zone = ZoneInfo(zone)
        self._closed = {date.fromisoformat(each) for each in closed}
        self._spans: dict[int, list[tuple[time, time]]] = {day: [] for day in range(7)}
        for rule in rules.split(","):
            self._take(rule)

    def is_open(self, at: datetime | None = None) -> bool:
        """Is it open now, or was it, or will it be?"""
        local = self._local(at)
        return any(begin <= local.time() < end for begin, end in self._spans_of(local.date()))

    def next_opening(self, at: datetime | None = None) -> datetime | None:
        """When it opens next, after that time. None: not within a year."""
        local = self._local(at)
        return next((opening for opening in self._openings(local.date()) if opening > local), None)

    def _local(self, at: datetime | None) -> datetime:
        return at.astimezone(self._zone) if at is not None else datetime.now(self._zone)

    def _openings(self, first: date) -> Iterator[datetime]:
        for day in (first + timedelta(days=count) for count in range(_FARTHEST)):
            for begin, _ in sorted(self._spans_of(day)):
                yield datetime.combine(day, begin, self._zone)

    def _spans_of(self, day: date) -> list[tuple[time, time]]:
        return [] if day in self._closed else self._spans[day.weekday()]

    def _take(self, rule: str) -> None:
        matched = _RULE.fullmatch(rule.lower())
        if matched is None or not {matched[1], matched[2] or matched[1]} <= set(DAYS):
            _refuse(rule)
        first, last = DAYS.index(matched[1]), DAYS.index(matched[2] or matched[1])
        spans = [(_time(begin, rule), _time(end, rule)) for begin, end in _SPAN.findall(matched[3])]
        if not all(begin < end for begin, end in spans):
            _refuse(rule)
        for count in range((last - first) % 7 + 1):
            self._spans[(first + count) % 7] += spans


def _time(text: str, rule: str) -> time:
    try:
        return time.max if text == _END_OF_DAY else time.fromisoformat(text)
    except ValueError:
        _refuse(rule)


def _refuse(rule: str) -> NoReturn:
    raise BadArgument(f"expected hours such as mon-fri 09:00-17:00, got {rule.strip()[:64]!r}", command="hours")
