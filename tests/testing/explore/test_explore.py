"""Scripts with one fault each: it is found, at its line, with the way there; and a script without any is left alone."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path

import pytest

from callflow.errors import ScriptError
from callflow.simulation.explore import finding
from callflow.simulation.explore.explorer import Bounds, explore
from callflow.simulation.explore.tree import lines_of_finding, lines_of_tree
from tests.scenarios.conftest import prompts

__all__ = ["prompts"]

ROOT = Path(__file__).parents[3]
SEEDS = ROOT / "engine/native/fuzz/seeds/sound"
HEAD = "from callflow import *\nimport anyio\napp = App('x')\n@app.route('1')\nasync def script(call: Call) -> None:\n"


@pytest.fixture
def walked(tmp_path):
    """What is found in the body of a script, whose first line is line 6."""

    def walked(body: str, **bounds):
        script = tmp_path / "x.py"
        script.write_text(HEAD + textwrap.indent(textwrap.dedent(body).strip("\n"), "    ") + "\n")
        [explored] = explore(script, bounds=Bounds(**bounds))
        assert explored.is_alike
        return explored

    return walked


def found(explored) -> list[tuple[str, str, str]]:
    return [(each.place, each.kind, each.text) for each in explored.findings]


@pytest.mark.parametrize("example", ["ivr/ivr.py", "followme/followme.py"])
def test_the_examples_have_no_faults(example):
    for explored in explore(ROOT / "examples" / example):
        assert explored.findings == ()
        assert explored.left == 0
        assert explored.is_alike


def test_star_codes_and_names_have_numbers_to_be_walked(tmp_path):
    script = tmp_path / "codes.py"
    body = "from callflow import *\napp = App('codes')\n"
    for number, pattern in enumerate(("1000", r"\*97", r"\*77(0\d+)", r"\*9(\w+)", r"\+4930", "70[12]", "desk", ".*")):
        body += f"@app.route(r'{pattern}')\nasync def route_{number}(call: Call) -> None:\n    await call.answer()\n"
    script.write_text(body)
    numbers = [explored.number for explored in explore(script, bounds=Bounds(walks=1))]
    assert numbers == ["1000", "*97", "*7700", "*90", "+4930", "701", "desk", "0"]


def test_every_choice_of_the_reception_is_walked():
    [explored, *_] = explore(ROOT / "examples/ivr/ivr.py", ["1000"])
    tree = "\n".join(lines_of_tree(explored.graph))
    for text in (
        "gather prompts/menu.wav [1239]  (ivr.py:19)",
        "presses 0 (wrong):",
        "alice is busy:",
        "alice answers:",
        "speaks:",
    ):
        assert text in tree
    assert tree.count("gather prompts/menu.wav [1239]  (ivr.py:19)") == 1
    assert "    presses 9:\n      ^ gather prompts/menu.wav [1239]\n" in tree


def test_a_prompt_that_is_missing(walked):
    explored = walked("""
        await call.answer()
        match await call.gather("prompt.wav", valid="[12]"):
            case Digits("2"):
                await call.play("absent.wav")
            case _:
                await call.play("music.wav")
    """)
    assert found(explored) == [("x.py:9", finding.MISSING, "no file 'absent.wav'")]
    assert list(lines_of_finding(explored.findings[0])) == [
        "x.py:9: missing prompt: no file 'absent.wav'",
        "    calls 1",
        "    presses 2 at gather prompt.wav [12]",
    ]


def test_a_prompt_that_cannot_be_played(walked, tmp_path):
    (tmp_path / "noise.wav").write_bytes(b"noise")
    explored = walked("""
        await call.answer()
        await call.play("noise.wav")
        await call.play("prompt.wav")
    """)
    assert found(explored) == [
        ("x.py:7", finding.UNPLAYABLE, "noise.wav: expected a WAV, MP3, Ogg or FLAC file, got something else")
    ]


def test_prompts_of_every_format_are_looked_for_and_tried(walked, tmp_path):
    shutil.copyfile(SEEDS / "tone.opus", tmp_path / "whole.opus")
    (tmp_path / "cut.mp3").write_bytes((SEEDS / "tone.mp3").read_bytes()[:-500])
    explored = walked("""
        await call.answer()
        await call.play("whole.opus")
        await call.play("absent.flac")
    """)
    assert found(explored) == [("x.py:8", finding.MISSING, "no file 'absent.flac'")]
    explored = walked("""
        await call.answer()
        await call.play("whole.opus", "cut.mp3")
    """)
    assert found(explored) == [("x.py:7", finding.UNPLAYABLE, "cut.mp3: it is cut off: expected 0.5 s, got 0.3 s")]


def test_an_exception_at_the_third_wrong_code(walked):
    explored = walked("""
        await call.answer()
        for attempt in range(3):
            if isinstance(await call.gather("prompt.wav", min=4, max=4), TimedOut):
                return await call.play("music.wav")
            await call.play("music.wav")
        raise ValueError("locked out")
    """)
    assert found(explored) == [("x.py:11", finding.EXCEPTION, "ValueError: locked out")]
    assert explored.findings[0].path == ("calls 1", "presses 1234 at gather prompt.wav (3 times)")


def test_an_exception_of_what_is_done_after_a_hang_up(walked):
    explored = walked("""
        await call.answer()
        try:
            await call.play("prompt.wav")
        finally:
            assert not call.is_over, "too late"
    """)
    assert found(explored) == [("x.py:10", finding.EXCEPTION, "AssertionError: too late")]
    assert explored.findings[0].path == ("calls 1", "hangs up at play prompt.wav")


def test_what_a_hang_up_causes_is_told_of_a_hang_up(walked):
    explored = walked("""
        await call.answer()
        try:
            await call.echo()
        finally:
            raise ValueError("at the end")
    """)
    assert found(explored) == [("x.py:10", finding.EXCEPTION, "ValueError: at the end")]
    assert explored.findings[0].path == ("calls 1", "hangs up at echo")


def test_a_call_that_ends_without_a_word(walked):
    explored = walked("""
        await call.answer()
        await call.gather("prompt.wav", valid="1")
    """)
    text = "hangs up without a word when the caller keys nothing at gather prompt.wav 1 (and in 2 other ways)"
    assert found(explored) == [("x.py:7", finding.DEAD_END, text)]


def test_a_call_that_is_refused_or_answered_by_nobody_is_no_dead_end(walked):
    explored = walked("""
        if not isinstance(await call.dial("alice", timeout=5), Answered):
            await call.reject("busy")
    """)
    assert found(explored) == []


def test_silence_while_somebody_is_dialled(walked):
    explored = walked("""
        await call.answer()
        await call.play("prompt.wav")
        won = await call.dial("sip:7@carrier", timeout=20)
        if isinstance(won, Answered):
            await call.bridge(won.leg)
        await call.play("music.wav") if not call.is_over else None
    """)
    assert found(explored) == [("x.py:8", finding.DEAD_AIR, "the caller hears nothing for 20 s")]
    assert explored.findings[0].path == ("calls 1", "sip:7@carrier does not answer")
    explored = walked("""
        await call.answer()
        await call.dial("alice", timeout=20, ringback="us")
        await call.tone("440", seconds=1)
    """)
    assert found(explored) == []


def test_a_menu_that_asks_for_ever(walked):
    explored = walked("""
        await call.answer()
        while await call.gather("prompt.wav", valid="[12]") != Digits("1"):
            pass
        await call.play("music.wav")
    """)
    text = "who does nothing at gather prompt.wav [12] is asked again and again"
    assert found(explored) == [("x.py:7", finding.NO_WAY_OUT, text)]


def test_music_without_end(walked):
    explored = walked("""
        await call.answer()
        while True:
            await call.play("music.wav")
    """)
    text = "play music.wav comes again and again, whatever the caller does"
    assert found(explored) == [("x.py:8", finding.LOOP, text)]


def test_a_script_that_goes_round_without_waiting(walked):
    explored = walked("""
        await call.answer()
        while True:
            await call.set(turn="1")
    """)
    assert found(explored) == [("", finding.LOOP, "more than 1000 commands in one call")]


def test_what_is_left_behind(walked):
    explored = walked("""
        import trio
        await call.answer()
        trio.lowlevel.spawn_system_task(trio.sleep_forever)
        await call.play("prompt.wav")
    """)
    assert found(explored) == [("x.py:9", finding.LEAK, "left when all had hung up: 1 task")]


def test_who_is_called_confirms_or_not(walked):
    explored = walked("""
        async def wants(leg: Call) -> bool:
            return await leg.gather("prompt.wav", valid="1") == Digits("1")
        won = await call.dial(["desk", "mobile"], timeout=20, ringback="us", confirm=wants)
        if isinstance(won, Answered):
            await call.bridge(won.leg)
        else:
            await call.play("music.wav")
    """)
    assert found(explored) == []
    tree = "\n".join(lines_of_tree(explored.graph))
    assert "desk: gather prompt.wav 1  (x.py:7)" in tree
    assert "mobile: gather prompt.wav 1  (x.py:7)" in tree


def test_a_key_that_confirms_and_star_codes(walked):
    explored = walked("""
        won = await call.dial("sip:1@192.0.2.4", timeout=9, confirm=Confirmation(("prompt.wav",), key="1"))
        if isinstance(won, Answered):
            await call.bind_digits("*9", Hangup())
            await call.bridge(won.leg)
    """)
    assert found(explored) == []
    tree = "\n".join(lines_of_tree(explored.graph))
    assert "sip:1@192.0.2.4 answers and presses 1:\n      bridge" in tree
    assert "sip:1@192.0.2.4 answers:\n      ends" in tree
    assert "presses *9:" in tree


def test_walks_are_bounded(walked):
    body = "await call.answer()\nawait call.gather('prompt.wav')\nawait call.play('music.wav')"
    explored = walked(body, walks=3)
    assert (len(explored.walks), explored.left > 0) == (3, True)
    assert explored.findings == ()


def test_the_clock_bounds_them_too(tmp_path):
    (tmp_path / "x.py").write_text(HEAD + "    await call.play('prompt.wav')\n")
    times = iter(range(100))
    [explored] = explore(tmp_path / "x.py", bounds=Bounds(seconds=2), clock=lambda: next(times))
    assert len(explored.walks) == 1


def test_a_script_that_does_not_load_is_an_error(tmp_path):
    (tmp_path / "x.py").write_text("1 / 0\n")
    with pytest.raises(ScriptError, match=r"x\.py:1: ZeroDivisionError"):
        list(explore(tmp_path / "x.py"))


def test_the_same_is_found_the_same_way_twice(tmp_path):
    script = ROOT / "examples/followme/followme.py"

    def told():
        return [[*lines_of_tree(each.graph), len(each.walks)] for each in explore(script)]

    assert told() == told()
