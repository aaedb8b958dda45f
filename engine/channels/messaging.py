"""send_info, send_message, send_options, notify: what is for the peer beside what is heard; and the texts it sends."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from callflow.protocol import commands
from callflow.protocol.events import MessageReceived, MessageSent
from callflow.protocol.outcomes import Sent
from engine.media.session import MediaEvent
from engine.sip.events import RequestInCall, ResponseReceived

from .argument import headers_of
from .errors import CommandError
from .ports import Headers
from .state import State
from .verb import Why

if TYPE_CHECKING:
    from .channel import Channel

_LONGEST = 16384  # octets of a body
_LONGEST_NAME = 128  # characters of a content type, or of an event
_TOO_LARGE = 413
_METHODS: Mapping[type[commands.Message], str] = MappingProxyType({
    commands.SendInfo: "INFO",
    commands.SendMessage: "MESSAGE",
    commands.SendOptions: "OPTIONS",
    commands.Notify: "NOTIFY",
})


def send(channel: Channel, command_id: str, command: commands.Message) -> None:
    headers: Headers = headers_of(command.headers, channel.table.limits.headers)
    body = command.body.encode()
    if len(body) > _LONGEST:
        raise CommandError("bad_argument", f"expected a body of at most {_LONGEST} octets, got {len(body)}")
    if isinstance(command, commands.Notify):
        headers = [("Event", _word("event", command.event)), ("Subscription-State", "active"), *headers]
    if body:
        headers = [("Content-Type", _word("content_type", command.content_type)), *headers]
    if channel.state is not State.ANSWERED:
        came = channel.state.value
        raise CommandError("wrong_state", f"{command.name}: expected an answered call, came one that is {came}")
    Sending(channel, command_id).start(_METHODS[type(command)], headers, body)


def receive_message(channel: Channel, event: RequestInCall) -> None:
    """A text of the peer's (RFC 3428)."""
    body = event.request.body
    if len(body) > _LONGEST:
        channel.table.sip.respond(event.transaction, _TOO_LARGE)
        return
    channel.table.sip.respond(event.transaction, 200)
    content_type = event.request.body_type or "text/plain"
    channel.emit(MessageReceived(body=body.decode(errors="replace"), content_type=content_type[:_LONGEST_NAME]))


def _word(name: str, value: str) -> str:
    if not value or len(value) > _LONGEST_NAME or not value.isascii() or not value.isprintable():
        raise CommandError("bad_argument", f"expected {name} of 1 to {_LONGEST_NAME} characters, got {value[:64]!r}")
    return value


class Sending:
    """A request that is on its way; a Verb, and a Respondent."""

    __slots__ = ("_channel", "command_id")

    def __init__(self, channel: Channel, command_id: str) -> None:
        self.command_id = command_id
        self._channel = channel

    def start(self, method: str, headers: Headers, body: bytes) -> None:
        channel = self._channel
        channel.run(self)
        with channel.table.events_held():
            sent = channel.table.sip.request_in_call(
                channel.signalling.invite, method, headers=headers, body=body, owner=self
            )
        if sent is None:  # the call is just ending
            self._finish("stopped")

    def receive_response(self, event: ResponseReceived) -> None:
        self._finish("completed" if event.status < 300 else "refused", event.status)

    def press(self, digit: str) -> bool:
        return False

    def receive(self, event: MediaEvent) -> None:
        pass

    def stop(self, why: Why) -> None:
        self._finish("stopped")

    def give_up(self) -> None:
        self._finish("stopped")

    def _finish(self, reason: Literal["completed", "stopped", "refused"], status: int = 0) -> None:
        outcome = Sent(reason=reason, sip_status=status)
        self._channel.finish(self, MessageSent(command=self.command_id, outcome=outcome))
