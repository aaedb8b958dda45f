"""Why a call ended: Q.850 causes, their names, and the SIP statuses they become (RFC 3398 §7.2.4.1 and §8.2.6.1)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# Q.850 table 1, the values that calls over SIP end with. The names are those of the recommendation in lower snake case.
CAUSES: Mapping[int, str] = MappingProxyType({
    1: "unallocated_number",
    2: "no_route_transit_network",
    3: "no_route_destination",
    4: "special_information_tone",
    16: "normal_clearing",
    17: "user_busy",
    18: "no_user_response",
    19: "no_answer",
    20: "subscriber_absent",
    21: "call_rejected",
    22: "number_changed",
    26: "answered_elsewhere",
    27: "destination_out_of_order",
    28: "invalid_number_format",
    29: "facility_rejected",
    31: "normal_unspecified",
    34: "no_circuit_available",
    38: "network_out_of_order",
    41: "temporary_failure",
    42: "switch_congestion",
    47: "resource_unavailable",
    55: "incoming_calls_barred",
    57: "bearer_not_authorized",
    58: "bearer_not_available",
    65: "bearer_not_implemented",
    79: "service_not_implemented",
    87: "user_not_in_group",
    88: "incompatible_destination",
    102: "recovery_on_timer_expiry",
    111: "protocol_error",
    127: "interworking",
})

NUMBERS: Mapping[str, int] = MappingProxyType({name: number for number, name in CAUSES.items()})

# RFC 3398 §8.2.6.1: a SIP status received, as a cause.
_FROM_STATUS: Mapping[int, int] = MappingProxyType({
    400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22, 413: 127, 414: 127,
    415: 79, 416: 127, 420: 127, 421: 127, 423: 127, 480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17,
    487: 16, 488: 88, 500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 505: 127, 513: 127, 600: 17, 603: 21, 604: 1,
    606: 88,
})  # fmt: skip

# RFC 3398 §7.2.4.1: a cause, as the SIP status that refuses a call with it.
_TO_STATUS: Mapping[int, int] = MappingProxyType({
    1: 404, 2: 404, 3: 404, 16: 480, 17: 486, 18: 408, 19: 480, 20: 480, 21: 403, 22: 410, 26: 404, 27: 502, 28: 484,
    29: 501, 31: 480, 34: 503, 38: 503, 41: 503, 42: 503, 47: 503, 55: 403, 57: 403, 58: 503, 65: 488, 79: 501,
    87: 403, 88: 488, 102: 504, 111: 500, 127: 500,
})  # fmt: skip


def cause_of_status(status: int) -> int:
    """The Q.850 cause of a final SIP status, 16 for a success."""
    if status < 300:
        return 16
    cause = _FROM_STATUS.get(status)
    if cause is not None and cause in CAUSES:
        return cause
    return {4: 127, 5: 41, 6: 21}.get(status // 100, 31)


def status_of_cause(cause: int) -> int:
    """The SIP status that refuses a call with this cause, 480 where RFC 3398 names none."""
    return _TO_STATUS.get(cause, 480)


def cause_name(cause: int) -> str:
    """The name of a cause; `cause_N` for a number that has none here."""
    return CAUSES.get(cause, f"cause_{cause}")
