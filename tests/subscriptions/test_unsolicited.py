"""NOTIFYs that nobody subscribed to."""

from __future__ import annotations

from collections.abc import Sequence

from engine.sip.events import Flow
from engine.sip.messages import Address, Uri
from engine.sip.registration import Contact
from engine.subscriptions.mailbox import Mailbox, Mailboxes
from engine.subscriptions.unsolicited import Unsolicited


def contact(host: str) -> Contact:
    uri = Uri(user="alice", host=host)
    return Contact(uri=uri, flow=Flow("udp", ("10.0.0.1", 5060), (host, 5060)), call_id="c", cseq=1, expires_at=60.0)


class Sip:
    """Remembers what is sent: to whom, and what."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes, dict[str, str]]] = []

    def request(
        self,
        method: str,
        uri: Uri,
        *,
        flow: Flow,
        from_: Address,
        to: Address,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> object:
        self.sent.append((method, uri.host, body, dict(headers)))
        return None


def unsolicited(*, subscribed: str = "") -> tuple[Sip, Mailboxes, Unsolicited]:
    sip, mailboxes = Sip(), Mailboxes()
    contacts = [contact("10.0.0.2"), contact("10.0.0.3")]
    told = [each.flow for each in contacts if each.uri.host == subscribed]
    return (
        sip,
        mailboxes,
        Unsolicited(sip=sip, mailboxes=mailboxes, contacts=lambda user: contacts, subscribed=lambda user: told),
    )


def test_all_contacts_are_told():
    sip, mailboxes, teller = unsolicited()
    mailboxes.set("alice", Mailbox(new=1))
    teller.tell("alice")
    assert [(method, host) for method, host, _, _ in sip.sent] == [("NOTIFY", "10.0.0.2"), ("NOTIFY", "10.0.0.3")]
    _, _, body, headers = sip.sent[0]
    assert body == b"Messages-Waiting: yes\r\nMessage-Account: sip:alice@10.0.0.1\r\nVoice-Message: 1/0\r\n"
    assert (headers["Event"], headers["Contact"]) == ("message-summary", "<sip:alice@10.0.0.1:5060>")


def test_a_phone_that_subscribed_is_not_told_twice():
    sip, mailboxes, teller = unsolicited(subscribed="10.0.0.2")
    mailboxes.set("alice", Mailbox(new=1))
    teller.tell("alice")
    assert [host for _, host, _, _ in sip.sent] == ["10.0.0.3"]


def test_a_phone_that_has_just_registered_is_told_alone():
    sip, mailboxes, teller = unsolicited()
    mailboxes.set("alice", Mailbox(saved=1))
    teller.tell("alice", "sip:alice@10.0.0.3")
    assert [host for _, host, _, _ in sip.sent] == ["10.0.0.3"]


def test_of_a_mailbox_that_nobody_knows_of_nothing_is_said():
    sip, _, teller = unsolicited()
    teller.tell("alice")
    assert sip.sent == []
