"""Commands and engines as processes, as somebody at a terminal starts and ends them."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 90.0  # seconds


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended, and all it printed."""

    status: int
    output: str


@dataclass(frozen=True, slots=True)
class Command:
    """Something to run."""

    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]

    def run(self) -> Result:
        """Run it to its end."""
        done = subprocess.run(
            self.arguments, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=PATIENCE,
        )  # fmt: skip
        return Result(done.returncode, done.stdout)

    def run_with_call(self, number: str) -> Result:
        """Run it while a call to that number is up; ID is the call's id."""
        phone = self._started(["callflow", "dial", number, "--duration", "30"])
        try:
            id = self._wait_for_call()
            arguments = [argument.replace("ID", id) for argument in self.arguments]
            return Command(arguments, self.folder, self.environment).run()
        finally:
            phone.send_signal(signal.SIGINT)
            phone.communicate(timeout=PATIENCE)

    def run_until(self, text: str, *, during: str = "") -> Result:
        """Run it until it prints the text, then press Ctrl-C; run `during` meanwhile, again and again."""
        process = self._started(self.arguments)
        assert process.stdout is not None
        printed: list[str] = []
        reader = threading.Thread(target=printed.extend, args=[process.stdout])
        reader.start()
        deadline = time.monotonic() + PATIENCE
        while text not in "".join(printed) and process.poll() is None and time.monotonic() < deadline:
            if during:
                Command(["bash", "-c", during], self.folder, self.environment).run()
            else:
                reader.join(0.05)
        found = text in "".join(printed)
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        status = process.wait(PATIENCE)
        reader.join()
        process.stdout.close()
        assert found, f"{text!r} was not printed:\n{''.join(printed)}"
        return Result(status, "".join(printed))

    def _started(self, arguments: Sequence[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            arguments, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def _wait_for_call(self) -> str:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            listed = Command(["callflow", "calls", "--json"], self.folder, self.environment).run()
            for call in json.loads(listed.output or "[]"):
                if call["state"] == "answered":
                    return str(call["id"])
        raise AssertionError("no call came up")


class Engine:
    """A running engine, on ports of the kernel's choice. Raises AssertionError when it does not start."""

    def __init__(self, command: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder, self._environment = folder, environment
        self._phones: list[subprocess.Popen[bytes]] = []
        own = ["--sip", "udp:127.0.0.1:0", "--sip", "tcp:127.0.0.1:0", "--socket", "127.0.0.1:0"]
        log = folder / "engine.log"
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [*_without_places(command), *own], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=errors, text=True,
            )  # fmt: skip
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.banner = self.wait_printed(lambda text: "Ctrl-C" in text)
        assert "Ctrl-C" in self.banner, f"{command}: the engine did not start:\n{self.banner}{log.read_text()}"
        note = json.loads(next(path for path in folder.rglob("engine.json")).read_text())
        self.socket: str = note["socket"]
        self.address = self.socket.split("/")[2]
        self.sip: str = note["sip"][0].removeprefix("udp:")
        self._data = Path(note["data"])

    def wait_printed(self, is_enough: Callable[[str], bool]) -> str:
        """All that it has printed when that is enough, or nothing more comes."""
        with self._changed:
            self._changed.wait_for(lambda: is_enough(self._printed) or not self._reader.is_alive(), PATIENCE)
            return self._printed

    @property
    def _printed(self) -> str:
        return "".join(self._lines)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout:
            for line in self._process.stdout:
                with self._changed:
                    self._lines.append(line)
                    self._changed.notify_all()

    @property
    def token(self) -> str:
        """The one it made, or that of the page's configuration."""
        path = self._data / "token"
        return path.read_text().strip() if path.exists() else ""

    def begin_call(self, number: str) -> None:
        """Somebody calls, and hangs up when the engine stops."""
        command = ["callflow", "dial", f"sip:{number}@{self.sip}", "--duration", "30"]
        self._phones.append(
            subprocess.Popen(command, cwd=self._folder, env=self._environment, stdout=subprocess.DEVNULL)
        )

    def stop(self) -> None:
        """Press Ctrl-C. Raises AssertionError when it does not end well."""
        for phone in self._phones:
            if phone.poll() is None:
                phone.send_signal(signal.SIGINT)
            phone.wait(PATIENCE)
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(PATIENCE)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            self._reader.join()
        log = (self._folder / "engine.log").read_text()
        assert self._process.returncode == 0, f"the engine ended with {self._process.returncode}:\n{log}"


def _without_places(command: Sequence[str]) -> list[str]:
    """The command without the ports that the page names: the kernel chooses them."""
    kept, words = [], iter(command)
    for word in words:
        if word in ("--sip", "--socket"):
            next(words)
        else:
            kept.append(word)
    return kept
