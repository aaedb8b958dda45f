"""A call: the script's handle on a channel.

Awaiting a verb gives its outcome; `async with` a verb in -ing gives a handle while it goes on. There is no third mode.
When the caller hangs up, the script is cancelled where it waits; `finally` blocks then have `HANGUP_WINDOW` seconds in
which they may wait, and verbs raise CallEnded. When the script returns, its call and the legs it dialled are hung up.
Every verb takes `deadline`, in seconds: past it the command is cancelled and DeadlineExceeded raised. `NotFound`,
`WrongState`, `BadArgument` and their kin mean that the script asked for what cannot be.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, Protocol, TypeAlias

from .errors import WrongState
from .leg import Leg
from .link import Link
from .protocol.events import ChannelCreated, ChannelEnded, Diversion, Party, Security
from .verbs import (
    dialer,
    digit,
    hearing,
    messaging,
    playback,
    presence,
    recorder,
    signalling,
    streaming,
    talk,
    transferring,
    variable,
)

HANGUP_WINDOW = 5.0  # seconds after the hang-up in which `finally` blocks and `after_hangup` functions may wait

AfterHangup: TypeAlias = Callable[[ChannelEnded], Awaitable[object]]


class Owner(Protocol):
    """Who keeps the calls of one script, see `callflow.session`."""

    def adopt(self, call: Call) -> None:
        """Take a leg in before it is dialled: its events find it by its id."""
        ...

    def drop(self, call: Call) -> None:
        """Forget a leg."""
        ...

    def find(self, id: str) -> Call | None:
        """A leg that was taken in."""
        ...


class Call:
    """One leg of a call, from the script that steers it. `_leg` and `_owner` are for callflow's own modules.

    Its verbs are functions of `callflow.verbs`, one module for what belongs together.
    """

    def __init__(
        self,
        link: Link,
        id: str,
        owner: Owner,
        *,
        direction: Literal["inbound", "outbound"],
        caller: Party,
        callee: Party,
        to: str,
        origin: Call | None = None,
    ) -> None:
        self._leg = Leg(link, id)
        self._owner = owner
        self.direction: Literal["inbound", "outbound"] = direction
        self.caller = caller
        self.callee = callee
        self.to = to
        """The number dialled."""
        self._origin = origin
        self.user: str | None = None
        """The authenticated user who calls."""
        self.trunk: str | None = None
        """The trunk by which the call came, or goes."""
        self.withheld: bool = False
        """The caller does not want to be shown to who is called."""
        self.diversions: tuple[Diversion, ...] = ()
        """Who forwarded the call before it came here, the last first: as the peer says, nothing of it is proved."""
        self.security: Security = Security()
        """How SIP travels, how media is encrypted, and who proved who he is."""
        self.traceparent: str = ""
        """Where the call is traced (W3C Trace Context), for spans of the script's own; empty: it is not."""
        self.variables: dict[str, str] = {}
        """What the script knows of the channel's variables: those it set or got."""
        self.is_answered = False
        self.is_reattached = False
        """Another session had this call before, and was lost: it is taken up where it stands, see `App.on_reattach`."""
        self.legs: tuple[Call, ...] = ()
        """Of a call that is taken up again: the legs that had been dialled for it. They end with the script."""
        self._after_hangup: list[AfterHangup] = []

    def __repr__(self) -> str:
        return f"<Call {self.id} {self.caller} to {self.to}>"

    def _know(self, created: ChannelCreated) -> None:
        """What the engine told when it was created."""
        self.user, self.trunk, self.withheld = created.user, created.trunk, created.withheld
        self.diversions, self.security = created.diversions, created.security
        self.traceparent = created.traceparent

    @property
    def id(self) -> str:
        """The id of the channel."""
        return self._leg.id

    @property
    def origin(self) -> Call:
        """The call that dialled this one. Raises WrongState when no call did: it came in, or was originated."""
        if self._origin is None:
            raise WrongState("no call dialled this one", command="origin", channel=self.id)
        return self._origin

    @property
    def ended(self) -> ChannelEnded | None:
        """How the call ended: cause, who hung up, times. None while it lives."""
        return self._leg.ended

    @property
    def is_over(self) -> bool:
        """The call has ended."""
        return self._leg.is_over

    answer = signalling.answer
    ring = signalling.ring
    progress = signalling.progress
    reject = signalling.reject
    redirect = signalling.redirect
    hangup = signalling.hangup
    hangup_at = signalling.hangup_at
    wait_hangup = signalling.wait_hangup

    play = playback.play
    playing = playback.playing
    say = playback.say
    tone = playback.tone
    echo = playback.echo

    detect = hearing.detect
    detecting = hearing.detecting

    gather = digit.gather
    menu = digit.menu
    send_digits = digit.send_digits
    press = digit.press
    bind_digits = digit.bind_digits
    binding_digits = digit.binding_digits
    unbind_digits = digit.unbind_digits

    record = recorder.record
    recording = recorder.recording
    record_call = recorder.record_call
    recording_call = recorder.recording_call
    download = recorder.download

    stream = streaming.stream
    streaming = streaming.streaming

    dial = dialer.dial
    bridge = talk.bridge
    bridging = talk.bridging
    unbridge = talk.unbridge
    listen = talk.listen
    listening = talk.listening
    hold = talk.hold
    holding = talk.holding
    resume = talk.resume
    mute = talk.mute
    muting = talk.muting
    unmute = talk.unmute

    send_message = messaging.send_message
    send_info = messaging.send_info
    send_options = messaging.send_options
    notify = messaging.notify

    transfer = transferring.transfer
    transfer_policy = transferring.transfer_policy
    deciding_transfers = transferring.deciding_transfers

    set_mailbox = presence.set_mailbox
    set_lamp = presence.set_lamp
    set_presence = presence.set_presence

    set = variable.set
    set_language = variable.set_language
    get = variable.get
    headers = variable.headers
    limit = variable.limit
    policy = variable.policy

    def after_hangup(self, function: AfterHangup) -> AfterHangup:
        """Have an async function called with the end of the call, however it comes, for record keeping.

        It runs when the script is over, and has `HANGUP_WINDOW` seconds.
        """
        self._after_hangup.append(function)
        return function

    @property
    def after_hangup_functions(self) -> Sequence[AfterHangup]:
        """What `after_hangup` was given, in order."""
        return tuple(self._after_hangup)

    def _new_leg(self, id: str, target: str) -> Call:
        callee = Party(uri=target, number=target)
        return Call(
            self._leg.link, id, self._owner, direction="outbound", caller=self.caller, callee=callee, to=target,
            origin=self,
        )  # fmt: skip
