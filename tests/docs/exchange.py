"""Frames as a page shows them, sent and received for real.

    -> {"type": "hello", "app": "monitor", "token": "TOKEN"}
    <- {"type": "welcome", "protocol": 1, "session": "05d3bacd02313dfb"}

What the page shows of a frame that comes must be in it; numbers are compared by kind, and words of eight hex digits or
more stand for whatever came in their place, then and later. Frames that the page does not show are skipped. A line that
is indented goes on with the frame above.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

PATIENCE = 60.0  # seconds
_ID = re.compile(r"\b[0-9a-f]{8,}\b")


class Exchange:
    """A connection in JSON, and what the page's ids stand for."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._open = ExitStack()
        self._socket = self._connect()
        self._names = {"TOKEN": token}
        self._waiting: list[dict[str, Any]] = []

    def reconnect(self) -> None:
        """Another connection; what ids stand for is kept."""
        self._open.close()
        self._waiting.clear()
        self._socket = self._connect()

    def play(self, text: str, *, when_welcome: Callable[[], None] = lambda: None) -> None:
        """Send and expect what the page shows, line by line."""
        for line in _frames(text):
            arrow, frame = line[:2], json.loads(line[2:])
            if arrow == "->":
                self._socket.send(json.dumps(self._real(frame)))
            else:
                assert arrow == "<-", f"expected -> or <-, got {line!r}"
                self._expect(frame)
                if frame["type"] == "welcome":
                    when_welcome()

    def close(self) -> None:
        self._open.close()

    def _connect(self) -> ClientConnection:
        return self._open.enter_context(
            connect(self._url, subprotocols=[Subprotocol("callflow.v1.json")], proxy=None, max_size=None)
        )

    def _real(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._real(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._real(item) for item in value]
        return self._names.get(value, value) if isinstance(value, str) else value

    def _expect(self, shown: dict[str, Any]) -> None:
        seen: list[dict[str, Any]] = []
        while True:
            try:
                frame = self._next()
            except TimeoutError:
                raise AssertionError(f"expected {shown}, got {seen}") from None
            names: dict[str, str] = {}
            if self._fits(shown, frame, names):
                self._names |= names
                return
            seen.append(frame)

    def _next(self) -> dict[str, Any]:
        while not self._waiting:
            message = self._socket.recv(timeout=PATIENCE)
            self._waiting = [json.loads(line) for line in str(message).splitlines()]
        return self._waiting.pop(0)

    def _fits(self, shown: Any, real: Any, names: dict[str, str]) -> bool:
        if isinstance(shown, dict):
            return isinstance(real, dict) and all(
                key in real and self._fits(value, real[key], names) for key, value in shown.items()
            )
        if isinstance(shown, list):
            return (
                isinstance(real, list)
                and len(shown) == len(real)
                and all(self._fits(one, other, names) for one, other in zip(shown, real, strict=True))
            )
        if isinstance(shown, str):
            return isinstance(real, str) and self._is_same(shown, real, names)
        if isinstance(shown, bool) or shown is None:
            return shown is real
        return isinstance(real, int | float)

    def _is_same(self, shown: str, real: str, names: dict[str, str]) -> bool:
        if (known := self._names.get(shown)) is not None:
            return known == real
        if _ID.fullmatch(shown):
            names[shown] = real
            return True
        return _without_numbers(shown) == _without_numbers(real)


def _without_numbers(text: str) -> str:
    """Ports and versions differ from run to run, and so does what stands for them."""
    return re.sub(r"[0-9]+", "0", _ID.sub("0", text))


def _frames(text: str) -> list[str]:
    frames: list[str] = []
    for line in text.splitlines():
        if line.startswith(" "):
            frames[-1] += line.strip()
        elif line.strip():
            frames.append(line)
    return frames
