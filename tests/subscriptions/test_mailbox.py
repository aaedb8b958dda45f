"""How many messages wait, as a phone is told (RFC 3842 5.2)."""

from __future__ import annotations

from engine.subscriptions.mailbox import Mailbox, Mailboxes, summary


def test_a_summary_says_whether_and_how_many():
    assert summary(Mailbox(new=2, saved=1), "sip:a@b") == (
        b"Messages-Waiting: yes\r\nMessage-Account: sip:a@b\r\nVoice-Message: 2/1\r\n"
    )


def test_urgent_messages_are_told_if_there_are_any():
    assert summary(Mailbox(new=2, urgent_new=1), "sip:a@b").endswith(b"Voice-Message: 2/0 (1/0)\r\n")
    assert summary(Mailbox(saved=2, urgent_saved=1), "sip:a@b").startswith(b"Messages-Waiting: no\r\n")


def test_only_a_change_is_told():
    changed: list[str] = []
    mailboxes = Mailboxes(changed.append)
    assert mailboxes.set("alice", Mailbox(new=1))
    assert not mailboxes.set("alice", Mailbox(new=1))
    assert changed == ["alice"]
    assert mailboxes.get("bob") is None


def test_a_mailbox_is_its_user_s_to_see():
    assert Mailboxes().refuse("alice", "alice") == 0
    assert Mailboxes().refuse("alice", "bob") == 403
