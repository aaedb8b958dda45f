"""`callflow dev` as whoever writes a script sees it: real processes, calls and saves."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from callflow.cli.screen import MAX_LINES, Screen
from tests.interop.engine import run_callflow
from tests.trio_tests import run_trio

SCRIPT = """\
from callflow import App, Call, Digits, Tone

app = App("hello")
print("imported")


@app.route("1000")
async def menu(call: Call) -> None:
    await call.answer()
    match await call.gather(Tone("440", seconds=0.2), valid="[12]", timeout=20):
        case Digits("1"):
            await call.play(Tone("600", seconds=0.3))


@app.route("1001")
async def echo(call: Call) -> None:
    await call.answer()
    await call.echo()


@app.route("1002")
async def wrong(call: Call) -> None:
    print(f"for {call.to}")
    raise ValueError("on purpose")


@app.route("1003")
async def silent(call: Call) -> None:
    await call.play("nothing.wav")
"""


class Told:
    """What `callflow dev` prints."""

    def __init__(self, process: trio.Process, folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.script = folder / "hello.py"
        self.text = self.all = ""

    async def wait(self, *patterns: str) -> None:
        """Read until lines that match these came, in this order, after whatever was waited for before."""
        for pattern in patterns:
            while (found := _line(pattern, self.text)) is None:
                await self._read(pattern)
            self.text = self.text[found.end() :]

    async def wait_printed(self, pattern: str) -> None:
        """Read until the script has printed that. What it prints comes by another way than what happens."""
        while _line(pattern, self.all) is None:
            await self._read(pattern)

    async def _read(self, wanted: str) -> None:
        assert self.process.stdout is not None
        chunk = await self.process.stdout.receive_some()
        assert chunk, f"{wanted!r} did not come, but:\n{self.text}"
        self.text += chunk.decode()
        self.all += chunk.decode()

    def save(self, text: str) -> None:
        """At once, so that nobody finds it half written."""
        draft = self.folder / ".draft"
        draft.write_text(text)
        draft.replace(self.script)

    async def dial(self, *arguments: str) -> int:
        return (await run_callflow(self.folder / "data", "dial", *arguments)).code


def _line(pattern: str, text: str) -> re.Match[str] | None:
    return re.search(rf"^.*{pattern}.*\n", text, re.MULTILINE)


def start(folder: Path, stdout: int, text: str = SCRIPT, **environment: str) -> list[object]:
    script = folder / "hello.py"
    script.write_text(text)
    data = folder / "data"
    own = {"CALLFLOW_DATA": str(data), "XDG_STATE_HOME": str(data / "state"), "COLUMNS": "200", **environment}
    command = [sys.executable, "-m", "callflow.cli", "dev", str(script)]
    places = ["--sip", "udp:127.0.0.1:0", "--socket", "127.0.0.1:0"]
    kept = {name: value for name, value in os.environ.items() if name not in ("CALLFLOW_LOG", "NO_COLOR")}
    return [[*command, *places], {"stdin": subprocess.DEVNULL, "stdout": stdout, "env": kept | own, "cwd": folder}]


@asynccontextmanager
async def dev(folder: Path, text: str = SCRIPT) -> AsyncIterator[Told]:
    command, options = start(folder, subprocess.PIPE, text)
    with (folder / "errors.txt").open("wb") as errors:
        process = await trio.lowlevel.open_process(command, stderr=errors, **options)
    told = Told(process, folder)
    try:
        await told.wait("Ctrl-C ends it")
        yield told
    finally:
        with trio.CancelScope(shield=True):
            process.kill()
            await process.wait()
            await process.stdout.aclose()


@run_trio
async def test_a_call_is_told_verb_by_verb_with_its_keys_and_outcomes(tmp_path: Path):
    async with dev(tmp_path) as told:
        assert await told.dial("1000", "--press", "1") == 0
        await told.wait(
            r"\d\d:\d\d:\d\d\.\d{3}  [0-9a-f]{8}  call from dial to 1000$",
            r"  answer$",
            r"  answered, PCMU$",
            r"  gather tone 440 0\.2 s timeout=20 valid=\[12\]$",
            r"  key 1$",
            r"  gather tone 440 0\.2 s timeout=20 valid=\[12\] → Digits\(\"1\"\)$",
            r"  play tone 600 0\.3 s$",
            r"  play tone 600 0\.3 s → heard 0\.3 s$",
            r"  hangup$",
            r"  ended by app: normal clearing after \d+\.\d s$",
        )


@run_trio
async def test_an_error_is_told_with_the_line_of_the_script(tmp_path: Path):
    async with dev(tmp_path) as told:
        await told.dial("1002")
        await told.wait(
            r"raised ValueError: on purpose$",
            r"  hello\.py:24  raise ValueError\(\"on purpose\"\)$",
            r"ended by app: temporary failure",
        )
        await told.wait_printed(r"[0-9a-f]{8}  for 1002$")
        await told.dial("1003")
        await told.wait(
            rf"play nothing\.wav → not_found: no file 'nothing\.wav' in {tmp_path}$",
            rf"raised NotFound: play: no file 'nothing\.wav' in {tmp_path}$",
            r"  hello\.py:29  await call\.play\(\"nothing\.wav\"\)$",
        )
    assert (tmp_path / "errors.txt").read_text() == ""


@run_trio
async def test_what_is_saved_takes_calls_or_is_refused_with_its_line(tmp_path: Path):
    async with dev(tmp_path) as told:
        told.save(SCRIPT.replace("imported", "imported again"))
        await told.wait(
            r"saved → version 2 of hello takes calls in \d+ ms$",
            r"version 1 .* is retired$",
        )
        await told.wait_printed(r"-  +imported again$")
        told.save(SCRIPT + "1 / 0\n")
        await told.wait(
            r"saved → version 3 of hello is refused: ZeroDivisionError: division by zero$", r"  hello\.py:30  1 / 0$"
        )
        assert (await run_callflow(tmp_path / "data", "rollback", "hello")).code == 0
        await told.wait(r"  version 1 of hello takes calls$")


@run_trio
async def test_ctrl_c_ends_the_calls_and_exits_0(tmp_path: Path):
    async with dev(tmp_path) as told, trio.open_nursery() as nursery:
        nursery.start_soon(told.dial, "1001")
        await told.wait(r"  echo$")
        told.process.send_signal(signal.SIGINT)
        await told.wait(r"  echo → stopped: hangup$", r"ended by engine: normal clearing")
        assert await told.process.wait() == 0
    assert (tmp_path / "errors.txt").read_text() == "SIGINT: ending calls ...\n"


@run_trio
async def test_a_script_that_does_not_load_at_first_is_told_and_waited_for(tmp_path: Path):
    async with dev(tmp_path, "import nothing_of_that_name\n") as told:
        await told.wait(
            r"hello does not load: ModuleNotFoundError: No module named 'nothing_of_that_name'$",
            r"  hello\.py:1  import nothing_of_that_name$",
        )
        told.save(SCRIPT)
        await told.wait(r"saved → version 2 of hello takes calls in \d+ ms$")
    assert (tmp_path / "errors.txt").read_text() == ""


@run_trio
async def test_a_terminal_gets_colours(tmp_path: Path):
    ours, theirs = os.openpty()
    command, options = start(tmp_path, theirs, TERM="xterm-256color")
    process = await trio.lowlevel.open_process(command, stderr=subprocess.DEVNULL, **options)
    os.close(theirs)
    async with trio.lowlevel.FdStream(ours) as terminal:
        said = b""
        while b"Ctrl-C ends it" not in said:
            said += await terminal.receive_some()
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
    assert b"\x1b[1mcallflow dev runs hello.py\x1b[0m" in said


def test_lines_that_nobody_takes_are_left_out_and_counted(capsys):
    screen = Screen()
    screen.put(*(str(number) for number in range(MAX_LINES + 7)))
    screen.flush()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == MAX_LINES + 1
    assert lines[-2:] == [str(MAX_LINES - 1), "... 7 lines left out"]
