"""Chromium without a window, steered through the pipe of its DevTools protocol: a page is opened, told, and tells."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

_CHROMIUM = "chromium"
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # tests run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--ignore-certificate-errors",
    "--allow-loopback-in-peer-connection",
    "--remote-debugging-pipe",
)


class Page:
    """An open page. `tell(...)` in the page gives a line to `line()` here."""

    def __init__(self, reading: trio.abc.ReceiveStream, writing: trio.abc.SendStream) -> None:
        self._reading = reading
        self._writing = writing
        self._rest = b""
        self._count = 0
        self._session: str | None = None
        self._lines: deque[str] = deque()
        self._is_loaded = False
        self.complaints: list[str] = []  # what the console said

    async def open(self, url: str) -> None:
        """Go there, and wait until it is loaded."""
        target = (await self._ask("Target.createTarget", url="about:blank"))["targetId"]
        attached = await self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        await self._ask("Runtime.enable")
        await self._ask("Page.enable")
        await self._ask("Runtime.addBinding", name="tell")
        await self._ask("Page.navigate", url=url)
        while not self._is_loaded:
            self._note(await self._message())

    async def run(self, script: str) -> Any:
        """Run it in the page, and give back what it comes to."""
        told = await self._ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in told:
            raise AssertionError(f"{script}: {told['exceptionDetails']}")
        return told["result"].get("value")

    async def line(self) -> str:
        """The next line that the page tells."""
        while not self._lines:
            self._note(await self._message())
        return self._lines.popleft()

    async def wait_line(self, line: str) -> None:
        """Wait until the page has told this; what it tells before is passed over."""
        while (told := await self.line()) != line:
            assert not told.startswith("failed"), f"expected {line!r}, the page told {told!r}\n{self.complaints}"

    async def _ask(self, method: str, **params: object) -> dict[str, Any]:
        self._count += 1
        asked: dict[str, object] = {"id": self._count, "method": method, "params": params}
        if self._session is not None:
            asked["sessionId"] = self._session
        await self._writing.send_all(json.dumps(asked).encode() + b"\0")
        while (message := await self._message()).get("id") != self._count:
            self._note(message)
        if "error" in message:
            raise AssertionError(f"{method}: {message['error']}")
        result: dict[str, Any] = message["result"]
        return result

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        match message.get("method"):
            case "Runtime.bindingCalled":
                self._lines.append(params["payload"])
            case "Page.loadEventFired":
                self._is_loaded = True
            case "Runtime.consoleAPICalled":
                self.complaints.append(" ".join(str(each.get("value", "")) for each in params["args"]))
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(params["exceptionDetails"]))
            case _:
                pass

    async def _message(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            data = await self._reading.receive_some(1 << 16)
            assert data, "the browser has ended"
            self._rest += data
        message, _, self._rest = self._rest.partition(b"\0")
        told: dict[str, Any] = json.loads(message)
        return told


@asynccontextmanager
async def browser(folder: Path, voice: Path) -> AsyncIterator[Page]:
    """A browser whose microphone hears that WAV file, again and again. It is killed at the end."""
    (to_read, to_write), (from_read, from_write) = os.pipe(), os.pipe()
    command = [
        "bash", "-c", f'exec "$@" 3<&{to_read} 4>&{from_write} 2>{folder / "browser.txt"}', "sh",
        _CHROMIUM, *_OPTIONS, f"--user-data-dir={folder / 'profile'}", f"--use-file-for-fake-audio-capture={voice}",
    ]  # fmt: skip
    process = await trio.lowlevel.open_process(command, pass_fds=(to_read, from_write), start_new_session=True)
    os.close(to_read)
    os.close(from_write)
    reading, writing = trio.lowlevel.FdStream(from_read), trio.lowlevel.FdStream(to_write)
    try:
        yield Page(reading, writing)
    finally:
        with trio.CancelScope(shield=True):
            await writing.aclose()  # it ends when its pipe does
            with trio.move_on_after(5):
                await process.wait()
            process.kill()
            await process.wait()
            await reading.aclose()
