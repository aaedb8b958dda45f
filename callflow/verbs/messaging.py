"""Sending the peer something beside what it hears."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from callflow.protocol.commands import Message, Notify, SendInfo, SendMessage, SendOptions
from callflow.protocol.outcomes import Sent

if TYPE_CHECKING:
    from callflow.call import Call


async def send_message(
    call: Call,
    text: str,
    *,
    content_type: str = "text/plain",
    headers: Mapping[str, str] | None = None,
    deadline: float | None = None,
) -> Sent:
    """Send a text to the peer's screen (SIP MESSAGE); `sip_status` is what the peer answered."""
    command = SendMessage(body=text, content_type=content_type, headers=dict(headers or {}))
    return await _send(call, command, deadline)


async def send_info(
    call: Call,
    body: str,
    *,
    content_type: str = "text/plain",
    headers: Mapping[str, str] | None = None,
    deadline: float | None = None,
) -> Sent:
    """Send an INFO, whose meaning is between the script and the peer."""
    command = SendInfo(body=body, content_type=content_type, headers=dict(headers or {}))
    return await _send(call, command, deadline)


async def send_options(call: Call, *, headers: Mapping[str, str] | None = None, deadline: float | None = None) -> Sent:
    """Ask the peer whether it is still there (SIP OPTIONS): whatever it answers, `sip_status`, it is."""
    return await _send(call, SendOptions(headers=dict(headers or {})), deadline)


async def notify(
    call: Call,
    event: str,
    body: str = "",
    *,
    content_type: str = "text/plain",
    headers: Mapping[str, str] | None = None,
    deadline: float | None = None,
) -> Sent:
    """Send a NOTIFY that nobody subscribed to: phones take some as orders, such as `talk` and `hold`."""
    command = Notify(event=event, body=body, content_type=content_type, headers=dict(headers or {}))
    return await _send(call, command, deadline)


async def _send(call: Call, command: Message, deadline: float | None) -> Sent:
    return cast("Sent", await call._leg.perform(command, deadline=deadline))
