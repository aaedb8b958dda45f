"""control: a running playback, recording or stream is paused, goes on, moves, gets louder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callflow.protocol import commands

from .argument import within
from .errors import CommandError
from .playback import GAIN, Playback
from .recording import CallRecording, Recording
from .stream import Streaming

if TYPE_CHECKING:
    from .channel import Channel

_FARTHEST = 86_400_000  # ms


def control(channel: Channel, _id: str, command: commands.Control) -> None:
    within("seek_ms", command.seek_ms, -_FARTHEST, _FARTHEST)
    if command.gain_db is not None:
        within("gain_db", command.gain_db, -GAIN, GAIN)
    verb = channel.find(command.command)
    if isinstance(verb, Streaming):
        return _pause(verb, command)
    is_recording = isinstance(verb, Recording | CallRecording)
    if not isinstance(verb, Playback) and not is_recording:
        raise CommandError(
            "not_found", f"no playback, recording or stream {command.command[:64]!r} runs on this channel"
        )
    if is_recording and (command.seek_ms or command.gain_db is not None):
        raise CommandError("bad_argument", "control: expected pause or resume, a recording has no place and no gain")
    assert isinstance(verb, Playback | Recording | CallRecording)
    if verb.name is None:
        raise CommandError("wrong_state", "control: expected a recording that has begun, its beep is sounding")
    is_paused = None if command.action is None else command.action == "pause"
    channel.media.control(verb.name, is_paused=is_paused, seek_ms=command.seek_ms or None, gain_db=command.gain_db)


def _pause(stream: Streaming, command: commands.Control) -> None:
    if command.seek_ms or command.gain_db is not None:
        raise CommandError("bad_argument", "control: expected pause or resume, a stream has no place and no gain")
    if command.action is not None:
        stream.is_paused = command.action == "pause"
