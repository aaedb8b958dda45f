"""What script writers import.

from callflow import App, Call, Digits

app = App("reception")

@app.route("1000")
async def reception(call: Call) -> None:
    await call.answer()
    match await call.gather("welcome.wav", max=1):
        case Digits("1"):
            await call.play("opening-hours.wav")
        case _:
            await call.play("goodbye.wav")
"""

from .app import App
from .call import Call
from .conference import Conference
from .dialing import Answered
from .errors import (
    BadArgument,
    CallEnded,
    CallflowError,
    CommandError,
    DeadlineExceeded,
    Disconnected,
    InternalError,
    NotFound,
    NotOwner,
    Overloaded,
    RouteError,
    Unauthorized,
    Unreachable,
    Unsupported,
    WrongState,
)
from .menu import Menu
from .protocol.commands import (
    AnswererRules,
    ConferenceState,
    Confirmation,
    Hangup,
    MemberState,
    Play,
    Say,
    Silence,
    Source,
    Target,
    Text,
    Tone,
)
from .protocol.events import (
    ChannelEnded,
    ChannelSilent,
    ChannelTalking,
    ChannelTone,
    Party,
    StreamDropped,
    StreamMarked,
    StreamStarted,
    StreamTexted,
    TransferRequested,
)
from .protocol.outcomes import (
    Branch,
    Detected,
    Digits,
    Failed,
    Greeting,
    Invalid,
    Left,
    Played,
    Recorded,
    Sent,
    Streamed,
    TimedOut,
    TransferFailed,
    Transferred,
    Unbridged,
    Undetected,
)
from .running import Playback, Recording, Running, race
from .texting import TextMessage
from .verbs.hearing import Detection
from .verbs.streaming import StreamHandle

__all__ = [
    "Answered",
    "AnswererRules",
    "App",
    "BadArgument",
    "Branch",
    "Call",
    "CallEnded",
    "CallflowError",
    "ChannelEnded",
    "ChannelSilent",
    "ChannelTalking",
    "ChannelTone",
    "CommandError",
    "Conference",
    "ConferenceState",
    "Confirmation",
    "DeadlineExceeded",
    "Detected",
    "Detection",
    "Digits",
    "Disconnected",
    "Failed",
    "Greeting",
    "Hangup",
    "InternalError",
    "Invalid",
    "Left",
    "MemberState",
    "Menu",
    "NotFound",
    "NotOwner",
    "Overloaded",
    "Party",
    "Play",
    "Playback",
    "Played",
    "Recorded",
    "Recording",
    "RouteError",
    "Running",
    "Say",
    "Sent",
    "Silence",
    "Source",
    "StreamDropped",
    "StreamHandle",
    "StreamMarked",
    "StreamStarted",
    "StreamTexted",
    "Streamed",
    "Target",
    "Text",
    "TextMessage",
    "TimedOut",
    "Tone",
    "TransferFailed",
    "TransferRequested",
    "Transferred",
    "Unauthorized",
    "Unbridged",
    "Undetected",
    "Unreachable",
    "Unsupported",
    "WrongState",
    "race",
]
