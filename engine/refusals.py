"""The calls that were refused of late, so that one is not let in when its INVITE comes again.

A 503 is sent without a transaction, that a flood may cost little. But what was sent again while the first INVITE waited
to be read must hear the same (RFC 3261 8.2.7): let in, it would be a call that its caller has given up.
"""

from __future__ import annotations

from engine.sip.dialog import Headers
from engine.sip.messages import Request
from engine.sip.transaction_layer import server_key

MOST = 32_768  # that are remembered at least, when there are so many; twice as many at most: ten seconds of a flood


class Refusals:
    """The headers that each was refused with, by its transaction."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._newer: dict[int, Headers] = {}
        self._older: dict[int, Headers] = {}

    def find(self, request: Request) -> Headers | None:
        """What an INVITE was refused with before; None: it was not."""
        if not self._newer:
            return None
        key = _key(request)
        return self._newer.get(key) or self._older.get(key)

    def keep(self, request: Request, headers: Headers) -> None:
        """It was refused with these."""
        if len(self._newer) >= self._most:
            self._older, self._newer = self._newer, {}
        self._newer[_key(request)] = headers


def _key(request: Request) -> int:
    """64 bits with a secret of the process: small, and not to be guessed."""
    return hash(server_key(request, request.method))
