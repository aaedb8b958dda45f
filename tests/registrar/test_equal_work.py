"""What a stranger's guess costs us tells him nothing: the same is done for an unknown user as for a wrong password."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from types import FrameType

from engine.registrar.authentication import Authentication
from engine.sip.messages import Request

from .register import answer, register
from .test_authentication import authentication, challenged


def work(check: Authentication, request: Request) -> Counter[str]:
    """How often each function was called, of Python and of C."""
    called: Counter[str] = Counter()

    def note(frame: FrameType, event: str, function: object) -> None:
        if event == "call":
            called[frame.f_code.co_qualname] += 1
        elif event == "c_call":
            called[getattr(function, "__qualname__", repr(function))] += 1

    gc.disable()  # whatever is finalized by it would be counted
    sys.setprofile(note)
    try:
        check.check(request)
    finally:
        sys.setprofile(None)
        gc.enable()
    return called


def test_an_unknown_user_is_as_much_work_as_a_wrong_password():
    check = authentication()
    headers = challenged(check.check(register())).headers

    def guess(user: str) -> Request:
        return register(headers=[answer(headers, user=user, password="guessed")])

    check.check(guess("alice"))  # regular expressions are compiled once
    known = work(check, guess("alice"))
    assert known == work(check, guess("nobody"))
    assert known["User.hash_a1"] >= 1
