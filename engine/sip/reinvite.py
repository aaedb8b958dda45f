"""re-INVITE inside a confirmed dialog, both ways (RFC 3261 §14): one at a time, glare settled by waiting."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from .core import Core, contact_value, with_content_type
from .dialog import Dialog, Headers
from .digest import Credentials
from .events import AckReceived, Flow, ReinviteAnswered, ReinviteFailed, ReinviteReceived
from .incoming import IncomingInvite
from .messages import Request, Response
from .outgoing import Outgoing, send_in_dialog
from .schedule import Alarm
from .timers import NEVER

if TYPE_CHECKING:
    from .invite import Invite


class State(enum.Enum):
    IDLE = enum.auto()
    SENT = enum.auto()  # ours is on its way
    WAITING = enum.auto()  # ours met the peer's (491), and will be sent again
    RECEIVED = enum.auto()  # the peer's wants an answer
    ANSWERED = enum.auto()  # 200 sent to the peer's, no ACK yet
    OVER = enum.auto()  # the call has ended


class Trigger(enum.Enum):
    SEND = enum.auto()
    SUCCESS = enum.auto()
    GLARE = enum.auto()  # 491
    FAILURE = enum.auto()
    RETRY = enum.auto()  # the wait after a glare is over
    RECEIVE = enum.auto()
    ANSWER = enum.auto()
    REJECT = enum.auto()
    CANCEL = enum.auto()
    ACK = enum.auto()
    TIMEOUT = enum.auto()  # no ACK
    END = enum.auto()  # BYE, either way


class Effect(enum.Enum):
    SEND_INVITE = enum.auto()
    ABANDON = enum.auto()
    START_WAIT = enum.auto()
    STOP_WAIT = enum.auto()
    SEND_TERMINATED = enum.auto()  # 487
    STOP_OK = enum.auto()
    RESUME = enum.auto()  # ours waits again, if it was waiting when theirs came


class Step(NamedTuple):
    state: State
    effects: tuple[Effect, ...] = ()


S, T, E = State, Trigger, Effect

# Absent pairs change nothing. RECEIVE in SENT, RECEIVED and ANSWERED is refused by `receive` (14.2).
TRANSITIONS: Mapping[tuple[State, Trigger], Step] = MappingProxyType({
    (S.IDLE, T.SEND): Step(S.SENT, (E.SEND_INVITE,)),
    (S.IDLE, T.RECEIVE): Step(S.RECEIVED),
    (S.IDLE, T.GLARE): Step(S.WAITING, (E.START_WAIT,)),  # from RESUME
    (S.IDLE, T.END): Step(S.OVER),
    (S.SENT, T.SUCCESS): Step(S.IDLE),
    (S.SENT, T.GLARE): Step(S.WAITING, (E.START_WAIT,)),
    (S.SENT, T.FAILURE): Step(S.IDLE),
    (S.SENT, T.END): Step(S.OVER, (E.ABANDON,)),
    (S.WAITING, T.RETRY): Step(S.SENT, (E.SEND_INVITE,)),
    (S.WAITING, T.RECEIVE): Step(S.RECEIVED, (E.STOP_WAIT,)),
    (S.WAITING, T.END): Step(S.OVER, (E.STOP_WAIT,)),
    (S.RECEIVED, T.ANSWER): Step(S.ANSWERED),
    (S.RECEIVED, T.REJECT): Step(S.IDLE, (E.RESUME,)),
    (S.RECEIVED, T.CANCEL): Step(S.IDLE, (E.SEND_TERMINATED, E.RESUME)),
    (S.RECEIVED, T.END): Step(S.OVER, (E.SEND_TERMINATED,)),  # 15.1.2
    (S.ANSWERED, T.ACK): Step(S.IDLE, (E.STOP_OK, E.RESUME)),
    (S.ANSWERED, T.TIMEOUT): Step(S.IDLE),
    (S.ANSWERED, T.END): Step(S.OVER, (E.STOP_OK,)),
})

# A re-INVITE that meets another one: ours, theirs, or one whose 200 wants the answer in its ACK (14.2).
_REFUSALS: Mapping[State, int] = MappingProxyType({S.SENT: 491, S.RECEIVED: 500, S.ANSWERED: 491, S.OVER: 481})


class Reinvite(Alarm):
    """The re-INVITEs of one call; an IncomingUser and an OutgoingUser."""

    __slots__ = (
        "_core",
        "_credentials",
        "_dialog",
        "_incoming",
        "_invite",
        "_offer",
        "_outgoing",
        "_state",
    )

    def __init__(self, core: Core, invite: Invite, dialog: Dialog, *, credentials: Credentials | None) -> None:
        super().__init__()
        self._core, self._invite, self._dialog, self._credentials = core, invite, dialog, credentials
        self._state = S.IDLE
        self._offer: bytes | None = None  # of ours, until it is settled
        self._outgoing: Outgoing | None = None
        self._incoming: IncomingInvite | None = None

    @property
    def offer_refusal(self) -> int:
        """What an UPDATE with an offer is answered that meets a re-INVITE (RFC 3311 5.2); 0 if it meets none."""
        if self._state in (S.SENT, S.WAITING):
            return 491
        return 500 if self._state in (S.RECEIVED, S.ANSWERED) else 0

    # Ours.

    def send(self, offer: bytes, *, now: float) -> bool:
        """False while another is pending, ours or theirs (14.1)."""
        if self._state is not S.IDLE:
            return False
        self._offer = offer
        return self._fire(T.SEND, now)

    def wants_retry(self, outgoing: Outgoing, *, now: float) -> bool:
        return self._state is S.SENT

    def receive_response(self, outgoing: Outgoing, response: Response, *, now: float) -> None:
        status = response.status
        if status < 200:
            return
        if status < 300:
            self._succeed(outgoing, response, now)
        elif status == 491 and self._state is S.SENT:
            self._fire(T.GLARE, now)
        else:
            self._fail(status, response, now)

    # Theirs.

    def receive(self, request: Request, flow: Flow, *, now: float) -> int | None:
        """A re-INVITE came, which the layer above will answer. Or the status to refuse it with at once (14.2)."""
        pending = self._incoming
        if self._state is S.ANSWERED and pending is not None and not pending.is_offerless:
            self._acknowledge(b"", now)  # as for the first INVITE: RFC 5407 3.1.4
        if not self._fire(T.RECEIVE, now):
            return _REFUSALS[self._state]
        self._incoming = IncomingInvite(self._core, self, request, flow, to_tag=None, now=now)
        self._core.events.append(ReinviteReceived(self._invite, request))
        return None

    def answer(self, *, headers: Headers, body: bytes, now: float) -> bool:
        incoming = self._incoming
        if incoming is None or not self._fire(T.ANSWER, now):
            return False
        self._dialog.refresh_target(incoming.request)
        timer = self._invite.timer.answer(incoming.request, now=now)
        fields = (*self._contact(), *headers, *timer, self._core.allow, self._core.supported)
        incoming.accept(headers=fields, body=body, now=now)
        return True

    def reject(self, status: int, *, phrase: str | None, headers: Headers, now: float) -> bool:
        incoming = self._incoming
        if incoming is None or self._state is not S.RECEIVED:
            return False
        incoming.respond(status, reason=phrase, headers=headers, now=now)
        return self._fire(T.REJECT, now)

    def receive_ack(self, request: Request, *, now: float) -> None:
        if self._incoming is not None and request.cseq == self._incoming.cseq:
            self._acknowledge(request.body, now)

    def cancel(self, incoming: IncomingInvite, reason: str | None, *, now: float) -> None:
        self._fire(T.CANCEL, now)

    def end(self, *, now: float) -> None:
        """The call is over: let nothing of it be pending."""
        self._fire(T.END, now)

    def fail(self, source: IncomingInvite | Outgoing, status: int, *, now: float) -> None:
        if isinstance(source, Outgoing):
            self._fail(status, None, now)
        elif status == 408 and self._fire(T.TIMEOUT, now):  # 503: the call hears of its connection by itself
            self._invite.miss_ack(now=now)

    def _succeed(self, outgoing: Outgoing, response: Response, now: float) -> None:
        if not self._fire(T.SUCCESS, now):
            outgoing.acknowledge(self._dialog)  # the call ended meanwhile; its 2xx wants an ACK all the same
            return
        self._offer = None
        self._dialog.refresh_target(response)
        outgoing.acknowledge(self._dialog)
        self._invite.timer.learn(response, now=now)
        self._core.events.append(ReinviteAnswered(self._invite, response))

    def _fail(self, status: int, response: Response | None, now: float) -> None:
        if not self._fire(T.FAILURE, now):
            return
        self._offer = None
        self._core.events.append(ReinviteFailed(self._invite, status, response))
        if response is None or status in (408, 481):
            self._invite.lose_dialog(status, now=now)

    def _acknowledge(self, body: bytes, now: float) -> None:
        if self._fire(T.ACK, now):
            self._core.events.append(AckReceived(self._invite, body))

    def _contact(self) -> Headers:
        return (("Contact", contact_value(self._invite.local.uri.user, self._dialog.flow)),)

    def ring(self, now: float) -> None:
        self._fire(T.RETRY, now)

    def _fire(self, trigger: Trigger, now: float) -> bool:
        step = TRANSITIONS.get((self._state, trigger))
        if step is None:
            return False
        self._state = step.state
        for effect in step.effects:
            self._carry_out(effect, now)
        if self._state is S.OVER:
            self._outgoing = self._incoming = None  # which know us
        return True

    def _carry_out(self, effect: Effect, now: float) -> None:
        schedule = self._core.transactions.schedule
        if effect is E.SEND_INVITE:
            self._send_invite(now)
        elif effect is E.START_WAIT:
            schedule.set(self, now + self._wait_after_glare())
        elif effect is E.STOP_WAIT:
            schedule.set(self, NEVER)
        elif effect is E.ABANDON and self._outgoing is not None:
            self._outgoing.abandon(now=now)
        elif effect is E.SEND_TERMINATED and self._incoming is not None:
            self._incoming.respond(487, now=now)
        elif effect is E.STOP_OK and self._incoming is not None:
            self._incoming.acknowledge(now=now)
            self._incoming = None
        elif effect is E.RESUME and self._offer is not None:
            self._fire(T.GLARE, now)

    def _send_invite(self, now: float) -> None:
        offer = self._offer or b""
        timer = self._invite.timer.offer()
        headers = (*self._contact(), *timer, self._core.allow, self._core.supported, self._core.user_agent)
        self._outgoing = send_in_dialog(
            self._core,
            self,
            "INVITE",
            self._dialog,
            headers=with_content_type(headers, offer),
            body=offer,
            credentials=self._credentials,
            now=now,
        )

    def _wait_after_glare(self) -> float:
        """Seconds in steps of 10 ms: 2.1 to 4 for the owner of the Call-ID, 0 to 2 for the other (14.1)."""
        number = int(self._core.new_token()[:8], 16)
        return (210 + number % 191) / 100 if not self._invite.is_uas else (number % 201) / 100
