"""A stream as FreeSWITCH's modules for audio over WebSockets know it: what its start says, and its events. Pure."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias, cast

from callflow.protocol import commands
from callflow.protocol.outcomes import Streamed

Module: TypeAlias = Literal["audio_fork", "audio_stream"]
Told: TypeAlias = tuple[str, str | None]  # the subclass of a CUSTOM event, and its body

_RATES: Mapping[str, Literal[8000, 16000, 24000]] = MappingProxyType({
    "8k": 8000, "8000": 8000, "16k": 16000, "16000": 16000, "24k": 24000, "24000": 24000,
})  # fmt: skip
_TRACKS: Mapping[str, Literal["inbound", "both", "mixed"]] = MappingProxyType({
    "mono": "inbound", "stereo": "both", "mixed": "mixed",
})  # fmt: skip
# What a start may say last: [BUG-NAME] METADATA [HEARD [AS-IT-COMES [RATE]]]
_NAMED = re.compile(r"(?:([\w.-]+)\s+)?('.*'|[{\[].*[}\]])((?:\s+[\w-]+){0,3})", re.DOTALL)
_SUBPROTOCOL = "audio.drachtio.org"
_YES = ("true", "1", "yes", "on")
# The types of messages that have events of their own, whose body is the data of the message.
_OF_TYPE: Mapping[str, str] = MappingProxyType({
    "transcription": "transcription", "transfer": "transfer", "disconnect": "disconnect", "error": "error",
    "killAudio": "kill_audio",
})  # fmt: skip
_SUFFIXES: Mapping[int, str] = MappingProxyType({
    8000: ".r8", 16000: ".r16", 24000: ".r24", 32000: ".r32", 48000: ".sln48",
})  # fmt: skip


class BadStart(ValueError):
    """What a start says is not understood: what was expected, and what came."""


@dataclass(slots=True)
class Fork:
    """A stream that was started so, under the name of its media bug."""

    module: Module
    name: str
    is_ending: bool = False  # it was told to shut down gracefully
    has_overrun: bool = False


@dataclass(frozen=True, slots=True)
class Audio:
    """What a peer gave to play; `data` is what it said of it."""

    octets: bytes
    suffix: str  # of the file's name: what it is
    data: Mapping[str, object]

    def told(self, file: str) -> Told:
        """The event, when it is in that file."""
        return "mod_audio_fork::play_audio", _spelled({**self.data, "file": file})


@dataclass(frozen=True, slots=True)
class Start:
    """What is to be done."""

    command: commands.Stream
    name: str
    metadata: str


def read_start(module: Module, words: str, variables: Mapping[str, str]) -> Start:
    """`URL mono|mixed|stereo [8k|16k|24k] [...]`. Raises BadStart."""
    url, mix, rate, rest = [*words.split(maxsplit=3), "", "", "", ""][:4]
    if mix not in _TRACKS:
        raise BadStart(f"expected mono, mixed or stereo, got {mix[:32]!r}")
    if rate and rate not in _RATES:
        raise BadStart(f"expected 8k, 16k or 24k, got {rate[:32]!r}")
    name, metadata, is_heard = _read_rest(module, rest.strip(), rate)
    command = commands.Stream(
        url=re.sub(r"^http(s?)://", r"ws\1://", url, flags=re.IGNORECASE),
        direction="both" if is_heard else "send",
        tracks=_TRACKS[mix],
        dialect="raw",
        rate=_RATES[rate or "8k"],
        headers=_headers(variables),
        subprotocol=_SUBPROTOCOL if module == "audio_fork" else "",
    )
    return Start(command, name, metadata)


def _read_rest(module: Module, rest: str, rate: str) -> tuple[str, str, bool]:
    """The name of the bug, the metadata, and whether the peer is heard."""
    found = _NAMED.fullmatch(rest) if module == "audio_fork" else None
    if found is None:
        return module, rest.strip("'"), module == "audio_stream"
    flags = [*found[3].split(), "", "", ""][:3]
    if flags[2] and _RATES.get(flags[2]) != _RATES.get(rate or "8k"):
        raise BadStart(f"expected the same rate both ways, got {rate} and {flags[2]}")
    return found[1] or module, found[2].strip("'"), flags[0].lower() in _YES


def _headers(variables: Mapping[str, str]) -> dict[str, str]:
    """Those of the handshake, as the channel's variables say them."""
    headers = {}
    if user := variables.get("MOD_AUDIO_BASIC_AUTH_USERNAME"):
        shown = f"{user}:{variables.get('MOD_AUDIO_BASIC_AUTH_PASSWORD', '')}"
        headers["Authorization"] = f"Basic {b64encode(shown.encode()).decode()}"
    if not (extra := variables.get("STREAM_EXTRA_HEADERS")):
        return headers
    try:
        read = json.loads(extra)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise BadStart(f"expected an object of JSON in STREAM_EXTRA_HEADERS, got {extra[:64]!r}")
    return headers | {str(name): str(value) for name, value in cast("dict[object, object]", read).items()}


# Its events


def connected(fork: Fork) -> Told:
    return f"mod_{fork.module}::connect", None if fork.module == "audio_fork" else _spelled({"status": "connected"})


def texted(fork: Fork, text: str) -> Told | None:
    """What the peer said; None: nothing that the module tells."""
    if fork.module == "audio_stream":
        return "mod_audio_stream::json", text
    message = read_message(text)
    kind = message.get("type")
    if kind == "json":
        return "mod_audio_fork::json", text
    subclass = _OF_TYPE.get(kind) if isinstance(kind, str) else None
    if subclass is None:
        return None
    data = message.get("data")
    return f"mod_audio_fork::{subclass}", None if data is None or kind == "killAudio" else _spelled(data)


def overrun(fork: Fork) -> Told | None:
    """The peer does not read. It is told once."""
    if fork.module == "audio_stream" or fork.has_overrun:
        return None
    fork.has_overrun = True
    return "mod_audio_fork::buffer_overrun", None


def finished(fork: Fork, outcome: Streamed) -> Told | None:
    has_failed = outcome.reason in ("unreachable", "refused")
    is_ours = outcome.reason in ("stopped", "hangup", "replaced")
    if fork.module == "audio_fork":
        if has_failed:
            return "mod_audio_fork::connect_failed", _spelled({"reason": outcome.error or outcome.reason})
        return None if is_ours or fork.is_ending else ("mod_audio_fork::disconnect", None)
    if has_failed:
        error = {"retries": 1, "error": outcome.error or outcome.reason, "wait_time": 0, "http_status": outcome.code}
        return "mod_audio_stream::error", _spelled({"status": "error", "message": error})
    code, reason = (1000, "Normal closure") if is_ours else (outcome.code, outcome.error or outcome.reason)
    closed = {"code": code, "reason": reason}
    return "mod_audio_stream::disconnect", _spelled({"status": "disconnected", "message": closed})


def read_message(text: str) -> Mapping[str, object]:
    """An object of JSON; without any, an empty one."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, object]", read) if isinstance(read, dict) else {}


def read_audio(message: Mapping[str, object]) -> Audio | None:
    """What a message of the type playAudio gives to play; None: nothing that is known."""
    data = message.get("data")
    if message.get("type") != "playAudio" or not isinstance(data, dict):
        return None
    rest = dict(cast("dict[str, object]", data))
    content, kind, rate = rest.pop("audioContent", ""), rest.get("audioContentType"), rest.get("sampleRate")
    if not isinstance(content, str) or kind not in ("raw", "wave", "wav"):
        return None
    try:
        octets = b64decode(content, validate=True)
    except ValueError:
        return None
    suffix = _SUFFIXES.get(rate, ".r16") if isinstance(rate, int) else ".r16"
    return Audio(octets, suffix if kind == "raw" else ".wav", rest)


def _spelled(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
