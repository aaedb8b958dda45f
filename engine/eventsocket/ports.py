"""What the event socket needs from the channels below it; `engine.channels.table.ChannelTable` fulfils it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

from callflow.protocol.commands import Command, Originate, Records
from callflow.protocol.events import ChannelCreated
from callflow.protocol.frames import BridgeState, ChannelState
from callflow.protocol.records import CallRecord
from engine.channels.ports import Owner


class SteeredChannel(Protocol):
    """A channel, as far as commands and owners go."""

    @property
    def owner(self) -> Owner | None: ...

    @property
    def app(self) -> str | None:
        """The app whose channel it is, be it there or on its way."""
        ...

    @property
    def is_alive(self) -> bool:
        """It has not ended, nor is it about to."""
        ...

    @property
    def facts(self) -> ChannelCreated:
        """What its first event told."""
        ...

    def snapshot(self) -> ChannelState: ...

    def perform(self, command_id: str, command: Command) -> object | None:
        """Accept a command, or raise CommandError. What it gives back is the reply's data."""
        ...

    def give(self, owner: Owner | None) -> None:
        """Another session steers the channel from now on."""
        ...

    def lose_owner(self, session: str) -> None:
        """The session is gone: the call's policy runs. A call that waits keeps its owner until another is given."""
        ...


Found: TypeAlias = Sequence[CallRecord] | Exception


class RecordStore(Protocol):
    """The records of ended channels: `engine.store.records.CallRecords`."""

    def find(self, query: Records, then: Callable[[Found], None]) -> None:
        """Have those that fit, soon: `then` gets them, or why there are none."""
        ...


class Table(Protocol):
    """The live channels."""

    @property
    def channels(self) -> Mapping[str, SteeredChannel]: ...

    def states(self) -> Sequence[ChannelState]: ...

    def bridge_states(self) -> Sequence[BridgeState]: ...

    @property
    def bridge_count(self) -> int: ...

    def originate(self, command_id: str, command: Originate, owner: Owner) -> None:
        """Dial for a session, without a caller. Raises CommandError."""
        ...

    def confer(self, command_id: str, command: Command, owner: Owner) -> object | None:
        """Do a session's command about a conference of its app. Raises CommandError; gives back the reply's data."""
        ...

    def cancel(self, command_id: str, owner: Owner) -> None:
        """End what `originate` began, or a command about a conference; its outcome follows."""
        ...

    def lose_commands(self, session: str) -> None:
        """The session is gone, and what it originates and plays to conferences with it."""
        ...
