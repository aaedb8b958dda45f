"""Why a call ends, between its three spellings: a program's argument, a Reason header (RFC 3326), a SIP status."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from callflow.protocol.causes import CAUSES, NUMBERS, cause_name, cause_of_status, status_of_cause

from .errors import CommandError

NO_ROUTE_DESTINATION = 3
SPECIAL_INFORMATION_TONE = 4
NORMAL_CLEARING = 16
USER_BUSY = 17
NO_ANSWER = 19
SUBSCRIBER_ABSENT = 20
CALL_REJECTED = 21
ANSWERED_ELSEWHERE = 26
NO_CIRCUIT_AVAILABLE = 34
NETWORK_OUT_OF_ORDER = 38
TEMPORARY_FAILURE = 41
BEARER_NOT_AVAILABLE = 58
INCOMPATIBLE_DESTINATION = 88
TIMER_EXPIRY = 102

# RFC 3326 2: what the losers of a fork are told, so that their phones show no missed call.
COMPLETED_ELSEWHERE = ("Reason", 'SIP;cause=200;text="Call completed elsewhere"')

REJECTIONS: Mapping[str, int] = MappingProxyType({"busy": 486, "declined": 603, "not_found": 404, "unavailable": 480})

_CAUSE = re.compile(r"""(?ix) (?:^|,) \s* (Q\.850|SIP) \s* ; [^,"]*? \b cause \s* = \s* ([0-9]{1,3}) """)


def reason_header(cause: int) -> tuple[str, str]:
    """The Reason header that carries a Q.850 cause."""
    return ("Reason", f'Q.850;cause={cause};text="{cause_name(cause).replace("_", " ")}"')


def read_reason(header: str | None) -> int | None:
    """The cause in a Reason header a peer sent, None if it tells none. Q.850 goes before SIP."""
    if not header:
        return None
    told = {protocol.upper(): int(value) for protocol, value in _CAUSE.findall(header[:512])}
    if 1 <= told.get("Q.850", 0) <= 127:
        return told["Q.850"]
    status = told.get("SIP", 0)
    if status == 200:
        return ANSWERED_ELSEWHERE
    return cause_of_status(status) if 300 <= status < 700 else None


def cause_of(argument: str | int) -> int:
    """A hangup's cause, by Q.850 name or number. Raises CommandError listing what is allowed."""
    if isinstance(argument, int):
        if 1 <= argument <= 127:
            return argument
    elif argument in NUMBERS:
        return NUMBERS[argument]
    raise CommandError(
        "bad_argument",
        f"expected a Q.850 cause, 1 to 127 or one of {', '.join(CAUSES.values())}, got {_shown(argument)}",
        {"allowed": list(CAUSES.values())},
    )


def rejection_of(argument: str | int) -> tuple[int, int]:
    """The SIP status and the cause of a rejection. Raises CommandError listing what is allowed."""
    if isinstance(argument, int):
        if 300 <= argument <= 699:
            return argument, cause_of_status(argument)
    elif argument in REJECTIONS:
        return REJECTIONS[argument], cause_of_status(REJECTIONS[argument])
    elif argument in NUMBERS:
        return status_of_cause(NUMBERS[argument]), NUMBERS[argument]
    raise CommandError(
        "bad_argument",
        f"expected one of {', '.join(REJECTIONS)}, a SIP status 300 to 699, or one of {', '.join(CAUSES.values())}, "
        f"got {_shown(argument)}",
        {"allowed": [*REJECTIONS, *CAUSES.values()]},
    )


def _shown(argument: str | int) -> str:
    return repr(argument[:64] if isinstance(argument, str) else argument)
