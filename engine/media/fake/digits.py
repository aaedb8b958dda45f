"""Digits on their way out, as events or in band: one key after another, each down for a time, a gap before the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from ..session import DigitsSent
from .network import FakeMediaNetwork, Timer


class Keys(Protocol):
    """Where the keys are pressed."""

    def send_digit_start(self, digit: str, *, is_inband: bool) -> None:
        """The key goes down."""
        ...

    def send_digit_end(self, digit: str, duration_ms: int, *, is_inband: bool) -> None:
        """The key comes up."""
        ...


@dataclass(slots=True, eq=False)
class Sending:
    """Some digits, and how many of them have left."""

    name: str
    digits: str
    duration_ms: int
    gap_ms: int
    is_inband: bool = False
    sent: int = 0


class DigitSender:
    """Sends digits one sending after another."""

    def __init__(self, network: FakeMediaNetwork, keys: Keys, report: Callable[[DigitsSent], None]) -> None:
        self._network = network
        self._keys = keys
        self._report = report
        self._sendings: deque[Sending] = deque()
        self._down_since: float | None = None
        self._timer: Timer | None = None

    def send(self, sending: Sending) -> None:
        """Send it after those that wait."""
        self._sendings.append(sending)
        if len(self._sendings) == 1:
            self._next()

    def stop(self, name: str) -> None:
        """End that sending; a key that is down comes up."""
        for sending in [each for each in reversed(self._sendings) if each.name == name]:  # the one that runs last
            was_running = sending is self._sendings[0]
            if was_running:
                self._pause()
            self._sendings.remove(sending)
            self._finish(sending, "stopped")
            if was_running:
                self._next()

    def close(self) -> None:
        """End all, without a report."""
        if self._sendings:
            self._pause()
        self._sendings.clear()

    def _next(self) -> None:
        while self._sendings:
            sending = self._sendings[0]
            if sending.sent < len(sending.digits):
                self._down_since = self._network.now
                self._keys.send_digit_start(sending.digits[sending.sent], is_inband=sending.is_inband)
                self._timer = self._network.call_at(self._down_since + sending.duration_ms / 1000, self._release)
                return
            self._sendings.popleft()
            self._finish(sending, "completed")

    def _release(self) -> None:
        sending = self._sendings[0]
        self._raise_key(sending)
        after = sending.gap_ms / 1000 if sending.sent < len(sending.digits) or len(self._sendings) > 1 else 0.0
        self._timer = self._network.call_at(self._network.now + after, self._next)

    def _pause(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._down_since is not None:
            self._raise_key(self._sendings[0])

    def _raise_key(self, sending: Sending) -> None:
        assert self._down_since is not None
        duration_ms = round((self._network.now - self._down_since) * 1000)
        self._down_since = None
        self._keys.send_digit_end(sending.digits[sending.sent], duration_ms, is_inband=sending.is_inband)
        sending.sent += 1

    def _finish(self, sending: Sending, reason: Literal["completed", "stopped"]) -> None:
        self._report(DigitsSent(sending.name, sending.digits[: sending.sent], reason))
