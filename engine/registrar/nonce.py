"""Nonces that need no memory until they are used, and count each use once (RFC 7616 §3.3, §5.5).

A nonce is its time of issue, something random, and a keyed hash of both: a flood of challenges costs nothing. What is
remembered is the highest count of the nonces that were used with a right password, until they expire.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable

MAX_COUNT = 0xFFFFFFFF
_TIME_DIGITS = 12  # hexadecimal, of milliseconds
_KEYED_DIGITS = 32


class NonceState(enum.Enum):
    """What a nonce that came back is worth."""

    FRESH = enum.auto()
    STALE = enum.auto()  # ours, but too old, or used with this count before: the client may have another
    FOREIGN = enum.auto()  # never ours


class Nonces:
    """Issues nonces and judges those that come back.

    `key` is a secret of this run; `new_token` gives at least 64 random bits; `clock` is monotonic, in seconds.
    """

    def __init__(
        self,
        *,
        key: bytes,
        new_token: Callable[[], str],
        clock: Callable[[], float],
        lifetime: float = 300.0,
        max_used: int = 10_000,
    ) -> None:
        self._key, self._new_token, self._clock = key, new_token, clock
        self._lifetime, self._max_used = lifetime, max_used
        self._counts: OrderedDict[str, int] = OrderedDict()  # by nonce, in the order of first use
        self._forgotten_until = float("-inf")  # of nonces issued up to then the counts may be forgotten

    def issue(self) -> str:
        """A new nonce."""
        body = f"{round(self._clock() * 1000):0{_TIME_DIGITS}x}{self._new_token()}"
        return body + self._sign(body)

    def judge(self, nonce: str, count: int) -> NonceState:
        """Whether a nonce may be used with this count. Nothing is remembered yet."""
        issued_at = self._issued_at(nonce)
        if issued_at is None:
            return NonceState.FOREIGN
        if self._clock() - issued_at > self._lifetime or issued_at <= self._forgotten_until:
            return NonceState.STALE
        return NonceState.FRESH if count > self._counts.get(nonce, 0) else NonceState.STALE

    def use(self, nonce: str, count: int) -> None:
        """Remember that a fresh nonce was used with this count, by somebody who knows the password."""
        self._counts[nonce] = count
        while self._counts and self._is_forgettable(next(iter(self._counts))):
            forgotten, _ = self._counts.popitem(last=False)
            self._forgotten_until = max(self._forgotten_until, self._issued_at(forgotten) or 0.0)

    @property
    def used(self) -> int:
        """How many are remembered."""
        return len(self._counts)

    def _is_forgettable(self, nonce: str) -> bool:
        if len(self._counts) > self._max_used:
            return True
        return self._clock() - (self._issued_at(nonce) or 0.0) > self._lifetime

    def _issued_at(self, nonce: str) -> float | None:
        """When one of ours was issued; None if it is not ours."""
        body, signature = nonce[:-_KEYED_DIGITS], nonce[-_KEYED_DIGITS:]
        if not hmac.compare_digest(self._sign(body).encode(), signature.encode("utf-8", "replace")):
            return None
        return int(body[:_TIME_DIGITS], 16) / 1000

    def _sign(self, body: str) -> str:
        return hmac.new(self._key, body.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:_KEYED_DIGITS]
