"""A page at work: its files in a folder, its engine, and each block run as its comment says.

`file: N`    is written to the page's folder as N; the blocks that use N run it
`save: N`    is written to it when its turn comes: somebody changes N, while what is started runs
`prelude`    is how the page's other Python begins, or its other Lua
`simulate`   Python or Lua, run in a simulation; the comment is the play, see `tests.docs.acting`
`test: N`    a test file N, run by pytest
`program`    Python, run as a program
`engine`     a command that starts an engine, for the blocks from here on
`shell`      commands, run one after another
`make`       targets of the Makefile: they must be there; `make run` starts an engine, as `engine` does
`config: N`  a configuration file N, which `callflow check` must accept; with `exit 1`, must not; `beside a certificate`
`frames`     what travels over an event socket, see `tests.docs.exchange`; `continued` on the connection of the block
             above, with `reconnect` on another one that knows its ids; `while somebody calls NUMBER`
`elsewhere: T`  what the test file T does; what it names must be there
`dialplan`   a part of FreeSWITCH's dialplan, to compare: it must be well-formed, and only actions and conditions
`output`     what the block above printed: these lines are among it, in this order, whatever the numbers and ids;
             `output: engine`, what the engine prints while the blocks above run

Options of `shell` and `program`, after semicolons: `exit N`, the status; `with call NUMBER`, a call is up meanwhile
and ID stands for its id; `until TEXT`, run until it prints that, then end it by Ctrl-C; `during COMMAND`, run this
meanwhile. Addresses, ports and folders that pages show are replaced with those of the test.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
import wave
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from pathlib import Path
from xml.etree import ElementTree

import trustme

from callflow.testing import Simulation

from .acting import act
from .exchange import Exchange
from .markdown import ROOT, Block, read_blocks
from .processes import Command, Engine

_WAV = re.compile(r'"([A-Za-z0-9_/-]+\.wav)"')
_SCRIPT = re.compile(r'^script = "([^"]+)"', re.MULTILINE)
_FOLDER = re.compile(r'^sounds = "([^"]+)"', re.MULTILINE)
_DIALPLAN = {"part", "extension", "condition", "action", "anti-action", "menu", "entry"}
_TRIVIAL = """from callflow import App, Call

app = App("app")


@app.route("1000")
async def trivial(call: Call) -> None:
    await call.echo()
"""


class Page:
    """One page, run once. Any block can be run alone: what it needs of the blocks above is done first."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        self.folder = folder
        self.blocks = read_blocks(path)
        self.engine: Engine | None = None
        self.printed: dict[int, str] = {}
        self._engine_block: Block | None = None
        self._seen = 0  # of what the engine has printed, up to where blocks have shown it
        self._saved = 0  # index of the block that was saved last
        self._exchange: Exchange | None = None
        self._kinds: Mapping[str, Callable[[Block], None]] = {
            "file": self._check_file,
            "save": self._save,
            "prelude": self._check_python,
            "simulate": self._simulate,
            "test": self._test,
            "program": self._run_program,
            "engine": self._start,
            "shell": self._run_shell,
            "make": self._check_targets,
            "config": self._check_config,
            "frames": self._exchange_frames,
            "elsewhere": self._check_elsewhere,
            "dialplan": self._check_dialplan,
            "output": self._compare,
        }
        folder.mkdir(exist_ok=True)
        self._write_files()

    def run(self, block: Block) -> None:
        """Run a block. Raises AssertionError when it is not as the page says."""
        assert block.kind in self._kinds, (
            f"{block.place}: no test knows how to run this block; say it in a comment above it, such as "
            "<!-- shell -->: see tests/docs/page.py"
        )
        self._kinds[block.kind](block)

    def close(self) -> None:
        """End what runs."""
        if self._exchange is not None:
            self._exchange.close()
        if self.engine is not None:
            self.engine.stop()

    # Files

    def _write_files(self) -> None:
        for block in self.blocks:
            if block.kind in ("file", "test", "config"):
                self._write(block.argument, self._own_places(block.text))
        for block in self.blocks:
            for name in _WAV.findall(block.text) if block.language in ("python", "lua") else ():
                _write_wav(self.folder / name)
            for name in _SCRIPT.findall(block.text) if block.language == "toml" else ():
                if not (self.folder / name).exists():
                    self._write(name, _TRIVIAL)
            for name in _FOLDER.findall(block.text) if block.language == "toml" else ():
                (self.folder / name).mkdir(exist_ok=True)

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def _write_at_once(self, name: str, text: str) -> None:
        """No reader finds it half written, as with an editor that is worth its salt."""
        self._write(f".{name}.part", text)
        (self.folder / f".{name}.part").replace(self.folder / name)

    def source(self, block: Block) -> str:
        """The Python of a block as it is run, or its Lua."""
        preludes = (other for other in self.blocks if other.kind == "prelude" and other.language == block.language)
        prelude = next((other.text for other in preludes), "")
        is_whole = "import" in block.text or "callflow.app" in block.text
        return f"{prelude}\n\n{block.text}" if block.kind == "simulate" and not is_whole else block.text

    # Kinds

    def _check_dialplan(self, block: Block) -> None:
        found = ElementTree.fromstring(f"<part>{block.text}</part>").iter()
        assert {element.tag for element in found} <= _DIALPLAN, block.place

    def _check_file(self, block: Block) -> None:
        if block.language == "python":
            self._check_python(block)
        uses = [other for other in self.blocks if other is not block and other.kind != "file"]
        names = (block.argument, Path(block.argument).stem)
        assert any(name in other.text + " ".join(other.parts) for other in uses for name in names), (
            f"{block.place}: nothing on the page runs {block.argument}"
        )

    def _save(self, block: Block) -> None:
        self._need_engine(block)
        for other in self.blocks[self._saved : block.index + 1]:
            if other.kind == "save":
                self._write_at_once(other.argument, self._own_places(other.text))
                self.printed[other.index] = ""
        self._saved = block.index

    def _check_python(self, block: Block) -> None:
        if block.language != "python":  # what is wrong with it shows when it is run
            return
        compile(block.text, block.place, "exec")

    def _simulate(self, block: Block) -> None:
        script = self.folder / f"line_{block.line}{'.lua' if block.language == 'lua' else '.py'}"
        script.write_text(self.source(block))
        folder = self.folder / f"line_{block.line}"
        folder.mkdir()
        simulation = Simulation(script, folder=folder)
        simulation.run(lambda: act(simulation, block.parts))

    def _test(self, block: Block) -> None:
        self._run(block, [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", block.argument])

    def _run_program(self, block: Block) -> None:
        self._need_engine(block)
        program = self.folder / (block.argument or f"line_{block.line}.py")
        program.write_text(self._real(block.text))
        self._run(block, [sys.executable, str(program)])

    def _run_shell(self, block: Block) -> None:
        self._need_engine(block)
        self._run(block, ["bash", "-ec", self._real(block.text)])

    def _run(self, block: Block, arguments: list[str]) -> None:
        command = Command(arguments, folder=self.folder, environment=self.environment)
        call = block.options.get("with", "").removeprefix("call ")
        during = self._real(block.options.get("during", ""))
        if call:
            result = command.run_with_call(call)
        elif "until" in block.options:
            result = command.run_until(block.options["until"], during=during)
        else:
            result = command.run()
        self.printed[block.index] = result.output
        expected = int(block.options.get("exit", result.status if "until" in block.options else 0))
        assert result.status == expected, f"{block.place}: exit status {result.status}:\n{result.output}"

    def _start(self, block: Block) -> None:
        if self._engine_block == block:
            return
        if self.engine is not None:
            self.engine.stop()
        line = self._real(_recipe_of_run() if block.kind == "make" else block.text.strip().splitlines()[-1])
        self.engine = Engine(shlex.split(line), folder=self.folder, environment=self.environment)
        self._engine_block = block
        self._seen = 0
        self.printed[block.index] = self.engine.banner

    def _check_targets(self, block: Block) -> None:
        for line in block.text.splitlines():
            command = shlex.split(line, comments=True)
            assert command[0] == "make", f"{block.place}: expected make, got {line!r}"
            subprocess.run([*command, "--dry-run"], cwd=ROOT, check=True, capture_output=True)
        if _starts_engine(block):
            self._start(block)

    def _check_config(self, block: Block) -> None:
        if "beside" in block.options:
            made = trustme.CA().issue_cert("pbx.example.com")
            made.cert_chain_pems[0].write_to_path(str(self.folder / "fullchain.pem"))
            made.private_key_pem.write_to_path(str(self.folder / "key.pem"))
        self._run(block, ["callflow", "check", "--config", block.argument])

    def _exchange_frames(self, block: Block) -> None:
        self._need_engine(block)
        assert self.engine is not None
        if block.argument != "continued" or self._exchange is None:
            for other in self._frames_before(block):
                self._exchange_frames(other)
        if block.argument != "continued" or self._exchange is None:
            if self._exchange is not None:
                self._exchange.close()
            self._exchange = Exchange(self.engine.socket, self.engine.token)
        if "reconnect" in block.options:
            self._exchange.reconnect()
        number = block.options.get("while", "").removeprefix("somebody calls ")
        begin = partial(self.engine.begin_call, number) if number else lambda: None
        self._exchange.play(self._real(block.text), when_welcome=begin)

    def _frames_before(self, block: Block) -> list[Block]:
        """What must have been said before a block that goes on with a connection, when it is run alone."""
        if block.argument != "continued":
            return []
        above = [other for other in self.blocks[: block.index] if other.kind == "frames"]
        first = max(other.index for other in above if other.argument != "continued")
        return [other for other in above if other.index >= first]

    def _check_elsewhere(self, block: Block) -> None:
        files = [block.argument, *re.findall(r"(?<!\S)examples/\S+", block.text)]
        missing = [name for name in files if not (ROOT / name).exists()]
        assert not missing, f"{block.place}: there is no {', '.join(missing)}"

    def _compare(self, block: Block) -> None:
        above = next(other for other in reversed(self.blocks[: block.index]) if other.kind != "output")
        if above.index not in self.printed:
            self.run(above)
        printed = self.printed[above.index]
        if block.argument == "engine":
            assert self.engine is not None, f"{block.place}: no engine was started above"
            printed = self.engine.wait_printed(lambda text: _find(block, text[self._seen :])[0] is None)[self._seen :]
        missing, end = _find(block, printed)
        assert missing is None, f"{block.place}: {missing!r} was not printed:\n{printed}"
        if block.argument == "engine":
            self._seen += end

    # What pages show, and what is

    @cached_property
    def environment(self) -> dict[str, str]:
        """That of a newcomer with nothing of his own."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "CALLFLOW", "PYTEST"))
        }
        home = self.folder / "home"
        home.mkdir()
        path = f"{Path(sys.executable).parent}:{kept.get('PATH', '')}"
        return {**kept, "HOME": str(home), "PATH": path, "COLUMNS": "200", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}

    @cached_property
    def _port(self) -> int:
        """For what a page has listen at port 9000."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    def _own_places(self, text: str) -> str:
        text = text.replace("192.0.2.10", "127.0.0.1").replace("/var/lib/callflow", str(self.folder / "data"))
        text = re.sub(r"(?<![\w./])examples/", f"{ROOT}/examples/", text)
        return re.sub(r"\b9000\b", str(self._port), text)

    def _real(self, text: str) -> str:
        text = self._own_places(text).replace(".venv/bin/", f"{Path(sys.executable).parent}/")
        if self.engine is not None:
            text = text.replace("127.0.0.1:5060", self.engine.sip).replace("127.0.0.1:7443", self.engine.address)
            text = text.replace("$TOKEN", self.engine.token)
        return text

    def _need_engine(self, block: Block) -> None:
        """The engine of the last block above that starts one."""
        engines = [other for other in self.blocks[: block.index] if _starts_engine(other)]
        if engines:
            self._start(engines[-1])
        saves = [other for other in self.blocks[self._saved + 1 : block.index] if other.kind == "save"]
        if saves:
            self._save(saves[-1])


def _find(block: Block, printed: str) -> tuple[str | None, int]:
    """The first line of a block that does not come after those before it, and where what does come ends."""
    rest, end = iter(printed.splitlines(keepends=True)), 0
    for line in block.text.splitlines():
        if not line.strip(" .…"):
            continue
        for other in rest:
            end += len(other)
            if _alike(line) == _alike(other):
                break
        else:
            return line, end
    return None, end


def _starts_engine(block: Block) -> bool:
    return block.kind == "engine" or (block.kind == "make" and "make run" in block.text)


def _recipe_of_run() -> str:
    """What `make run` does, when all is built."""
    told = subprocess.run(["make", "--dry-run", "run"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    command = re.search(r"\.venv/bin/(callflow run \S+)", told)
    assert command is not None, f"expected `make run` to run callflow, got:\n{told}"
    return command[1]


def _alike(line: str) -> str:
    """A line without what differs from run to run: ids, passwords, numbers, times, places, the width of columns."""
    line = re.sub(r"~?/\S+/", "/", line)
    line = re.sub(r"password\s+\w+", "password", line)
    line = re.sub(r"\b[0-9a-f]{8,}\b|c-[0-9a-f]+-[0-9]+", "ID", line)
    line = re.sub(r"[0-9][0-9.,:]*", "0", line)
    return " ".join(line.split())


def _write_wav(path: Path) -> None:
    """A second of silence."""
    if path.suffix == ".wav" and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(bytes(16000))
