"""What the people at the ends of a saved call did, each thing as an answer to something: a prompt, a bridge, a ring.

A person does again what that person did, at the same moment after the same occasion. Occasions are commands of the
script and what became of the call; another version may have others:

- the same prompt or question again is answered as it was, whatever came between;
- a question that nobody knows is answered as the next one was, for its prompt may just have another name;
- keys that were pressed ahead, during something that is not there any more, are pressed at what follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from callflow.protocol import events
from callflow.protocol.outcomes import Recorded

from .course import Names
from .legs import Leg, owners_of
from .saved import Entry, SavedCall
from .words import subject_of

# Commands at which somebody does something. `bridge` and `record` are occasions when they have come about.
OCCASIONS = frozenset({"play", "say", "tone", "gather", "echo", "dial", "send_digits", "hold"})
QUESTIONS = frozenset({"gather", "record"})
CREATED, ANSWERED, BRIDGED, RECORD = "created", "answered", "bridged", "record"
_MAX_KEY_MS, _MIN_KEY_MS, _KEY_MS = 2000, 40, 120
_REFUSED = 486  # what is said for a leg that ended without a status


@dataclass(frozen=True, slots=True)
class Press:
    """A key, for so long."""

    digit: str
    duration_ms: int = _KEY_MS


@dataclass(frozen=True, slots=True)
class Speak:
    """Something is said, for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A callee picks up."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A callee does not."""

    status: int


@dataclass(frozen=True, slots=True)
class Hold:
    """The far end is put on hold, or taken off."""

    is_on: bool


@dataclass(frozen=True, slots=True)
class HangUp:
    """The end."""


Act: TypeAlias = Press | Speak | Answer | Reject | Hold | HangUp


@dataclass(frozen=True, slots=True)
class Deed:
    """An act, so many seconds after its occasion."""

    after: float
    act: Act


@dataclass(slots=True)
class Occasion:
    """What somebody reacted to. `verb` is the command, or what came about; `key` also says about what."""

    key: str
    at: float
    deeds: list[Deed] = field(default_factory=list)

    @property
    def verb(self) -> str:
        return self.key.partition(" ")[0]


class Conduct:
    """The deeds of one person in the order of their occasions; `meet` is told of the occasions that come."""

    def __init__(self, occasions: Sequence[Occasion]) -> None:
        self._occasions = occasions
        self._next = 0
        self._lent: set[int] = set()  # given to an occasion that was not quite this one

    def meet(self, key: str) -> list[Deed]:
        """What the person does now."""
        found = self._find(key)
        if found is not None:
            ahead = self._skip_to(found)
            self._lent.discard(found)
            return [*ahead, *self._occasions[found].deeds]
        if self._next < len(self._occasions):
            due = self._occasions[self._next]
            if due.verb in QUESTIONS and due.verb == key.partition(" ")[0]:
                self._lent.add(self._next)
                self._next += 1
                return list(due.deeds)
        return []

    def _find(self, key: str) -> int | None:
        candidates = (*range(self._next, len(self._occasions)), *sorted(self._lent))
        return next((number for number in candidates if self._occasions[number].key == key), None)

    def _skip_to(self, found: int) -> list[Deed]:
        skipped = [self._occasions[number] for number in range(self._next, found)]
        self._next = max(self._next, found + 1)
        ahead = [deed for it in skipped if it.verb not in QUESTIONS for deed in it.deeds]
        return [Deed(0.0, deed.act) for deed in ahead if isinstance(deed.act, Press)]


def conduct_of(call: SavedCall, leg: Leg) -> Conduct:
    """What whoever was at the end of this leg did."""
    return Conduct(list(_Observer(call, leg).watch()))


def key_of(command: Entry, names: Names) -> str | None:
    """By what a command is known again as an occasion, None for one that is none."""
    is_one = command.command in OCCASIONS and not command.error
    return subject_of(command.command, command.data, rename=names.rename) if is_one else None


class _Observer:
    """Goes through a call and sees what one person does."""

    def __init__(self, call: SavedCall, leg: Leg) -> None:
        self._call = call
        self._leg = leg
        self._names = Names(call)
        self._silence: Mapping[str, float] = {
            entry.id: float(entry.data.get("silence") or 0.0)
            for entry in call.log
            if entry.command == RECORD and isinstance(entry.data.get("silence", 0.0), int | float)
        }
        self._key_ms = _durations(call, leg.id)
        self._occasions: list[Occasion] = []

    def watch(self) -> Iterator[Occasion]:
        for entry in self._call.log:
            if entry.leg == self._leg.id:
                self._see(entry)
        if not self._call.is_over and self._leg.is_caller:  # it is not known how it went on
            self._do(self._call.log[-1].at, HangUp())
        yield from self._occasions

    def _see(self, entry: Entry) -> None:
        if entry.command:
            key = key_of(entry, self._names)
            if key is not None:
                self._occasions.append(Occasion(key, entry.at))
            return
        match entry.read_event():
            case events.ChannelCreated():
                self._occasions.append(Occasion(CREATED, entry.at))
            case events.ChannelAnswered():
                if not self._leg.is_caller:
                    self._do(entry.at, Answer())
                self._occasions.append(Occasion(ANSWERED, entry.at))
            case events.ChannelBridged():
                self._occasions.append(Occasion(BRIDGED, entry.at))
            case events.RecordingStarted(command=command) if command in self._silence:
                self._occasions.append(Occasion(RECORD, entry.at))
            case events.RecordingFinished(command=command, outcome=Recorded() as outcome) if command in self._silence:
                self._speak(outcome, self._silence[command])
            case events.DigitStarted(digit=digit):
                self._do(entry.at, Press(digit, next(self._key_ms, _KEY_MS)))
            case events.ChannelHeld(by="peer"):
                self._do(entry.at, Hold(is_on=True))
            case events.ChannelResumed(by="peer"):
                self._do(entry.at, Hold(is_on=False))
            case events.ChannelEnded() as ended:
                self._end(entry, ended)
            case _:
                pass

    def _do(self, at: float, act: Act) -> None:
        if self._occasions:
            occasion = self._occasions[-1]
            occasion.deeds.append(Deed(max(at - occasion.at, 0.0), act))

    def _speak(self, outcome: Recorded, silence: float) -> None:
        """How long somebody spoke, is told by the length of the recording."""
        seconds = outcome.duration_ms / 1000 - (silence if outcome.reason == "silence" else 0.0)
        occasion = next((it for it in reversed(self._occasions) if it.key == RECORD), None)
        if occasion is not None and seconds > 0:
            occasion.deeds.insert(0, Deed(0.0, Speak(seconds)))

    def _end(self, entry: Entry, ended: events.ChannelEnded) -> None:
        by_far_end = ended.ended_by in ("caller" if self._leg.is_caller else "callee", "network")
        if not by_far_end and not self._is_ended_by_others(entry.at):
            return
        if self._leg.is_caller or ended.phase == "answered":
            self._do(entry.at, HangUp())
        elif by_far_end:
            self._do(entry.at, Reject(ended.sip_status if 300 <= ended.sip_status <= 699 else _REFUSED))

    def _is_ended_by_others(self, at: float) -> bool:
        """Somebody hung up from a terminal, perhaps: no decision of the script's."""
        owners = owners_of(self._call)
        return any(
            entry.command == "hangup" and entry.app not in owners and not entry.error and entry.at <= at
            for entry in self._call.log
            if entry.leg == self._leg.id
        )


def _durations(call: SavedCall, leg: str) -> Iterator[int]:
    """How long each key was down, in their order."""
    for entry in call.log:
        if entry.leg == leg and isinstance(event := entry.read_event(), events.DigitEnded):
            yield min(max(event.duration_ms, _MIN_KEY_MS), _MAX_KEY_MS)
