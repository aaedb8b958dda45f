"""Who answered, decided from times alone."""

from __future__ import annotations

from callflow.protocol.commands import AnswererRules
from callflow.protocol.outcomes import Greeting
from engine.channels.answerer import Answerer, Verdict


def test_a_short_word_and_a_pause_are_a_person():
    answerer = Answerer(AnswererRules())
    assert answerer.start_talk(600) is None
    assert answerer.due_ms == 600 + 1700
    assert answerer.stop_talk(1000) is None
    assert answerer.pass_time(1799) is None
    greeting = Greeting("short", silence_ms=600, greeting_ms=400, words=1, longest_word_ms=400)
    assert answerer.pass_time(1800) == Verdict("human", greeting)


def test_a_long_greeting_is_a_machine_while_it_goes_on():
    answerer = Answerer(AnswererRules())
    answerer.start_talk(500)
    answerer.stop_talk(1100)
    answerer.start_talk(1500)
    verdict = answerer.pass_time(answerer.due_ms)
    assert verdict == Verdict("machine", Greeting("long", 500, 1700, 2, 700, (400,)))


def test_what_comes_late_does_not_undo_what_was_due_before():
    answerer = Answerer(AnswererRules())
    answerer.start_talk(500)
    answerer.stop_talk(900)
    verdict = answerer.start_talk(2500)
    assert verdict is not None
    assert (verdict.who, verdict.greeting.words) == ("human", 1)


def test_many_words_are_a_machine():
    answerer = Answerer(AnswererRules(words=2))
    for at in (0, 300):
        assert answerer.start_talk(at) is None
        assert answerer.stop_talk(at + 200) is None
    verdict = answerer.start_talk(600)
    assert verdict is not None
    assert (verdict.who, verdict.greeting.why, verdict.greeting.words) == ("machine", "words", 3)


def test_a_tone_decides_at_once():
    assert Answerer(AnswererRules()).hear_tone("beep", 900).who == "machine"
    assert Answerer(AnswererRules()).hear_tone("busy", 900).who == "unknown"


def test_silence_and_no_decision_are_unknown():
    assert Answerer(AnswererRules()).pass_time(3000) == Verdict("unknown", Greeting("silence", 3000))
    endless = Answerer(AnswererRules(greeting=9.0, total=2.0))
    endless.start_talk(100)
    verdict = endless.pass_time(2000)
    assert verdict is not None
    assert (verdict.who, verdict.greeting.why) == ("unknown", "undecided")


def test_pauses_are_kept_up_to_a_bound():
    answerer = Answerer(AnswererRules(words=100, greeting=99.0, total=99.0))
    for at in range(0, 10_000, 300):
        answerer.start_talk(at)
        answerer.stop_talk(at + 200)
    verdict = answerer.pass_time(10_900)
    assert verdict is not None
    assert verdict.greeting.pauses_ms == (100,) * 16
