"""Real calls, saved by the command line from a running engine, and made again in simulation: the same, or a diff."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import pytest
import trio

from callflow.cli.main import run_command
from callflow.phone import Phone
from tests.trio_tests import run_trio

from .engine import engine
from .terminal import terminal
from .watch import Watch, watch

SCRIPT = """\
from callflow import Answered, App, Call, Digits, Tone

app = App("menu")


@app.route("1000")
async def menu(call: Call) -> None:
    await call.answer()
    match await call.gather("welcome.wav", max=2, terminators="#", timeout=30):
        case Digits("12"):
            await call.record(f"{call.id}.wav", max=10, silence=1)
            await call.play(Tone("600", seconds=0.2))
        case Digits("2"):
            result = await call.dial("mobile", "desk", timeout=20)
            if isinstance(result, Answered):
                await call.bridge(result.leg)
        case _:
            await call.play(Tone("500"))
"""


IN_LUA = """\
callflow.app("menu"):route("1000", function(call)
  call:answer()
  local choice = call:gather{ "welcome.wav", max = 2, terminators = "#", timeout = 30 }
  if choice.value == "12" then
    call:record{ call.id .. ".wav", max = 10, silence = 1 }
    call:play(callflow.tone("600", 0.2))
  elseif choice.value == "2" then
    local result = call:dial{ "mobile", "desk", timeout = 20 }
    if result.answered then
      call:bridge(result.leg)
    end
  else
    call:play(callflow.tone("500"))
  end
end)
"""


def write_script(folder: Path) -> Path:
    folder.mkdir()
    with wave.open(str(folder / "welcome.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\x00\x20\x00\xe0" * 2400)
    (folder / "menu.py").write_text(SCRIPT)
    return folder / "menu.py"


async def answer_one(phone: Phone, seen: Watch) -> None:
    """The desk picks up, and hangs up when it is connected."""
    line = await phone.wait_call()
    line.answer()
    await seen.wait("channel.bridged", count=2)
    line.hang_up()


async def press_two(phone: Phone, uri: str) -> None:
    line = await phone.call(uri)
    await line.wait_prompt()
    line.press("2#")
    await line.wait_ended()


@run_trio
async def make_calls(tmp_path: Path, script: Path) -> None:
    """Two calls at the same time, and all that the engine knows is saved."""
    async with engine(tmp_path / "engine", script) as running, terminal("desk") as desk, watch(running) as seen:
        await desk.register(f"sip:127.0.0.1:{running.udp[1]}")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer_one, desk, seen)
            nursery.start_soon(press_two, desk, running.sip("1000"))
            nursery.start_soon(running.run, "dial", running.sip("1000"), "--press", "12")
        await seen.wait("channel.ended", count=3)  # the desk's leg, too
        saved = await running.command("save", "--all", "--to", str(tmp_path / "calls"))
        assert len(saved.split()) == 2


def test_real_calls_are_saved_and_go_the_same_way_in_simulation(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    script = write_script(tmp_path / "app")
    make_calls(tmp_path, script)
    assert run_command(["replay", str(tmp_path / "calls"), "--app", str(script)]) == 0, capsys.readouterr().out
    assert "2 same, 0 differ" in capsys.readouterr().out

    twin = tmp_path / "app" / "twin.lua"
    twin.write_text(IN_LUA)
    assert run_command(["replay", str(tmp_path / "calls"), "--app", str(twin)]) == 0, capsys.readouterr().out
    assert "2 same, 0 differ" in capsys.readouterr().out

    script.write_text(SCRIPT.replace('"mobile", "desk"', '"desk"'))
    assert run_command(["replay", str(tmp_path / "calls"), "--app", str(script), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["same"], told["differ"]) == (1, 1)
    [diff] = [call["diff"] for call in told["calls"] if call["result"] == "differs"]
    assert "-dial mobile | desk timeout=20" in diff
    assert "+dial desk timeout=20" in diff
