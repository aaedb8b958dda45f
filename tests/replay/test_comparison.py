"""The same decisions or not: names for ids, defaults left out, and some mercy at the moment of a hang-up."""

from __future__ import annotations

import pytest

from callflow.replay.comparison import compare
from callflow.replay.course import Course, Line
from callflow.replay.words import describe_command


def course(*lines: Line, end: str | None = "the call ends: normal_clearing", is_cut: bool = False) -> Course:
    return Course(lines, end, is_ended_by_far_end=is_cut, duration=lines[-1].at if lines else 0.0)


def decision(text: str, *, at: float = 1.0, leg: str = "caller") -> Line:
    return Line(at, leg, text, is_decision=True)


def told(text: str, *, at: float = 1.0) -> Line:
    return Line(at, "caller", text)


ANSWER, PLAY, HANGUP = decision("answer"), decision("play a.wav"), decision("hangup")


def test_times_do_not_matter():
    assert compare(course(ANSWER, PLAY), course(ANSWER, decision("play a.wav", at=9.0))).is_same


def test_what_people_do_does_not_matter():
    assert compare(course(ANSWER, told("caller presses 1"), PLAY), course(ANSWER, PLAY)).is_same


def test_the_order_of_decisions_matters():
    assert not compare(course(ANSWER, PLAY), course(PLAY, ANSWER)).is_same


def test_between_legs_it_does_not():
    other = decision("[desk] play b.wav", leg="desk")
    assert compare(course(ANSWER, other, PLAY), course(ANSWER, PLAY, other)).is_same


def test_a_decision_more_or_less_matters():
    assert not compare(course(ANSWER, PLAY), course(ANSWER)).is_same
    assert not compare(course(ANSWER), course(ANSWER, PLAY)).is_same


def test_how_the_call_ends_matters():
    normal, busy = "the call ends: normal_clearing", "the call ends: user_busy"
    before, after = course(ANSWER, told(normal), end=normal), course(ANSWER, told(busy), end=busy)
    assert compare(before, after).diff[-2:] == (f"-    {normal}", f"+    {busy}")


def test_a_call_that_went_on_when_it_was_saved_has_no_end_yet():
    assert compare(course(ANSWER, end=None), course(ANSWER)).is_same


def test_a_decision_in_the_moment_of_the_hang_up_may_be_missing():
    late, end = decision("play a.wav", at=4.9), told("caller hangs up", at=5.0)
    before, after = course(ANSWER, late, end, is_cut=True), course(ANSWER, end, is_cut=True)
    assert compare(before, after).is_same
    assert compare(after, before).is_same


def test_one_long_before_may_not():
    early, end = decision("play a.wav", at=3.0), told("caller hangs up", at=5.0)
    assert not compare(course(ANSWER, early, end, is_cut=True), course(ANSWER, end, is_cut=True)).is_same


def test_nor_where_the_script_hangs_up():
    assert not compare(course(ANSWER, PLAY, HANGUP), course(ANSWER, HANGUP)).is_same


def test_the_diff_shows_the_lines_around():
    before = course(ANSWER, told("caller presses 1"), PLAY)
    after = course(ANSWER, told("caller presses 1"), decision("play b.wav"))
    assert compare(before, after, old_name="then", new_name="now").diff == (
        "--- then",
        "+++ now",
        "@@ -1,3 +1,3 @@",
        " answer",
        "     caller presses 1",
        "-play a.wav",
        "+play b.wav",
    )


def test_a_diff_without_end_is_cut_short():
    found = compare(course(ANSWER), course(*(decision(f"play {n}.wav") for n in range(1000))))
    assert len(found.diff) == 201
    assert found.diff[-1].endswith("lines more")


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("answer", {}, "answer"),
        ("hangup", {"cause": "normal_clearing"}, "hangup"),
        ("hangup", {"cause": "user_busy"}, "hangup user_busy"),
        ("play", {"sources": ["a.wav", {"source": "say", "text": "two words"}]}, 'play a.wav+say("two words")'),
        ("play", {"sources": [{"source": "file", "name": "a.wav", "sha256": "0" * 64}]}, "play a.wav"),
        ("gather", {"prompt": ["a.wav"], "timeout": 5, "max": 4}, "gather a.wav max=4"),
        ("set", {"variables": {"a": "b c"}}, 'set (a="b c")'),
        ("bridge", {"other": "leg-7"}, "bridge <desk>"),
        ("record", {"path": "messages/leg-7.wav"}, "record messages/<desk>.wav"),
        ("play", {"sources": 7}, "play 7"),
        ("unheard_of", {"x": [1, None]}, "unheard_of x=1+null"),
        (
            "dial",
            {"stages": [[{"target": "desk", "leg": "a"}, {"target": "bob", "delay": 2.5}], [{"target": "home"}]]},
            "dial desk+(target=bob delay=2.5) | home",
        ),
    ],
)
def test_a_command_in_words(name, data, text):
    assert describe_command(name, data, rename=lambda it: it.replace("leg-7", "<desk>")) == text


def test_a_command_without_end_is_cut_short():
    assert len(describe_command("play", {"sources": ["a.wav"] * 10_000})) < 3000
