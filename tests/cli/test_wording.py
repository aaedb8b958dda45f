"""Commands, outcomes and tracebacks in few words."""

from __future__ import annotations

import pytest

from callflow.cli.wording import Place, describe_command, describe_outcome, find_place, last_line
from callflow.protocol import commands
from callflow.protocol.commands import Say, Silence, Target, Text, Tone
from callflow.protocol.outcomes import (
    Answered,
    Branch,
    Digits,
    Failed,
    Played,
    Recorded,
    Sent,
    Stopped,
    TimedOut,
    Unbridged,
)

BY_SYNTAX = """\
Traceback (most recent call last):
  File "<frozen importlib._bootstrap>", line 241, in _call_with_frames_removed
  File "/srv/ivr/ivr.py", line 23
    def f(:
          ^
SyntaxError: invalid syntax
"""
BY_LIBRARY = """\
Traceback (most recent call last):
  File "/usr/lib/python3/callflow/run.py", line 80, in run
    await watch(function(call), self._spare)
  File "/srv/ivr/ivr.py", line 9, in welcome
    await call.play("missing.wav")
          ^^^^^^^^^^^^^^^^^^^^^^^^
  File "/usr/lib/python3/callflow/call.py", line 70, in play
    raise error
callflow.errors.NotFound: play: no file 'missing.wav'
"""
BY_GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "/srv/ivr/ivr.py", line 5, in welcome
  |     async with anyio.create_task_group() as group:
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/srv/ivr/ivr.py", line 7, in look_up
    |     raise ValueError("on purpose")
    | ValueError: on purpose
    +------------------------------------
"""


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (commands.Answer(), "answer"),
        (commands.Play(sources=("welcome.wav",)), "play welcome.wav"),
        (commands.Play(sources=("a.wav", Silence(0.5)), stop_on="#"), "play a.wav, silence 0.5 s stop_on=#"),
        (commands.Gather(prompt=(Tone("880", seconds=0.3),), valid="[12]"), "gather tone 880 0.3 s valid=[12]"),
        (commands.Play(sources=(Text("hello, world"),)), "play say 'hello, world'"),
        (commands.Gather(prompt=(Say("hello"),), max=4, timeout=7.5), "gather say 'hello' max=4 timeout=7.5"),
        (commands.Dial(stages=((Target("desk"), Target("hall")), (Target("bob"),))), "dial desk, hall then bob"),
        (commands.Hangup(cause="user_busy"), "hangup cause=user_busy"),
        (commands.SayCommand(text="x" * 200), f"say {'x' * 113}..."),
    ],
)
def test_a_command_is_told_with_what_its_script_said(command: commands.Command, told: str) -> None:
    assert describe_command(command) == told


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Played(heard_ms=2100, reason="completed"), "heard 2.1 s"),
        (Played(heard_ms=300, reason="digit", digit="1"), "heard 0.3 s, ended by key 1"),
        (Played(heard_ms=0, reason="failed", error="no frames"), "heard 0.0 s, failed: no frames"),
        (Digits("1"), 'Digits("1")'),
        (Digits("12", terminator="#"), 'Digits("12", terminator="#")'),
        (TimedOut(), "TimedOut()"),
        (Recorded("a.wav", 1500, "silence"), "recorded a.wav, 1.5 s, silence"),
        (Answered(leg="1", target="alice"), "alice answered"),
        (Failed((Branch("alice", "1", "busy"), Branch("bob", "2", "no_answer"))), "alice busy, bob no answer"),
        (Failed(reason="stopped"), "stopped"),
        (Unbridged("hangup"), "parted: hangup"),
        (Sent("12"), "sent 12"),
        (Stopped("hangup"), "stopped: hangup"),
    ],
)
def test_an_outcome_is_told_in_few_words(outcome: Played, told: str) -> None:
    assert describe_outcome(outcome) == told


@pytest.mark.parametrize(
    ("traceback", "place", "error"),
    [
        (BY_SYNTAX, Place("/srv/ivr/ivr.py", 23, "def f(:"), "SyntaxError: invalid syntax"),
        (
            BY_LIBRARY,
            Place("/srv/ivr/ivr.py", 9, 'await call.play("missing.wav")'),
            "NotFound: play: no file 'missing.wav'",
        ),
        (BY_GROUP, Place("/srv/ivr/ivr.py", 7, 'raise ValueError("on purpose")'), "ValueError: on purpose"),
    ],
    ids=["syntax", "library", "group"],
)
def test_a_traceback_leads_to_the_line_of_the_script(traceback: str, place: Place, error: str) -> None:
    assert find_place(traceback, "/srv/ivr") == place
    assert last_line(traceback) == error


def test_what_is_no_traceback_has_no_place() -> None:
    assert find_place("the worker was killed by SIGKILL", "/srv/ivr") is None
    assert last_line("") == ""
