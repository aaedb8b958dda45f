"""What phones show beside calls, wired: message lamps, busy lamps, presence; whoever tells of them, and who is told.

It hears of registrations and calls from the event log, and of SUBSCRIBE and PUBLISH from SIP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from callflow.protocol import commands
from callflow.protocol.events import (
    ChannelAnswered,
    ChannelCreated,
    ChannelEnded,
    ChannelProgress,
    ChannelRinging,
    Event,
    PresenceChanged,
    RegistrationAdded,
    RegistrationExpired,
    RegistrationRemoved,
)
from engine.channels.table import ChannelTable
from engine.eventsocket.dispatch import Verb
from engine.eventsocket.log import Entry, EventLog
from engine.eventsocket.telling import telling_verbs
from engine.registrar.authentication import Authentication
from engine.registrar.locations import Locations
from engine.store.shown import ShownStore
from engine.subscriptions.lamp import DialogState, Lamps
from engine.subscriptions.mailbox import Mailboxes
from engine.subscriptions.package import DIALOG, MESSAGE_SUMMARY, PRESENCE
from engine.subscriptions.presence import Presences
from engine.subscriptions.publication import Publications
from engine.subscriptions.publishing import Publishing
from engine.subscriptions.said import Said
from engine.subscriptions.service import Subscriptions
from engine.subscriptions.unsolicited import Unsolicited
from engine.transport.endpoint import Endpoint

_STATES: Mapping[type[Event], DialogState] = {
    ChannelRinging: "early",
    ChannelProgress: "early",
    ChannelAnswered: "confirmed",
}


class Display:
    """Of all users. `subscriptions` and `publishing` take what comes by SIP."""

    def __init__(
        self,
        *,
        sip: Endpoint,
        authentication: Authentication,
        locations: Locations,
        is_user: Callable[[str], bool],
        log: EventLog,
        table: Callable[[], ChannelTable],
        new_token: Callable[[], str],
        notifies_unasked: bool,
        shown: ShownStore,
    ) -> None:
        """`notifies_unasked`: of messages also phones that did not subscribe. `shown`: keeps what programs say."""
        self._log, self._table, self._is_user = log, table, is_user
        self._notifies_unasked = notifies_unasked
        self.mailboxes = Mailboxes(self._tell_mailbox)
        self.lamps = Lamps(self._tell_lamp)
        publications = Publications(new_token)
        self.presences = Presences(
            publications=publications,
            is_user=is_user,
            is_registered=lambda user: bool(locations.stored(user)),
            is_in_call=self.lamps.is_in_call,
            is_watched=lambda user: self.subscriptions.is_watched(PRESENCE.name, user),
            on_change=lambda user: self.subscriptions.tell(PRESENCE.name, user),
        )
        self.publishing = Publishing(
            sip=sip, authentication=authentication, publications=publications, on_change=self._note_presence
        )
        self.subscriptions = Subscriptions(
            sip=sip,
            authentication=authentication,
            sources={
                MESSAGE_SUMMARY.name: self.mailboxes,
                DIALOG.name: self.lamps,
                PRESENCE.name: self.presences,
            },
        )
        self.said = Said(
            shown,
            mailboxes=self.mailboxes,
            lamps=self.lamps,
            presences=self.presences,
            is_user=is_user,
            tell=self.subscriptions.tell,
        )
        self._unsolicited = Unsolicited(
            sip=sip,
            mailboxes=self.mailboxes,
            contacts=locations.contacts,
            subscribed=lambda user: self.subscriptions.flows(MESSAGE_SUMMARY.name, user),
        )
        changes: tuple[type[Event], ...] = (RegistrationAdded, RegistrationRemoved, RegistrationExpired)
        for kind in changes:
            log.watch(kind, self._note_registration)
        steps: tuple[type[Event], ...] = (ChannelCreated, *_STATES, ChannelEnded)
        for kind in steps:
            log.watch(kind, self._note_call)

    @property
    def verbs(self) -> Mapping[type[commands.Command], Verb]:
        """What does the commands that are about it."""
        return telling_verbs(
            self.mailboxes,
            self.lamps,
            self.presences,
            log=self._log,
            is_user=self._is_user,
            on_presence=self._note_presence,
            keep=self.said.keep,
        )

    def _note_registration(self, event: Event, entry: Entry) -> None:
        assert isinstance(event, RegistrationAdded | RegistrationRemoved | RegistrationExpired)
        self.presences.look(event.user)
        if self._notifies_unasked and isinstance(event, RegistrationAdded) and not event.is_refresh:
            self._unsolicited.tell(event.user, event.contact)

    def _note_call(self, event: Event, entry: Entry) -> None:
        channel = entry.channel or ""
        if isinstance(event, ChannelCreated):
            leg = self._table().channels.get(channel)
            user = event.user or (leg.transfers.user if leg is not None else None)
            if user is not None:
                self.lamps.begin(channel, user, "initiator" if event.direction == "inbound" else "recipient")
        elif isinstance(event, ChannelEnded):
            self.lamps.end(channel)
        else:
            self.lamps.change(channel, _STATES[type(event)])

    def _tell_mailbox(self, user: str) -> None:
        self.subscriptions.tell(MESSAGE_SUMMARY.name, user)
        if self._notifies_unasked:
            self._unsolicited.tell(user)

    def _tell_lamp(self, name: str) -> None:
        self.subscriptions.tell(DIALOG.name, name)
        self.presences.look(name)

    def _note_presence(self, user: str) -> None:
        """A program, or a phone, said something new."""
        now = self.presences.of(user)
        self._log.emit(PresenceChanged(user=user, status=now.basic, note=now.note, activity=now.activity))
        self.presences.look(user)
