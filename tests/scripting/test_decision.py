"""Which route a call takes, and why."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.scripting.calendar import Calendar, parse_hours
from engine.scripting.decision import BY_DEFAULT, ON_LOOPBACK, Profile, Question, RouteSpec, Rules

OFFICE = Calendar(name="office", hours=(parse_hours("mon-fri 09:00-17:00"),))
MONDAY_NOON = 1_795_435_200.0  # 2026-11-23 12:00 UTC
SUNDAY_NOON = MONDAY_NOON - 86400
ALICE = Profile("internal", frozenset({"national"}))


def decide(*routes: RouteSpec, sources=ON_LOOPBACK, **question):
    return Rules(routes, sources=sources).decide(Question(**{"number": "1000", "at": MONDAY_NOON, **question}))


def app(*routes: RouteSpec, **question) -> str | None:
    route = decide(*routes, **question).route
    return route.app if route is not None else None


def test_the_first_route_that_fits_is_taken_with_its_reason():
    decision = decide(RouteSpec(to="2...", app="a"), RouteSpec(to="1...", app="b"), RouteSpec(to=".*", app="c"))
    assert decision.route.app == "b"
    assert decision.reason == '"1000" matches "1..."'


def test_without_one_the_reason_says_what_was_looked_at():
    decision = decide(RouteSpec(to="1000", app="a", outside=OFFICE))
    assert decision.route is None
    assert decision.reason == "no route fits"
    assert decision.steps[0].why == '"office" is open: mon 2026-11-23 12:00 UTC'
    assert decide().reason == "there is no route for this number, caller and domain"


def test_by_caller_and_domain():
    routes = [
        RouteSpec(caller=r"\+4930.*", app="berlin"),
        RouteSpec(domains=frozenset({"sales.example.com"}), app="sales"),
        RouteSpec(app="rest"),
    ]
    assert app(*routes, caller="+4930123") == "berlin"
    assert app(*routes, caller="+4940123", domain="Sales.Example.com") == "sales"
    assert app(*routes) == "rest"


def test_by_time_of_day():
    routes = [RouteSpec(app="desk", during=OFFICE), RouteSpec(app="voicemail", outside=OFFICE)]
    assert app(*routes) == "desk"
    assert app(*routes, at=SUNDAY_NOON) == "voicemail"
    assert "is closed: sun 2026-11-22 12:00 UTC is outside its hours" in decide(*routes, at=SUNDAY_NOON).reason


def test_a_context_reaches_its_own_and_what_it_includes():
    routes = [
        RouteSpec(contexts=frozenset({"internal"}), app="internal"),
        RouteSpec(contexts=frozenset({"features"}), app="features"),
        RouteSpec(contexts=frozenset({"public"}), app="public"),
    ]
    assert app(*routes, user="alice", profile=ALICE) == "internal"
    assert app(*routes[1:], user="alice", profile=ALICE) == "features"
    assert app(*routes) == "public"
    assert app(*routes[:2]) is None
    assert 'in the context "features", and the caller in "public"' in decide(*routes[:2]).steps[1].why


def test_contexts_may_include_in_a_circle():
    rules = Rules(
        [RouteSpec(contexts=frozenset({"c"}), app="x")],
        sources=ON_LOOPBACK,
        includes={"a": ("b",), "b": ("a", "c")},
    )
    assert rules.decide(Question(number="1", at=0.0, profile=Profile("a"))).route is not None


def test_a_class_must_be_allowed():
    routes = [RouteSpec(call_class="international", app="x"), RouteSpec(call_class="national", app="y")]
    assert app(*routes, user="alice", profile=ALICE) == "y"
    assert app(*routes) is None
    assert decide(*routes).steps[0].why == 'it is of the class "international", and the caller is allowed none'


def test_who_may_call_is_said_of_callers_and_not_of_apps():
    route = RouteSpec(contexts=frozenset({"internal"}), call_class="national", app="x")
    assert app(route, sources=BY_DEFAULT) is None
    assert app(route, sources=BY_DEFAULT, is_of_app=True) == "x"


def test_an_anonymous_caller_reaches_what_admits_anyone():
    routes = [RouteSpec(app="x"), RouteSpec(app="y", sources=frozenset({"anyone"}))]
    assert app(*routes, sources=BY_DEFAULT) == "y"
    assert app(*routes, sources=BY_DEFAULT, user="alice") == "x"
    assert app(RouteSpec(app="x", sources=frozenset({"trunks"})), user="alice") is None


def test_a_call_by_a_trunk_reaches_what_admits_trunks():
    users, trunks = (RouteSpec(app=name, sources=frozenset({name})) for name in ("users", "trunks"))
    assert app(users, trunks, trunk="carrier") == "trunks"
    assert app(RouteSpec(app="x"), sources=BY_DEFAULT, trunk="carrier") == "x"
    why = decide(users, trunk="carrier").steps[0].why
    assert why == 'it is for "users", and the call comes by a trunk'


def test_a_share_of_the_calls_is_about_that_and_each_call_always_goes_the_same_way():
    routes = [RouteSpec(app="new", share=20.0), RouteSpec(app="old")]
    taken = [app(*routes, call=f"call-{number}") for number in range(2000)]
    assert 300 < taken.count("new") < 500
    assert taken == [app(*routes, call=f"call-{number}") for number in range(2000)]
    half = [RouteSpec(app="a", share=50.0), RouteSpec(app="b", share=50.0), RouteSpec(app="c")]
    drawn = [app(*half, call=f"call-{number}") for number in range(2000)]
    assert 400 < drawn.count("b") < 600  # drawn anew at each route


def test_a_number_or_caller_that_is_too_long_fits_nothing():
    assert app(RouteSpec(app="x"), number="1" * 129) is None
    assert app(RouteSpec(app="x"), caller="1" * 129) is None


@pytest.mark.parametrize(
    "extra",
    [
        lambda n: RouteSpec(to=f"{50_000 + n}", app="x"),
        lambda n: RouteSpec(to=f"{50_000 + n}[0-9]+", app="x"),
        lambda n: RouteSpec(to=rf"\+49{50_000 + n}|0049{50_000 + n}", app="x"),
        lambda n: RouteSpec(caller=f"{50_000 + n}", app="x"),
        lambda n: RouteSpec(domains=frozenset({f"{n}.example.com"}), app="x"),
    ],
    ids=["numbers", "prefixes", "alternatives", "callers", "domains"],
)
def test_ten_thousand_routes_cost_no_more_than_ten(extra):
    """Counted in routes that are looked at, and in lists that are asked, not in time."""
    asked = [
        {"number": "1000"},
        {"number": "50005"},
        {"number": "500051"},
        {"number": "+4950005", "caller": "50005", "domain": "5.example.com"},
    ]

    def work(count: int) -> int:
        rules = Rules([*(extra(n) for n in range(count)), RouteSpec(to=".*", app="rest")], sources=ON_LOOPBACK)
        questions = [Question(at=0.0, **question) for question in asked]
        lists = sum(len(list(rules._by_number.lists(question.number))) for question in questions)
        return lists + sum(len(rules.decide(question).steps) for question in questions)

    assert work(10_000) == work(10)


@settings(deadline=None)
@given(
    routes=st.lists(
        st.builds(
            RouteSpec,
            to=st.sampled_from(["1", "12", "1.", ".*", "[12]+", "2", "(1|12)", "1|2", "12?", r"\+1", "12|[2]1"]),
            caller=st.sampled_from([None, "1", "1.*", ".*", "2|11"]),
            domains=st.sampled_from([None, frozenset({"a"}), frozenset({"a", "b"})]),
        ),
        max_size=8,
    ),
    number=st.text("12+", max_size=3),
    caller=st.text("12", max_size=2),
    domain=st.sampled_from(["a", "b", "c"]),
)
def test_it_takes_what_trying_one_after_another_takes(routes, number, caller, domain):
    def fits(route: RouteSpec) -> bool:
        return bool(
            re.fullmatch(route.to, number)
            and (route.caller is None or re.fullmatch(route.caller, caller))
            and (route.domains is None or domain in route.domains)
        )

    question = Question(number=number, caller=caller, domain=domain, at=0.0)
    expected = next((route for route in routes if fits(route)), None)
    assert Rules(routes, sources=ON_LOOPBACK).decide(question).route is expected
