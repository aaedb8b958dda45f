"""The grammar of dial strings: variables, together, in turn, and what is none."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.eventsocket.esl.dialling import plan
from engine.eventsocket.esl.dialstring import DialStringError, parse, split_arguments


def targets(text: str) -> list[list[str]]:
    return [[endpoint.target for endpoint in stage] for stage in parse(text).stages]


def test_a_user_by_name():
    assert targets("user/1001") == targets("user/1001@example.com") == [["1001"]]


def test_a_uri_over_a_profile():
    assert targets("sofia/internal/5@192.0.2.1:5080") == [["sip:5@192.0.2.1:5080"]]
    assert targets("sofia/internal/sip:5@192.0.2.1") == [["sip:5@192.0.2.1"]]
    assert targets("sofia/internal/1001%example.com") == [["1001"]]


def test_a_comma_rings_together_and_a_bar_in_turn():
    assert targets("user/a,user/b|user/c") == [["a", "b"], ["c"]]


def test_two_dial_strings_at_once():
    assert targets("{x=1}user/a|user/b:_:user/c") == [["a", "c"], ["b"]]


def test_variables_of_all_and_of_one():
    dialled = parse("{a=1,b='x, y'}[c=3]user/a,user/b")
    assert dialled.variables == {"a": "1", "b": "x, y"}
    assert [endpoint.variables for endpoint in dialled.stages[0]] == [{"c": "3"}, {}]


def test_another_separator_of_variables():
    assert parse("{^^:a=1,2:b=3}user/a").variables == {"a": "1,2", "b": "3"}


def test_an_error_endpoint_has_its_cause():
    planned = plan(parse("error/USER_BUSY"), new_id=lambda: "u")
    assert (planned.error, planned.stages) == ("USER_BUSY", ())


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("{a=1", "DESTINATION_OUT_OF_ORDER"),
        ("", "DESTINATION_OUT_OF_ORDER"),
        ("1001", "CHAN_NOT_IMPLEMENTED"),
        ("freetdm/1/2/3", "CHAN_NOT_IMPLEMENTED"),
        ("sofia/gateway/g", "INVALID_URL"),
        ("group/nobody", "NO_ROUTE_DESTINATION"),
        ("sofia/5", "INVALID_URL"),
        (",".join(["user/a"] * 33), "DESTINATION_OUT_OF_ORDER"),
    ],
)
def test_what_cannot_be_dialled_has_the_cause_that_freeswitch_tells(text: str, cause: str):
    with pytest.raises(DialStringError) as raised:
        parse(text)
    assert raised.value.cause == cause


def test_arguments_are_kept_together_by_quotes_and_brackets():
    words = split_arguments("{a='b c'}user/1 '&playback(x y.wav)' XML default 'Alice B' 100 20")
    assert words == ["{a='b c'}user/1", "'&playback(x y.wav)'", "XML", "default", "'Alice B'", "100", "20"]


def test_a_plan_has_the_ids_the_times_the_caller_and_the_headers():
    variables = "origination_uuid=u1,originate_timeout=7,origination_caller_id_number=99,sip_h_X-A=b"
    text = f"{{{variables}}}[leg_timeout=3]user/1,user/2"
    planned = plan(parse(text), new_id=lambda: "u2")
    [[first, second]] = planned.stages
    assert (first.leg, second.leg, first.timeout, second.timeout) == ("u1", "u2", 3.0, None)
    assert (planned.timeout, planned.caller_id, planned.headers) == (7.0, "99", {"X-A": "b"})


@given(st.text(alphabet="{}[]<>,|:_'=^\\ &()/userab1", max_size=60))
def test_whatever_is_written_the_only_error_is_our_own(text: str):
    with suppress(DialStringError):
        parse(text)
    with suppress(DialStringError):
        split_arguments(text)


@pytest.mark.parametrize("text", ["{sip_h_X-A='a\rB: c'}user/x", "[sip_h_X-A\rB='a']user/x", "{sip_h_X-A='a\0'}user/x"])
def test_a_header_with_control_characters_is_refused(text: str):
    with pytest.raises(DialStringError, match="expected no control characters in sip_h_"):
        plan(parse(text), new_id=lambda: "leg")
