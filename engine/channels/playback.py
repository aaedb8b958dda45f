"""play, say, tone: sources one after another, until they end, a key stops them, or another play replaces them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callflow.protocol import commands
from callflow.protocol.events import PlaybackFinished, PlaybackStarted
from callflow.protocol.outcomes import Played
from engine.media import session as media

from .argument import digits_only, within
from .errors import CommandError
from .source import resolve_for
from .verb import Why

if TYPE_CHECKING:
    from .channel import Channel

_MOST_REPEATS = 1_000_000
_LATEST_OFFSET = 86_400_000  # ms
_LONGEST_FADE = 10_000  # ms
GAIN = 40.0  # dB, either way


def play(channel: Channel, command_id: str, command: commands.Play) -> None:
    within("repeat", command.repeat, 0, _MOST_REPEATS)
    within("offset_ms", command.offset_ms, 0, _LATEST_OFFSET)
    within("gain_db", command.gain_db, -GAIN, GAIN)
    within("fade_in_ms", command.fade_in_ms, 0, _LONGEST_FADE)
    within("fade_out_ms", command.fade_out_ms, 0, _LONGEST_FADE)
    digits_only("stop_on", command.stop_on, 16)
    sources = resolve_for(channel, command.sources)
    if not sources:
        raise CommandError("bad_argument", "expected at least one source to play")
    channel.open_audio("play")
    Playback(
        channel,
        command_id,
        sources,
        stop_on=command.stop_on,
        repeat=command.repeat,
        gain_db=command.gain_db,
        offset_ms=command.offset_ms,
        fades_ms=(command.fade_in_ms, command.fade_out_ms),
    )


def sound_tone(channel: Channel, command_id: str, command: commands.ToneCommand) -> None:
    _play_one(channel, command_id, commands.Tone(command.plan, command.seconds), "tone", stop_on=command.stop_on)


def say(channel: Channel, command_id: str, command: commands.SayCommand) -> None:
    said = commands.Say(command.text, command.language, command.kind)
    _play_one(channel, command_id, said, "say", stop_on=command.stop_on, gain_db=command.gain_db)


def _play_one(
    channel: Channel, command_id: str, source: commands.Source, verb: str, *, stop_on: str, gain_db: float = 0.0
) -> None:
    digits_only("stop_on", stop_on, 16)
    within("gain_db", gain_db, -GAIN, GAIN)
    sources = resolve_for(channel, (source,))
    channel.open_audio(verb)
    Playback(channel, command_id, sources, stop_on=stop_on, gain_db=gain_db)


class Playback:
    """A play, say or tone that runs."""

    __slots__ = ("_channel", "_digit", "_fade_out", "_stop_on", "command_id", "name")

    def __init__(
        self,
        channel: Channel,
        command_id: str,
        sources: tuple[media.Source, ...],
        *,
        stop_on: str,
        repeat: int = 1,
        gain_db: float = 0.0,
        offset_ms: int = 0,
        fades_ms: tuple[int, int] = (0, 0),
    ) -> None:
        self.command_id = command_id
        self._channel = channel
        self._stop_on = stop_on
        self._digit: str | None = None
        self._fade_out = fades_ms[1] / 1000
        channel.run(self)
        self.name = channel.name_for(self)
        channel.audio.play(self.name, sources, repeat=repeat, gain_db=gain_db, offset_ms=offset_ms, fades_ms=fades_ms)

    def press(self, digit: str) -> bool:
        if digit not in self._stop_on or self._digit is not None:
            return False
        self._digit = digit
        self._channel.stop(self, Why.CANCELLED)
        return True

    def receive(self, event: media.MediaEvent) -> None:
        if isinstance(event, media.PlaybackStarted):
            self._channel.emit(PlaybackStarted(command=self.command_id))
        elif isinstance(event, media.PlaybackFinished):
            is_keyed = event.reason == "stopped" and self._digit is not None
            self._finish(
                Played(
                    event.heard_ms,
                    "digit" if is_keyed else event.reason,
                    self._digit if is_keyed else None,
                    event.error,
                )
            )

    def stop(self, why: Why) -> None:
        self._channel.media.stop(self.name)
        if why is not Why.CANCELLED and self._fade_out:
            self._fade_out = 0.0
            self._channel.media.stop(self.name)  # nobody waits for it to fade

    def give_up(self) -> None:
        if self._fade_out:  # it may still be at it
            fade, self._fade_out = self._fade_out, 0.0
            self._channel.table.timers.after(fade, self.give_up)
            return
        self._finish(Played(0, "stopped", error="the media did not report what was heard"))

    def _finish(self, outcome: Played) -> None:
        self._channel.finish(self, PlaybackFinished(command=self.command_id, outcome=outcome))
