"""How commands end. Each is a value to match on; what is expected never raises.

On the wire an outcome is a map with its name under `outcome`:
`{"outcome": "digits", "value": "42", "terminator": "#"}`.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec


class Outcome(msgspec.Struct, frozen=True, tag_field="outcome"):
    """The end of one command."""


class Played(Outcome, frozen=True, tag="played"):
    """A playback is over. `heard_ms` counts what was really sent, to the frame."""

    heard_ms: int
    reason: Literal["completed", "stopped", "digit", "failed"]
    digit: str | None = None
    error: str | None = None


class Digits(Outcome, frozen=True, tag="digits"):
    """The caller keyed what was asked for; `terminator` is the key that closed the entry and is not in `value`."""

    value: str
    terminator: str | None = None


class TimedOut(Outcome, frozen=True, tag="timed_out"):
    """The caller keyed nothing, or too little, in time."""

    partial: str = ""


class Invalid(Outcome, frozen=True, tag="invalid"):
    """The caller keyed what the pattern does not allow, once more than `retries`."""

    partial: str = ""


class Recorded(Outcome, frozen=True, tag="recorded"):
    """A recording is closed. `path` is below the app's recordings; `sha256` is of the file."""

    path: str
    duration_ms: int
    reason: Literal["max", "silence", "terminator", "stopped", "hangup", "failed"]
    sha256: str = ""
    terminator: str | None = None
    error: str | None = None


class Streamed(Outcome, frozen=True, tag="streamed"):
    """A stream is over. `code` is the WebSocket's when the peer closed it, or the HTTP status that refused it.

    `sent_ms` were sent of each track, and `dropped_ms` were not, as the peer did not read; `heard_ms` of what it said
    was really heard, and of `lost_ms` nothing was, as more than a minute would have waited.
    """

    reason: Literal["stopped", "hangup", "replaced", "closed", "unreachable", "refused", "stalled", "failed"]
    code: int = 0
    sent_ms: int = 0
    dropped_ms: int = 0
    heard_ms: int = 0
    lost_ms: int = 0
    error: str | None = None


class Sent(Outcome, frozen=True, tag="sent"):
    """Digits were sent, or a message. `digits` are those whose last packet left, or whose INFO the peer took.

    `sip_status` is what the peer answered a message. One that is `kept` is delivered when its user registers.
    """

    digits: str = ""
    reason: Literal["completed", "stopped", "refused", "kept"] = "completed"
    sip_status: int = 0


class Branch(msgspec.Struct, frozen=True):
    """One target of a dial, and how it ended. `contacts` is where a 3xx wanted to send the call."""

    target: str
    leg: str
    reason: Literal[
        "answered",
        "busy",
        "no_answer",
        "declined",
        "not_found",
        "unavailable",
        "failed",
        "cancelled",
        "unreachable",
        "unconfirmed",
    ]
    sip_status: int = 0
    q850: int = 0
    contacts: tuple[str, ...] = ()


class Answered(Outcome, frozen=True, tag="answered"):
    """A target answered: `leg` is its channel."""

    leg: str
    target: str = ""


class Failed(Outcome, frozen=True, tag="failed"):
    """No target answered: every branch with its end, in the order they were tried."""

    branches: tuple[Branch, ...] = ()
    reason: Literal["no_answer", "stopped", "hangup"] = "no_answer"


class Unbridged(Outcome, frozen=True, tag="unbridged"):
    """A bridge is over. `by` is the channel that left or hung up, if one did."""

    reason: Literal["hangup", "unbridged", "stopped", "transferred"]
    by: str | None = None


class Left(Outcome, frozen=True, tag="left"):
    """A channel takes part no more, or never did."""

    reason: Literal["left", "hangup", "kicked", "ended", "locked", "refused"]


class Stopped(Outcome, frozen=True, tag="stopped"):
    """A command without a result of its own was ended."""

    reason: Literal["cancelled", "hangup", "replaced"] = "cancelled"


class Greeting(msgspec.Struct, frozen=True):
    """What was heard of who answered: the silence before, the greeting with its words (spurts of talk) and pauses.

    `why`: the greeting was `short`, with a pause after it, or `long`; it had too many `words`; there was a `tone`,
    only `silence`, or nothing that decides it in time.
    """

    why: Literal["short", "long", "words", "tone", "silence", "undecided"]
    silence_ms: int
    greeting_ms: int = 0
    words: int = 0
    longest_word_ms: int = 0
    pauses_ms: tuple[int, ...] = ()


class Detected(Outcome, frozen=True, tag="detected"):
    """It was heard, so long after the beginning, so many dB below overload. Who answers has left a `greeting`."""

    what: Literal["talk", "silence", "human", "machine", "unknown", "busy", "congestion", "sit", "cng", "ced", "beep"]
    after_ms: int = 0
    level_dbov: int = 0
    greeting: Greeting | None = None


class Undetected(Outcome, frozen=True, tag="undetected"):
    """Nothing of what was asked for was heard in time."""


class Transferred(Outcome, frozen=True, tag="transferred"):
    """The party talks with somebody else now; the call that it leaves may be hung up."""

    target: str = ""


class TransferFailed(Outcome, frozen=True, tag="transfer_failed"):
    """It does not, and the call goes on as it was. `sip_status` is why: the target's answer, or the refusal."""

    sip_status: int
    reason: Literal["refused", "failed", "timeout", "hangup", "stopped"] = "failed"


AnyOutcome: TypeAlias = (
    Played
    | Digits
    | TimedOut
    | Invalid
    | Recorded
    | Streamed
    | Sent
    | Answered
    | Failed
    | Unbridged
    | Left
    | Stopped
    | Detected
    | Undetected
    | Transferred
    | TransferFailed
)
