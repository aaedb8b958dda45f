"""One call as the layer above holds it: an INVITE and the dialog it makes (RFC 3261 §13, §15).

The tables are in invite_usage.py; here is what their effects do. Driven by SipStack alone; the layer
above reads the public attributes and hangs what it likes on `owner`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from .core import Core, contact_value, with_content_type
from .dialog import Dialog, DialogKey, Headers
from .digest import Credentials
from .early import EarlyDialog, EarlyDialogs
from .events import (
    AckReceived,
    Flow,
    InviteAnswered,
    InviteCancelled,
    InviteEnded,
    InviteFailed,
    InviteProgressed,
    InviteReceived,
    RefreshDue,
)
from .exchange import CallRequest
from .incoming import IncomingInvite
from .invite_usage import TRANSITIONS, InviteEffect, InviteState, InviteTrigger
from .messages import Address, Message, Request, Response, Uri, reason_phrase
from .outgoing import Outgoing, Unheard, send_in_dialog
from .referral import Referral
from .reinvite import Reinvite
from .reliable import ReliableResponses
from .session_timer import SessionTimer
from .timers import NEVER
from .transaction_layer import merge_key

S, T, E = InviteState, InviteTrigger, InviteEffect

# An INVITE inside the dialog while the first one is not settled: theirs, or ours (14.2).
_REINVITE_REFUSALS: Mapping[InviteState, int] = MappingProxyType({
    S.RECEIVED: 500,
    S.ANSWERED: 491,
    S.HANGING_UP: 491,
    S.PROCEEDING: 491,
    S.CANCELLING: 491,
})
_TARGET_REFRESHERS = frozenset({"REFER", "UPDATE"})  # and NOTIFY: they have a Contact (12.2.1.1, RFC 3515 2.2)
MAX_FORKS = 16  # 2xx of one INVITE that are acknowledged and ended; a peer that sends more is not helped


def _rseq(response: Response) -> int | None:
    """The number of a reliable provisional, None of any other (RFC 3262 7.1)."""
    number = response.header("RSeq") or ""
    is_reliable = any(option.lower() == "100rel" for option in response.values("Require"))
    return int(number) if is_reliable and number.isascii() and number.isdigit() and len(number) <= 10 else None


def _allows_update(message: Request | Response) -> bool:
    return "UPDATE" in message.values("Allow")


class Occasion(NamedTuple):
    """What the effects of a step need to know."""

    response: Response | None = None
    status: int = 0
    phrase: str | None = None
    headers: Headers = ()
    body: bytes = b""
    reason: str | None = None  # the Reason header of the peer


class Invite:
    """One call, incoming (`is_uas`) or outgoing."""

    __slots__ = (
        "_core",
        "_credentials",
        "_dialog",
        "_early",
        "_farewell",
        "_held_answer",
        "_incoming",
        "_outgoing",
        "_peer_updates",
        "_reinvite",
        "_state",
        "_uri",
        "_waiting",
        "call_id",
        "flow",
        "id",
        "is_uas",
        "local",
        "message",
        "owner",
        "reliable",
        "remote",
        "request",
        "timer",
    )

    def __init__(
        self, core: Core, *, request: Request | None, flow: Flow, call_id: str, local: Address, remote: Address
    ) -> None:
        self._core = core
        self._credentials: Credentials | None = None
        self._dialog: Dialog | None = None
        self._early = EarlyDialogs()
        self._farewell: Headers = ()  # what goes into our CANCEL or BYE, which may have to wait
        self._held_answer: Occasion | None = None  # it waits for a PRACK
        self._incoming: IncomingInvite | None = None
        self._outgoing: Outgoing | None = None
        self._reinvite: Reinvite | None = None
        self._uri: Uri | None = None
        self._waiting: list[CallRequest] = []  # to be sent when our 200 is acknowledged
        self._peer_updates = False  # it takes UPDATE
        self.timer = SessionTimer(
            core.transactions.schedule, interval=core.session_expires, refresh=self._refresh, expire=self._expire
        )
        self.reliable: ReliableResponses | None = None  # provisionals of ours, while the call is not answered
        self.id = core.next_id()
        self.is_uas = request is not None
        self._state = S.RECEIVED if self.is_uas else S.CALLING
        self.request = request
        self.message: Message | None = request  # the peer's INVITE, or its last word to ours
        self.flow = flow
        self.call_id = call_id
        self.local = local
        self.remote = remote
        self.owner: object = None

    @property
    def state(self) -> InviteState:
        return self._state

    @property
    def dialog(self) -> Dialog | None:
        """The dialog, from the INVITE (UAS) or its 2xx (UAC) on."""
        return self._dialog

    @classmethod
    def receive(cls, core: Core, request: Request, flow: Flow, *, now: float) -> None:
        """A call comes in."""
        dialog = Dialog.from_request(request, flow, core.new_token())
        invite = cls(core, request=request, flow=flow, call_id=dialog.call_id, local=request.to, remote=request.from_)
        invite._dialog = dialog
        invite._incoming = IncomingInvite(
            core, invite, request, flow, to_tag=dialog.local_tag, merge=merge_key(request), now=now
        )
        invite.reliable = ReliableResponses(core, invite._incoming, fail=invite._miss_prack)
        core.remember(invite, dialog.key, dialog.flow)
        core.events.append(InviteReceived(invite, request, flow))

    @classmethod
    def send(
        cls,
        core: Core,
        uri: Uri,
        *,
        flow: Flow,
        from_: Address,
        to: Address,
        body: bytes,
        headers: Headers,
        routes: Headers,
        credentials: Credentials | None,
        call_id: str,
        max_forwards: int,
        now: float,
    ) -> Invite:
        """Call somebody."""
        local = from_.with_tag(core.new_token())
        invite = cls(core, request=None, flow=flow, call_id=call_id, local=local, remote=to)
        invite._credentials = credentials
        invite._uri = uri
        core.invites[invite.id] = invite
        fields = (*invite.contact, *headers, *invite.timer.offer(), core.allow, core.supported, core.user_agent)
        invite._outgoing = Outgoing(
            core,
            invite,
            "INVITE",
            str(uri),
            flow=flow,
            from_=str(local),
            to=str(to),
            call_id=call_id,
            cseq=1,
            routes=routes,
            headers=with_content_type(fields, body),
            body=body,
            credentials=credentials,
            max_forwards=max_forwards,
            now=now,
        )
        return invite

    # The verbs: False when it is too late for that, or too early.

    def ring(self, status: int, *, headers: Headers, body: bytes, now: float) -> bool:
        return self._fire(T.RING, Occasion(status=status, headers=headers, body=body), now=now)

    def answer(self, *, headers: Headers, body: bytes, now: float) -> bool:
        if self._state is S.RECEIVED:
            occasion = Occasion(headers=headers, body=body)
            if self.reliable is not None and self.reliable.holds_answer:
                self._held_answer = occasion
                return True
            return self._fire(T.ANSWER, occasion, now=now)
        return self._reinvite is not None and self._reinvite.answer(headers=headers, body=body, now=now)

    def reject(self, status: int, *, phrase: str | None, headers: Headers, now: float) -> bool:
        if self._state is S.RECEIVED:
            return self._fire(T.REJECT, Occasion(status=status, phrase=phrase, headers=headers), now=now)
        return self._reinvite is not None and self._reinvite.reject(status, phrase=phrase, headers=headers, now=now)

    def hang_up(self, status: int, *, headers: Headers, now: float) -> bool:
        if (self._state, T.HANG_UP) in TRANSITIONS:
            self._farewell = headers
        return self._fire(T.HANG_UP, Occasion(status=status, headers=headers), now=now)

    def reinvite(self, *, body: bytes, now: float) -> bool:
        return self._state is S.CONFIRMED and self._open_reinvite().send(body, now=now)

    def send_request(
        self, method: str, *, headers: Headers, body: bytes, owner: object, now: float
    ) -> CallRequest | None:
        """Send a request inside the answered call, once that is confirmed; None without one."""
        if self._state not in (S.ANSWERED, S.CONFIRMED):
            return None
        request = CallRequest(self._core, method, invite=self, headers=headers, body=body, owner=owner)
        self._waiting.append(request)
        self._send_waiting(now)
        return request

    def refer(self, *, cseq: int) -> Referral | None:
        """What a REFER inside this call has made: the peer hears of it while the call lasts, and afterwards."""
        if self._dialog is None:
            return None
        return Referral(self._core, self._dialog, cseq, self.contact, credentials=self._credentials)

    # What comes inside the dialog.

    def accept_request(self, request: Request, flow: Flow) -> bool:
        """Note a request other than ACK; False if it is out of order (12.2.2)."""
        if self._dialog is None:
            early = self._early.get(request.from_.tag)
            return early is not None and early.dialog.accept_request(request, flow)
        before = self._dialog.flow
        if not self._dialog.accept_request(request, flow):
            return False
        if self._dialog.flow != before:
            self._core.leave_connection(self, before)
            self._core.remember(self, self._dialog.key, self._dialog.flow)
            self.flow = self._dialog.flow
        return True

    def receive_ack(self, request: Request, *, now: float) -> None:
        if self._incoming is not None and request.cseq == self._incoming.cseq:
            self._fire(T.ACK, Occasion(body=request.body), now=now)
        elif self._reinvite is not None:
            self._reinvite.receive_ack(request, now=now)

    def receive_bye(self, reason: str | None, *, now: float) -> None:
        self._fire(T.BYE, Occasion(reason=reason), now=now)

    def receive_reinvite(self, request: Request, flow: Flow, *, now: float) -> int | None:
        """An INVITE inside the dialog, which the layer above will answer. Or the status to refuse it with at once.

        One in place of the ACK to our 200 implies that ACK, unless it is to hold the answer (RFC 5407 3.1.4).
        """
        if self._state is S.ANSWERED and self._incoming is not None and not self._incoming.is_offerless:
            self._fire(T.ACK, Occasion(), now=now)
        if self._state is not S.CONFIRMED:
            return _REINVITE_REFUSALS.get(self._state, 481)
        return self._open_reinvite().receive(request, flow, now=now)

    def receive_prack(self, request: Request, *, now: float) -> bool:
        """A PRACK: False if nothing waits for it. See `go_on`."""
        return self.reliable is not None and self.reliable.acknowledge(request, now=now)

    def go_on(self, *, now: float) -> None:
        """A PRACK has been answered: a 200 that waited for it can go out."""
        held = self._held_answer
        if held is not None and self.reliable is not None and not self.reliable.holds_answer:
            self._held_answer = None
            self._fire(T.ANSWER, held, now=now)

    def _miss_prack(self, now: float) -> None:
        self._fire(T.TIMEOUT, Occasion(status=504), now=now)

    def refuse_update(self, request: Request) -> int:
        """0, or the status that an UPDATE with an offer gets now (RFC 3311 5.2): another offer is not settled."""
        if not request.body:
            return 0
        if self._state is S.CONFIRMED:
            return self._reinvite.offer_refusal if self._reinvite is not None else 0
        if self.is_uas:
            has_settled = self.reliable is not None and self.reliable.has_settled and not self.reliable.holds_answer
            return 0 if has_settled and self._state is S.RECEIVED else 500
        early = self._early.get(request.from_.tag)
        return 0 if early is not None and early.has_settled else 491

    def accept_update(self, request: Request, *, now: float) -> Headers:
        """What a 2xx to an UPDATE says: it refreshes the target, and the session (RFC 3311 5.2, RFC 4028 9)."""
        if self._dialog is not None:
            self._dialog.refresh_target(request)
        is_up = self._state in (S.ANSWERED, S.CONFIRMED)
        timer = self.timer.answer(request, now=now) if is_up else ()
        return (*self.contact, *timer, self._core.allow, self._core.supported)

    def learn_update(self, response: Response, *, now: float) -> None:
        """Our UPDATE got its 2xx."""
        if self._state is S.CONFIRMED and self._dialog is not None:
            self._dialog.refresh_target(response)
            self.timer.learn(response, now=now)

    def _refresh(self, now: float) -> None:
        if self._peer_updates:
            headers = (*self.timer.offer(), self._core.allow, self._core.supported)
            self.send_request("UPDATE", headers=headers, body=b"", owner=None, now=now)
        else:
            self._core.events.append(RefreshDue(self))

    def _expire(self, now: float) -> None:
        self._fire(T.TIMEOUT, Occasion(), now=now)

    def lose_connection(self, *, now: float) -> None:
        self._fire(T.TRANSPORT_ERROR, Occasion(), now=now)

    # What becomes of the INVITE that came, of ours, and of our BYE.

    def cancel(self, incoming: IncomingInvite, reason: str | None, *, now: float) -> None:
        self._fire(T.CANCEL, Occasion(reason=reason), now=now)

    def wants_retry(self, outgoing: Outgoing, *, now: float) -> bool:
        if outgoing.method != "INVITE":
            return True
        self._core.drop_dialogs(self._early.clear())
        return self._fire(T.CHALLENGE, Occasion(), now=now)

    def receive_response(self, outgoing: Outgoing, response: Response, *, now: float) -> None:
        status = response.status
        if outgoing.method != "INVITE":
            if status >= 200:
                self._fire(T.BYE_DONE, Occasion(), now=now)
        elif status < 200:
            early = self._note_early(outgoing, response)
            if early is not None and not self._acknowledge_provisional(outgoing, early, response, now):
                return
            self._fire(T.PROVISIONAL, Occasion(response, status), now=now)
        elif status >= 300:
            self._fire(T.FAILURE, Occasion(response, status, response.reason), now=now)
        elif self._dialog is None and (self._state, T.SUCCESS) in TRANSITIONS:
            self._fire(T.SUCCESS, Occasion(response, status), now=now)
        else:
            self._end_fork(outgoing, response, now)

    def fail(self, source: IncomingInvite | Outgoing, status: int, *, now: float) -> None:
        if isinstance(source, IncomingInvite):
            self._fire(T.TIMEOUT if status == 408 else T.TRANSPORT_ERROR, Occasion(), now=now)
        elif source.method == "INVITE":
            self._fire(T.FAILURE, Occasion(None, status, reason_phrase(status)), now=now)
        else:
            self._fire(T.BYE_DONE, Occasion(), now=now)

    def lose_dialog(self, status: int, *, now: float) -> None:
        """A request of ours inside the dialog got 481, or nothing (408, 503): it ends here too (12.2.1.2)."""
        self._fire(T.GONE if status == 481 else T.TIMEOUT, Occasion(), now=now)

    def miss_ack(self, *, now: float) -> None:
        """Nobody acknowledged our 2xx to a re-INVITE (14.2)."""
        self._fire(T.TIMEOUT, Occasion(), now=now)

    def _fire(self, trigger: InviteTrigger, occasion: Occasion, *, now: float) -> bool:
        step = TRANSITIONS.get((self._state, trigger))
        if step is None:
            return False
        self._enter(step.state)
        for effect in step.effects:
            _EFFECTS[effect](self, occasion, now)
        self._send_waiting(now)
        if self._state is S.ENDED:
            self._let_go()
        return True

    def _let_go(self) -> None:
        """Hold nothing that holds us: it would stay until somebody looks for such circles."""
        self._incoming = self._outgoing = self._reinvite = self.reliable = None

    def _send_waiting(self, now: float) -> None:
        """What was to be sent inside the call is sent now, or never: a peer without our 200 knows of no dialog."""
        if not self._waiting or self._state is S.ANSWERED:
            return
        waiting, self._waiting = self._waiting, []
        for request in waiting:
            if self._state is S.CONFIRMED and self._dialog is not None:
                contact = self.contact if request.method in _TARGET_REFRESHERS else ()
                request.send(self._dialog, contact, credentials=self._credentials, now=now)
            else:
                request.drop()

    def _enter(self, state: InviteState) -> None:
        self._state = state
        if state is not S.RECEIVED and self.reliable is not None:
            self.reliable.end(now=NEVER)
        if state in (S.CONFIRMED, S.ENDING, S.ENDED):
            self._core.drop_dialogs(early.dialog.key for early in self._early if early.dialog.key != self._key)
        if state in (S.HANGING_UP, S.ENDING, S.ENDED):
            self.timer.stop()
        if state is S.ENDED:
            dialog = self._dialog
            self._core.forget(self, dialog.key if dialog else None, dialog.flow if dialog else self.flow)

    @property
    def _key(self) -> DialogKey | None:
        return self._dialog.key if self._dialog is not None else None

    @property
    def contact(self) -> Headers:
        """Where the peer reaches us in this call."""
        flow = self._dialog.flow if self._dialog is not None else self.flow
        return (("Contact", contact_value(self.local.uri.user, flow)),)

    def _open_reinvite(self) -> Reinvite:
        if self._reinvite is None:
            assert self._dialog is not None
            self._reinvite = Reinvite(self._core, self, self._dialog, credentials=self._credentials)
        return self._reinvite

    def _end_fork(self, outgoing: Outgoing, response: Response, now: float) -> None:
        """A 2xx of another branch of a forking proxy: a call that nobody wants (13.2.2.4)."""
        if len(outgoing.acks) < MAX_FORKS:
            dialog = self._form_dialog(outgoing, response)
            outgoing.acknowledge(dialog)
            send_in_dialog(self._core, Unheard(), "BYE", dialog, credentials=self._credentials, now=now)

    def _note_early(self, outgoing: Outgoing, response: Response) -> EarlyDialog | None:
        """The early dialog that a provisional belongs to, which it may have made (12.1)."""
        tag = response.to.tag
        if not tag or response.status == 100 or self._dialog is not None:
            return None
        early = self._early.get(tag)
        if early is None:
            early = self._early.add(self._form_dialog(outgoing, response))
            if early is None:
                return None
            self._core.dialogs[early.dialog.key] = self
        early.answer = response.body or early.answer
        return early

    def _acknowledge_provisional(self, outgoing: Outgoing, early: EarlyDialog, response: Response, now: float) -> bool:
        """Send the PRACK of a reliable one (RFC 3262 4). False: it is not to be heard of, now or again."""
        number = _rseq(response)
        if number is None:
            return True
        if not early.note_reliable(number, has_answer=bool(response.body)):
            return False
        headers = (("RAck", f"{number} {response.cseq} INVITE"), self._core.user_agent)
        credentials = self._credentials
        send_in_dialog(self._core, Unheard(), "PRACK", early.dialog, headers=headers, credentials=credentials, now=now)
        return True

    def _form_dialog(self, outgoing: Outgoing, response: Response) -> Dialog:
        assert self._uri is not None
        dialog = Dialog.from_response(response, outgoing.flow, uri=self._uri, local_cseq=outgoing.cseq)
        return self._early.confirm(dialog)

    # The effects.

    def _send_provisional(self, occasion: Occasion, now: float) -> None:
        assert self._incoming is not None
        headers = (*self.contact, *occasion.headers, self._core.allow)
        if self.reliable is not None and self.reliable.takes(occasion.body):
            self.reliable.send(occasion.status, headers=headers, body=occasion.body, now=now)
            return
        self._incoming.respond(occasion.status, headers=headers, body=occasion.body, now=now)

    def _send_ok(self, occasion: Occasion, now: float) -> None:
        assert self._incoming is not None
        assert self.request is not None
        self._peer_updates = _allows_update(self.request)
        timer = self.timer.answer(self.request, now=now)
        headers = (*self.contact, *occasion.headers, *timer, self._core.allow, self._core.supported)
        has_settled = (
            self.reliable is not None and self.reliable.has_settled
        )  # offer and answer: nothing is left to say
        self._incoming.accept(headers=headers, body=b"" if has_settled else occasion.body, now=now)

    def _send_final(self, occasion: Occasion, now: float) -> None:
        assert self._incoming is not None
        self._incoming.respond(occasion.status, reason=occasion.phrase, headers=occasion.headers, now=now)

    def _send_terminated(self, occasion: Occasion, now: float) -> None:
        assert self._incoming is not None
        self._incoming.respond(487, now=now)

    def _stop_ok(self, occasion: Occasion, now: float) -> None:
        if self._incoming is not None:
            self._incoming.acknowledge(now=now)
            self._incoming = None  # the request and its transaction are not kept through the call

    def _send_ack(self, occasion: Occasion, now: float) -> None:
        assert self._outgoing is not None
        assert occasion.response is not None
        self._dialog = self._form_dialog(self._outgoing, occasion.response)
        self.flow = self._dialog.flow
        self._core.remember(self, self._dialog.key, self._dialog.flow)
        self._outgoing.acknowledge(self._dialog)
        self._peer_updates = _allows_update(occasion.response)
        if self._state is S.CONFIRMED:
            self.timer.learn(occasion.response, now=now)

    def _send_cancel(self, occasion: Occasion, now: float) -> None:
        assert self._outgoing is not None
        self._outgoing.cancel(self._farewell, now=now)

    def _send_bye(self, occasion: Occasion, now: float) -> None:
        assert self._dialog is not None
        headers = (*self._farewell, self._core.user_agent)
        send_in_dialog(self._core, self, "BYE", self._dialog, headers=headers, credentials=self._credentials, now=now)

    def _end_reinvite(self, occasion: Occasion, now: float) -> None:
        if self._reinvite is not None:
            self._reinvite.end(now=now)

    def _report_cancelled(self, occasion: Occasion, now: float) -> None:
        self._core.events.append(InviteCancelled(self, occasion.reason))

    def _report_ack(self, occasion: Occasion, now: float) -> None:
        self._core.events.append(AckReceived(self, occasion.body))

    def _report_progress(self, occasion: Occasion, now: float) -> None:
        assert occasion.response is not None
        self.message = occasion.response
        if occasion.status > 100:
            self._core.events.append(InviteProgressed(self, occasion.response))

    def _report_answered(self, occasion: Occasion, now: float) -> None:
        assert occasion.response is not None
        self.message = occasion.response
        self._core.events.append(InviteAnswered(self, occasion.response, self._early.answer_of(occasion.response)))

    def _report_failed(self, occasion: Occasion, now: float) -> None:
        phrase = occasion.phrase or reason_phrase(occasion.status)
        self._core.events.append(InviteFailed(self, occasion.status, phrase, occasion.response))

    def _report_given_up(self, occasion: Occasion, now: float) -> None:
        self._core.events.append(InviteFailed(self, 487, reason_phrase(487), occasion.response))

    def _report_bye(self, occasion: Occasion, now: float) -> None:
        self._core.events.append(InviteEnded(self, "peer", occasion.reason))

    def _report_timeout(self, occasion: Occasion, now: float) -> None:
        self._core.events.append(InviteEnded(self, "timeout", None))

    def _report_transport(self, occasion: Occasion, now: float) -> None:
        self._core.events.append(InviteEnded(self, "transport", None))


_EFFECTS: Mapping[InviteEffect, Callable[[Invite, Occasion, float], None]] = MappingProxyType({
    E.SEND_PROVISIONAL: Invite._send_provisional,
    E.SEND_OK: Invite._send_ok,
    E.SEND_FINAL: Invite._send_final,
    E.SEND_TERMINATED: Invite._send_terminated,
    E.STOP_OK: Invite._stop_ok,
    E.SEND_ACK: Invite._send_ack,
    E.SEND_CANCEL: Invite._send_cancel,
    E.SEND_BYE: Invite._send_bye,
    E.END_REINVITE: Invite._end_reinvite,
    E.REPORT_CANCELLED: Invite._report_cancelled,
    E.REPORT_ACK: Invite._report_ack,
    E.REPORT_PROGRESS: Invite._report_progress,
    E.REPORT_ANSWERED: Invite._report_answered,
    E.REPORT_FAILED: Invite._report_failed,
    E.REPORT_GIVEN_UP: Invite._report_given_up,
    E.REPORT_BYE: Invite._report_bye,
    E.REPORT_TIMEOUT: Invite._report_timeout,
    E.REPORT_TRANSPORT: Invite._report_transport,
})
