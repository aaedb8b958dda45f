"""NOTIFYs that nobody subscribed to: for phones that show messages only when they are told so (RFC 3842 says how)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from engine.sip.core import contact_value
from engine.sip.events import Flow
from engine.sip.messages import Address, Uri
from engine.sip.registration import Contact

from .mailbox import Mailboxes
from .package import MESSAGE_SUMMARY


class Sender(Protocol):
    """What is asked of SIP."""

    def request(
        self, method: str, uri: Uri, *, flow: Flow, from_: Address, to: Address,
        headers: Sequence[tuple[str, str]] = (), body: bytes = b"",
    ) -> object: ...  # fmt: skip


class Unsolicited:
    """Tells the registered contacts of a user how many messages wait. What they answer does not matter."""

    def __init__(
        self,
        *,
        sip: Sender,
        mailboxes: Mailboxes,
        contacts: Callable[[str], Iterable[Contact]],
        subscribed: Callable[[str], Iterable[Flow]],
    ) -> None:
        """`subscribed`: the flows to those who are told anyway."""
        self._sip, self._mailboxes = sip, mailboxes
        self._contacts, self._subscribed = contacts, subscribed

    def tell(self, user: str, contact: str | None = None) -> None:
        """To all contacts, or to one that has just registered. Nothing, while nothing is known of the mailbox."""
        if self._mailboxes.get(user) is None:
            return
        told = set(self._subscribed(user))
        for each in self._contacts(user):
            if each.flow not in told and contact in (None, str(each.uri)):
                self._send(user, each)

    def _send(self, user: str, contact: Contact) -> None:
        ours = Uri(user=user, host=contact.flow.local[0])
        headers = [
            *contact.routes,
            ("Contact", contact_value(user, contact.flow)),
            ("Event", MESSAGE_SUMMARY.name),
            ("Subscription-State", "terminated;reason=noresource"),  # there is none that it could be about
            ("Content-Type", MESSAGE_SUMMARY.content_type),
        ]
        self._sip.request(
            "NOTIFY",
            contact.uri,
            flow=contact.flow,
            from_=Address(ours),
            to=Address(ours),
            headers=headers,
            body=self._mailboxes.document(user, str(ours), 0),
        )
