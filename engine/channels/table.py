"""Every channel and bridge of the engine: where calls come in, events find their channel, and nothing is left behind.

table = ChannelTable(sip=endpoint, media=..., events=..., router=..., locator=..., new_id=..., epoch=..., nursery=...)
table.handle(event)         # from the endpoint's `on_event`
table.channels["…"].perform("c1", Answer())
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
import trio

from callflow.protocol.commands import Command, ConferenceCommand, ConferencePlay, ConferenceRecord, Originate
from callflow.protocol.events import ChannelCreated, ChannelEnded, Event
from callflow.protocol.frames import BridgeState, ChannelState
from engine.media.session import MediaEngine, MediaSession, PortsExhausted
from engine.sdp.codec import NARROW
from engine.sdp.negotiation import Negotiation
from engine.sip.events import (
    Flow,
    InviteAnswered,
    InviteReceived,
    MalformedReceived,
    RequestInCall,
    RequestReceived,
    ResponseReceived,
    SipEvent,
    SubscribeReceived,
    SubscriptionEnded,
)
from engine.sip.identity import BY_FROM
from engine.streams.socket import Dialer

from . import replacing
from .association_policy import AssociationPolicy
from .bridge import BridgeOfTwo
from .channel import Channel
from .conferences import Conferences
from .encryption import Encryption
from .errors import CommandError
from .incoming import facts_of, read_offer, tell
from .limits import Limits
from .originating import Originations
from .place import Places
from .ports import (
    Admission,
    EventSink,
    Identities,
    Locator,
    Owner,
    RecordSink,
    Refusal,
    Respondent,
    Router,
    SipPort,
    Successors,
    Trunks,
)
from .record import record_of
from .signalling import Signalling
from .timer import Timers

if TYPE_CHECKING:
    from engine.sip.invite import Invite
    from engine.sip.refer import Replaces
    from engine.trunks.trunk import Trunk

TRUNKS = "[[trunk]]"  # whose places those of trunks are: no app can have this name
MOST_CALLS = 1_000_000  # of a trunk that has no limit

logger = structlog.get_logger("engine.channels")


@dataclass(frozen=True, slots=True)
class Counts:
    """What the table holds right now. All zero when no call is up."""

    channels: int
    invites: int
    bridges: int
    timers: int
    tasks: int
    claimed_ids: int
    places: int
    originations: int
    conferences: int


class ChannelTable:
    """The channels of one engine."""

    def __init__(
        self,
        *,
        sip: SipPort,
        media: MediaEngine,
        events: EventSink,
        router: Router,
        locator: Locator,
        new_id: Callable[[], str],
        epoch: Callable[[], float],
        nursery: trio.Nursery,
        limits: Limits | None = None,
        successors: Successors | None = None,
        records: RecordSink | None = None,
        trunks: Trunks | None = None,
        identities: Identities = lambda user: BY_FROM,
        media_host: Callable[[Flow], str | None] = lambda flow: None,
        encryption: Encryption | None = None,
        codecs: Sequence[str] = NARROW,
        streams: Dialer | None = None,
        associations: AssociationPolicy | None = None,
    ) -> None:
        """`epoch` tells seconds since the epoch. One task, for all timers, runs in the nursery until cancelled.

        `media_host` tells the address for media that a peer is told, where it is not the one that media has.
        `codecs` are those of all who come by no trunk, best first.
        `streams`: where calls may be streamed to, and how; None: nowhere.
        Without a policy of associations there is neither DTLS nor ICE.
        """
        self.sip = sip
        self.media = media
        self.events = events
        self.locator = locator
        self.new_id = new_id
        self.epoch = epoch
        self._media_host = media_host
        self._encryption = encryption or Encryption()
        self._codecs = tuple(codecs)
        self._associations = associations
        self.limits = limits or Limits()
        self.successors = successors
        self.trunks = trunks
        self.identities = identities
        self.streams = streams
        self.places = Places()
        self.originations = Originations(self)
        self.conferences = Conferences(self)
        self.is_draining = False
        self.trace: Callable[[str, ChannelCreated], str | None] | None = (
            None  # begins a leg's trace, and tells its traceparent
        )
        self.rejected: Counter[int] = Counter()  # calls that became no channel, by status
        self.timers = Timers()
        self.channels: dict[str, Channel] = {}
        self.bridges: dict[str, BridgeOfTwo] = {}
        self._records = records
        self.router = router
        self._nursery = nursery
        self._invites: dict[int, Channel] = {}
        self._invite_ids: dict[str, int] = {}  # by channel id
        self._claimed: set[str] = set()
        self._tasks = 0
        self._sessions = 0
        self._held: deque[SipEvent] | None = None
        nursery.start_soon(self.timers.run)

    # What SIP tells

    def handle(self, event: SipEvent) -> None:
        """Let the event's channel know, or make one. Events that are no call's are not for here."""
        if self._held is not None:
            self._held.append(event)
            return
        match event:
            case InviteReceived():
                self._receive_invite(event)
            case ResponseReceived(transaction) if isinstance(transaction.owner, Respondent):
                transaction.owner.receive_response(event)
            case (
                RequestReceived() | ResponseReceived() | MalformedReceived() | SubscribeReceived() | SubscriptionEnded()
            ):
                pass
            case _:
                channel = self._invites.get(event.invite.id)
                if channel is not None:
                    tell(channel, event)
                elif isinstance(event, RequestInCall):
                    self.sip.respond(event.transaction, 481)
                elif isinstance(event, InviteAnswered):  # it crossed our CANCEL
                    self.sip.hang_up(event.invite)

    @contextmanager
    def events_held(self) -> Iterator[None]:
        """What SIP tells meanwhile waits until the end of the block."""
        if self._held is not None:
            yield
            return
        self._held = deque()
        try:
            yield
        finally:
            held, self._held = self._held, None
            for event in held:
                self.handle(event)

    # What channels ask

    def negotiation(
        self,
        media: MediaSession,
        flow: Flow,
        trunk: Trunk | None = None,
        *,
        user: str | None = None,
        requires_srtp: bool = False,
        parent: str | None = None,
    ) -> Negotiation:
        """A new negotiation for a leg that receives there, of a trunk, which has its own codecs, or of a user.

        `parent` is the channel that it is dialled for.
        """
        host, port = media.local
        self._sessions += 1
        session_id = (int(self.epoch()) << 24) + self._sessions
        codecs = trunk.spec.codecs if trunk is not None else self._codecs
        channel = self.channels.get(parent) if parent is not None else None
        policy = self._associations
        return Negotiation(
            local=(self._media_host(flow) or host, port),
            codecs=codecs,
            session_id=session_id,
            srtp="required" if requires_srtp else self._encryption.policy_of(flow, user=user, trunk=trunk),
            new_key=self._encryption.new_key,
            beside=channel.signalling.agreed if channel is not None else None,
            presence=policy.presence(self.media.fingerprint) if policy is not None else None,
            offers_association=policy is not None and policy.is_offered(flow),
        )

    def has_place(self, trunk: Trunk, channel_id: str) -> bool:
        """Give a channel its place among the calls of a trunk, until it ends; False if there is none left."""
        try:
            self.places.take(
                TRUNKS, trunk.name, channel_id, MOST_CALLS if trunk.spec.calls is None else trunk.spec.calls
            )
        except CommandError:
            return False
        return True

    def calls_of(self, trunk: Trunk) -> int:
        """How many calls a trunk has."""
        return self.places.taken(TRUNKS, trunk.name)

    @property
    def is_full(self) -> bool:
        return len(self.channels) >= self.limits.channels

    def open(self, channel_id: str, owner: Owner | None, *, has_offer: bool) -> Channel:
        """A new channel with its media, that nobody knows yet. Raises PortsExhausted."""
        return Channel(self, channel_id, owner, has_offer=has_offer)

    def add(self, channel: Channel, invite: Invite) -> None:
        self.channels[channel.id] = channel
        self._invites[invite.id] = channel
        self._invite_ids[channel.id] = invite.id

    def unlink(self, channel: Channel) -> None:
        """SIP has nothing more to say to this channel."""
        self._invites.pop(self._invite_ids.pop(channel.id), None)

    def forget(self, channel: Channel) -> None:
        del self.channels[channel.id]

    def record(self, channel: Channel, ended: ChannelEnded) -> None:
        """Keep what stays of a channel that ends so."""
        if self._records is not None:
            self._records.write(record_of(channel, ended))

    def add_bridge(self, bridge: BridgeOfTwo) -> None:
        self.bridges[bridge.id] = bridge

    def remove_bridge(self, bridge: BridgeOfTwo) -> None:
        del self.bridges[bridge.id]

    def find(self, replaces: Replaces) -> Channel | None:
        """The channel whose dialog a Replaces names."""
        invite = self.sip.find(replaces)
        return self._invites.get(invite.id) if invite is not None else None

    def is_taken(self, channel_id: str) -> bool:
        """Is this the id of a channel, or promised to a leg?"""
        return channel_id in self.channels or channel_id in self._claimed

    def claim(self, channel_ids: Iterable[str]) -> None:
        self._claimed.update(channel_ids)

    def release(self, channel_ids: Iterable[str]) -> None:
        self._claimed.difference_update(channel_ids)

    def emit(self, event: Event, owner: Owner | None) -> None:
        """An event that is not one channel's."""
        self.events.emit(event, owner=owner.session if owner is not None else None)

    def start(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run a task that its verb can cancel."""
        self._tasks += 1
        self._nursery.start_soon(self._run, work)

    async def _run(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        finally:
            self._tasks -= 1

    # What the layers above ask

    def lose_owner(self, session: str) -> None:
        """The session is gone: what it originates ends, and each of its channels does what its policy says."""
        self.lose_commands(session)
        for channel in list(self.channels.values()):
            channel.lose_owner(session)

    def originate(self, command_id: str, command: Originate, owner: Owner) -> None:
        """Dial for a session, without a caller. Raises CommandError."""
        self.originations.start(command_id, command, owner)

    def confer(self, command_id: str, command: Command, owner: Owner) -> object | None:
        """Do a session's command about a conference of its app. Raises CommandError; gives back the reply's data."""
        match command:
            case ConferenceCommand():
                return self.conferences.steer(command, owner)
            case ConferencePlay():
                self.conferences.play(command_id, command, owner)
            case ConferenceRecord():
                self.conferences.record(command_id, command, owner)
            case _:
                raise CommandError("unsupported", f"{command.name} is not a command about a conference")
        return None

    def cancel(self, command_id: str, owner: Owner) -> None:
        """End what `originate` began, or a command about a conference; its outcome follows."""
        self.originations.cancel(command_id, owner)
        self.conferences.cancel(command_id, owner)

    def lose_commands(self, session: str) -> None:
        """The session is gone, and what it originates and plays to conferences with it."""
        self.originations.lose(session)
        self.conferences.lose(session)

    def states(self) -> list[ChannelState]:
        return [channel.snapshot() for channel in self.channels.values()]

    def bridge_states(self) -> list[BridgeState]:
        conferences = [conference.bridge_state() for conference in self.conferences]
        return [*(bridge.state() for bridge in self.bridges.values()), *conferences]

    @property
    def bridge_count(self) -> int:
        return len(self.bridges) + self.conferences.count

    def counts(self) -> Counts:
        return Counts(
            channels=len(self.channels),
            invites=len(self._invites),
            bridges=len(self.bridges),
            timers=self.timers.count,
            tasks=self._tasks,
            claimed_ids=len(self._claimed),
            places=self.places.count,
            originations=self.originations.count,
            conferences=self.conferences.count,
        )

    # Calls that come in

    def _receive_invite(self, event: InviteReceived) -> None:
        if self.is_full:
            self._refuse(event, self._busy())
            return
        if event.request.header("Replaces") is not None:
            refusal = replacing.receive(self, event)
            if refusal is not None:
                self._refuse(event, refusal)
            return
        admission = self.router.route(event)
        if isinstance(admission, Refusal):
            self._refuse(event, admission)
            return
        channel_id = self.new_id()
        if admission.trunk is not None and not self.has_place(admission.trunk, channel_id):
            self._refuse(event, self._busy())
            return
        refusal = self._open_inbound(channel_id, event, admission)
        if refusal is not None:
            self.places.release(channel_id)
            self._refuse(event, refusal)

    def _open_inbound(self, channel_id: str, event: InviteReceived, admission: Admission) -> Refusal | None:
        body = event.request.body
        try:
            channel = self.open(channel_id, admission.owner, has_offer=bool(body))
        except PortsExhausted:
            return self._busy()
        negotiation = self.negotiation(
            channel.media,
            event.flow,
            admission.trunk,
            user=admission.user,
            requires_srtp=admission.requires_srtp,
        )
        refusal = read_offer(negotiation, body)
        if refusal is not None:
            channel.media.close()
            return refusal
        self.add(channel, event.invite)
        signalling = Signalling(self.sip, event.invite, negotiation, channel.media, self.timers)
        channel.transfers.user = admission.user
        channel.variables = dict(admission.variables)
        wait = admission.wait if admission.owner is None else None
        channel.begin(signalling, facts_of(event, admission, negotiation.encryption), wait=wait)
        return None

    def _busy(self) -> Refusal:
        return Refusal(503, headers=[("Retry-After", str(round(self.limits.retry_after)))])

    def _refuse(self, event: InviteReceived, refusal: Refusal) -> None:
        if refusal.status not in (401, 407):  # a question who it is
            self.rejected[refusal.status] += 1
        logger.debug("rejected", status=refusal.status, sip_call_id=event.request.header("Call-ID"))
        self.sip.reject(event.invite, refusal.status, reason=refusal.reason, headers=refusal.headers)
