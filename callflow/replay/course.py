"""How a call went, line by line: what its script decided, and between that what the people did and what came of it.

Only decisions are compared. All else is there for whoever reads how two versions differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from callflow.protocol import events
from callflow.protocol.outcomes import (
    Answered,
    AnyOutcome,
    Digits,
    Failed,
    Invalid,
    Played,
    Recorded,
    TimedOut,
)

from .legs import Leg, legs_of, named, owners_of
from .saved import Entry, SavedCall
from .words import describe_command

_FAR_END = ("caller", "callee", "network")


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened: a decision for the leg of that name, or what led to it."""

    at: float
    leg: str
    text: str
    is_decision: bool = False

    def __str__(self) -> str:
        return self.text if self.is_decision else f"    {self.text}"


@dataclass(frozen=True, slots=True)
class Course:
    """A call as it went. `end` says how it ended, as far as that is the script's doing; None: it went on."""

    lines: tuple[Line, ...]
    end: str | None
    is_ended_by_far_end: bool
    duration: float

    def decisions(self) -> dict[str, list[Line]]:
        """By leg: between legs the order may be a matter of milliseconds."""
        found: dict[str, list[Line]] = {}
        for line in self.lines:
            if line.is_decision:
                found.setdefault(line.leg, []).append(line)
        return found


def course_of(call: SavedCall) -> Course:
    """How the call went."""
    reader = _Reader(call)
    lines = tuple(reader.read())
    return Course(lines, reader.end, reader.is_ended_by_far_end, call.log[-1].at)


class Names:
    """What stands for the ids of a call, its legs and its commands, which are others in each run."""

    def __init__(self, call: SavedCall) -> None:
        self.legs: dict[str, Leg] = {leg.id: leg for leg in legs_of(call)}
        counts: Counter[str] = Counter()
        self._commands: dict[str, str] = {}
        for entry in call.log:
            if entry.command:
                counts[entry.command] += 1
                self._commands[entry.id] = f"{entry.command}#{counts[entry.command]}"
        self._ids = {leg.id: f"<{leg.name}>" for leg in self.legs.values()}

    def rename(self, text: str) -> str:
        """The text, with names in place of ids."""
        return self._commands.get(text) or named(text, self._ids)

    def of(self, leg: str) -> str:
        return self.legs[leg].name if leg in self.legs else "somebody"


class _Reader:
    def __init__(self, call: SavedCall) -> None:
        self._call = call
        self._names = Names(call)
        self._owners = owners_of(call)
        self.end: str | None = None
        self.is_ended_by_far_end = False
        self._is_hung_up_elsewhere = False  # by somebody at a terminal, which is no decision of the script's

    def read(self) -> Iterator[Line]:
        lines: list[Line] = []
        for entry in self._call.log:
            line = self._line(entry)
            if line is None:
                continue
            if lines and (merged := _merged(lines[-1], line)):
                lines[-1] = merged
            else:
                lines.append(line)
        yield from lines

    def _line(self, entry: Entry) -> Line | None:
        name = self._names.of(entry.leg)
        if entry.command:
            if entry.app not in self._owners:
                self._is_hung_up_elsewhere |= (
                    entry.command == "hangup" and entry.leg == self._call.call and not entry.error
                )
                return Line(entry.at, name, f"{entry.app or 'somebody'}: {entry.command}")
            return Line(entry.at, name, self._decision(entry), is_decision=True)
        text = self._happening(entry, name)
        return Line(entry.at, name, text) if text else None

    def _decision(self, entry: Entry) -> str:
        text = describe_command(entry.command, entry.data, rename=self._names.rename)
        leg = self._names.legs.get(entry.leg)
        whose = "" if leg is None or leg.is_caller else f"[{leg.name}] "
        refused = f"   (refused: {entry.error})" if entry.error else ""
        return f"{whose}{text}{refused}"

    def _happening(self, entry: Entry, name: str) -> str:
        match entry.read_event():
            case events.ChannelCreated(direction="inbound") as created:
                return f"{created.caller} calls {created.to}"
            case events.ChannelAnswered() if entry.leg != self._call.call:
                return f"{name} answers"
            case events.DigitStarted(digit=digit):
                return f"{name} presses {digit}"
            case events.ChannelHeld(by="peer"):
                return f"{name} holds"
            case events.ChannelResumed(by="peer"):
                return f"{name} resumes"
            case events.ChannelEnded() as ended:
                return self._ended(entry, name, ended)
            case (
                events.GatherFinished(outcome=outcome)
                | events.DialFinished(outcome=outcome)
                | events.RecordingFinished(outcome=outcome)
                | events.PlaybackFinished(outcome=outcome)
            ):
                return _outcome(outcome)
            case _:
                return ""

    def _ended(self, entry: Entry, name: str, ended: events.ChannelEnded) -> str:
        if entry.leg == self._call.call:
            self.is_ended_by_far_end = self._is_hung_up_elsewhere or ended.ended_by in _FAR_END
            self.end = self._end(name, ended)
            return self.end
        if ended.ended_by not in ("callee", "network"):
            return ""
        return f"{name} hangs up" if ended.phase == "answered" else f"{name} refuses: {ended.sip_status}"

    def _end(self, name: str, ended: events.ChannelEnded) -> str:
        if ended.ended_by in ("caller", "network") or self._is_hung_up_elsewhere:
            return f"{name} hangs up"
        if ended.ended_by == "callee":
            return "the call ends as the other hangs up"
        answered = "" if ended.phase == "answered" else ", never answered"
        return f"the call ends: {ended.cause_name}{answered}"


def _merged(before: Line, line: Line) -> Line | None:
    """Keys one after another are one line."""
    same = f"{line.leg} presses "
    if line.is_decision or not (before.text.startswith(same) and line.text.startswith(same)):
        return None
    return Line(before.at, before.leg, before.text + line.text.removeprefix(same))


def _outcome(outcome: AnyOutcome) -> str:
    """What came of a command, where it is not what one expects."""
    match outcome:
        case Digits(value=value, terminator=terminator):
            return f"-> digits {value}{terminator or ''}"
        case TimedOut(partial=partial):
            return f"-> timed out{' after ' + partial if partial else ''}"
        case Invalid(partial=partial):
            return f"-> invalid {partial}".rstrip()
        case Answered(target=target):
            return f"-> answered by {target}"
        case Failed(branches=branches, reason="no_answer"):
            return "-> nobody: " + ", ".join(f"{branch.target} {branch.reason}" for branch in branches)
        case Recorded(reason=reason, duration_ms=duration) if reason != "hangup":
            return f"-> recorded {duration / 1000:.1f} s, {reason}"
        case Played(reason="digit" | "failed" as reason):
            return f"-> {reason}"
        case _:
            return ""
