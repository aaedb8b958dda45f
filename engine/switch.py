"""The parts that every engine has, wired: SIP, channels, registrations, routes, the event log and its sockets.

What differs between the real engine (`engine.app`) and a simulated one (`callflow.testing`) is passed in: media, time,
random numbers, and who listens where.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import structlog
import trio

from callflow.protocol.events import Event, RecordWritten, RegistrationAdded
from callflow.protocol.queries import RegistrationState, TrunkState
from callflow.protocol.records import CallRecord
from callflow.runtime.lua.hosts import is_allowed
from engine.channels.association_policy import AssociationPolicy
from engine.channels.encryption import Encryption
from engine.channels.ending import Ending
from engine.channels.limits import Limits
from engine.channels.ports import Admission
from engine.channels.quality import POOR, QualityWatch
from engine.channels.reason import NORMAL_CLEARING
from engine.channels.table import ChannelTable
from engine.config import Config
from engine.config import User as ConfiguredUser
from engine.display import Display
from engine.encryption import policies
from engine.eventsocket.administering import administering_verbs
from engine.eventsocket.draining import drain_verbs
from engine.eventsocket.eventsocket import EventSocket
from engine.eventsocket.log import Entry, EventLog
from engine.eventsocket.ownership import Sessions
from engine.eventsocket.prompts import Prompts
from engine.eventsocket.tracing import trace_verbs
from engine.eventsocket.writing import writing_verbs
from engine.gate import Gate
from engine.guard import Guard
from engine.load import load_of
from engine.media.awaiting import AnyFiles, AwaitingMedia
from engine.media.probe import expect_sound
from engine.media.session import MediaEngine
from engine.metrics import Metrics
from engine.registrar.authentication import Authentication
from engine.registrar.directory import Directory
from engine.registrar.locations import Locations
from engine.registrar.locator import Locator
from engine.registrar.service import Registrar
from engine.registrar.users import REALM, User, Users
from engine.route import make_rules
from engine.scripting.decision import INTERNAL, PUBLIC, Profile
from engine.scripting.routing import CallRouter
from engine.scripting.successors import RoutedSuccessors
from engine.sdp.security import keys_from
from engine.sip.dialog import Headers
from engine.sip.events import (
    Flow,
    MalformedReceived,
    RequestReceived,
    ResponseReceived,
    SipEvent,
    SubscribeReceived,
    SubscriptionEnded,
)
from engine.sip.identity import BY_FROM
from engine.sip.messages import Request
from engine.sip.stack import SipStack
from engine.sip.wire_log import WireLog
from engine.speech.synthesizer import Synthesizer
from engine.speech.text import Speech
from engine.store.bindings import Bindings, MemoryBindings
from engine.store.records import CallRecords
from engine.store.restoration import Restoration
from engine.store.shown import MemoryShown, ShownStore
from engine.store.texts import MemoryTexts, TextStore
from engine.store.users import MemoryUsers, UserStore
from engine.streams.hosts import Hosts
from engine.streams.socket import Dialer
from engine.streams.websocket import WebSocketDialer
from engine.texting.service import App as TextApp
from engine.texting.service import Texting
from engine.transport.endpoint import Endpoint
from engine.trunks.trunks import Trunks
from engine.web.shelf import Shelf
from engine.web.sounds import WebSounds
from engine.web.web import Web

POLL_EVERY = 0.02  # seconds, while stopping

logger = structlog.get_logger("engine")


class Switch:
    """An engine without doors. `nursery` holds the tasks of its channels; `run` is the rest."""

    def __init__(
        self,
        config: Config,
        nursery: trio.Nursery,
        *,
        engine: str,
        media: MediaEngine,
        new_token: Callable[[str], Callable[[], str]],
        epoch: Callable[[], float],
        recordings: Path,
        cache: Path | None = None,
        records: Callable[[Callable[[CallRecord], None]], CallRecords],
        texts: TextStore | None = None,
        bindings: Bindings | None = None,
        users: UserStore | None = None,
        shown: ShownStore | None = None,
        speech: Speech | None = None,
        web: Web | None = None,
        streams: Dialer | None = None,
        limits: Limits | None = None,
        new_endpoint: Callable[[SipStack, Callable[[SipEvent], None]], Endpoint] | None = None,
    ) -> None:
        """`new_token` gives, by purpose, a source of tokens of 64 random bits or more, in hex. `records` opens their
        store; it is given whom to tell of those that are in it. `texts`: where those are kept that wait for their user;
        `bindings`: where it is kept who is registered; `users`: where those are kept that are not of the configuration;
        `shown`: where it is kept what programs say that phones show.
        `speech` speaks in place of text to speech, `web` is in place of the web, `streams` connects in place of
        WebSockets.
        """
        self.media = media
        self.users = Users(_user(user) for user in config.users)
        self.malformed: Counter[str] = Counter()  # messages, by transport
        history = config.history
        self.log = EventLog(
            new_token("epoch")(),
            epoch,
            max_events=history.events,
            max_octets=history.event_memory,
            max_age=history.event_age,
        )
        self.sessions = Sessions()
        self.wire = WireLog(epoch, max_messages=history.messages, max_octets=history.message_memory)
        self.guard = Guard(config.abuse, clock=trio.current_time, is_trusted=lambda host: self.trunks.is_trunk(host))
        new_chance = new_token("gate")
        self.gate = Gate(
            calls=lambda: len(self.table.channels),
            most=config.limits.calls,
            lag=config.limits.lag,
            media_lag=config.limits.media_lag,
            take_media_lag=media.take_lateness,
            backlog=lambda: self.endpoint.backlog(),
            events=self.log,
            chance=lambda: int(new_chance()[:12], 16) / 16**12,
        )
        self.stack = SipStack(
            new_token=new_token("sip"),
            user_agent=engine,
            request_methods=("MESSAGE", "PUBLISH", "REGISTER", "SUBSCRIBE"),
            wire=self.wire,
            gate=self._refuse,
            is_banned=self.guard.is_banned,
        )
        self.endpoint = (new_endpoint or _endpoint)(self.stack, self._handle)
        self._bindings = bindings or MemoryBindings()
        self.locations = Locations(on_change=self._bindings.put)
        self._bindings.on_begun_anew = self._keep_all
        authentication = Authentication(
            self.users, realm=REALM, new_token=new_token("nonces"), clock=trio.current_time, on_failure=self.guard.fail
        )
        self.registrar = Registrar(
            sip=self.endpoint,
            authentication=authentication,
            locations=self.locations,
            events=self.log,
            limits=config.registrar,
        )
        self._user_store = users or MemoryUsers()
        self.directory = Directory(self.users, self._user_store, self.log, on_removed=self.registrar.forget)
        self._shown = shown or MemoryShown()
        self.display = Display(
            sip=self.endpoint,
            authentication=authentication,
            locations=self.locations,
            is_user=self._is_user,
            log=self.log,
            table=lambda: self.table,
            new_token=new_token("publications"),
            notifies_unasked=config.sip.unsolicited_mwi,
            shown=self._shown,
        )
        self.trunks = Trunks(config.trunks, sip=self.endpoint, events=self.log, new_token=new_token("trunks"))
        self.records = records(self._tell_record)
        identities = self.users.view(lambda user: user.identity)
        router = CallRouter(
            rules=make_rules(
                config.routes,
                calendars=config.calendars,
                contexts=config.contexts,
                is_loopback=config.sip.is_loopback,
            ),
            profiles=self.users.view(lambda user: Profile(user.context, frozenset(user.classes))),
            apps=[app.name for app in config.apps],
            sessions=self.sessions,
            authentication=authentication,
            is_user=self._is_user,
            epoch=epoch,
            find_trunk=self.trunks.find_source,
            identities=identities,
            find_user=self.users.get,
        )
        self._texts = texts or MemoryTexts()
        self.texting = Texting(
            sip=self.endpoint,
            authentication=authentication,
            is_user=self._is_user,
            contacts=self.locations.contacts,
            find_app=lambda number, user: _app_of(router.take_for(number, user)),
            events=self.log,
            store=self._texts,
            new_id=new_token("texts"),
            epoch=epoch,
        )
        self.log.watch(RegistrationAdded, self._deliver_texts)
        prompts = Prompts(cache / "prompts", self.sessions) if cache is not None else None
        self._synthesizer = Synthesizer(cache / "speech") if cache is not None else None
        self._web_sounds = _web_sounds(config, cache / "web", epoch) if cache is not None else None
        awaited = [files for files in (prompts, self._synthesizer, self._web_sounds) if files is not None]
        self.table = ChannelTable(
            sip=self.endpoint,
            media=AwaitingMedia(media, AnyFiles(awaited)) if awaited else media,
            events=self.log,
            router=router,
            successors=RoutedSuccessors(router, self.sessions, [app.name for app in config.apps]),
            locator=Locator(self.locations, listeners=lambda: self.endpoint.addresses, members=self.users.members),
            new_id=new_token("channels"),
            epoch=epoch,
            nursery=nursery,
            limits=limits,
            records=self.records,
            trunks=self.trunks,
            identities=lambda user: identities.get(user, BY_FROM),
            media_host=self.endpoint.media_host,
            encryption=Encryption(
                policies(config.sip.srtp, self.users.view(lambda user: user.srtp)), keys_from(new_token("keys"))
            ),
            codecs=config.rtp.codecs,
            streams=streams or WebSocketDialer(Hosts(config.streams.hosts, is_allowed)),
            associations=AssociationPolicy(
                new_token("ice"), config.rtp.dtls, is_lite=config.rtp.ice == "lite", gathers=media.gathers
            ),
        )
        self.quality = QualityWatch(self.table.channels)
        self.sockets = EventSocket(
            self.log,
            self.table,
            self.sessions,
            engine=engine,
            new_id=new_token("sessions"),
            epoch=epoch,
            recordings=recordings,
            prompts=prompts,
            speech=speech or self._synthesizer,
            web=web or self._web_sounds,
            registrations=self._registrations,
            registered=lambda: len(self.locations),
            trunks=self._trunk_states,
            counters=self._counters,
            load=lambda: load_of(self.gate),
            records=self.records,
            commands=config.limits.commands,
            kept_commands=history.command_memory,
        )
        self.sockets.add(trace_verbs(self.wire))
        self.sockets.add(self.display.verbs)
        self.sockets.add(
            administering_verbs(
                self.directory,
                self.users,
                contexts={INTERNAL, PUBLIC, *(context.name for context in config.contexts)},
                contacts=lambda name: len(self.locations.stored(name)),
            )
        )
        self.sockets.add_long(writing_verbs(self.texting, self.log, self._is_user))
        self.sockets.add(drain_verbs(self.drain, lambda: len(self.table.channels)))
        self.metrics = Metrics(
            self.log,
            engine=engine,
            counters=self._counters,
            trunks=self._trunk_states,
            registrations=lambda: len(self.locations),
            sessions=lambda: {app: len(self.sessions.of(app)) for app in self.sessions.apps},
            rejected=lambda: self.table.rejected,
            load=lambda: load_of(self.gate),
            poor=self._count_poor,
        )
        self._epoch = epoch

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until cancelled. `trunks.run` is for when the endpoint listens: the peers call back."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.records.run)
            await nursery.start(self._restoration().run)
            nursery.start_soon(self.media.run)
            nursery.start_soon(self.registrar.run)
            nursery.start_soon(self.texting.run)
            nursery.start_soon(self.display.subscriptions.run)
            nursery.start_soon(self.display.publishing.run)
            nursery.start_soon(self.sockets.run)
            if self._synthesizer is not None:
                nursery.start_soon(self._synthesizer.run)
            if self._web_sounds is not None:
                nursery.start_soon(self._web_sounds.run)
            await nursery.start(self.endpoint.run)
            task_status.started()

    @property
    def calls_and_transactions(self) -> int:
        """How much there is that goes by itself: what it took can be had back then."""
        return len(self.table.channels) + self.stack.counts.transactions

    def _restoration(self) -> Restoration:
        """What was kept before the start; phones after the users whose they are."""
        restoration = Restoration()
        restoration.add("users", self._user_store, self.directory.restore)
        restoration.add("registrations", self._bindings, partial(self.registrar.restore, is_user=self._is_user))
        restoration.add("lamps", self._shown, self.display.said.restore)
        restoration.add("kept texts", self._texts, self.texting.kept.load)
        return restoration

    def drain(self) -> None:
        """Let nothing new in."""
        self.gate.drain()
        self.table.is_draining = True

    async def wait_drained(self) -> None:
        """Wait until it was told to drain, and its last call has ended."""
        await self.gate.is_draining.wait()
        while self.table.channels or self.table.originations.count:  # noqa: ASYNC110 - there is no hurry
            await trio.sleep(POLL_EVERY)

    async def stop(self) -> None:
        """End every call, and return when the peers have confirmed and the apps were told. Bound it in time."""
        for channel in list(self.table.channels.values()):
            channel.end(Ending(cause=NORMAL_CLEARING, by="engine", status=503))
        self.display.subscriptions.close()
        await self.trunks.close()
        # A confirmed BYE is told to nobody, and this is the end.
        while self.stack.counts.invites:  # noqa: ASYNC110
            await trio.sleep(POLL_EVERY)
        await self.sockets.close()

    def _handle(self, event: SipEvent) -> None:
        match event:
            case RequestReceived() if event.request.method == "SUBSCRIBE":
                self.display.subscriptions.handle(event)
            case RequestReceived() if event.request.method == "MESSAGE":
                self.texting.handle(event)
            case RequestReceived() if event.request.method == "PUBLISH":
                self.display.publishing.handle(event)
            case RequestReceived():
                self.registrar.handle(event)
            case SubscribeReceived():
                self.display.subscriptions.refresh(event)
            case SubscriptionEnded():
                self.display.subscriptions.forget(event)
            case ResponseReceived():
                self.trunks.receive(event)
                self.table.handle(event)
            case MalformedReceived():
                self.malformed[event.flow.transport] += 1
                self.guard.fail(event.flow.remote[0])
                logger.info("malformed", peer=event.flow.remote, error=event.error, was_answered=event.was_answered)
            case _:
                self.table.handle(event)

    def _refuse(self, request: Request, flow: Flow) -> Headers | None:
        """Before anything is read of a request outside of calls: the headers of its 503, None if it may pass."""
        return self.gate.refuse(request, is_one_too_many=not self.guard.takes(flow.remote[0]))

    def _deliver_texts(self, event: Event, entry: Entry) -> None:
        assert isinstance(event, RegistrationAdded)
        self.texting.arrive(event.user)

    def _is_user(self, name: str) -> bool:
        return self.users.get(name) is not None

    def _keep_all(self) -> None:
        """What was kept is gone."""
        for user in dict.fromkeys(user for user, _ in self.locations):
            self._bindings.put(user, self.locations.stored(user))

    def _tell_record(self, record: CallRecord) -> None:
        session = next(iter(self.sessions.of(record.app)), None) if record.app is not None else None
        self.log.emit(RecordWritten(record=record), owner=session.id if session is not None else None)

    def _registrations(self, after: str) -> Iterator[Sequence[RegistrationState]]:
        ahead = self._epoch() - trio.current_time()
        for user, contacts in self.locations.since(after):
            yield [
                RegistrationState(
                    id=f"{user} {contact.uri}" + (f" {contact.instance} {contact.reg_id}" if contact.reg_id else ""),
                    user=user,
                    contact=str(contact.uri),
                    expires_at=contact.expires_at + ahead,
                    source=f"{contact.flow.transport}:{contact.flow.remote[0]}:{contact.flow.remote[1]}",
                )
                for contact in contacts
            ]

    def _trunk_states(self) -> Sequence[TrunkState]:
        return [trunk.state(self.table.calls_of(trunk)) for trunk in self.trunks]

    def _count_poor(self) -> int:
        found = (channel.quality.mos for channel in self.table.channels.values())
        return sum(mos is not None and mos < POOR for mos in found)

    def _counters(self) -> Mapping[str, int]:
        sip, table = self.stack.counts, self.table.counts()
        return {
            "bans": self.guard.bans,
            "calls_refused": self.gate.refused,
            "calls_rejected": self.table.rejected.total(),
            "channels": table.channels,
            "channel_tasks": table.tasks,
            "channel_timers": table.timers,
            "conferences": table.conferences,
            "media_rooms": self.media.open_rooms,
            "media_sessions": self.media.open_sessions,
            "sip_connections": sip.streams,
            "sip_datagrams_dropped": self.endpoint.backlog().dropped,
            "sip_dialogs": sip.dialogs,
            "sip_invites": sip.invites,
            "sip_malformed": self.malformed.total(),
            "sip_transactions": sip.transactions,
            "subscriptions": len(self.display.subscriptions),
            "tasks": trio.lowlevel.current_statistics().tasks_living,
            "texts_kept": len(self.texting.kept),
        }


def _user(told: ConfiguredUser) -> User:
    return replace(
        User.of(told.name, told.password),
        context=told.context,
        classes=told.classes,
        identity=told.identity,
        srtp=told.srtp,
        caller_id=told.caller_id,
        groups=told.groups,
        variables=told.variables,
        is_of_file=True,
    )


def _web_sounds(config: Config, folder: Path, epoch: Callable[[], float]) -> WebSounds:
    return WebSounds(Shelf(folder, now=epoch()), config.sounds.terms, epoch=epoch, expect_sound=expect_sound)


def _app_of(admission: Admission | None) -> TextApp | None:
    if admission is None:
        return None
    return TextApp(admission.owner.session if admission.owner is not None else None)


def _endpoint(stack: SipStack, on_event: Callable[[SipEvent], None]) -> Endpoint:
    return Endpoint(stack, on_event=on_event)
