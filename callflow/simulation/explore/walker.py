"""One walk: a simulated call, where at each command of the script that takes time somebody does what the walk wants."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

import trio

from callflow.protocol import commands, events
from callflow.protocol.commands import Command
from callflow.protocol.events import EVENTS, Event
from callflow.protocol.frames import CommandFrame
from callflow.run import ERROR_TONE
from callflow.simulation.phone import SimulatedPhone
from callflow.simulation.simulation import Simulation
from engine.channels.errors import CommandError
from engine.eventsocket.log import Entry

from .finding import DEAD_AIR, DEAD_END, LOOP, MISSING, UNPLAYABLE, dead_end, is_speech
from .option import Dialled, HangUp, Option, Part, Press, Speak
from .people import People
from .place import lines_of
from .plan import Course
from .points import name_of, point_of, targets_of
from .silence import Silence
from .step import End, Step, Trouble, Walk

CALLER = "caller"
IDLE = 300.0  # seconds without anything new, after which a call stays as it is for ever
LONGEST = 6 * 3600.0  # seconds of a walk
HANG_UP_AFTER, ACT_AFTER, PART_AFTER, SPEAK_FOR = 0.5, 1.0, 3.0, 3.0  # seconds
MOST_COMMANDS = 1000  # of one walk: a script that goes round without waiting would never end
_KEY_TAKES = 0.2  # seconds
_MOST_PRESSES = 101  # as often as a gather may ask


@dataclass(slots=True)
class _Running:
    """A command that has not ended."""

    command: Command
    channel: str | None
    is_engaging: bool


@dataclass(slots=True)
class Walker:
    """Plays everybody but the script."""

    simulation: Simulation
    number: str
    course: Course
    silence: Silence
    troubles: list[Trouble] = field(default_factory=list)
    end: End = "script"
    _people: People = field(init=False)
    _nursery: trio.Nursery = field(init=False)
    _caller: SimulatedPhone = field(init=False)
    _channel: str | None = None  # the caller's
    _legs: dict[str, str] = field(default_factory=dict)  # the targets of legs
    _bound: dict[str, list[str]] = field(default_factory=dict)
    _running: dict[str, _Running] = field(default_factory=dict)
    _commands: int = 0
    _is_answered: bool = False
    _has_spoken: bool = False  # since somebody has answered for something
    _is_over: bool = False
    _news: trio.Event = field(default_factory=trio.Event)

    @property
    def is_over(self) -> bool:
        """The call has ended, or nobody waits for its end."""
        return self._is_over

    @property
    def is_given_up(self) -> bool:
        """The caller has hung up, although that was not to be tried: what comes of it, others will tell."""
        return self._is_over and self.end not in ("script", "caller")

    @property
    def walk(self) -> Walk:
        """What came of it."""
        course = self.course
        return Walk(self.number, tuple(course.taken), self.end, course.last, tuple(self.troubles), course.is_alike)

    async def run(self) -> None:
        """Call, and see it through."""
        self._people = People(self.simulation)
        self.simulation.switch.sockets.watch(self)
        for kind in EVENTS.values():
            self.simulation.switch.log.watch(kind, self._see)
        async with trio.open_nursery() as self._nursery:
            self._caller = self.simulation.phone(CALLER)
            await self._caller.registered()
            self._caller.call(self.number)
            with trio.move_on_after(LONGEST):
                await self._wait_over()
            if not self._is_over:
                self._give_up("stays")
            self._hear(is_engaged=True)
            self._nursery.cancel_scope.cancel()

    async def _wait_over(self) -> None:
        while not self._is_over:
            self._news = trio.Event()
            with trio.move_on_after(IDLE) as patience:
                await self._news.wait()
            if patience.cancelled_caught:
                return

    # What the script asks for

    def begin(self, frame: CommandFrame, command: Command) -> None:
        """The event socket's part: this is about to be done."""
        if frame.channel is None and not isinstance(command, commands.Originate | commands.Cancel):
            return  # it is not about a call
        self._news.set()
        self._commands += 1
        if self._is_over:
            return
        if self._commands > MOST_COMMANDS:
            self._note(LOOP, f"more than {MOST_COMMANDS} commands in one call")
            self._give_up("limit")
            self.simulation.kill()  # time stands still while it goes on: it would never learn of the hang-up
            return
        if command == commands.Play(sources=(ERROR_TONE,)):  # the SDK's, after the script has raised
            self._has_spoken = True
            return
        if isinstance(command, commands.BindDigits) and frame.channel is not None:
            self._bound.setdefault(frame.channel, []).append(command.digits)
        who = self._who(frame.channel)
        lines = self._lines(frame)
        point = point_of(command, who=who, lines=lines, bound=self._bound.get(frame.channel or "", ()))
        if point is None:
            return
        option = self.course.choose(point)
        if isinstance(option, str):
            self._give_up(option)
            return
        self._running[frame.id] = _Running(command, frame.channel, point.is_engaging)
        self._hear_again()
        if point.is_input:
            self._has_spoken = False
        if targets := targets_of(command):
            self._people.prepare(targets, option if isinstance(option, Dialled) else Dialled(None, "does not answer"))
            self._note_legs(command)
        self._nursery.start_soon(self._act, frame, command, option)

    def refuse(self, frame: CommandFrame, error: CommandError) -> None:
        """The event socket's part: this was not done."""
        self._running.pop(frame.id, None)
        self._hear_again()
        if error.code == "not_found" and error.details.keys() & {"file", "missing"} and not self._is_over:
            self._note(MISSING, error.message.partition(" in /")[0])

    def _lines(self, frame: CommandFrame) -> tuple[str, ...]:
        folder = self.simulation.script_folder
        return lines_of(frame.id, folder)

    def _who(self, channel: str | None) -> str:
        return CALLER if channel in (None, self._channel) else self._legs.get(channel or "", "somebody")

    def _note_legs(self, command: Command) -> None:
        stages = command.stages if isinstance(command, commands.Dial | commands.Originate) else ()
        self._legs |= {target.leg: name_of(target) for stage in stages for target in stage}

    # What somebody does about it

    async def _act(self, frame: CommandFrame, command: Command, option: Option) -> None:
        match option:
            case HangUp():
                await trio.sleep(HANG_UP_AFTER)
                self._hang_up(frame)
            case Press(keys=keys, again=again):
                await self._press(frame, keys, times=_MOST_PRESSES if again else 1)
            case Speak():
                await trio.sleep(ACT_AFTER)
                if (phone := self._phone(frame)) is not None and phone.has_line:
                    phone.speak(SPEAK_FOR)
            case Part():
                await trio.sleep(PART_AFTER)
                self._part(command)
            case Dialled(target=target, key=key) if key and target is not None:
                phone = self._people.find(target)
                if phone is not None:
                    await self._confirm(phone, frame, key)

    async def _confirm(self, phone: SimulatedPhone, frame: CommandFrame, key: str) -> None:
        with suppress(AssertionError):  # it rang in vain
            await phone.answered(within=LONGEST)
            await trio.sleep(ACT_AFTER)
            if frame.id in self._running:
                phone.press(key)

    async def _press(self, frame: CommandFrame, keys: str, *, times: int) -> None:
        phone = self._phone(frame)
        for _ in range(times):
            await trio.sleep(ACT_AFTER)
            if phone is None or not phone.has_line or frame.id not in self._running:
                return
            phone.press(keys)
            await trio.sleep(_KEY_TAKES * len(keys))

    def _hang_up(self, frame: CommandFrame) -> None:
        if frame.id not in self._running:
            return
        if self._who(frame.channel) == CALLER:
            self._give_up("caller")
        elif (phone := self._phone(frame)) is not None:
            phone.hang_up()

    def _part(self, command: Command) -> None:
        assert isinstance(command, commands.Bridge)
        other = self._people.find(self._legs.get(command.other, ""))
        if other is not None and other.is_in_call:
            other.hang_up()
        elif not self._is_over:
            self._give_up("caller")

    def _phone(self, frame: CommandFrame) -> SimulatedPhone | None:
        who = self._who(frame.channel)
        return self._caller if who == CALLER else self._people.find(who)

    def _give_up(self, why: End) -> None:
        """The caller hangs up."""
        self.end = why
        self._is_over = True
        self._caller.hang_up()
        self._news.set()

    # What happens

    def _see(self, event: Event, entry: Entry) -> None:
        self._news.set()
        match event:
            case events.ChannelCreated(direction="inbound") if self._channel is None:
                self._channel = entry.channel
            case events.ChannelAnswered() if entry.channel == self._channel:
                self._is_answered = True
                self._hear_again()
            case events.PlaybackStarted(command=id) if entry.channel == self._channel:
                running = self._running.get(id)
                self._has_spoken |= running is not None and is_speech(running.command)
            case events.ChannelBridged() if entry.channel == self._channel:
                self._has_spoken = True
            case events.ChannelEnded() if entry.channel == self._channel:
                self._see_end(event)
        self._see_outcome(event)

    def _see_outcome(self, event: Event) -> None:
        outcome, id = getattr(event, "outcome", None), getattr(event, "command", None)
        if outcome is None or id not in self._running:
            return
        running = self._running.pop(id)
        self._hear_again()
        if getattr(outcome, "reason", None) == "failed" and is_speech(running.command) and not self._is_over:
            self._note(UNPLAYABLE, str(getattr(outcome, "error", "")).rpartition("/")[2])

    def _see_end(self, event: events.ChannelEnded) -> None:
        self._running.clear()
        self._hear(is_engaged=True)
        if not self._is_over and event.ended_by in ("app", "engine") and self._is_answered and not self._has_spoken:
            self._note(DEAD_END, dead_end(tuple(self.course.taken)))
        self._is_over = True
        self._caller.hang_up()

    # Silence

    def _hear_again(self) -> None:
        """Something has begun, or ended: does the caller hear anything, or is he waited for?"""
        mine = [each for each in self._running.values() if each.channel == self._channel]
        self._hear(is_engaged=not self._is_answered or any(each.is_engaging for each in mine))

    def _hear(self, *, is_engaged: bool) -> None:
        over = self.silence.hear(is_engaged=is_engaged, now=self.simulation.now, steps=len(self.course.taken))
        if over is not None:
            seconds, after = over
            how_long = "any more" if seconds > IDLE - 1 else f"for {seconds:.0f} s"
            self._note(DEAD_AIR, f"the caller hears nothing {how_long}", after=after)

    def _note(self, kind: str, text: str, *, after: int | None = None) -> None:
        steps = self.course.taken[:after]
        self.troubles.append(Trouble(kind, text, steps[-1].point.place if steps else "", len(steps)))


def last_place(steps: list[Step]) -> str:
    """The line at which a walk was last."""
    return steps[-1].point.place if steps else ""
