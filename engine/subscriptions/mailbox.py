"""How many messages wait for a user, and how a phone is told (RFC 3842)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

MOST = 1_000_000  # messages of one kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """Voice messages. The urgent ones are among the others."""

    new: int = 0
    saved: int = 0
    urgent_new: int = 0
    urgent_saved: int = 0


class Mailboxes:
    """Those of all users, as programs have told. A Source."""

    def __init__(self, on_change: Callable[[str], None] = lambda user: None) -> None:
        """`on_change` is told whose has changed."""
        self._boxes: dict[str, Mailbox] = {}
        self._on_change = on_change

    def get(self, user: str) -> Mailbox | None:
        """None: nothing was ever told of it."""
        return self._boxes.get(user)

    def set(self, user: str, mailbox: Mailbox) -> bool:
        """That is how it is from now on; False: it was so already."""
        if self._boxes.get(user) == mailbox:
            return False
        self._boxes[user] = mailbox
        self._on_change(user)
        return True

    def restore(self, user: str, mailbox: Mailbox) -> None:
        """That is how it was before a restart."""
        self._boxes[user] = mailbox

    def refuse(self, user: str, of: str) -> int:
        return 0 if user == of else 403

    def document(self, of: str, entity: str, version: int) -> bytes:
        return summary(self._boxes.get(of, Mailbox()), entity)


def summary(mailbox: Mailbox, account: str) -> bytes:
    """A simple message summary (RFC 3842 5.2)."""
    urgent = f" ({mailbox.urgent_new}/{mailbox.urgent_saved})" if mailbox.urgent_new or mailbox.urgent_saved else ""
    lines = (
        f"Messages-Waiting: {'yes' if mailbox.new else 'no'}",
        f"Message-Account: {account}",
        f"Voice-Message: {mailbox.new}/{mailbox.saved}{urgent}",
    )
    return "".join(f"{line}\r\n" for line in lines).encode()
