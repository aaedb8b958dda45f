"""A saved call made again with another version of its script, in simulation: what came of it, as a saved call."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from callflow.phone import RegistrationRefused
from callflow.protocol import events
from callflow.protocol.events import ChannelCreated, Event
from callflow.simulation.simulation import HOST, PORT, Simulation
from engine.eventsocket.decisions import Given
from engine.eventsocket.log import Entry
from engine.media.fake.sound import Library
from engine.media.session import PortsExhausted
from engine.sip.messages import Address, ParseError, Uri
from engine.transport.errors import Unreachable

from .comparison import Comparison, compare
from .conduct import ANSWERED, BRIDGED, CREATED, OCCASIONS, RECORD, conduct_of
from .course import Course, Line, course_of
from .legs import CALLER, Leg, legs_of, named
from .person import Person
from .recorder import Recorder
from .saved import SavedCall
from .stage import Stage
from .words import subject_of

CALLS_AT = 1.0  # seconds of the simulation: until then phones register
PATIENCE = 300.0  # seconds longer than the saved call that the caller stays, if the new version has him wait
CIRCLES = 1000  # commands more than then, and the new version goes in circles
LEAVING = 10.0  # seconds until all legs are gone, after that


@dataclass(frozen=True, slots=True)
class Replayed:
    """How the call went now, and what the script raised."""

    course: Course
    raised: tuple[str, ...]


class Replayer:
    """Makes saved calls again, each in a simulation of its own. `folder` is for their recordings."""

    def __init__(self, script: Path, *, folder: Path) -> None:
        self._script = script
        self._folder = folder
        self._library = Library()  # prompts are read once
        self._count = 0

    def replay(self, saved: SavedCall) -> Replayed:
        """Make a call again. Raises ScriptError."""
        self._count += 1
        folder = self._folder / str(self._count)
        simulation = Simulation(self._script, folder=folder, latency=0.0, epoch=saved.began_at - CALLS_AT)
        simulation.media_network.library = self._library
        performance = _Performance(simulation, saved)
        with _listening_to_scripts() as raised:
            simulation.run(performance.play, settles=False)
        return Replayed(performance.course(), (*raised, *performance.complaints))


def compare_with(saved: SavedCall, replayed: Replayed, *, old_name: str, new_name: str) -> Comparison:
    """What was decided then, and now; what the script raised now stands below."""
    found = compare(course_of(saved), replayed.course, old_name=old_name, new_name=new_name)
    if found.is_same or not replayed.raised:
        return found
    return Comparison((*found.diff, *(f"! {line}" for text in replayed.raised for line in text.splitlines())))


class _Performance:
    """One call, while it is made again."""

    def __init__(self, simulation: Simulation, saved: SavedCall) -> None:
        self._simulation = simulation
        self._saved = saved
        self._legs = legs_of(saved)
        self._people: dict[str, Person] = {}  # by leg
        self._names: dict[str, str] = {}  # of legs, by id, as a course has them
        self._begun: set[str] = set()  # commands whose recordings have begun
        self._recorder: Recorder | None = None
        self._trouble = ""  # why there is no call
        self._commands_left = sum(bool(entry.command) for entry in saved.log) + CIRCLES
        self._circling = trio.CancelScope()
        self.complaints: list[str] = []
        self._stage: Stage | None = None
        self._caller: Person | None = None

    async def play(self) -> None:
        """Run it to its end."""
        async with trio.open_nursery() as nursery:
            self._stage = Stage(self._simulation, self._saved, self._legs, nursery)
            caller: Leg = self._legs[0]
            self._caller = Person(CALLER, conduct_of(self._saved, caller), nursery)
            self._watch()
            try:
                with self._circling:
                    await self._call(self._stage, self._caller, caller.created)
            except (OSError, ParseError, PortsExhausted, RegistrationRefused, Unreachable) as error:
                self._trouble = f"cannot be made again: {error}"
            nursery.cancel_scope.cancel()

    async def _call(self, stage: Stage, caller: Person, created: ChannelCreated) -> None:
        await stage.open()
        phone = await stage.open_caller(created)
        await trio.sleep_until(CALLS_AT)
        number = f"{_escaped(created.to)}@" if created.to else ""
        line = await phone.call(f"sip:{number}{HOST}:{PORT}", from_=_from(created))
        caller.take(line)
        with trio.move_on_after(self._saved.log[-1].at + PATIENCE):
            self._trouble = f"the engine refuses the call: {(await line.wait_ended()).status}"
        line.hang_up()
        with trio.move_on_after(LEAVING):
            await self._wait_gone()

    def course(self) -> Course:
        """How the call went."""
        if self._recorder is not None and self._recorder.calls:
            return course_of(self._recorder.saved(self._recorder.calls[0]))
        created, end = self._saved.created, self._trouble
        lines = Line(0.0, CALLER, f"{created.caller} calls {created.to}"), Line(0.0, CALLER, end)
        return Course(lines, end, is_ended_by_far_end=False, duration=0.0)

    def _watch(self) -> None:
        log = self._simulation.switch.log
        self._recorder = Recorder(self._simulation.switch)
        log.watch(ChannelCreated, self._see_created)
        log.watch(events.ChannelAnswered, lambda event, entry: self._meet(entry.channel, ANSWERED))
        log.watch(events.ChannelBridged, lambda event, entry: self._meet(entry.channel, BRIDGED))
        log.watch(events.RecordingStarted, self._see_recording)
        self._simulation.switch.sockets.decisions.watch(self._see_decision)

    async def _wait_gone(self) -> None:
        while self._simulation.switch.table.channels:  # noqa: ASYNC110 - a virtual second costs nothing
            await trio.sleep(0.1)

    def _see_created(self, event: Event, entry: Entry) -> None:
        assert isinstance(event, ChannelCreated)
        assert self._stage is not None
        leg = entry.channel or ""
        person = self._caller if event.direction == "inbound" else self._stage.expect(event)
        self._names[leg] = f"<{person.name if person is not None else event.to}>"
        if person is not None:
            self._people[leg] = person
            person.meet(CREATED)

    def _see_decision(self, channel: str, given: Given) -> None:
        self._commands_left -= 1
        if self._commands_left == 0:
            self.complaints.append(f"the script goes in circles: {CIRCLES} commands more than then")
            self._circling.cancel()
        if given.error:
            return
        if given.name == RECORD and self._has_both(given.id):
            self._meet(channel, RECORD)
        elif given.name in OCCASIONS:
            self._meet(
                channel, subject_of(given.name, given.decoded().args, rename=lambda text: named(text, self._names))
            )

    def _see_recording(self, event: Event, entry: Entry) -> None:
        assert isinstance(event, events.RecordingStarted)
        if self._has_both(event.command):
            self._meet(entry.channel, RECORD)

    def _has_both(self, command: str) -> bool:
        """A recording begins before its command is told of, or with a beep after it: is this the second?"""
        is_second = command in self._begun
        self._begun.add(command)
        return is_second

    def _meet(self, leg: str | None, key: str) -> None:
        person = self._people.get(leg or "")
        if person is not None:
            person.meet(key)


def _from(created: ChannelCreated) -> Address:
    party = created.caller
    try:
        return Address(Uri.parse(party.uri), party.name)
    except ParseError:
        return Address(Uri(user=party.number or None, host=HOST), party.name)


def _escaped(number: str) -> str:
    """A number as the user part of a URI, RFC 3261 §25.1."""
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_.!~*'()&=+$,;?/") else _hex(letter)
                   for letter in number)  # fmt: skip


def _hex(letter: str) -> str:
    return "".join(f"%{octet:02X}" for octet in letter.encode())


@contextmanager
def _listening_to_scripts() -> Generator[list[str]]:
    """What scripts raise meanwhile."""
    raised: list[str] = []
    handler = _Ear(raised)
    log = logging.getLogger("callflow")
    was_passed_on, log.propagate = log.propagate, False
    log.addHandler(handler)
    try:
        yield raised
    finally:
        log.removeHandler(handler)
        log.propagate = was_passed_on


class _Ear(logging.Handler):
    def __init__(self, raised: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._raised = raised

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info is not None and (error := record.exc_info[1]) is not None:
            frames = traceback.extract_tb(error.__traceback__)
            place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
            self._raised.append(f"the script raised {type(error).__name__}: {error}{place}")
