"""The commands `set_mailbox`, `set_lamp` and `set_presence`: what phones show, told by programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from callflow.protocol import commands
from callflow.protocol.events import MailboxChanged
from engine.channels.errors import CommandError
from engine.subscriptions.lamp import MAX_LAMPS, Lamps
from engine.subscriptions.mailbox import MOST, Mailbox, Mailboxes
from engine.subscriptions.pidf import MAX_NOTE, Presence, is_activity
from engine.subscriptions.presence import Presences

from .dispatch import Verb
from .log import EventLog
from .session import Session

_LONGEST_NAME = 128  # characters of what a lamp is for


def telling_verbs(
    mailboxes: Mailboxes,
    lamps: Lamps,
    presences: Presences,
    *,
    log: EventLog,
    is_user: Callable[[str], bool],
    on_presence: Callable[[str], None],
    keep: Callable[[Literal["mailbox", "lamp", "presence"], str], None],
) -> Mapping[type[commands.Command], Verb]:
    """What does the commands. `keep`: over a restart."""

    def expect_user(command: str, user: str) -> None:
        if not is_user(user):
            raise CommandError("not_found", f"{command}: there is no user {user[:64]!r}")

    def set_mailbox(session: Session, command: commands.Command) -> None:
        assert isinstance(command, commands.SetMailbox)
        session.token.expect("calls:own")
        expect_user("set_mailbox", command.user)
        mailbox = _mailbox(command)
        if mailboxes.set(command.user, mailbox):
            keep("mailbox", command.user)
            log.emit(MailboxChanged(user=command.user, new=mailbox.new, saved=mailbox.saved))

    def set_lamp(session: Session, command: commands.Command) -> None:
        assert isinstance(command, commands.SetLamp)
        session.token.expect("calls:own")
        if not 0 < len(command.lamp) <= _LONGEST_NAME:
            raise CommandError("bad_argument", f"set_lamp: expected a name of 1 to {_LONGEST_NAME} characters")
        if not lamps.set(command.lamp, command.state):
            raise CommandError("overloaded", f"set_lamp: expected at most {MAX_LAMPS} lamps that are lit")
        keep("lamp", command.lamp)

    def set_presence(session: Session, command: commands.Command) -> None:
        assert isinstance(command, commands.SetPresence)
        session.token.expect("calls:own")
        expect_user("set_presence", command.user)
        before = presences.of(command.user)
        presences.set(command.user, _presence(command))
        keep("presence", command.user)
        if presences.of(command.user) != before:
            on_presence(command.user)

    return {
        commands.SetMailbox: set_mailbox,
        commands.SetLamp: set_lamp,
        commands.SetPresence: set_presence,
    }


def _mailbox(command: commands.SetMailbox) -> Mailbox:
    counts = command.new, command.saved, command.urgent_new, command.urgent_saved
    if not all(0 <= count <= MOST for count in counts):
        raise CommandError("bad_argument", f"set_mailbox: expected counts of 0 to {MOST}, got {counts}")
    new, saved, urgent_new, urgent_saved = counts
    return Mailbox(new=new, saved=saved, urgent_new=urgent_new, urgent_saved=urgent_saved)


def _presence(command: commands.SetPresence) -> Presence | None:
    if len(command.note) > MAX_NOTE or not (command.note.isprintable()):
        raise CommandError("bad_argument", f"set_presence: expected a note of up to {MAX_NOTE} printable characters")
    if command.activity and not is_activity(command.activity):
        got = command.activity[:64]
        raise CommandError("bad_argument", f"set_presence: expected an activity of RFC 4480 such as away, got {got!r}")
    if command.status == "auto":
        return None
    return Presence(command.status, command.note, command.activity)
