"""Somebody at a simulated phone, who does what a conduct says."""

from __future__ import annotations

import trio

from callflow.phone import Answered, PhoneCall, PhoneEvent
from callflow.simulation.phone import BREATH
from engine.media.session import ToneSource

from .conduct import Act, Answer, Conduct, Deed, HangUp, Hold, Press, Reject, Speak

_KEY_GAP_MS = 10
_SPEECH = (400.0,)  # Hz: the simplest that is heard, for it is drawn anew for each recording


class Person:
    """`take` gives a person the call, `meet` tells of an occasion: what is to be done is done in its time."""

    def __init__(self, name: str, conduct: Conduct, nursery: trio.Nursery) -> None:
        self.name = name
        self._conduct = conduct
        self._nursery = nursery
        self._line: PhoneCall | None = None
        self._has_line = trio.Event()

    def take(self, line: PhoneCall) -> None:
        """The phone has a call."""
        line.session.watch_audio(is_on=False)  # what is heard makes no difference
        self._line = line
        self._has_line.set()

    def meet(self, key: str) -> None:
        """Something happens that the person may react to."""
        for deed in self._conduct.meet(key):
            self._nursery.start_soon(self._do, deed)

    async def _do(self, deed: Deed) -> None:
        await trio.sleep(deed.after)
        await self._has_line.wait()
        assert self._line is not None
        act(self._line, deed.act)


def act(line: PhoneCall, deed: Act) -> None:
    """Do it, if the call is still up."""
    match deed:
        case _ if line.ended is not None:
            pass
        case Press(digit=digit, duration_ms=duration):
            line.press(digit, duration_ms=duration, gap_ms=_KEY_GAP_MS)
        case Speak(seconds=seconds):
            line.play(ToneSource(_SPEECH, duration_ms=round(seconds * 1000)), BREATH)
        case Answer():
            line.answer()
        case Reject(status=status):
            line.reject(status)
        case Hold(is_on=is_on):
            _ = line.hold() if is_on else line.resume()
        case HangUp():
            line.hang_up()


def breathe(line: PhoneCall, event: PhoneEvent) -> None:
    """A phone sends silence, too."""
    if isinstance(event, Answered):
        line.play(BREATH, repeat=0)
