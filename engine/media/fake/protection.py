"""Whether what comes to a fake session is protected with its peer's key, as SRTP would find out."""

from __future__ import annotations

from ..session import Keys


class Protection:
    """The peer's key, and a newer one until that is used. None stands for plain packets."""

    def __init__(self) -> None:
        self._key: bytes | None = None
        self._newer: bytes | None = None

    def agree(self, keys: Keys | None) -> None:
        """What the peer sends with from now on."""
        key = keys.remote if keys is not None else None
        if self._key is None or key is None:
            self._key = key
        self._newer = key if key != self._key else None

    def opens(self, key: bytes | None) -> bool:
        """Does a packet that was protected with that key count as the peer's?"""
        if key is not None and key == self._newer:
            self._key, self._newer = key, None
        return key == self._key
