"""FreeSWITCH's words: the names of its events, of the states of channels, and of the causes that calls end with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

EVENT_NAMES = frozenset([
    "ALL",
    "CUSTOM",
    "CLONE",
    "CHANNEL_CREATE",
    "CHANNEL_DESTROY",
    "CHANNEL_STATE",
    "CHANNEL_CALLSTATE",
    "CHANNEL_ANSWER",
    "CHANNEL_HANGUP",
    "CHANNEL_HANGUP_COMPLETE",
    "CHANNEL_EXECUTE",
    "CHANNEL_EXECUTE_COMPLETE",
    "CHANNEL_HOLD",
    "CHANNEL_UNHOLD",
    "CHANNEL_BRIDGE",
    "CHANNEL_UNBRIDGE",
    "CHANNEL_PROGRESS",
    "CHANNEL_PROGRESS_MEDIA",
    "CHANNEL_OUTGOING",
    "CHANNEL_PARK",
    "CHANNEL_UNPARK",
    "CHANNEL_APPLICATION",
    "CHANNEL_ORIGINATE",
    "CHANNEL_UUID",
    "CHANNEL_DATA",
    "API",
    "LOG",
    "INBOUND_CHAN",
    "OUTBOUND_CHAN",
    "STARTUP",
    "SHUTDOWN",
    "SHUTDOWN_REQUESTED",
    "PUBLISH",
    "UNPUBLISH",
    "TALK",
    "NOTALK",
    "SESSION_CRASH",
    "MODULE_LOAD",
    "MODULE_UNLOAD",
    "DTMF",
    "MESSAGE",
    "PRESENCE_IN",
    "NOTIFY_IN",
    "PRESENCE_OUT",
    "PRESENCE_PROBE",
    "MESSAGE_WAITING",
    "MESSAGE_QUERY",
    "ROSTER",
    "CODEC",
    "BACKGROUND_JOB",
    "DETECTED_SPEECH",
    "DETECTED_TONE",
    "PRIVATE_COMMAND",
    "HEARTBEAT",
    "TRAP",
    "ADD_SCHEDULE",
    "DEL_SCHEDULE",
    "EXE_SCHEDULE",
    "RE_SCHEDULE",
    "RELOADXML",
    "NOTIFY",
    "PHONE_FEATURE",
    "PHONE_FEATURE_SUBSCRIBE",
    "SEND_MESSAGE",
    "RECV_MESSAGE",
    "REQUEST_PARAMS",
    "CHANNEL_DATA",
    "GENERAL",
    "COMMAND",
    "SESSION_HEARTBEAT",
    "CLIENT_DISCONNECTED",
    "SERVER_DISCONNECTED",
    "SEND_INFO",
    "RECV_INFO",
    "RECV_RTCP_MESSAGE",
    "SEND_RTCP_MESSAGE",
    "CALL_SECURE",
    "NAT",
    "RECORD_START",
    "RECORD_STOP",
    "PLAYBACK_START",
    "PLAYBACK_STOP",
    "CALL_UPDATE",
    "FAILURE",
    "SOCKET_DATA",
    "MEDIA_BUG_START",
    "MEDIA_BUG_STOP",
    "CONFERENCE_DATA_QUERY",
    "CONFERENCE_DATA",
    "CALL_SETUP_REQ",
    "CALL_SETUP_RESULT",
    "CALL_DETAIL",
    "DEVICE_STATE",
    "TEXT",
    "CERT_RELOAD",
])

MY_EVENTS = frozenset([
    "CHANNEL_CREATE",
    "CHANNEL_DESTROY",
    "CHANNEL_STATE",
    "CHANNEL_ANSWER",
    "CHANNEL_HANGUP",
    "CHANNEL_HANGUP_COMPLETE",
    "CHANNEL_EXECUTE",
    "CHANNEL_EXECUTE_COMPLETE",
    "CHANNEL_BRIDGE",
    "CHANNEL_UNBRIDGE",
    "CHANNEL_PROGRESS",
    "CHANNEL_PROGRESS_MEDIA",
    "CHANNEL_OUTGOING",
    "CHANNEL_PARK",
    "CHANNEL_UNPARK",
    "CHANNEL_APPLICATION",
    "CHANNEL_ORIGINATE",
    "CHANNEL_UUID",
    "CHANNEL_DATA",
    "DETECTED_SPEECH",
    "DTMF",
    "TALK",
    "NOTALK",
])

# The events of a channel that tell its variables, too.
WITH_VARIABLES = frozenset([
    "CHANNEL_CREATE",
    "CHANNEL_ORIGINATE",
    "CHANNEL_UUID",
    "CHANNEL_ANSWER",
    "CHANNEL_PARK",
    "CHANNEL_UNPARK",
    "CHANNEL_BRIDGE",
    "CHANNEL_UNBRIDGE",
    "CHANNEL_PROGRESS",
    "CHANNEL_PROGRESS_MEDIA",
    "CHANNEL_HANGUP",
    "CHANNEL_HANGUP_COMPLETE",
    "CHANNEL_DATA",
    "CHANNEL_EXECUTE",
    "CHANNEL_EXECUTE_COMPLETE",
    "CHANNEL_DESTROY",
    "CHANNEL_HOLD",
    "CHANNEL_UNHOLD",
    "RECORD_START",
    "RECORD_STOP",
    "PLAYBACK_START",
    "PLAYBACK_STOP",
    "CALL_UPDATE",
    "MEDIA_BUG_START",
    "MEDIA_BUG_STOP",
    "SESSION_HEARTBEAT",
    "TEXT",
])

# The events that this door tells, with the subclasses of CUSTOM.
TOLD = (
    "ADD_SCHEDULE", "API", "BACKGROUND_JOB", "CALL_UPDATE", "CHANNEL_ANSWER", "CHANNEL_BRIDGE", "CHANNEL_CALLSTATE",
    "CHANNEL_CREATE", "CHANNEL_DESTROY", "CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_HANGUP",
    "CHANNEL_HANGUP_COMPLETE", "CHANNEL_HOLD", "CHANNEL_ORIGINATE", "CHANNEL_OUTGOING", "CHANNEL_PARK",
    "CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA", "CHANNEL_STATE", "CHANNEL_UNBRIDGE", "CHANNEL_UNHOLD",
    "CHANNEL_UNPARK", "CODEC", "CUSTOM callflow::closed", "CUSTOM conference::maintenance", "CUSTOM fifo::info",
    "CUSTOM mod_audio_fork::buffer_overrun", "CUSTOM mod_audio_fork::connect",
    "CUSTOM mod_audio_fork::connect_failed", "CUSTOM mod_audio_fork::disconnect", "CUSTOM mod_audio_fork::error",
    "CUSTOM mod_audio_fork::json", "CUSTOM mod_audio_fork::kill_audio", "CUSTOM mod_audio_fork::play_audio",
    "CUSTOM mod_audio_fork::transcription", "CUSTOM mod_audio_fork::transfer", "CUSTOM mod_audio_stream::connect",
    "CUSTOM mod_audio_stream::disconnect", "CUSTOM mod_audio_stream::error", "CUSTOM mod_audio_stream::json",
    "CUSTOM sofia::expire", "CUSTOM sofia::gateway_state", "CUSTOM sofia::register", "CUSTOM sofia::unregister",
    "CUSTOM valet_parking::info", "DEL_SCHEDULE", "DETECTED_TONE", "DTMF", "EXE_SCHEDULE", "HEARTBEAT",
    "MEDIA_BUG_START", "MEDIA_BUG_STOP", "MESSAGE", "MESSAGE_WAITING", "NOTALK", "PLAYBACK_START", "PLAYBACK_STOP",
    "RECORD_START", "RECORD_STOP", "RECV_MESSAGE", "RELOADXML", "RE_SCHEDULE", "SESSION_HEARTBEAT", "SHUTDOWN",
    "TALK",
)  # fmt: skip

STATES: Mapping[str, int] = MappingProxyType({
    "CS_NEW": 0, "CS_INIT": 1, "CS_ROUTING": 2, "CS_SOFT_EXECUTE": 3, "CS_EXECUTE": 4, "CS_EXCHANGE_MEDIA": 5,
    "CS_PARK": 6, "CS_CONSUME_MEDIA": 7, "CS_HIBERNATE": 8, "CS_RESET": 9, "CS_HANGUP": 10, "CS_REPORTING": 11,
    "CS_DESTROY": 12, "CS_NONE": 13,
})  # fmt: skip
CALL_STATES: Mapping[str, int] = MappingProxyType({
    name: number
    for number, name in enumerate((
        "DOWN",
        "DIALING",
        "RINGING",
        "EARLY",
        "ACTIVE",
        "HELD",
        "RING_WAIT",
        "HANGUP",
        "UNHELD",
    ))
})

LOG_LEVELS: Mapping[str, int] = MappingProxyType({
    name: number
    for number, name in enumerate(("console", "alert", "crit", "err", "warning", "notice", "info", "debug"))
})

CAUSES: Mapping[str, int] = MappingProxyType({
    "NONE": 0, "UNALLOCATED_NUMBER": 1, "NO_ROUTE_TRANSIT_NET": 2, "NO_ROUTE_DESTINATION": 3, "CHANNEL_UNACCEPTABLE": 6,
    "CALL_AWARDED_DELIVERED": 7, "NORMAL_CLEARING": 16, "USER_BUSY": 17, "NO_USER_RESPONSE": 18, "NO_ANSWER": 19,
    "SUBSCRIBER_ABSENT": 20, "CALL_REJECTED": 21, "NUMBER_CHANGED": 22, "REDIRECTION_TO_NEW_DESTINATION": 23,
    "EXCHANGE_ROUTING_ERROR": 25, "DESTINATION_OUT_OF_ORDER": 27, "INVALID_NUMBER_FORMAT": 28, "FACILITY_REJECTED": 29,
    "RESPONSE_TO_STATUS_ENQUIRY": 30, "NORMAL_UNSPECIFIED": 31, "NORMAL_CIRCUIT_CONGESTION": 34,
    "NETWORK_OUT_OF_ORDER": 38, "NORMAL_TEMPORARY_FAILURE": 41, "SWITCH_CONGESTION": 42, "ACCESS_INFO_DISCARDED": 43,
    "REQUESTED_CHAN_UNAVAIL": 44, "PRE_EMPTED": 45, "FACILITY_NOT_SUBSCRIBED": 50, "OUTGOING_CALL_BARRED": 52,
    "INCOMING_CALL_BARRED": 54, "BEARERCAPABILITY_NOTAUTH": 57, "BEARERCAPABILITY_NOTAVAIL": 58,
    "SERVICE_UNAVAILABLE": 63, "BEARERCAPABILITY_NOTIMPL": 65, "CHAN_NOT_IMPLEMENTED": 66,
    "FACILITY_NOT_IMPLEMENTED": 69, "SERVICE_NOT_IMPLEMENTED": 79, "INVALID_CALL_REFERENCE": 81,
    "INCOMPATIBLE_DESTINATION": 88, "INVALID_MSG_UNSPECIFIED": 95, "MANDATORY_IE_MISSING": 96,
    "MESSAGE_TYPE_NONEXIST": 97, "WRONG_MESSAGE": 98, "IE_NONEXIST": 99, "INVALID_IE_CONTENTS": 100,
    "WRONG_CALL_STATE": 101, "RECOVERY_ON_TIMER_EXPIRE": 102, "MANDATORY_IE_LENGTH_ERROR": 103, "PROTOCOL_ERROR": 111,
    "INTERWORKING": 127, "SUCCESS": 142, "ORIGINATOR_CANCEL": 487, "CRASH": 700, "SYSTEM_SHUTDOWN": 701,
    "LOSE_RACE": 702, "MANAGER_REQUEST": 703, "BLIND_TRANSFER": 800, "ATTENDED_TRANSFER": 801, "ALLOTTED_TIMEOUT": 802,
    "USER_CHALLENGE": 803, "MEDIA_TIMEOUT": 804, "PICKED_OFF": 805, "USER_NOT_REGISTERED": 806, "PROGRESS_TIMEOUT": 807,
    "INVALID_GATEWAY": 808, "GATEWAY_DOWN": 809, "INVALID_URL": 810, "INVALID_PROFILE": 811, "NO_PICKUP": 812,
    "SRTP_READ_ERROR": 813, "BOWOUT": 814, "BUSY_EVERYWHERE": 815, "DECLINE": 816, "DOES_NOT_EXIST_ANYWHERE": 817,
    "NOT_ACCEPTABLE": 818, "UNWANTED": 819, "NO_IDENTITY": 820, "BAD_IDENTITY_INFO": 821,
    "UNSUPPORTED_CERTIFICATE": 822, "INVALID_IDENTITY": 823, "STALE_DATE": 824, "REJECT_ALL": 825,
})  # fmt: skip
_NAMES: Mapping[int, str] = MappingProxyType({number: name for name, number in CAUSES.items()})

NORMAL_CLEARING = "NORMAL_CLEARING"


def cause_name(number: int) -> str:
    """A cause by its number."""
    return _NAMES.get(number, "NORMAL_UNSPECIFIED")


def read_cause(text: str) -> str:
    """A cause as a client writes it, by name or number; what is none is NORMAL_CLEARING, as it is for FreeSWITCH."""
    text = text.strip().upper()
    if text.isascii() and text.isdigit() and len(text) < 5:
        return _NAMES.get(int(text), NORMAL_CLEARING)
    return text if text in CAUSES else NORMAL_CLEARING


def q850(cause: str) -> int:
    """The number that a peer is told."""
    number = CAUSES.get(cause, 16)
    return number if 1 <= number <= 127 else 16


def cause_of_failure(status: int, number: int) -> str:
    """Why a leg was not answered: its Q.850 cause, but for the SIP statuses that FreeSWITCH tells apart."""
    return _OF_STATUS.get(status) or cause_name(number)


_OF_STATUS: Mapping[int, str] = MappingProxyType({
    401: "CALL_REJECTED", 402: "CALL_REJECTED", 403: "CALL_REJECTED", 407: "CALL_REJECTED", 603: "CALL_REJECTED",
    608: "CALL_REJECTED", 404: "UNALLOCATED_NUMBER", 485: "NO_ROUTE_DESTINATION", 604: "NO_ROUTE_DESTINATION",
    408: "RECOVERY_ON_TIMER_EXPIRE", 504: "RECOVERY_ON_TIMER_EXPIRE", 410: "NUMBER_CHANGED", 480: "NO_USER_RESPONSE",
    486: "USER_BUSY", 600: "USER_BUSY", 484: "INVALID_NUMBER_FORMAT", 488: "INCOMPATIBLE_DESTINATION",
    606: "INCOMPATIBLE_DESTINATION", 502: "NETWORK_OUT_OF_ORDER", 405: "SERVICE_UNAVAILABLE",
    406: "SERVICE_NOT_IMPLEMENTED", 415: "SERVICE_NOT_IMPLEMENTED", 501: "SERVICE_NOT_IMPLEMENTED",
    482: "EXCHANGE_ROUTING_ERROR", 483: "EXCHANGE_ROUTING_ERROR", 487: "ORIGINATOR_CANCEL",
    400: "NORMAL_TEMPORARY_FAILURE", 481: "NORMAL_TEMPORARY_FAILURE", 500: "NORMAL_TEMPORARY_FAILURE",
    503: "NORMAL_TEMPORARY_FAILURE",
})  # fmt: skip
