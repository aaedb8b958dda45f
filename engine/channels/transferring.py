"""transfer: the peer is asked to call somebody else itself (REFER), and tells how that went (RFC 3515, RFC 5589)."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from callflow.protocol import commands
from callflow.protocol.events import TransferFinished
from callflow.protocol.outcomes import TransferFailed, Transferred
from engine.media.session import MediaEvent
from engine.sip.events import RequestInCall, ResponseReceived
from engine.sip.messages import Uri
from engine.sip.refer import Replaces, read_fragment, refer_to, referred_by

from .argument import headers_of, within
from .errors import CommandError
from .origination import User, parse_address
from .state import State
from .verb import Why

if TYPE_CHECKING:
    from engine.sip.stack import CallRequest

    from .channel import Channel
    from .ports import Headers
    from .timer import Timer

_LONGEST = 600.0  # seconds
_TIMED_OUT, _UNKNOWN, _TERMINATED = 408, 480, 487


class Asking(enum.Enum):
    ASKED = enum.auto()  # the REFER is on its way
    FOLLOWED = enum.auto()  # 2xx: the peer tries
    OVER = enum.auto()


class News(enum.Enum):
    ACCEPTED = enum.auto()
    ACCEPTED_SILENTLY = enum.auto()  # with Refer-Sub: false, nothing more will be told (RFC 4488)
    REFUSED = enum.auto()
    PROGRESS = enum.auto()
    REACHED = enum.auto()
    FAILED = enum.auto()
    ENDED = enum.auto()  # the last NOTIFY, and it did not tell an outcome


# RFC 3515 2.4: a NOTIFY may overtake the 202.
_NEXT: Mapping[tuple[Asking, News], Asking] = MappingProxyType({
    (Asking.ASKED, News.ACCEPTED): Asking.FOLLOWED,
    (Asking.ASKED, News.ACCEPTED_SILENTLY): Asking.OVER,
    (Asking.ASKED, News.REFUSED): Asking.OVER,
    (Asking.ASKED, News.PROGRESS): Asking.ASKED,
    (Asking.ASKED, News.REACHED): Asking.OVER,
    (Asking.ASKED, News.FAILED): Asking.OVER,
    (Asking.ASKED, News.ENDED): Asking.OVER,
    (Asking.FOLLOWED, News.PROGRESS): Asking.FOLLOWED,
    (Asking.FOLLOWED, News.REACHED): Asking.OVER,
    (Asking.FOLLOWED, News.FAILED): Asking.OVER,
    (Asking.FOLLOWED, News.ENDED): Asking.OVER,
})


def transfer(channel: Channel, command_id: str, command: commands.Transfer) -> None:
    within("timeout", command.timeout, 0.1, _LONGEST)
    headers = headers_of(command.headers, channel.table.limits.headers)
    if bool(command.target) == (command.other is not None):
        raise CommandError("bad_argument", "transfer: expected either a target or another call")
    if channel.state is not State.ANSWERED:
        raise CommandError(
            "wrong_state", f"transfer: expected an answered call, came one that is {channel.state.value}"
        )
    target = _attended(channel, command.other) if command.other is not None else _blind(channel, command.target)
    Transferring(channel, command_id, str(command.target or command.other)).start(
        [target, referred_by(channel.signalling.invite.local), *headers], command.timeout
    )


def receive_notify(channel: Channel, event: RequestInCall) -> None:
    """What the peer tells: 481 if nobody has asked (RFC 6665 4.1.3)."""
    asking = [verb for verb in channel.running if isinstance(verb, Transferring)]
    number = _id_of(event.request.header("Event"))
    told = next((verb for verb in asking if number in (None, verb.cseq)), None)
    channel.table.sip.respond(event.transaction, 481 if told is None else 200)
    if told is not None:
        told.receive_notify(event)


def _blind(channel: Channel, text: str) -> tuple[str, str]:
    destination = parse_address(text, channel.table.locator)
    if isinstance(destination, User):  # as the peer can call it: here
        ours = channel.signalling.invite.flow.local
        destination = Uri(user=destination.name, host=ours[0], port=ours[1])
    return refer_to(destination)


def _attended(channel: Channel, other_id: str) -> tuple[str, str]:
    other = channel.table.channels.get(other_id)
    if other is None or not other.is_alive:
        raise CommandError("not_found", f"no channel {other_id[:64]!r} to transfer to", {"channel": other_id[:64]})
    if channel.owner is None or other.owner is None or channel.owner.session != other.owner.session:
        raise CommandError("not_owner", f"expected a channel of the same owner, {other_id!r} is another's")
    dialog = other.signalling.invite.dialog
    if other is channel or other.state is not State.ANSWERED or dialog is None:
        raise CommandError("wrong_state", "transfer: expected another call that is answered")
    return refer_to(dialog.target, Replaces.of(dialog))


def _id_of(event: str | None) -> int | None:
    """The REFER that a NOTIFY is about, by its CSeq; None if it does not say (RFC 3515 2.4.6)."""
    for part in (event or "").split(";")[1:]:
        name, _, value = part.strip().partition("=")
        if name.lower() == "id" and value.isascii() and value.isdigit() and len(value) <= 10:
            return int(value)
    return None


class Transferring:
    """A transfer that the peer was asked for; a Verb, and a Respondent."""

    def __init__(self, channel: Channel, command_id: str, target: str) -> None:
        self.command_id = command_id
        self._sent: CallRequest | None = None
        self._channel = channel
        self._target = target
        self._state = Asking.ASKED
        self._timer: Timer | None = None
        self._status = 0  # the last that was told of the peer's call

    @property
    def cseq(self) -> int | None:
        """The number of our REFER, which tells its NOTIFYs from those of another."""
        return self._sent.cseq if self._sent is not None else None

    def start(self, headers: Headers, timeout: float) -> None:
        channel = self._channel
        channel.run(self)
        with channel.table.events_held():
            invite = channel.signalling.invite
            self._sent = channel.table.sip.request_in_call(invite, "REFER", headers=headers, owner=self)
        if self._sent is None:  # the call is just ending
            self._finish(TransferFailed(481, "refused"))
            return
        self._timer = channel.table.timers.after(timeout, self._time_out)

    def receive_response(self, event: ResponseReceived) -> None:
        """The answer to our REFER."""
        if event.status >= 300:
            self._status = event.status
            self._learn(News.REFUSED)
        elif event.response is not None and (event.response.header("Refer-Sub") or "").strip().lower() == "false":
            self._learn(News.ACCEPTED_SILENTLY)
        else:
            self._learn(News.ACCEPTED)

    def receive_notify(self, event: RequestInCall) -> None:
        status = read_fragment(event.request.body)
        state = (event.request.header("Subscription-State") or "").partition(";")[0].strip().lower()
        self._status = status or self._status
        if status is not None and status >= 200:
            self._learn(News.REACHED if status < 300 else News.FAILED)
        else:
            self._learn(News.ENDED if state == "terminated" else News.PROGRESS)

    # Verb

    def press(self, digit: str) -> bool:
        return False

    def receive(self, event: MediaEvent) -> None:
        pass

    def stop(self, why: Why) -> None:
        reason: Literal["hangup", "stopped"] = "hangup" if why is Why.HANGUP else "stopped"
        self._finish(TransferFailed(_TERMINATED, reason))

    def give_up(self) -> None:
        self.stop(Why.CANCELLED)

    # Inside

    def _learn(self, news: News) -> None:
        following = _NEXT.get((self._state, news))
        if following is None:
            return
        self._state = following
        if following is not Asking.OVER:
            return
        if news in (News.REACHED, News.ACCEPTED_SILENTLY):
            self._finish(Transferred(self._target))
        else:
            status = self._status if self._status >= 300 else _UNKNOWN
            self._finish(TransferFailed(status, "refused" if news is News.REFUSED else "failed"))

    def _time_out(self) -> None:
        self._finish(TransferFailed(_TIMED_OUT, "timeout"))

    def _finish(self, outcome: Transferred | TransferFailed) -> None:
        self._state = Asking.OVER
        if self._timer is not None:
            self._timer.cancel()
        self._channel.finish(self, TransferFinished(command=self.command_id, outcome=outcome))
