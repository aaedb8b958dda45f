"""One consumer's cursor in the event log.

A reader that keeps up is *live*: the log pushes what it wants into `pending`, and wakes it once. One that does not is
left alone after `READ_AHEAD` entries, and from then on finds its events in the log by its cursor, until it has caught
up; when the ring has moved on it `is_lost`, and is to begin again from a snapshot with `restart`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

from .log import Entry, EventLog
from .subscription import Subscriptions

READ_AHEAD = 1000  # entries pushed to a reader that does not take them
_SCAN = 5000  # entries looked at in one go
_NOTHING: tuple[frozenset[str], frozenset[str], frozenset[str]] = (frozenset(), frozenset(), frozenset())


class Reader:
    """Reads what its subscriptions, the channels of its `owners` (session ids) and its adopted channels say."""

    def __init__(
        self,
        log: EventLog,
        *,
        owners: frozenset[str],
        may_read: bool,
        wake: Callable[[], None],
    ) -> None:
        """`may_read`: subscriptions count (scope `read`); else only what belongs to the owners is seen."""
        self.subscriptions = Subscriptions()
        self.owners = owners
        self.cursor = log.last_seq  # while it is not live: everything up to here was taken or is not for it
        self.is_live = True
        self._log = log
        self._may_read = may_read
        self._wake = wake
        self._pending: list[Entry] = []
        self._pushed = 0
        self._since = 0  # up to here, entries are read for the adopted channels alone
        self._adopted: frozenset[str] = frozenset()
        self._adopted_at = 0  # up to here, the adopted channels' entries do not name their owner
        self._ended: list[str] = []  # channels that ended while it was behind
        self._wanted = _NOTHING
        self._registered = _NOTHING
        self.listen()

    @property
    def is_lost(self) -> bool:
        """What comes after the cursor is no longer kept."""
        return not self.is_live and not self._pending and self.cursor + 1 < self._log.first_seq

    def listen(self) -> None:
        """Let the log know what to push: after the subscriptions have changed."""
        subscriptions = self.subscriptions
        names = subscriptions.everywhere if self._may_read else frozenset()
        channels = frozenset(subscriptions.by_channel) if self._may_read else frozenset()
        self._wanted = (names, channels, self.owners)
        self._register()

    def close(self) -> None:
        """Nothing is pushed any more."""
        self._wanted = _NOTHING
        self._register()
        self._pending = []

    def resume(self, seq: int) -> None:
        """Read on after this event. Before anything was pushed."""
        self.cursor, self.is_live = seq, seq == self._log.last_seq
        self._register()

    def adopt(self, channels: Sequence[str]) -> None:
        """Read these channels, which became the reader's own only now, from their beginning.

        Before anything was pushed. A reader that resumes reads them from there on: what was before, it has seen.
        """
        beginnings = [seq for channel in channels if (seq := self._log.created_at(channel)) is not None]
        self._adopted, self._adopted_at = frozenset(channels), self._log.last_seq
        if beginnings and self.is_live:
            self._since = self._log.last_seq
            self.cursor, self.is_live = max(min(beginnings), self._log.first_seq) - 1, False
            self._register()

    def restart(self) -> None:
        """Leave out everything up to now."""
        self._pending = []
        self.cursor = self._log.last_seq
        self._go_live()

    def push(self, entry: Entry) -> None:
        """The log's part: an entry that matches. May come twice for two reasons."""
        if not self.is_live or self._pushed == entry.seq or not self._matches(entry):
            return
        if len(self._pending) >= READ_AHEAD:
            self.cursor, self.is_live = entry.seq - 1, False
            self._register()
            return
        self._pushed = entry.seq
        self._pending.append(entry)
        if len(self._pending) == 1:
            self._wake()

    def forget(self, channel: str) -> None:
        """The log's part: nothing will come of this channel any more."""
        if self.is_live:
            self.subscriptions.forget(channel)
        else:
            self._ended.append(channel)  # its last events have not been looked at

    def take(self, upto: int | None = None) -> tuple[Sequence[Entry], bool]:
        """The next entries, and whether there are no more (up to seq `upto`, if given). Not while it `is_lost`."""
        if self._pending:
            return self._take_pending(upto)
        if self.is_live:
            return (), True
        return self._scan(self._log.last_seq if upto is None else upto)

    def _take_pending(self, upto: int | None) -> tuple[Sequence[Entry], bool]:
        pending = self._pending
        if upto is None or pending[-1].seq <= upto:
            self._pending = []
            return pending, self.is_live or (upto is not None and self.cursor >= upto)
        count = bisect_right(pending, upto, key=lambda entry: entry.seq)
        self._pending = pending[count:]
        return pending[:count], True

    def _scan(self, upto: int) -> tuple[Sequence[Entry], bool]:
        last = self._log.last_seq
        end = min(upto, last, self.cursor + _SCAN)
        if end > self.cursor:
            found = [entry for entry in self._log.entries(self.cursor, end) if self._matches(entry)]
            self.cursor = end
        else:
            found = []
        if self.cursor >= last:
            self._go_live()
        return found, self.is_live or self.cursor >= upto

    def _go_live(self) -> None:
        self.is_live = True
        self._register()
        for channel in self._ended:
            self.subscriptions.forget(channel)
        self._ended = []

    def _register(self) -> None:
        """Have the log push what is wanted; while it is behind nothing, but it is told of channels that end."""
        wanted = self._wanted if self.is_live else (frozenset[str](), self._wanted[1], frozenset[str]())
        if wanted != self._registered:
            self._log.unlisten(self, *self._registered)
            self._registered = wanted
            self._log.listen(self, *wanted)

    def _matches(self, entry: Entry) -> bool:
        if entry.seq <= self._adopted_at and entry.channel in self._adopted:
            return True
        if entry.seq <= self._since:
            return False
        if entry.owner in self.owners:
            return True
        if not self._may_read:
            return False
        if entry.name in self.subscriptions.everywhere:
            return True
        return entry.channel is not None and entry.name in self.subscriptions.by_channel.get(entry.channel, ())
