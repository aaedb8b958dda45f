"""What programs decided: the commands that were given to each channel, kept for whoever asks why a call went as it did.

A command costs an append; nothing is decoded before somebody asks. Kept are so many octets of all channels together:
the channels that ended first are forgotten first, then the oldest live one loses what it has, and says how much.

Of a channel that has ended one piece of octets is kept: what stays, in small pieces among all that goes with a call,
keeps the memory of whole bursts of calls from being given back.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from callflow.protocol.connection import MalformedMessage, Spelling
from callflow.protocol.frames import MAX_MESSAGE
from callflow.protocol.queries import Decision, Decisions

MAX_COMMANDS = 10_000  # of one channel
MAX_OCTETS = 16 << 20  # of all
MAX_ENDED = 10_000  # channels
_OVERHEAD = 200  # octets that a command takes beside its text
_MAX_REPLY = MAX_MESSAGE // 4  # octets; JSON takes more


class Given(NamedTuple):
    """One command as it came, and the code of its refusal. `seq` is the last event before it took effect."""

    seq: int
    at: float
    app: str
    id: str
    name: str
    args: bytes
    spelling: Spelling
    error: str = ""

    @property
    def octets(self) -> int:
        return _OVERHEAD + len(self.id) + len(self.name) + len(self.args)

    def decoded(self) -> Decision:
        return Decision(
            seq=self.seq, at=self.at, app=self.app, id=self.id, name=self.name, args=_decode(self), error=self.error
        )


class _Channel:
    """The commands of one channel; the first `missing` are not kept."""

    __slots__ = ("given", "missing", "octets")

    def __init__(self) -> None:
        self.given: list[Given] = []
        self.missing = 0
        self.octets = 0

    def clear(self) -> None:
        self.missing += len(self.given)
        self.given, self.octets = [], 0

    def packed(self) -> bytes:
        """All of it in one piece."""
        return _encoder.encode((self.missing, self.given))

    @classmethod
    def unpacked(cls, packed: bytes) -> _Channel:
        """What was in that piece."""
        kept = cls()
        kept.missing, kept.given = _decoder.decode(packed)
        return kept


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[int, list[Given]])


class DecisionLog:
    """The commands of all channels that are known."""

    def __init__(self, *, max_octets: int = MAX_OCTETS, max_ended: int = MAX_ENDED) -> None:
        self.octets = 0
        self._max_octets = max_octets
        self._max_ended = max_ended
        self._live: OrderedDict[str, _Channel] = OrderedDict()
        self._ended: OrderedDict[str, bytes] = OrderedDict()
        self._watchers: tuple[Callable[[str, Given], None], ...] = ()

    def watch(self, watcher: Callable[[str, Given], None]) -> None:
        """Tell somebody of each command, with its channel, at once. It must not raise."""
        self._watchers = (*self._watchers, watcher)

    def note(self, channel: str, given: Given) -> None:
        """Keep a command that was given to a channel."""
        kept = self._live.get(channel)
        if kept is None:
            kept = self._live[channel] = self._revive(channel)
        if len(kept.given) >= MAX_COMMANDS:
            self._clear(kept)
        kept.given.append(given)
        kept.octets += given.octets
        self.octets += given.octets
        while self.octets > self._max_octets:
            self._forget_oldest()
        for watcher in self._watchers:
            watcher(channel, given)

    def end(self, channel: str) -> None:
        """The channel has ended: what is kept of it is complete, and may go."""
        kept = self._live.pop(channel, None)
        if kept is not None:
            packed = self._ended[channel] = kept.packed()
            self.octets += _octets_of(packed) - kept.octets
            if len(self._ended) > self._max_ended:
                self._forget_oldest()

    def find(self, channel: str, *, after: int) -> Decisions | None:
        """The commands of a channel from the one with this number on (counted from 0), as many as a reply holds.

        None: nothing is known of such a channel.
        """
        kept = self._find(channel)
        if kept is None:
            return None
        found: list[Decision] = []
        octets = 0
        for given in kept.given[max(after - kept.missing, 0) :]:
            octets += given.octets
            if found and octets > _MAX_REPLY:
                break
            found.append(given.decoded())
        return Decisions(tuple(found), missing=kept.missing, total=kept.missing + len(kept.given))

    def _find(self, channel: str) -> _Channel | None:
        if (kept := self._live.get(channel)) is not None:
            return kept
        packed = self._ended.get(channel)
        return None if packed is None else _Channel.unpacked(packed)

    def _revive(self, channel: str) -> _Channel:
        """What is kept of a channel that has ended, if there is any, to have one more: a command that came late."""
        packed = self._ended.pop(channel, None)
        if packed is None:
            return _Channel()
        self.octets -= _octets_of(packed)
        kept = _Channel.unpacked(packed)
        kept.octets = sum(given.octets for given in kept.given)
        self.octets += kept.octets
        return kept

    def _forget_oldest(self) -> None:
        if self._ended:
            _, packed = self._ended.popitem(last=False)
            self.octets -= _octets_of(packed)
            return
        channel, kept = next(iter(self._live.items()))
        self._live.move_to_end(channel)
        self._clear(kept)

    def _clear(self, kept: _Channel) -> None:
        self.octets -= kept.octets
        kept.clear()


def _octets_of(packed: bytes) -> int:
    return _OVERHEAD + len(packed)


def _decode(given: Given) -> dict[str, Any]:
    """The arguments as they came; none, where a client sent what is no map."""
    if not given.args:
        return {}
    try:
        return given.spelling.decode(given.args, dict[str, Any])
    except MalformedMessage:
        return {}
