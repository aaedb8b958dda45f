"""One leg of a call, as programs see it: its state, its owner, what runs on it, and how it ends.

    channel.perform("c1", Answer())            # from the dispatcher; raises CommandError
    channel.end(Ending(cause=16, by="app"))    # hang up, whatever the state

A channel has no task. What happens to it comes in as calls: commands, SIP events, media events, timers. It tells what
became of it as events, the last of which is `channel.ended`, after the outcome of every command that ran.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from callflow.protocol.commands import Command
from callflow.protocol.events import (
    ChannelAnswered,
    ChannelCreated,
    ChannelEnded,
    ChannelHeld,
    ChannelMediaLost,
    ChannelProgress,
    ChannelResumed,
    ChannelRinging,
    ChannelSecured,
    Event,
)
from callflow.protocol.frames import ChannelState
from engine.media import session as media

from .account import Account, with_statistics
from .audio import Audio
from .detect import note_sound
from .ending import Ending, LegWatcher
from .errors import CommandError
from .keys import Keys, Way
from .performing import perform
from .ports import Headers, Owner
from .quality import Quality
from .reason import BEARER_NOT_AVAILABLE, INCOMPATIBLE_DESTINATION, NORMAL_CLEARING, reason_header
from .referral import Transfers
from .running import Running
from .snapshot import state_of
from .state import ALIVE, TRANSITIONS, UNANSWERED, State, Trigger
from .succession import Succession
from .verb import Verb, Why

if TYPE_CHECKING:
    from engine.sip.events import RequestInCall

    from .binding import Bindings
    from .bridge import BridgeOfTwo
    from .member import Member
    from .signalling import Signalling
    from .table import ChannelTable
    from .timer import Timer

_RINGING, _PROGRESS, _HELD, _RESUMED = ChannelRinging(), ChannelProgress(), ChannelHeld(), ChannelResumed()


class Channel:
    """One leg. `facts` are what was known when it was created, as its first event told."""

    __slots__ = (
        "__weakref__", "_ended", "_is_held", "_running", "account", "audio", "bindings", "bridge", "bridged_with",
        "call_seq", "digits_ahead", "encryption", "facts", "hangup_timer", "has_offer", "id", "keys", "language",
        "media", "member", "owner", "quality", "signalling", "state", "succession", "table", "tie", "tied", "transfers",
        "variables", "watcher",
    )  # fmt: skip

    facts: ChannelCreated
    signalling: Signalling

    def __init__(self, table: ChannelTable, channel_id: str, owner: Owner | None, *, has_offer: bool) -> None:
        """Open its media; raises PortsExhausted. It is nobody's yet: `begin` announces it."""
        self.id = channel_id
        self.owner = owner
        self.state = State.CREATED
        self.has_offer = has_offer  # the INVITE that came in has SDP: early media is possible
        self.variables: dict[str, str] = {}
        self.language = ""  # of what is said to it; "": its app's
        self.digits_ahead: list[str] = []  # keyed while nobody asked
        self.audio = Audio(self)
        self.keys = Keys(self)
        self.bindings: Bindings | None = None
        self.bridge: BridgeOfTwo | None = None
        self.member: Member | None = None  # of a conference
        self.bridged_with: list[str] = []  # ids of the channels it was connected with, for the record
        self.hangup_timer: Timer | None = None
        self.succession = Succession(self, owner.app if owner is not None else None)
        self.transfers = Transfers(self)
        self.tie: Channel | None = None  # who dialled it, while nothing else keeps it
        self.tied: list[Channel] = []
        self.watcher: LegWatcher | None = None
        self.table = table
        self.call_seq = 0
        self.account = Account(table.epoch)
        self.quality = Quality()
        self._is_held = False
        self._running = Running(table.timers)
        self._ended: ChannelEnded | None = None
        self.media = table.media.open(self.receive_media)

    # What it is

    @property
    def is_inbound(self) -> bool:
        return self.facts.direction == "inbound"

    @property
    def is_alive(self) -> bool:
        return self.state in ALIVE

    @property
    def app(self) -> str | None:
        """The app whose channel it is, be it there or on its way."""
        return self.succession.app

    @property
    def running(self) -> Iterator[Verb]:
        """The commands that run now, oldest first."""
        return iter(self._running)

    def snapshot(self) -> ChannelState:
        """The channel as a list or a snapshot shows it."""
        return state_of(self)

    # Life

    def begin(self, signalling: Signalling, facts: ChannelCreated, *, wait: float | None = None) -> None:
        """Announce the channel. `wait`: it has no owner yet, and ends if none comes within so many seconds."""
        self.signalling = signalling
        if self.table.trace is not None:
            facts = msgspec.structs.replace(facts, traceparent=self.table.trace(self.id, facts) or "")
        self.facts = facts
        self.encryption = facts.security.media
        self.succession.app = facts.app
        self.emit(facts)
        if wait is not None:
            self.succession.wait_first(wait)

    def emit(self, event: Event) -> None:
        self.call_seq += 1
        owner = self.owner
        self.table.events.emit(
            event, channel=self.id, call_seq=self.call_seq, owner=owner.session if owner is not None else None
        )

    def ring(self, headers: Headers = ()) -> None:
        """Tell the caller that it rings (180)."""
        if self._moves(Trigger.RING):
            self._enter(Trigger.RING)
            self.emit(_RINGING)
        self.signalling.ring(headers)

    def progress(self, headers: Headers = ()) -> None:
        """Open early media (183 with SDP), once."""
        if (
            not self.has_offer and not self.signalling.can_offer_early
        ):  # RFC 3261 13.2.1: an unreliable 183 has no offer
            raise CommandError("wrong_state", "expected a caller whose INVITE has an offer, or an answered call")
        if not self._moves(Trigger.PROGRESS):
            return
        self.signalling.prepare_answer(has_offer=self.has_offer)
        self._enter(Trigger.PROGRESS)
        self.emit(_PROGRESS)
        self.signalling.progress(headers)

    def answer(self, headers: Headers = ()) -> None:
        """Answer a call that came in."""
        self.signalling.prepare_answer(has_offer=self.has_offer)
        self._enter_answered()
        self.signalling.answer(headers)

    def open_audio(self, verb: str) -> None:
        """See to it that the peer can hear us: an unanswered caller gets early media. Raises CommandError."""
        if self.state is State.CREATED or self.state is State.RINGING:
            self.expect_inbound(verb)
            self.progress()
            self.expect_alive()
        elif self.state is State.EARLY:
            self.expect_inbound(verb)

    def open_call(self, verb: str) -> None:
        """See to it that the call is answered. Raises CommandError."""
        if self.state is not State.ANSWERED:
            self.expect_inbound(verb)
            self.answer()
            self.expect_alive()

    def end(self, ending: Ending) -> None:
        """End the channel: now for SIP, and for programs once every running command has had its outcome."""
        if self.state not in ALIVE:
            return
        was_unanswered = self.state in UNANSWERED
        self._ended = self.account.close(ending, self.state)
        self._enter(Trigger.END)
        self.table.unlink(self)
        self._let_go()
        if not ending.is_remote:
            self._part(ending, was_unanswered=was_unanswered)
        if self.bridge is not None:
            self.bridge.end("hangup", by=self, told=ending.by)
        for verb in self._running:
            self.stop(verb, Why.HANGUP)
        self._drain()
        if self.watcher is not None:
            watcher, self.watcher = self.watcher, None
            watcher.leg_ended(self, ending)
        for leg in tuple(self.tied):
            leg.end(Ending(NORMAL_CLEARING, ending.by, status=487, headers=[reason_header(NORMAL_CLEARING)]))

    def tie_to(self, parent: Channel) -> None:
        """End with the channel that dialled this one, until it is bridged or steered."""
        if self.is_alive:
            self.tie = parent
            parent.tied.append(self)

    def untie(self) -> None:
        if self.tie is not None:
            self.tie.tied.remove(self)
            self.tie = None

    # Owners

    def give(self, owner: Owner | None) -> None:
        """Another session steers the channel from now on."""
        if self.state not in ALIVE:
            return
        if owner is None:
            self.owner = None
        else:
            self.succession.give(owner)

    def lose_owner(self, session: str) -> None:
        """The session is gone: the call's policy runs. Another session's call goes on."""
        if self.state in ALIVE and self.owner is not None and self.owner.session == session:
            self.succession.lose(session)

    # Commands

    def perform(self, command_id: str, command: Command) -> object | None:
        """Accept a command, or raise CommandError. What it gives back is the reply's data."""
        self.expect_alive()
        if command.ends_as:
            self._running.expect_room(command_id, self.table.limits.running_commands)
        self.untie()
        return perform(self, command_id, command)

    def run(self, verb: Verb) -> None:
        """The verb's command is accepted: from now on it owes an outcome."""
        self._running.add(verb)

    def finish(self, verb: Verb, event: Event) -> None:
        """The verb's outcome is this event. A verb that has had its outcome has no second."""
        if self._running.remove(verb):
            self.emit(event)
            self._drain()

    def drop(self, verb: Verb) -> None:
        """The verb is over, and nobody waits for an outcome of it."""
        if self._running.remove(verb):
            self._drain()

    def stop(self, verb: Verb, why: Why) -> None:
        """End a running verb; its outcome follows, now or when the media has told what was heard."""
        self._running.stop(verb, why, report_after=self.table.limits.report_after)

    def stop_command(self, command_id: str) -> None:
        """End the command of that id, if it still runs."""
        verb = self._running.get(command_id)
        if verb is not None:
            self.stop(verb, Why.CANCELLED)

    def find(self, command_id: str) -> Verb | None:
        """The command of that id, if it still runs."""
        return self._running.get(command_id)

    def name_for(self, verb: Verb) -> str:
        """A new name under which the verb starts something in the media."""
        return self._running.name_for(verb)

    def expect_alive(self) -> None:
        if self.state not in ALIVE:
            raise CommandError("call_ended", f"the call {self.id} has ended")

    def expect_inbound(self, verb: str) -> None:
        """Raise CommandError unless this is an inbound call that is not answered."""
        if not self.is_inbound or self.state not in UNANSWERED:
            came = f"an {self.facts.direction} one that is {self.state.value}"
            raise CommandError("wrong_state", f"{verb}: expected an inbound call that is not answered, came {came}")

    # What the peer does

    def receive_ring(self) -> None:
        if self._moves(Trigger.RING):
            self._enter(Trigger.RING)
            self.emit(_RINGING)
        if self.watcher is not None:
            self.watcher.leg_rang(self)

    def receive_progress(self, body: bytes) -> None:
        if self.state in UNANSWERED:
            self.signalling.receive_early(body)
            self._tell_encryption()
        if self._moves(Trigger.PROGRESS):
            self._enter(Trigger.PROGRESS)
            self.emit(_PROGRESS)
        if self.watcher is not None:
            self.watcher.leg_progressed(self)

    def receive_answer(self, body: bytes) -> None:
        if not self._moves(Trigger.ANSWER):
            return
        if not self.signalling.receive_answer(body):
            self._end_incompatible()
            return
        self._tell_encryption()
        self._enter_answered()
        if self.watcher is not None:
            watcher, self.watcher = self.watcher, None
            watcher.leg_answered(self)

    def receive_ack(self, body: bytes) -> None:
        if not self.signalling.receive_ack(body):
            self._end_incompatible()
            return
        self._tell_agreed()

    def receive_reinvite(self, body: bytes) -> None:
        self.signalling.receive_reinvite(body)
        self._tell_agreed()

    def receive_update(self, event: RequestInCall) -> None:
        """An UPDATE or a PRACK with an offer (RFC 3311, RFC 3262 5)."""
        self.signalling.receive_update(event)
        self._tell_agreed()

    def receive_reanswer(self, body: bytes) -> None:
        """The answer to a re-INVITE of ours; one that cannot be read changes nothing."""
        self.signalling.receive_early(body)
        self._tell_agreed()

    def receive_media(self, event: media.MediaEvent) -> None:
        match event:
            case media.DigitStarted(digit):
                if self.is_alive:
                    self.keys.start(digit, Way.RTP)
            case media.DigitEnded(digit, duration_ms):
                self.keys.end(digit, duration_ms, Way.RTP)
            case media.PlaybackStarted(name):
                self._running.report(name, event)
            case media.PlaybackFinished(name):
                self._running.report(name, event)
                self.audio.note_end(name)
            case media.RecordingFinished(name) | media.DigitsSent(name) | media.PipeMarked(name):
                self._running.report(name, event)
            case media.SoundDetected():
                note_sound(self, event)
            case media.CandidateFound(candidate):
                self.signalling.gathering.add(candidate)
            case media.CandidatesComplete():
                self.signalling.gathering.finish()
            case media.PeerReached():
                self.signalling.gathering.note_reached()
            case media.PeerLost(reason):
                self._lose_media(reason)
            case media.AudioHeard(is_sound):
                if self.member is not None:
                    self.member.note_sound(is_sound=is_sound)

    def use_digit(self, digit: str) -> None:
        """A key went down, and was told: it is for whatever runs, or kept."""
        is_used = self._running.press(digit) or (self.bindings is not None and self.bindings.press(digit))
        if not is_used:
            self.keep_digit(digit)

    def keep_digit(self, digit: str) -> None:
        """A key that nobody wanted: kept for a gather to come, unless it was meant for the other end of a bridge."""
        if self.bridge is None and self.member is None and len(self.digits_ahead) < self.table.limits.digits_ahead:
            self.digits_ahead.append(digit)

    def _tell_encryption(self) -> None:
        """How media is encrypted may be another thing since an offer and its answer."""
        media = self.signalling.encryption
        if media != self.encryption and self.state in ALIVE:
            self.encryption = media
            self.emit(ChannelSecured(media=media))

    def _tell_agreed(self) -> None:
        """What an offer and an answer in the call have changed."""
        self._tell_encryption()
        is_held = self.signalling.is_held
        if is_held is not self._is_held and self.state in ALIVE:
            self._is_held = is_held
            self.emit(_HELD if is_held else _RESUMED)

    # Inside

    def _moves(self, trigger: Trigger) -> bool:
        return (self.state, trigger) in TRANSITIONS

    def _enter(self, trigger: Trigger) -> None:
        self.state = TRANSITIONS[self.state, trigger]
        if self.state in (State.RINGING, State.EARLY):
            self.account.note_progress()

    def _enter_answered(self) -> None:
        self._enter(Trigger.ANSWER)
        self.account.note_answer()
        self.emit(ChannelAnswered(codec=self.signalling.codec))

    def _lose_media(self, reason: str) -> None:
        if self.is_alive:
            self.emit(ChannelMediaLost(reason=reason))
            header = reason_header(BEARER_NOT_AVAILABLE)
            self.end(Ending(BEARER_NOT_AVAILABLE, "network", status=503, headers=[header]))

    def _end_incompatible(self) -> None:
        header = reason_header(INCOMPATIBLE_DESTINATION)
        self.end(Ending(INCOMPATIBLE_DESTINATION, "engine", status=488, headers=[header]))

    def _let_go(self) -> None:
        """What was to happen to the channel later will not."""
        self.succession.close()
        self.transfers.close()
        self.untie()
        self.signalling.gathering.close()
        self.table.places.release(self.id)
        if self.hangup_timer is not None:
            self.hangup_timer.cancel()
        if self.bindings is not None:
            self.bindings.close()

    def _part(self, ending: Ending, *, was_unanswered: bool) -> None:
        if was_unanswered and self.is_inbound:
            self.signalling.reject(ending.status, ending.headers)
        else:
            self.signalling.hang_up(ending.headers)

    def _drain(self) -> None:
        if self._running or self.state is not State.ENDING or self._ended is None:
            return
        self._enter(Trigger.DRAIN)
        self.media.close()
        self.table.forget(self)
        ended = with_statistics(self._ended, self.media.statistics())
        self.table.record(self, ended)  # first: who has seen the end can rely on the record
        self.emit(ended)
