"""A saved call: its events and the commands that its script gave, one after another, as a JSON file.

What is read comes from outside: it is bounded and checked whole, and whatever is wrong with it is a `SavedCallError`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from callflow.protocol.events import EVENTS, ChannelCreated, Event
from callflow.protocol.queries import Decision, PastEvent

FORMAT = 1
SUFFIX = ".call.json"
MAX_OCTETS = 16 << 20
MAX_ENTRIES = 100_000
MAX_LEGS = 1000
MAX_SECONDS = 31 * 24 * 3600.0  # how long a call takes
MAX_FILES = 100_000  # in a folder


class SavedCallError(Exception):
    """A file is no saved call: which, and why."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An event of a leg, or a command that its app gave it: `event` or `command` is its name, `data` all it says.

    `at` is seconds since the call began. A command has its `id`, and the code of its refusal under `error`.
    """

    at: float
    leg: str
    event: str = ""
    command: str = ""
    id: str = ""
    app: str = ""
    error: str = ""
    data: dict[str, Any] = {}  # Any: that of the event or command

    def read_event(self) -> Event | None:
        """The event; None for a command, and for an event that this version does not know."""
        shape = EVENTS.get(self.event)
        return None if shape is None else msgspec.convert(self.data, shape)


class SavedCall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call with all its legs. `call` is the leg that came in; `began_at` is seconds since the epoch."""

    format: int
    call: str
    app: str
    began_at: float
    is_over: bool
    engine: str = ""
    log: tuple[Entry, ...]

    @property
    def created(self) -> ChannelCreated:
        """How the call came in."""
        event = self.log[0].read_event()
        assert isinstance(event, ChannelCreated), "checked when it was read"
        return event


def assemble(
    call: str, events: Sequence[PastEvent], decisions: Mapping[str, Iterable[Decision]], *, engine: str = ""
) -> SavedCall:
    """A call of its events (those of all its legs) and the commands by leg, in the order in which they happened."""
    first = next(event for event in events if event.channel == call and event.name == ChannelCreated.name)
    entries = [(event.seq, 0, event_entry(event, began_at=first.at)) for event in events]
    entries += [
        (decision.seq, 1, _command_entry(leg, decision, began_at=first.at))
        for leg, given in decisions.items()
        for decision in given
    ]
    entries.sort(key=lambda item: item[:2])
    return SavedCall(
        format=FORMAT,
        call=call,
        app=str(first.data.get("app") or ""),
        began_at=first.at,
        is_over=any(event.channel == call and event.name == "channel.ended" for event in events),
        engine=engine,
        log=tuple(entry for _, _, entry in entries),
    )


def event_entry(event: PastEvent, *, began_at: float) -> Entry:
    at = round(max(event.at - began_at, 0.0), 6)
    return Entry(at=at, leg=event.channel or "", event=event.name, data=event.data)


def _command_entry(leg: str, decision: Decision, *, began_at: float) -> Entry:
    return Entry(
        at=round(max(decision.at - began_at, 0.0), 6),
        leg=leg,
        command=decision.name,
        id=decision.id,
        app=decision.app,
        error=decision.error,
        data=decision.args,
    )


def write_saved(call: SavedCall, folder: Path) -> Path:
    """Write a call into a folder, under its id; the file is for its owner alone.

    The same call again replaces its file. Raises OSError, and ValueError for a call that is too large.
    """
    content = msgspec.json.format(msgspec.json.encode(call), indent=1) + b"\n"
    if len(content) > MAX_OCTETS or len(call.log) > MAX_ENTRIES:
        raise ValueError(
            f"the call {call.call} is too large to be saved: {len(content)} octets, {len(call.log)} entries"
        )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_file_name(call.call)}{SUFFIX}"
    draft = path.with_suffix(".part")
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    draft.replace(path)
    return path


def find_saved(place: Path) -> list[Path]:
    """The saved calls of a folder, in the order of their names; or the file itself. Raises SavedCallError."""
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise SavedCallError(place, "expected a saved call, or a folder of them; there is nothing")
    found = sorted(place.glob(f"*{SUFFIX}"))
    if not found:
        raise SavedCallError(place, f"expected saved calls (*{SUFFIX}), found none; save some with: callflow save")
    if len(found) > MAX_FILES:
        raise SavedCallError(place, f"expected at most {MAX_FILES} saved calls, found {len(found)}")
    return found


def read_saved(path: Path) -> SavedCall:
    """Read a saved call and check it whole. Raises SavedCallError."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_OCTETS + 1)
    except OSError as error:
        raise SavedCallError(path, f"cannot be read: {error.strerror or error}") from error
    if len(content) > MAX_OCTETS:
        raise SavedCallError(path, f"expected at most {MAX_OCTETS} octets, got more")
    try:
        call = msgspec.json.decode(content, type=SavedCall)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise SavedCallError(path, f"no saved call: {_newer(content) or error}") from error
    reason = _what_is_wrong(call)
    if reason is not None:
        raise SavedCallError(path, f"no saved call: {reason}")
    return call


class _Version(msgspec.Struct):
    format: int


def _newer(content: bytes) -> str | None:
    """Another format is the reason for all else."""
    try:
        found = msgspec.json.decode(content, type=_Version).format
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return None if found == FORMAT else _other_format(found)


def _other_format(found: int) -> str:
    return f"expected format {FORMAT}, got {found}; another version of callflow wrote it"


def _what_is_wrong(call: SavedCall) -> str | None:
    if call.format != FORMAT:
        return _other_format(call.format)
    if not 0 < len(call.log) <= MAX_ENTRIES:
        return f"expected a log of 1 to {MAX_ENTRIES} entries, got {len(call.log)}"
    if not 0 <= call.began_at < 1e11:
        return f"expected began_at in seconds since the epoch, got {call.began_at}"
    if len({entry.leg for entry in call.log}) > MAX_LEGS:
        return f"expected at most {MAX_LEGS} legs, got more"
    first = call.log[0]
    if (first.leg, first.event) != (call.call, ChannelCreated.name):
        return f"expected the log to begin with channel.created of {call.call!r}, got {first.event or first.command!r}"
    before = 0.0
    for number, entry in enumerate(call.log):
        reason = _wrong_with(entry, before)
        if reason is not None:
            return f"log[{number}]: {reason}"
        before = entry.at
    return None


def _wrong_with(entry: Entry, before: float) -> str | None:
    if bool(entry.event) == bool(entry.command):
        return "expected an event or a command"
    if not math.isfinite(entry.at) or not 0 <= entry.at <= MAX_SECONDS:
        return f"expected a time of 0 to {MAX_SECONDS:.0f} s, got {entry.at}"
    if entry.at < before - _BACKWARDS:
        return f"expected a time after {before}, got {entry.at}"
    try:
        event = entry.read_event()
    except (msgspec.ValidationError, RecursionError) as error:
        return f"{entry.event}: {error}"
    if isinstance(event, ChannelCreated):
        said = (event.to, event.user or "", event.caller.uri, event.caller.number, event.caller.name, event.callee.uri)
        if not all(text.isprintable() and len(text) <= _LONGEST for text in said):
            return f"{entry.event}: expected names and addresses of at most {_LONGEST} printable characters"
    return None


_LONGEST = 512  # characters of a name or an address
_BACKWARDS = 5.0  # seconds that the clock of an engine may have been set back


def _file_name(call: str) -> str:
    """A call's id as a file's name: ids are what clients choose."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in call).lstrip(".")[:100] or "_"
