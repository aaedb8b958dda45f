"""How long a response may be used, by its headers."""

from __future__ import annotations

import pytest

from engine.web.freshness import MOST, UNTOLD, lifetime

DATE = "Sat, 28 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, UNTOLD),
        ({"cache-control": "public, max-age=600"}, 600),
        ({"cache-control": 'max-age="600"', "age": "200"}, 400),
        ({"cache-control": "max-age=600", "age": "700"}, 0),
        ({"cache-control": "max-age=600, no-cache"}, 0),
        ({"cache-control": "No-Store"}, 0),
        ({"cache-control": "max-age=soon"}, 0),
        ({"cache-control": "max-age=99999999999"}, MOST),
        ({"date": DATE, "expires": "Sat, 28 Nov 2026 10:05:00 GMT"}, 300),
        ({"date": DATE, "expires": "0"}, 0),
        ({"date": DATE, "last-modified": "Sat, 28 Nov 2026 09:00:00 GMT"}, 360),
        ({"date": DATE, "last-modified": "Sat, 28 Nov 2020 09:00:00 GMT"}, 86_400),
        ({"date": DATE, "last-modified": "yesterday"}, UNTOLD),
    ],
)
def test_a_response_is_fresh_for_as_long_as_it_says(headers, seconds):
    assert lifetime(headers) == seconds
