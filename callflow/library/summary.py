"""How many messages there are, told to a phone's lamp (RFC 3842), and a message as an e-mail, ready to be sent."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import formatdate

from .mailbox import Mailbox, Message

EVENT, CONTENT_TYPE = "message-summary", "application/simple-message-summary"


def make_summary(box: Mailbox, *, account: str = "") -> str:
    """The body of a NOTIFY of the event `message-summary` (RFC 3842 §5.2)."""
    lines = [f"Messages-Waiting: {'yes' if box.new else 'no'}"]
    if account:
        lines.append(f"Message-Account: {account}")
    lines.append(f"Voice-Message: {len(box.new)}/{len(box.saved)}")
    return "\r\n".join(lines) + "\r\n"


def make_email(message: Message, *, to: str, sender: str, sound: bytes | None = None) -> EmailMessage:
    """A mail about a message, with its recording (see `Call.download`). Sending it is the script's."""
    mail = EmailMessage()
    mail["Subject"] = f"Voice message from {message.caller}, {message.seconds:.0f} s"
    mail["From"], mail["To"], mail["Date"] = sender, to, formatdate(message.at)
    mail.set_content(f"{message.caller} left a message of {message.seconds:.0f} seconds.\n")
    if sound is not None:
        mail.add_attachment(sound, maintype="audio", subtype="wav", filename=message.path.rsplit("/", 1)[-1])
    return mail
