"""What a phone's transfer button does: a REFER that came in, who decides on it, and what becomes of it.

Left to the engine, a blind transfer takes the other party to the number as if the phone's user called it: to the app
that takes it, or to the user of that name; an address that is not ours is for scripts to allow. An attended transfer
connects the parties of the phone's two calls. The phone is told by NOTIFY, the program by `channel.transferred`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from callflow.protocol import commands
from callflow.protocol.events import ChannelTransferred, TransferRequested
from callflow.protocol.outcomes import TransferFailed, Transferred, Unbridged
from engine.sip.messages import ParseError
from engine.sip.refer import Refer, read_refer

from .argument import within
from .bridge import BridgeOfTwo
from .ending import Ending
from .errors import CommandError
from .origination import User, parse_address
from .part import Part
from .ports import Admission
from .reason import NORMAL_CLEARING, reason_header
from .recording import CallRecording
from .state import State
from .transit import Transit
from .verb import Why

if TYPE_CHECKING:
    from engine.sip.events import RequestInCall
    from engine.sip.referral import Referral

    from .channel import Channel
    from .timer import Timer

_FORBIDDEN, _NOT_FOUND, _PENDING, _DECLINED = 403, 404, 491, 603
_LONGEST_WAIT = 25.0  # seconds: after 32 nobody waits for the answer to the REFER (RFC 3261 17.1.2.2)


def set_policy(channel: Channel, _id: str, command: commands.TransferPolicy) -> None:
    within("wait", command.wait, 0.1, _LONGEST_WAIT)
    channel.transfers.policy = command.requests
    channel.transfers.wait = command.wait


def accept(channel: Channel, _id: str, command: commands.AcceptTransfer) -> None:
    channel.transfers.expect(command.request).accept(command.target)


def refuse(channel: Channel, _id: str, command: commands.RefuseTransfer) -> None:
    if not 400 <= command.status <= 699:
        raise CommandError("bad_argument", f"expected a SIP status of 400 to 699, got {command.status}")
    channel.transfers.expect(command.request).refuse(command.status)


class Transfers(Part):
    """What one channel does about its phone's transfers. `user` is the user of ours who holds that phone."""

    __slots__ = ("policy", "request", "user", "wait")

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self.policy: Literal["engine", "app", "refuse"] = "engine"
        self.wait = 10.0
        self.user: str | None = None
        self.request: TransferRequest | None = None  # that is not over

    def receive(self, event: RequestInCall) -> None:
        """A REFER came."""
        channel = self._channel
        try:
            asked = read_refer(event.request)
        except ParseError as error:
            channel.table.sip.respond(event.transaction, error.status, reason=error.reason)
            return
        if channel.state is not State.ANSWERED:
            channel.table.sip.respond(event.transaction, _FORBIDDEN)
        elif self.request is not None:
            channel.table.sip.respond(event.transaction, _PENDING)
        else:
            self.request = TransferRequest(channel, event, asked)
            self.request.begin()

    def expect(self, request: str) -> TransferRequest:
        """The request of that id, which waits for its decision. Raises CommandError."""
        found = self.request
        if found is None or found.id != request or found.is_decided:
            raise CommandError("not_found", f"no transfer request {request[:64]!r} waits for a decision")
        return found

    def close(self) -> None:
        """The channel ends."""
        if self.request is not None:
            self.request.abandon()


class TransferRequest:
    """One REFER, until its outcome is told."""

    def __init__(self, channel: Channel, event: RequestInCall, asked: Refer) -> None:
        self.id = channel.table.new_id()
        self.channel = channel
        self.is_decided = False
        self._event = event
        self._asked = asked
        self._referral: Referral | None = None
        self._timer: Timer | None = None
        self._other = channel.table.find(asked.replaces) if asked.replaces is not None else None

    def begin(self) -> None:
        """Tell of it, and decide, or let the app."""
        policy = self.channel.transfers.policy
        told = TransferRequested(
            request=self.id,
            kind="blind" if self._asked.replaces is None else "attended",
            target=str(self._asked.target)[:512],
            other=self._other.id if self._other is not None else None,
            referred_by=self.referred_by,
            decides=policy,
        )
        self.channel.emit(told)
        if policy == "refuse":
            self.refuse(_DECLINED)
        elif policy == "app":
            self._timer = self.channel.table.timers.after(self.channel.transfers.wait, lambda: self.refuse(_DECLINED))
        else:
            self._decide()

    @property
    def referred_by(self) -> str:
        """Who asks, if the phone said so (RFC 3892)."""
        return self._asked.referred_by or ""

    # Decisions

    def accept(self, target: str) -> None:
        """The app says yes, or elsewhere. Raises CommandError."""
        party = self._party
        if party is None:
            raise CommandError("wrong_state", "accept_transfer: expected a bridged call, came one without a bridge")
        self._go(target or self._wished(), is_trusted=True)

    def refuse(self, status: int) -> None:
        """Say no."""
        self._settle_decision()
        self.channel.table.sip.respond(self._event.transaction, status)
        self._over()
        self._tell_vain(TransferFailed(status, "refused"))

    def abandon(self) -> None:
        """The phone hung up. What is on its way goes on; what was not decided is no more."""
        if not self.is_decided:
            self._settle_decision()
            self.channel.table.sip.respond(self._event.transaction, 487)
            self._over()
            self._tell_vain(TransferFailed(487, "hangup"))

    def _decide(self) -> None:
        """As the engine does by itself."""
        if self._party is None:
            self.refuse(_DECLINED)  # nobody is there to be transferred
            return
        try:
            self._go(self._wished(), is_trusted=False)
        except CommandError:
            self.refuse(_NOT_FOUND)

    def _go(self, target: str, *, is_trusted: bool) -> None:
        party, other = self._party, self._other
        assert party is not None
        consulted = other.bridge.partner(other) if other is not None and other.bridge is not None else None
        if target == self._wished() and consulted is not None and other is not None:
            if consulted is self.channel or other is self.channel:
                self.refuse(_FORBIDDEN)
            else:
                self._join(party, other, consulted)
            return
        destination = parse_address(target, self.channel.table.locator)
        if isinstance(destination, User):
            self._go_inside(party, destination.name, is_trusted=is_trusted)
        elif is_trusted:
            self._dial(party, target)
        elif self._is_ours(destination.host) and destination.user:
            self._go_inside(party, destination.user, is_trusted=False)
        else:
            self.refuse(_FORBIDDEN)

    def _go_inside(self, party: Channel, number: str, *, is_trusted: bool) -> None:
        """To the app that takes this number when the phone's user calls it, or to the user of that name."""
        table, user = self.channel.table, self.channel.transfers.user
        successors = table.successors
        admission = successors.transferred(number, user) if successors is not None else None
        if admission is not None:
            self._pass_on(party, admission, number)
        elif (is_trusted or user is not None) and table.locator.contacts(number):
            self._dial(party, number)
        else:
            self.refuse(_NOT_FOUND)

    def _wished(self) -> str:
        """What the phone asked for. A party to a call that is none of ours to join: the number that was called."""
        if self._other is not None and self._other.is_inbound:
            return self._other.facts.to
        return str(self._asked.target)

    # What is done

    def _join(self, party: Channel, other: Channel, consulted: Channel) -> None:
        """The phone leaves two calls, whose parties talk with each other from now on."""
        assert self.channel.bridge is not None
        assert other.bridge is not None
        self._accept()
        hangs_up = self.channel.bridge.is_hung_up_after or other.bridge.is_hung_up_after
        leavers = {self.channel: self.channel.bridge.detach(self.channel), other: other.bridge.detach(other)}
        handed = [command for both in leavers.values() for command in both]
        kept = [command for command in handed if command.channel in (party, consulted)]
        BridgeOfTwo(party, consulted, is_hung_up_after=hangs_up, commands=kept).begin()
        for command in handed:
            if command.channel in leavers:
                command.end(Unbridged("transferred", command.channel.id))
        told = ChannelTransferred(
            request=self.id, by=self.channel.id, to=consulted.id, outcome=Transferred(str(self._asked.target))
        )
        party.emit(told)
        self.succeed()
        see_off(other)

    def _pass_on(self, party: Channel, admission: Admission, number: str) -> None:
        """The other party is in a call to that number from now on."""
        assert self.channel.bridge is not None
        self._accept()
        handed = self.channel.bridge.detach(self.channel)
        party.succession.pass_to(admission, number)  # first: the outcomes that follow are nothing to the old script
        for command in handed:
            command.end(Unbridged("transferred", self.channel.id))
        for verb in party.running:
            if not isinstance(verb, CallRecording):
                party.stop(verb, Why.CANCELLED)
        party.emit(ChannelTransferred(request=self.id, by=self.channel.id, outcome=Transferred(number)))
        self.succeed()

    def _dial(self, party: Channel, target: str) -> None:
        bridge = self.channel.bridge
        assert bridge is not None
        transit = Transit(party, self, target, bridge)  # a bad target raises
        self._accept()
        self.tell(100)
        transit.start()

    # What the phone is told

    def tell(self, status: int) -> None:
        """How it goes."""
        if self._referral is not None:
            self.channel.table.sip.tell_referral(self._referral, status)

    def succeed(self) -> None:
        """It is done: the phone hears so, and leaves."""
        self.tell(200)
        self._over()
        see_off(self.channel)

    def fail(self, status: int) -> None:
        """It could not be done."""
        self.tell(status)
        self._over()

    # Inside

    @property
    def _party(self) -> Channel | None:
        """Whom the phone talks with."""
        bridge = self.channel.bridge
        return bridge.partner(self.channel) if bridge is not None else None

    def _is_ours(self, host: str) -> bool:
        """The host is what the phone itself knows us by."""
        return host == self.channel.signalling.invite.local.uri.host

    def _accept(self) -> None:
        self._settle_decision()
        event = self._event
        self._referral = self.channel.table.sip.accept_refer(event.invite, event.transaction, self._asked)

    def _settle_decision(self) -> None:
        self.is_decided = True
        if self._timer is not None:
            self._timer.cancel()

    def _over(self) -> None:
        if self.channel.transfers.request is self:
            self.channel.transfers.request = None

    def _tell_vain(self, outcome: TransferFailed) -> None:
        self.channel.emit(ChannelTransferred(request=self.id, by=self.channel.id, outcome=outcome))


def see_off(channel: Channel) -> None:
    """A phone that has transferred hangs up by itself (RFC 5589 6.1); one that does not is hung up."""
    if not channel.is_alive:
        return
    if channel.hangup_timer is not None:
        channel.hangup_timer.cancel()
    ending = Ending(NORMAL_CLEARING, "engine", headers=[reason_header(NORMAL_CLEARING)])
    after = channel.table.limits.transferor_leaves_after
    channel.hangup_timer = channel.table.timers.after(after, lambda: channel.end(ending))
