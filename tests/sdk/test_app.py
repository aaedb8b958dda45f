"""Apps and their routes."""

from __future__ import annotations

import pytest

from callflow import App, Call, RouteError


async def one(call: Call) -> None: ...


async def two(call: Call) -> None: ...


def test_the_whole_number_must_match_and_the_first_route_wins():
    app = App("x")
    app.route("1[0-9]", "200")(one)
    app.route("1.*")(two)
    assert app.patterns == ("1[0-9]", "200", "1.*")
    for number, function in (("15", one), ("200", one), ("155", two), ("2000", None), ("115", two)):
        route = app.find(number)
        assert (route.function if route is not None else None) is function


def test_the_engine_s_choice_of_a_route_is_kept():
    app = App("x")
    app.route("1.*")(one)
    app.route("15")(two)
    route = app.find("15", pattern="15")
    assert route is not None
    assert route.function is two
    assert app.find("15", pattern="no longer there") is app.routes[0]


def test_the_decorator_gives_the_function_back():
    app = App("x")
    assert app.route("1")(one) is one


def test_a_number_that_is_too_long_matches_nothing():
    app = App("x")
    app.route(".*")(one)
    assert app.find("1" * 128) is not None
    assert app.find("1" * 129) is None


def test_a_bad_pattern_is_refused_with_its_place():
    with pytest.raises(RouteError, match=r'route "\[" of one \(.*test_app.py:\d+\): expected a regular expression'):
        App("x").route("[")(one)


def test_a_function_that_is_not_async_is_refused():
    with pytest.raises(RouteError, match=r'route "1": expected an async function, got .*<lambda>'):
        App("x").route("1")(lambda call: None)  # type: ignore[arg-type,return-value]


def test_a_pattern_leads_to_one_function():
    app = App("x")
    app.route("1")(one)
    with pytest.raises(RouteError, match="taken already"):
        app.route("1")(two)
    with pytest.raises(RouteError, match="at least one pattern"):
        app.route()
