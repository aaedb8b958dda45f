"""What people do again, and when: by the occasions that come in another run."""

from __future__ import annotations

from callflow.replay.conduct import Conduct, Deed, HangUp, Occasion, Press

ONE, TWO, THREE = Deed(3.0, Press("1")), Deed(1.5, Press("2")), Deed(2.0, Press("3"))


def conduct(*occasions: tuple[str, list[Deed]]) -> Conduct:
    return Conduct([Occasion(key, 0.0, deeds) for key, deeds in occasions])


def test_the_same_question_is_answered_the_same_way():
    person = conduct(("gather a.wav", [ONE]), ("gather b.wav", [TWO]))
    assert [person.meet("gather a.wav"), person.meet("gather b.wav")] == [[ONE], [TWO]]


def test_a_question_that_comes_again_is_answered_by_turns_and_then_no_more():
    person = conduct(("gather a.wav", []), ("gather a.wav", [ONE]))
    assert [person.meet("gather a.wav") for _ in range(3)] == [[], [ONE], []]


def test_what_stands_in_between_is_passed_over():
    person = conduct(("gather a.wav", [ONE]), ("gather b.wav", [TWO]))
    assert person.meet("play new.wav") == []
    assert person.meet("gather a.wav") == [ONE]


def test_a_question_that_is_not_asked_is_not_answered():
    person = conduct(("gather language.wav", [ONE]), ("gather menu.wav", [TWO]))
    assert person.meet("gather menu.wav") == [TWO]


def test_keys_pressed_ahead_of_what_is_gone_are_pressed_at_what_follows():
    person = conduct(("play long.wav", [ONE]), ("gather menu.wav", [TWO]))
    assert person.meet("gather menu.wav") == [Deed(0.0, Press("1")), TWO]


def test_a_question_under_another_name_is_answered_as_the_next_one():
    person = conduct(("gather a.wav", [ONE]), ("gather b.wav", [TWO]))
    assert [person.meet("gather x.wav"), person.meet("gather y.wav")] == [[ONE], [TWO]]


def test_what_was_lent_to_another_question_is_there_for_its_own():
    person = conduct(("gather a.wav", [ONE]), ("gather b.wav", [TWO]))
    assert [person.meet("gather new.wav"), person.meet("gather a.wav"), person.meet("gather b.wav")] == [
        [ONE],
        [ONE],
        [TWO],
    ]


def test_nobody_hangs_up_in_a_prompt_that_was_not_there():
    person = conduct(("play long.wav", [Deed(2.0, HangUp())]))
    assert person.meet("play new.wav") == []
    assert person.meet("play long.wav") == [Deed(2.0, HangUp())]


def test_a_hang_up_is_not_brought_forward():
    person = conduct(("play long.wav", [THREE, Deed(4.0, HangUp())]), ("gather menu.wav", []))
    assert person.meet("gather menu.wav") == [Deed(0.0, Press("3"))]
