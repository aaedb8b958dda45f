"""The commands that run on one channel, and the names under which they use its media."""

from __future__ import annotations

from collections.abc import Iterator

from engine.media.session import MediaEvent

from .errors import CommandError
from .timer import Timer, Timers
from .verb import Verb, Why


class Running:
    """The verbs of one channel, oldest first. Each leaves it once, by `remove`."""

    __slots__ = ("_graces", "_names", "_started", "_timers", "_verbs")

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._verbs: dict[str, Verb] = {}  # by command id
        self._names: dict[str, Verb] = {}  # by the media's name for what it does
        self._graces: dict[str, Timer] = {}  # by command id: until when the media may report
        self._started = 0

    def __bool__(self) -> bool:
        return bool(self._verbs)

    def __iter__(self) -> Iterator[Verb]:
        """Those that run now; some may leave meanwhile."""
        return iter(tuple(self._verbs.values()))

    def get(self, command_id: str) -> Verb | None:
        return self._verbs.get(command_id)

    def expect_room(self, command_id: str, most: int) -> None:
        """Raise CommandError unless another command with this id may run."""
        if command_id in self._verbs:
            raise CommandError("bad_argument", f"expected a new command id, {command_id[:64]!r} still runs")
        if len(self._verbs) >= most:
            raise CommandError("overloaded", f"expected at most {most} running commands on one channel")

    def add(self, verb: Verb) -> None:
        self._verbs[verb.command_id] = verb

    def remove(self, verb: Verb) -> bool:
        """It is over. False: it was over before."""
        if self._verbs.pop(verb.command_id, None) is None:
            return False
        grace = self._graces.pop(verb.command_id, None)
        if grace is not None:
            grace.cancel()
        if self._names:
            self._names = {name: owner for name, owner in self._names.items() if owner is not verb}
        return True

    def stop(self, verb: Verb, why: Why, *, report_after: float) -> None:
        """End it; it gets a moment to say what was heard."""
        verb.stop(why)
        command_id = verb.command_id
        if command_id in self._verbs and command_id not in self._graces:
            self._graces[command_id] = self._timers.after(report_after, verb.give_up)

    def name_for(self, verb: Verb) -> str:
        """A new name for something it starts in the media."""
        self._started += 1
        name = str(self._started)
        self._names[name] = verb
        return name

    def press(self, digit: str) -> bool:
        """A key went down. True: a verb had use for it."""
        is_used = False
        for verb in self:
            is_used |= verb.press(digit)
        return is_used

    def report(self, name: str, event: MediaEvent) -> None:
        """The media reports something of that name; what nobody waits for any more is dropped."""
        verb = self._names.get(name)
        if verb is not None:
            verb.receive(event)
