"""The command `set_mailbox`: what phones show of a user, told by programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from callflow.protocol import commands
from callflow.protocol.events import MailboxChanged
from engine.channels.errors import CommandError
from engine.subscriptions.mailbox import MOST, Mailbox, Mailboxes

from .dispatch import Verb
from .log import EventLog
from .session import Session


def telling_verbs(
    mailboxes: Mailboxes, log: EventLog, is_user: Callable[[str], bool]
) -> Mapping[type[commands.Command], Verb]:
    """What does the command."""

    def set_mailbox(session: Session, command: commands.Command) -> None:
        assert isinstance(command, commands.SetMailbox)
        session.token.expect("calls:own")
        counts = command.new, command.saved, command.urgent_new, command.urgent_saved
        if not all(0 <= count <= MOST for count in counts):
            raise CommandError("bad_argument", f"set_mailbox: expected counts of 0 to {MOST}, got {counts}")
        if not is_user(command.user):
            raise CommandError("not_found", f"set_mailbox: there is no user {command.user[:64]!r}")
        new, saved, urgent_new, urgent_saved = counts
        mailbox = Mailbox(new=new, saved=saved, urgent_new=urgent_new, urgent_saved=urgent_saved)
        if mailboxes.set(command.user, mailbox):
            log.emit(MailboxChanged(user=command.user, new=new, saved=saved))

    return {commands.SetMailbox: set_mailbox}
