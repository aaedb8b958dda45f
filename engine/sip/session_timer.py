"""Session timers (RFC 4028): a call that neither side refreshes in time has died unheard, and is ended.

Who refreshes is agreed on in each INVITE or UPDATE and its 2xx. We offer a timer in what we send, take the one that the
peer wants, and ask a peer that knows timers for one; a peer that does not know them is left alone.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

from .dialog import Headers
from .messages import Message, Request, Response
from .schedule import Alarm, Schedule
from .timers import NEVER
from .transaction import Transaction

MIN_SE = 90  # seconds: less is refused with 422 (4028 5)
LONGEST = 86400  # what a peer may ask for; more is as good as that
_MARGIN = 32.0  # seconds before the end at which who waits for a refresh gives up, or a third of the time (4028 10)

Refresher = Literal["uac", "uas"]


class TimerState(enum.Enum):
    OFF = enum.auto()
    OURS = enum.auto()  # we refresh, at half time
    SENT = enum.auto()  # our refresh is on its way
    THEIRS = enum.auto()  # the peer refreshes

    __hash__ = object.__hash__


class TimerTrigger(enum.Enum):
    AGREE_OURS = enum.auto()
    AGREE_THEIRS = enum.auto()
    AGREE_NONE = enum.auto()  # a 2xx without Session-Expires, or the end of the call
    ALARM = enum.auto()

    __hash__ = object.__hash__


class TimerEffect(enum.Enum):
    WAIT_HALF = enum.auto()
    WAIT_FOR_REFRESH = enum.auto()
    WAIT_FOR_END = enum.auto()
    STOP = enum.auto()
    REFRESH = enum.auto()
    EXPIRE = enum.auto()

    __hash__ = object.__hash__


class TimerStep(NamedTuple):
    state: TimerState
    effects: tuple[TimerEffect, ...] = ()


S, T, E = TimerState, TimerTrigger, TimerEffect

# RFC 4028 10. A refresh that is refused is not sent again: what is left of the time decides.
TRANSITIONS: Mapping[tuple[TimerState, TimerTrigger], TimerStep] = MappingProxyType({
    **{(state, T.AGREE_OURS): TimerStep(S.OURS, (E.WAIT_HALF,)) for state in S},
    **{(state, T.AGREE_THEIRS): TimerStep(S.THEIRS, (E.WAIT_FOR_REFRESH,)) for state in S},
    **{(state, T.AGREE_NONE): TimerStep(S.OFF, (E.STOP,)) for state in S},
    (S.OURS, T.ALARM): TimerStep(S.SENT, (E.WAIT_FOR_END, E.REFRESH)),
    (S.SENT, T.ALARM): TimerStep(S.OFF, (E.EXPIRE,)),
    (S.THEIRS, T.ALARM): TimerStep(S.OFF, (E.EXPIRE,)),
})


class SessionTimer(Alarm):
    """The timer of one call. `refresh` and `expire` are called with the time it is, until `stop`."""

    __slots__ = ("_agreed_at", "_expire", "_refresh", "_schedule", "_state", "interval", "min_se")

    def __init__(
        self,
        schedule: Schedule[Transaction | Alarm],
        *,
        interval: int,
        refresh: Callable[[float], None],
        expire: Callable[[float], None],
    ) -> None:
        super().__init__()
        self._schedule, self._refresh, self._expire = schedule, refresh, expire
        self._state = S.OFF
        self._agreed_at = 0.0
        self.interval = interval
        self.min_se = MIN_SE

    @property
    def state(self) -> TimerState:
        return self._state

    def offer(self) -> Headers:
        """What an INVITE or UPDATE of ours says of it: who refreshes now is to go on (4028 7.4)."""
        refresher = {S.OURS: ";refresher=uac", S.SENT: ";refresher=uac", S.THEIRS: ";refresher=uas"}.get(
            self._state, ""
        )
        return (("Session-Expires", f"{self.interval}{refresher}"), ("Min-SE", str(self.min_se)))

    def answer(self, request: Request, *, now: float) -> Headers:
        """Agree in a 2xx of ours to a peer's INVITE or UPDATE (4028 9)."""
        asked, refresher = read_session_expires(request)
        knows_timers = supports_timer(request)
        if asked is None and not knows_timers:
            self._agree(None, now)
            return ()
        smallest = max(MIN_SE, _seconds(request.header("Min-SE")) or 0)
        self.interval = max(asked if asked is not None else self.interval, smallest)
        # Table 2: a peer that does not know timers cannot refresh; one that does, does as it says, or else it does it.
        chosen: Refresher = (refresher or "uac") if knows_timers else "uas"
        self._agree("ours" if chosen == "uas" else "theirs", now)
        header = ("Session-Expires", f"{self.interval};refresher={chosen}")
        return (header, ("Require", "timer")) if chosen == "uac" else (header,)

    def learn(self, response: Response, *, now: float) -> None:
        """What the peer's 2xx to ours says (4028 7.2)."""
        asked, refresher = read_session_expires(response)
        if asked is None:
            self._agree(None, now)
            return
        self.interval = max(asked, MIN_SE)
        self._agree("theirs" if refresher == "uas" else "ours", now)

    def stop(self) -> None:
        """The call is over."""
        self._fire(T.AGREE_NONE, NEVER)
        self._refresh = self._expire = _ignore  # who holds this is not held by it any longer

    def _agree(self, whose: Literal["ours", "theirs"] | None, now: float) -> None:
        self._agreed_at = now
        self._fire({"ours": T.AGREE_OURS, "theirs": T.AGREE_THEIRS, None: T.AGREE_NONE}[whose], now)

    def ring(self, now: float) -> None:
        self._fire(T.ALARM, now)

    def _fire(self, trigger: TimerTrigger, now: float) -> None:
        step = TRANSITIONS.get((self._state, trigger))
        if step is None:
            return
        self._state = step.state
        for effect in step.effects:
            self._carry_out(effect, now)

    def _carry_out(self, effect: TimerEffect, now: float) -> None:
        begun, interval = self._agreed_at, self.interval
        if effect is E.WAIT_HALF:
            self._schedule.set(self, begun + interval / 2)
        elif effect in (E.WAIT_FOR_REFRESH, E.WAIT_FOR_END):
            self._schedule.set(self, begun + interval - min(_MARGIN, interval / 3))
        elif effect is E.STOP:
            self._schedule.set(self, NEVER)
        elif effect is E.REFRESH:
            self._refresh(now)
        else:
            self._expire(now)


def _ignore(_now: float) -> None:
    pass


def read_session_expires(message: Message) -> tuple[int | None, Refresher | None]:
    """The interval and who refreshes; what cannot be read is not there."""
    value, _, params = (message.header("Session-Expires") or "").partition(";")
    refresher = next((part.partition("=")[2].strip().lower() for part in params.split(";") if "refresher" in part), "")
    known: Mapping[str, Refresher] = {"uac": "uac", "uas": "uas"}
    return _seconds(value), known.get(refresher)


def supports_timer(message: Message) -> bool:
    return any(option.lower() == "timer" for option in (*message.values("Supported"), *message.values("Require")))


def is_too_short(request: Request) -> bool:
    """A timer below what we bear, of a peer that understands the 422 (4028 9)."""
    asked, _ = read_session_expires(request)
    return asked is not None and asked < MIN_SE and supports_timer(request)


def with_longer_interval(headers: Headers, response: Response) -> Headers | None:
    """What was refused with 422, with an interval that the peer bears (4028 7.3); None: there is nothing to be done."""
    wanted = _seconds(response.header("Min-SE"))
    said = next((_seconds(value.partition(";")[0]) for name, value in headers if name == "Session-Expires"), None)
    if wanted is None or said is None or wanted <= said:
        return None
    replaced = {"Session-Expires": str(wanted), "Min-SE": str(wanted)}
    return tuple((name, replaced.get(name, value)) for name, value in headers)


def _seconds(text: str | None) -> int | None:
    text = (text or "").partition(";")[0].strip()
    return min(int(text), LONGEST) if text.isascii() and text.isdigit() and len(text) <= 10 else None
