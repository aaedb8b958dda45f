"""record: what the peer says, to a WAV file, until a key, silence, the time, or the call ends it. record_call: both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from callflow.protocol import commands
from callflow.protocol.events import RecordingFinished, RecordingStarted
from callflow.protocol.outcomes import Recorded
from engine.media import session as media

from .argument import digits_only, within
from .source import recording_path
from .verb import Why

if TYPE_CHECKING:
    from .channel import Channel

_LONGEST = 86400.0  # seconds
_BEEP = media.ToneSource((1400.0,), duration_ms=250)


def record(channel: Channel, command_id: str, command: commands.Record) -> None:
    within("max", command.max, 0.02, _LONGEST)
    within("silence", command.silence, 0, _LONGEST)
    digits_only("terminators", command.terminators, 16)
    path = recording_path(command.path, channel.owner)
    channel.open_call("record")
    for verb in channel.running:
        if isinstance(verb, Recording):
            channel.stop(verb, Why.REPLACED)
    Recording(channel, command_id, command, path)


def record_call(channel: Channel, command_id: str, command: commands.RecordCall) -> None:
    within("max", command.max, 0.02, _LONGEST)
    path = recording_path(command.path, channel.owner)
    channel.open_call("record_call")
    for verb in channel.running:
        if isinstance(verb, CallRecording):
            channel.stop(verb, Why.REPLACED)
    CallRecording(channel, command_id, command, path)


class Recording:
    """A record that runs; with a beep, it waits for the end of that first."""

    __slots__ = ("_beep", "_channel", "_command", "_path", "_terminator", "_why", "command_id", "name")

    def __init__(self, channel: Channel, command_id: str, command: commands.Record, path: Path) -> None:
        self.command_id = command_id
        self._channel = channel
        self._command = command
        self._path = path
        self._beep: str | None = None
        self.name: str | None = None
        self._why: Why | None = None
        self._terminator: str | None = None
        channel.run(self)
        if command.beep:
            self._beep = channel.name_for(self)
            channel.audio.play(self._beep, (_BEEP,))
        else:
            self._begin()

    def press(self, digit: str) -> bool:
        if digit not in self._command.terminators or self._terminator is not None or self._why is not None:
            return False
        self._terminator = digit
        self._channel.stop(self, Why.CANCELLED)
        return True

    def receive(self, event: media.MediaEvent) -> None:
        if isinstance(event, media.PlaybackFinished) and self.name is None:
            self._begin()
        elif isinstance(event, media.RecordingFinished):
            self._finish(
                Recorded(
                    self._command.path,
                    event.duration_ms,
                    self._reason() if event.reason == "stopped" else event.reason,
                    event.sha256,
                    self._terminator if event.reason == "stopped" else None,
                    event.error,
                )
            )

    def stop(self, why: Why) -> None:
        self._why = self._why or why
        if self.name is not None:
            self._channel.media.stop(self.name)
            return
        if self._beep is not None:
            self._channel.media.stop(self._beep)
        self._finish(Recorded(self._command.path, 0, self._reason(), terminator=self._terminator))

    def give_up(self) -> None:
        error = "the media did not report the end of the recording"
        self._finish(Recorded(self._command.path, 0, self._reason(), error=error))

    def _begin(self) -> None:
        self.name = self._channel.name_for(self)
        command = self._command
        self._channel.media.record(
            self.name,
            self._path,
            max_ms=round(command.max * 1000),
            silence_ms=round(command.silence * 1000),
            is_trimmed=command.trim,
        )
        self._channel.emit(RecordingStarted(command=self.command_id, path=command.path))

    def _reason(self) -> Literal["terminator", "hangup", "stopped"]:
        if self._terminator is not None:
            return "terminator"
        return "hangup" if self._why is Why.HANGUP else "stopped"

    def _finish(self, outcome: Recorded) -> None:
        self._channel.finish(self, RecordingFinished(command=self.command_id, outcome=outcome))


class CallRecording:
    """A record_call that runs, whatever else does."""

    __slots__ = ("_channel", "_path", "_why", "command_id", "name")

    def __init__(self, channel: Channel, command_id: str, command: commands.RecordCall, path: Path) -> None:
        self.command_id = command_id
        self._channel = channel
        self._path = command.path
        self._why: Why | None = None
        channel.run(self)
        self.name = channel.name_for(self)
        channel.media.record_both(self.name, path, stereo=command.stereo, max_ms=round(command.max * 1000))
        channel.emit(RecordingStarted(command=command_id, path=command.path))

    def press(self, digit: str) -> bool:
        return False

    def receive(self, event: media.MediaEvent) -> None:
        if isinstance(event, media.RecordingFinished):
            reason = self._reason() if event.reason == "stopped" else event.reason
            self._finish(Recorded(self._path, event.duration_ms, reason, event.sha256, error=event.error))

    def stop(self, why: Why) -> None:
        self._why = self._why or why
        self._channel.media.stop(self.name)

    def give_up(self) -> None:
        self._finish(Recorded(self._path, 0, self._reason(), error="the media did not report the end of the recording"))

    def _reason(self) -> Literal["hangup", "stopped"]:
        return "hangup" if self._why is Why.HANGUP else "stopped"

    def _finish(self, outcome: Recorded) -> None:
        self._channel.finish(self, RecordingFinished(command=self.command_id, outcome=outcome))
