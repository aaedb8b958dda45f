"""Makes docs/first-call.svg from a real first call: `.venv/bin/python docs/record.py [FILE.svg]`.

Two shells, each under a pseudo-terminal: in one `make run` is typed, in the other a call. What they print is recorded
with its times; pauses are shortened to `LONGEST_PAUSE`. The picture needs nothing but CSS to play.
"""

from __future__ import annotations

import itertools
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fcntl import ioctl
from pathlib import Path
from struct import pack
from termios import TIOCSWINSZ

from terminal import Row, Screen, render  # beside this script

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = 102
LONGEST_PAUSE = 1.2  # seconds
PATIENCE = 60.0  # seconds until a terminal has printed what is waited for
COMMAND = ".venv/bin/callflow dial 1000 --press 1 --duration 24"


@dataclass(slots=True)
class Terminal:
    """A shell under a pseudo-terminal, and what it printed, chunk by chunk."""

    title: str
    descriptor: int
    chunks: list[tuple[float, str]] = field(default_factory=list)

    def type(self, text: str, others: list[Terminal]) -> None:
        """Press keys like a person, then Enter."""
        for key in text + "\n":
            os.write(self.descriptor, key.encode())
            pause = time.monotonic() + 0.045
            while (left := pause - time.monotonic()) > 0:
                read([self, *others], left)

    @property
    def text(self) -> str:
        return "".join(text for _, text in self.chunks)


def read(terminals: list[Terminal], timeout: float) -> None:
    """Take down what the terminals print."""
    ready, _, _ = select.select([terminal.descriptor for terminal in terminals], [], [], timeout)
    for terminal in terminals:
        if terminal.descriptor in ready:
            terminal.chunks.append((time.monotonic(), os.read(terminal.descriptor, 65536).decode(errors="replace")))


def wait_for(text: str, terminal: Terminal, others: list[Terminal]) -> None:
    """Read until a terminal has printed something."""
    deadline = time.monotonic() + PATIENCE
    while text not in terminal.text:
        if time.monotonic() > deadline:
            raise SystemExit(f"{terminal.title}: expected {text!r}, got:\n{terminal.text}")
        read([terminal, *others], 0.1)


@contextmanager
def open_terminal(title: str, home: Path) -> Iterator[Terminal]:
    """A shell in the project's folder, of a user who has never run callflow."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "CALLFLOW", "MAKE"))}
    environment = {**kept, "HOME": str(home), "TERM": "xterm-256color", "PS1": "$ ", "CALLFLOW_LOG": "warning"}
    pid, ours = pty.fork()  # the shell's own terminal: Ctrl-C goes to what runs in it
    if pid == 0:
        os.chdir(ROOT)
        os.execvpe("sh", ["sh", "-i"], environment)
    ioctl(ours, TIOCSWINSZ, pack("HHHH", 40, COLUMNS, 0, 0))
    terminal = Terminal(title, ours)
    try:
        wait_for("$ ", terminal, [])
        del terminal.chunks[:]  # what the shell says of itself
        terminal.chunks.append((time.monotonic(), "$ "))
        yield terminal
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(ours)


def record(home: Path) -> list[Terminal]:
    """Start the engine and call it."""
    with ExitStack() as stack:
        engine = stack.enter_context(open_terminal("the engine", home))
        phone = stack.enter_context(open_terminal("a phone in the terminal", home))
        engine.type("make run", [phone])
        wait_for("Ctrl-C ends it.", engine, [phone])
        phone.type(COMMAND, [engine])
        wait_for("hung up (", phone, [engine])
        wait_for("$ ", Terminal("", phone.descriptor, []), [engine])
        os.write(engine.descriptor, b"\x03")  # what it says of that is not shown
        kept = [Terminal(terminal.title, -1, list(terminal.chunks)) for terminal in (engine, phone)]
        wait_for("ending calls", engine, [phone])
        wait_for("$ ", Terminal("", engine.descriptor, []), [phone])
        return kept


def shortened(terminals: list[Terminal]) -> list[list[tuple[float, str]]]:
    """The chunks of each terminal in seconds since the first, without long pauses."""
    moments = sorted({at for terminal in terminals for at, _ in terminal.chunks})
    told = {moments[0]: 0.6}
    for before, at in itertools.pairwise(moments):
        told[at] = told[before] + min(at - before, LONGEST_PAUSE)
    return [[(told[at], text) for at, text in terminal.chunks] for terminal in terminals]


def main() -> None:
    """Record, and write the picture."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "first-call.svg"
    subprocess.run(["make", "--silent", ".venv/run.stamp"], cwd=ROOT, check=True)  # nobody wants to see it being built
    with tempfile.TemporaryDirectory(prefix="you-") as home:
        terminals = record(Path(home))
    panes: list[tuple[str, list[Row]]] = []
    for terminal, chunks in zip(terminals, shortened(terminals), strict=True):
        screen = Screen()
        for at, text in chunks:
            screen.feed(text, at)
        panes.append((terminal.title, screen.rows))
    target.write_text(render(panes, columns=COLUMNS))
    print(f"{target}: {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
