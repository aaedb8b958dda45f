"""How a saved call went, in lines, and what its people did: read from a log."""

from __future__ import annotations

import pytest

from callflow.replay.conduct import Answer, Deed, HangUp, Hold, Press, Reject, Speak, conduct_of
from callflow.replay.course import course_of
from callflow.replay.legs import legs_of, named
from callflow.replay.saved import Entry, SavedCall

MAIN, DESK = "c" * 16, "leg-0123456789"
PARTY = {"uri": "sip:alice@127.0.0.1", "number": "alice"}
ENDED = {"cause": 16, "cause_name": "normal_clearing", "phase": "answered", "created_at": 0.0, "ended_at": 9.0}


def event(name: str, at: float, *, leg: str = MAIN, **data) -> Entry:
    return Entry(at=at, leg=leg, event=name, data=data)


def command(name: str, at: float, *, leg: str = MAIN, app: str = "ivr", id: str = "x-1", error="", **data) -> Entry:
    return Entry(at=at, leg=leg, command=name, id=id, app=app, error=error, data=data)


def ended(at: float, by: str, *, leg: str = MAIN, **data) -> Entry:
    return event("channel.ended", at, leg=leg, ended_by=by, **{**ENDED, **data})


def a_call(*log: Entry, is_over: bool = True) -> SavedCall:
    created = event("channel.created", 0.0, direction="inbound", caller=PARTY, callee=PARTY, to="1000", app="ivr")
    return SavedCall(format=1, call=MAIN, app="ivr", began_at=0.0, is_over=is_over, log=(created, *log))


def desk_created(at: float) -> Entry:
    callee = {"uri": "sip:desk@127.0.0.1", "number": "desk"}
    return event(
        "channel.created", at, leg=DESK, direction="outbound", caller=PARTY, callee=callee, to="desk", parent=MAIN
    )


DIAL = command("dial", 1.0, id="d-1", stages=[[{"target": "desk", "leg": DESK}]])


def lines(call: SavedCall) -> list[str]:
    return [str(line) for line in course_of(call).lines]


def deeds(call: SavedCall, *keys: str, leg: int = 0) -> list[list[Deed]]:
    person = conduct_of(call, legs_of(call)[leg])
    return [person.meet(key) for key in keys]


def test_decisions_stand_at_the_margin_and_keys_in_a_row_on_one_line():
    call = a_call(
        command("gather", 1.0, prompt=["a.wav"], max=2),
        event("channel.digit_started", 3.0, digit="4"),
        event("channel.digit_started", 4.0, digit="2"),
        event("gather.finished", 4.0, command="x-1", outcome={"outcome": "digits", "value": "42"}),
        ended(5.0, "caller"),
    )
    assert lines(call) == [
        "    alice calls 1000",
        "gather a.wav max=2",
        "    caller presses 42",
        "    -> digits 42",
        "    caller hangs up",
    ]


def test_legs_go_by_the_name_of_whom_was_dialled():
    call = a_call(
        DIAL,
        desk_created(1.0),
        event("channel.answered", 4.0, leg=DESK),
        command("play", 4.0, leg=DESK, sources=[f"{DESK}.wav"]),
        command("bridge", 5.0, other=DESK),
        command("cancel", 6.0, command="d-1"),
        ended(9.0, "callee", leg=DESK),
    )
    assert lines(call)[1:] == [
        "dial desk",
        "    desk answers",
        "[desk] play <desk>.wav",
        "bridge <desk>",
        "cancel dial#1",
        "    desk hangs up",
    ]
    assert course_of(call).end is None


def test_a_command_that_was_refused_says_so():
    assert lines(a_call(command("play", 1.0, sources=["a.wav"], error="bad_argument")))[1] == (
        "play a.wav   (refused: bad_argument)"
    )


def test_who_hangs_up_at_a_terminal_decides_nothing_and_is_as_if_the_caller_did():
    call = a_call(
        command("play", 1.0, sources=["a.wav"]), command("hangup", 5.0, app="callflow-cli"), ended(5.0, "app")
    )
    assert lines(call)[-2:] == ["    callflow-cli: hangup", "    caller hangs up"]
    assert deeds(call, "play a.wav") == [[Deed(4.0, HangUp())]]


def test_an_app_whose_name_is_not_the_routes_is_the_script_all_the_same():
    call = a_call(command("answer", 1.0, app="elsewhere"), command("hangup", 2.0, app="elsewhere"), ended(2.0, "app"))
    assert lines(call)[1:] == ["answer", "hangup", "    the call ends: normal_clearing"]


def test_callees_answer_after_their_leg_began_and_hang_up_after_the_bridge():
    call = a_call(
        DIAL,
        desk_created(1.0),
        event("channel.answered", 4.0, leg=DESK),
        event("channel.bridged", 5.0, leg=DESK, bridge="b", other=MAIN),
        ended(9.0, "callee", leg=DESK),
    )
    assert deeds(call, "created", "answered", "bridged", leg=1) == [
        [Deed(3.0, Answer())],
        [],
        [Deed(4.0, HangUp())],
    ]


@pytest.mark.parametrize(("status", "told"), [(486, 486), (603, 603), (0, 486)])
def test_a_callee_refuses_as_then(status, told):
    call = a_call(DIAL, desk_created(1.0), ended(3.0, "callee", leg=DESK, phase="ringing", sip_status=status))
    assert deeds(call, "created", leg=1) == [[Deed(2.0, Reject(told))]]


def test_a_callee_who_was_cancelled_did_nothing():
    call = a_call(DIAL, desk_created(1.0), ended(3.0, "app", leg=DESK, phase="ringing", sip_status=487))
    assert deeds(call, "created", leg=1) == [[]]


def test_speech_is_as_long_as_the_recording_without_the_silence_that_ended_it():
    recorded = {"outcome": "recorded", "path": "m.wav", "duration_ms": 7000, "reason": "silence"}
    call = a_call(
        event("recording.started", 1.0, command="x-1", path="m.wav"),
        command("record", 1.0, path="m.wav", silence=3.0),
        event("recording.finished", 8.0, command="x-1", outcome=recorded),
    )
    assert deeds(call, "record") == [[Deed(0.0, Speak(4.0))]]


def test_keys_are_down_as_long_as_then_and_the_peer_holds_and_resumes():
    call = a_call(
        command("play", 1.0, sources=["a.wav"]),
        event("channel.digit_started", 2.0, digit="5"),
        event("channel.digit_ended", 2.2, digit="5", duration_ms=200),
        event("channel.held", 3.0, by="peer"),
        event("channel.resumed", 4.0, by="peer"),
    )
    assert deeds(call, "play a.wav") == [
        [Deed(1.0, Press("5", 200)), Deed(2.0, Hold(is_on=True)), Deed(3.0, Hold(is_on=False))]
    ]


def test_a_call_that_was_up_when_it_was_saved_is_left_there():
    call = a_call(command("play", 1.0, sources=["a.wav"]), event("playback.started", 1.5, command="x-1"), is_over=False)
    assert deeds(call, "play a.wav") == [[Deed(0.5, HangUp())]]


def test_ids_that_could_be_words_are_only_replaced_whole():
    assert named("a", {"a": "<desk>"}) == "<desk>"
    assert named("a.wav", {"a": "<desk>"}) == "a.wav"
    assert named("x/0123456789.wav", {"0123456789": "<desk>"}) == "x/<desk>.wav"
