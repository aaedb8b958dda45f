"""One call of a phone: what it hears and does, and how it ends."""

from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import trio

from callflow.protocol.causes import cause_name
from engine.channels.reason import read_reason
from engine.media.session import AudioHeard, DigitEnded, DigitsSent, MediaEvent, MediaSession, Source, Statistics
from engine.sip import events as sip
from engine.sip.info import RELAY, KeyInfo, read_key
from engine.sip.messages import ParseError, Uri
from engine.sip.refer import Refer, Replaces, read_fragment, read_refer, refer_to, referred_by

from .audio import Audio
from .events import (
    Answered,
    DigitHeard,
    DigitsPressed,
    EarlyMedia,
    Ended,
    Held,
    PhoneEvent,
    Resumed,
    Ringing,
    SilenceHeard,
    SoundHeard,
    TextReceived,
    TransferAsked,
    TransferTold,
)

if TYPE_CHECKING:
    from engine.sip.invite import Invite
    from engine.sip.messages import Address
    from engine.sip.referral import Referral
    from engine.transport.endpoint import Endpoint

PROMPT_PAUSE = 0.7  # seconds of silence after which a prompt is taken to be over
_By = Literal["us", "peer", "network"]
_NORMAL_CLEARING, _TIMER_EXPIRY, _OUT_OF_ORDER = 16, 102, 38


class CallState(enum.Enum):
    CALLING = enum.auto()
    OFFERED = enum.auto()  # comes in, and is not answered
    RINGING = enum.auto()  # the other phone rings
    EARLY = enum.auto()  # and is heard
    ANSWERED = enum.auto()
    ENDED = enum.auto()


class PhoneCall:
    """A call, from the first INVITE to the end. Made by `Phone.call` and `Phone.wait_call`.

    Verbs take effect at once; what comes of them is told to `on_event`, kept in `events`, and waited for by `wait_…`.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        open_audio: Callable[[Callable[[MediaEvent], None]], Audio],
        *,
        state: CallState,
        remote: Address,
        clock: Callable[[], float],
        on_event: Callable[[PhoneCall, PhoneEvent], None],
    ) -> None:
        self._endpoint, self._clock, self._on_event = endpoint, clock, on_event
        self._audio = open_audio(self._take_media)
        self._invite: Invite | None = None
        self._changed = trio.Event()
        self._is_giving_up = self._is_held = self._is_holding = False
        self._early = b""  # our answer, as a 183 of ours said it
        self.state = state
        self.remote = remote
        self.started_at = clock()
        self.events: list[PhoneEvent] = []
        self.digits = ""  # what the far end pressed, and `wait_digits` has not taken
        self.ended: Ended | None = None
        self.told_digits = ""  # those of them that came by INFO
        self.takes_info = True  # else it says no to keys that come by INFO
        self.refuses_requests = False  # of the far end: texts, INFO, OPTIONS, NOTIFY
        self.follows_transfers = False  # else it says no to a far end that wants us to call somebody else
        self.replaced: PhoneCall | None = None  # the call in whose place this one came
        self._asked: sip.RequestInCall | None = None  # a transfer that waits for our answer
        self._referral: Referral | None = None  # one that we follow

    @property
    def invite(self) -> Invite:
        """The SIP side of the call."""
        assert self._invite is not None, "a call is placed as soon as it is made"
        return self._invite

    @property
    def session(self) -> MediaSession:
        """What carries its audio."""
        return self._audio.session

    @property
    def is_sounding(self) -> bool:
        """The far end is heard now."""
        return self._audio.is_sounding

    @property
    def is_closed(self) -> bool:
        """Over, and the recording written."""
        return self.ended is not None and not self._audio.is_recording

    @property
    def statistics(self) -> Statistics:
        """What was sent and received."""
        return self._audio.statistics

    # What the person at the phone does.

    def ring(self) -> None:
        """Tell the caller that we ring (180)."""
        if self.state is CallState.OFFERED:
            self._endpoint.ring(self.invite)

    def progress(self, *sources: Source) -> None:
        """Have the caller hear something before we answer, if it offered to listen (183 with SDP)."""
        if self.state is CallState.OFFERED:
            self._early = self._early or self._audio.answer()
            self._endpoint.ring(self.invite, status=183, body=self._early)
            self._audio.play(*sources)

    def answer(self) -> None:
        """Take a call that comes in."""
        if self.state is CallState.OFFERED:
            self._endpoint.answer(self.invite, body=self._early or self._audio.answer())
            self._enter_answered()

    def reject(self, status: int = 486) -> None:
        """Refuse a call that comes in."""
        if self.state is CallState.OFFERED:
            self._endpoint.reject(self.invite, status)
            self._end("us", status, "rejected")

    def redirect(self, *targets: str) -> None:
        """Send a caller elsewhere (302)."""
        if self.state is CallState.OFFERED:
            headers = [("Contact", f"<{target}>") for target in targets]
            self._endpoint.reject(self.invite, 302, headers=headers)
            self._end("us", 302, "redirected")

    def press(self, digits: str, *, duration_ms: int = 120, gap_ms: int = 80, is_inband: bool | None = None) -> None:
        """Press keys, one after another."""
        self._audio.press(digits, duration_ms=duration_ms, gap_ms=gap_ms, is_inband=is_inband)

    def write(self, text: str) -> None:
        """Send a text to the far end."""
        headers = [("Content-Type", "text/plain")]
        self._endpoint.request_in_call(self.invite, "MESSAGE", headers=headers, body=text.encode())

    def press_by_info(self, digits: str, *, duration_ms: int = 120) -> None:
        """Tell keys by INFO, all of them at once."""
        for digit in digits:
            body = KeyInfo(digit, duration_ms).write()
            self._endpoint.request_in_call(self.invite, "INFO", headers=[("Content-Type", RELAY)], body=body)

    def play(self, *sources: Source, repeat: int = 1) -> None:
        """Say something, in place of what we said until now; `repeat` 0 is for ever."""
        self._audio.play(*sources, repeat=repeat)

    def record(self, path: Path) -> None:
        """Record what we hear to a WAV file, until the end of the call."""
        self._audio.record(path)

    def hold(self) -> bool:
        """Put the far end on hold by a re-INVITE. False while another is pending."""
        return self._renegotiate(is_hold=True)

    def resume(self) -> bool:
        """Take the far end off hold. False while another re-INVITE is pending."""
        return self._renegotiate(is_hold=False)

    def transfer(self, target: str | PhoneCall) -> bool:
        """Ask the far end to call a SIP URI in our place, or whoever another call of ours is with."""
        if self.state is not CallState.ANSWERED:
            return False
        if isinstance(target, PhoneCall):
            dialog = target.invite.dialog
            assert dialog is not None, "the other call is answered"
            asked = refer_to(dialog.target, Replaces.of(dialog))
        else:
            asked = refer_to(Uri.parse(target))
        headers = [asked, referred_by(self.invite.local)]
        return self._endpoint.request_in_call(self.invite, "REFER", headers=headers, owner=self) is not None

    def follow_transfer(self) -> Refer | None:
        """Do as the far end asks: whom to call, and what is told by `tell_transfer`. None: it asks nothing."""
        event, self._asked = self._asked, None
        if event is None:
            return None
        asked = read_refer(event.request)
        self._referral = self._endpoint.accept_refer(event.invite, event.transaction, asked)
        return asked

    def refuse_transfer(self, status: int = 603) -> None:
        """Do not."""
        event, self._asked = self._asked, None
        if event is not None:
            self._endpoint.respond(event.transaction, status)

    def tell_transfer(self, status: int) -> None:
        """Tell the far end how that went; a status of 200 and more is the outcome."""
        if self._referral is not None:
            self._endpoint.tell_referral(self._referral, status)

    def hang_up(self) -> None:
        """End the call, or give it up before it is answered."""
        if self.ended is not None or self._is_giving_up:
            return
        self._endpoint.hang_up(self.invite)
        if self.state in (CallState.ANSWERED, CallState.OFFERED):
            self._end("us", 0, cause_name(_NORMAL_CLEARING))
        else:
            self._is_giving_up = True  # it ends with its final response

    # What can be waited for.

    async def wait_ringing(self) -> bool:
        """Wait until the other phone rings, or more; False if the call is over before."""
        await self._wait(lambda: self.state not in (CallState.CALLING, CallState.OFFERED))
        return self.ended is None or self.ended.was_answered

    async def wait_answered(self) -> bool:
        """Wait until the call is up; False if it is over without an answer."""
        await self._wait(lambda: self.state in (CallState.ANSWERED, CallState.ENDED))
        return self.ended is None or self.ended.was_answered

    async def wait_ended(self) -> Ended:
        """Wait until the call is over."""
        await self._wait(lambda: self.ended is not None)
        assert self.ended is not None
        return self.ended

    async def wait_closed(self) -> None:
        """Wait until the call is over and its recording written."""
        await self._wait(lambda: self.is_closed)

    async def wait_sound(self) -> bool:
        """Wait until the far end is heard; False if the call is over."""
        await self._wait(lambda: self.is_sounding or self.ended is not None)
        return self.ended is None

    async def wait_silence(self, seconds: float = PROMPT_PAUSE) -> bool:
        """Wait until nothing was heard for so long; False if the call is over."""
        while self.ended is None:
            await self._wait(lambda: not self.is_sounding or self.ended is not None)
            with trio.move_on_after(max(0.0, self._audio.changed_at + seconds - self._clock())) as pause:
                await self._wait(lambda: self.is_sounding or self.ended is not None)
            if pause.cancelled_caught:
                return True
        return False

    async def wait_prompt(self, pause: float = PROMPT_PAUSE) -> bool:
        """Wait until the far end was heard and then fell silent for `pause` seconds; False if the call is over."""
        return await self.wait_sound() and await self.wait_silence(pause)

    async def wait_digits(self, count: int) -> str:
        """Wait until the far end pressed so many keys, and take them; fewer if the call is over."""
        await self._wait(lambda: len(self.digits) >= count or self.ended is not None)
        taken, self.digits = self.digits[:count], self.digits[count:]
        return taken

    async def wait_event(self, kind: type[PhoneEvent]) -> bool:
        """Wait until an event of that kind has happened; False if the call is over without."""
        await self._wait(lambda: self._has_happened(kind) or self.ended is not None)
        return self._has_happened(kind)

    # What the phone tells.

    def place(self, send: Callable[[bytes], Invite]) -> None:
        """Send our INVITE with our offer."""
        self._invite = send(self._audio.offer())

    def close(self) -> None:
        """Give the ports back of a call that could not be placed."""
        self._audio.close()

    def receive(self, event: sip.InviteReceived) -> None:
        """An INVITE came in."""
        self._invite = event.invite
        status = self._audio.receive_offer(event.request.body)
        if status:
            self.reject(status)

    def tell(self, event: PhoneEvent) -> None:
        """Keep an event, and tell it."""
        self.events.append(event)
        self._on_event(self, event)
        self._wake()

    def take(self, event: sip.SipEvent) -> None:
        """What becomes of our invite."""
        match event:
            case sip.InviteProgressed(response=response):
                self._take_progress(response.status, response.body)
            case sip.InviteAnswered(body=body):
                self._take_answer(body)
            case sip.AckReceived(body=body) | sip.PrackReceived(body=body):
                self._audio.receive_answer(body)
            case sip.ReinviteAnswered(response=response):
                self._audio.receive_answer(response.body)
            case sip.ReinviteReceived(request=request):
                self._take_reinvite(request.body)
            case sip.RefreshDue():
                self._endpoint.reinvite(self.invite, body=self._audio.offer(is_hold=self._is_holding))
            case sip.RequestInCall():
                self._take_request(event)
            case sip.InviteCancelled(reason=reason):
                self._end("peer", 487, cause_name(read_reason(reason) or _NORMAL_CLEARING))
            case sip.InviteFailed(status=status, reason=reason, response=found):
                self._end("us" if self._is_giving_up else "peer" if found else "network", status, reason)
            case sip.InviteEnded(by=by, reason=reason):
                self._take_end(by, reason)
            case _:
                pass

    def take_response(self, event: sip.ResponseReceived) -> None:
        """The answer to our REFER."""
        if event.status >= 300:
            self.tell(TransferTold(event.status))

    def _take_request(self, event: sip.RequestInCall) -> None:
        request = event.request
        if self.refuses_requests and request.method in ("INFO", "MESSAGE", "NOTIFY", "OPTIONS"):
            self._endpoint.respond(event.transaction, 405)
        elif request.method == "NOTIFY":
            self._endpoint.respond(event.transaction, 200)
            status = read_fragment(request.body)
            if status is not None:
                self.tell(TransferTold(status))
        elif request.method == "OPTIONS":
            self._endpoint.respond(event.transaction, 200)
        elif request.method == "REFER":
            self._take_refer(event)
        elif request.method in ("PRACK", "UPDATE"):
            self._take_update(event)
        elif request.method == "MESSAGE":
            self._endpoint.respond(event.transaction, 200)
            self.tell(TextReceived(request.body.decode(errors="replace")))
        elif request.method == "INFO" and self.takes_info:
            self._take_info(event)
        else:
            self._endpoint.respond(event.transaction, 501)

    def _take_info(self, event: sip.RequestInCall) -> None:
        try:
            told = read_key(event.request)
        except ParseError as error:
            self._endpoint.respond(event.transaction, error.status)
            return
        self._endpoint.respond(event.transaction, 200 if told is not None else 415)
        if told is not None and told.key:
            self.digits += told.key
            self.told_digits += told.key
            self.tell(DigitHeard(told.key, told.duration_ms))

    def _take_update(self, event: sip.RequestInCall) -> None:
        status = self._audio.receive_offer(event.request.body)
        self._endpoint.respond(event.transaction, status or 200, body=b"" if status else self._audio.answer())
        self._tell_hold()

    def _take_refer(self, event: sip.RequestInCall) -> None:
        try:
            asked = read_refer(event.request)
        except ParseError as error:
            self._endpoint.respond(event.transaction, error.status)
            return
        self._asked = event
        if self.follows_transfers:
            self.tell(TransferAsked(str(asked.target)))
        else:
            self.refuse_transfer()

    def _take_progress(self, status: int, body: bytes) -> None:
        if status == 180 and self.state is CallState.CALLING:
            self.state = CallState.RINGING
            self.tell(Ringing())
        if body and self.state in (CallState.CALLING, CallState.RINGING) and self._audio.receive_answer(body):
            self.state = CallState.EARLY
            self.tell(EarlyMedia())

    def _take_answer(self, body: bytes) -> None:
        if self._is_giving_up:  # it crossed our CANCEL, which SIP makes a BYE of
            self._endpoint.hang_up(self.invite)
            self._end("us", 487, cause_name(_NORMAL_CLEARING))
        elif self._audio.receive_answer(body):
            self._enter_answered()
        else:
            self._endpoint.hang_up(self.invite)
            self._end("us", 488, "no common codec")

    def _take_reinvite(self, offer: bytes) -> None:
        status = self._audio.receive_offer(offer)
        if status:
            self._endpoint.reject(self.invite, status)
            return
        self._endpoint.answer(self.invite, body=self._audio.answer())
        self._tell_hold()

    def _tell_hold(self) -> None:
        if self._audio.is_held != self._is_held:
            self._is_held = self._audio.is_held
            self.tell(Held() if self._is_held else Resumed())

    def _take_end(self, by: Literal["peer", "timeout", "transport"], reason: str | None) -> None:
        if by == "peer":
            self._end("peer", 0, cause_name(read_reason(reason) or _NORMAL_CLEARING))
        else:
            self._end("network", 0, cause_name(_TIMER_EXPIRY if by == "timeout" else _OUT_OF_ORDER))

    def _take_media(self, event: MediaEvent) -> None:
        match event:
            case AudioHeard(is_sound=is_sound):
                self.tell(SoundHeard() if is_sound else SilenceHeard())
            case DigitEnded(digit=digit, duration_ms=duration_ms):
                self.digits += digit
                self.tell(DigitHeard(digit, duration_ms))
            case DigitsSent(digits=digits):
                self.tell(DigitsPressed(digits))
            case _:
                self._wake()

    def _renegotiate(self, *, is_hold: bool) -> bool:
        if self.state is not CallState.ANSWERED:
            return False
        self._is_holding = is_hold
        return self._endpoint.reinvite(self.invite, body=self._audio.offer(is_hold=is_hold))

    def _enter_answered(self) -> None:
        self.state = CallState.ANSWERED
        self.tell(Answered(self._clock() - self.started_at, self._audio.codec))

    def _end(self, by: _By, status: int, reason: str) -> None:
        if self.ended is None:
            self.ended = Ended(by, self.state is CallState.ANSWERED, status, reason)
            self.state = CallState.ENDED
            self._audio.close()
            self.tell(self.ended)

    def _has_happened(self, kind: type[PhoneEvent]) -> bool:
        return any(isinstance(event, kind) for event in self.events)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def _wait(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()
