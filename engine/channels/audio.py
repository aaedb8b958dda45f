"""hold, resume, mute, unmute; and which of the things that a channel could play is heard.

One playback is heard at a time, the newest. Where none is, there may be a background: hold music, or what a caller
hears whose app was lost. It begins again when a playback in front of it has ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import trio

from callflow.protocol import commands
from callflow.protocol.events import ChannelHeld, ChannelResumed
from engine.media import session as media

from .errors import CommandError
from .part import Part
from .source import resolve_for
from .state import State

if TYPE_CHECKING:
    from .channel import Channel

_BACKGROUND = "background"  # the media's name of it; verbs have numbers


def hold(channel: Channel, _id: str, command: commands.Hold) -> None:
    music = resolve_for(channel, command.music)
    _expect_answered(channel, "hold")
    channel.audio.hold(music)


def resume(channel: Channel, _id: str, _command: commands.ResumeCommand) -> None:
    channel.audio.resume()


def mute(channel: Channel, _id: str, command: commands.Mute) -> None:
    _expect_answered(channel, "mute")
    channel.audio.mute(command.direction, is_on=True)


def unmute(channel: Channel, _id: str, command: commands.Unmute) -> None:
    channel.audio.mute(command.direction, is_on=False)


def _expect_answered(channel: Channel, verb: str) -> None:
    if channel.state is not State.ANSWERED:
        raise CommandError("wrong_state", f"{verb}: expected an answered call, came one that is {channel.state.value}")


class Audio(Part):
    """What the peer of one channel hears, and whether it is heard."""

    __slots__ = ("_backgrounds", "_is_heard", "_is_hearing", "_is_held", "_playing")

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self._playing: str | None = None
        self._backgrounds: dict[str, tuple[media.Source, ...]] = {}  # the newest last
        self._is_held = False
        self._is_heard = True
        self._is_hearing = True

    def play(
        self,
        name: str,
        sources: Sequence[media.Source],
        *,
        repeat: int = 1,
        gain_db: float = 0.0,
        offset_ms: int = 0,
        fades_ms: tuple[int, int] = (0, 0),
    ) -> None:
        """Play for a verb; what sounded before is stopped, or goes on afterwards if it is a background."""
        self._playing = name
        self._channel.media.play(name, sources, repeat=repeat, gain_db=gain_db, offset_ms=offset_ms, fades_ms=fades_ms)

    def set_background(self, whose: str, sources: tuple[media.Source, ...]) -> None:
        """Have this heard for ever, when nothing else is."""
        self._backgrounds.pop(whose, None)
        self._backgrounds[whose] = sources
        self._go_on()

    def clear_background(self, whose: str) -> None:
        if self._backgrounds.pop(whose, None) is None:
            return
        if self._playing is None:
            self._channel.media.stop(_BACKGROUND)
        self._go_on()

    def note_end(self, name: str) -> None:
        """A playback has ended: is there something behind it?"""
        if name == self._playing:
            self._playing = None
            self._go_on()

    def hold(self, music: tuple[media.Source, ...]) -> None:
        was_held, self._is_held = self._is_held, True
        self._update()
        if music:
            self.set_background("hold", music)
        else:
            self.clear_background("hold")
        if not was_held:
            self._channel.emit(ChannelHeld(by="app"))

    def resume(self) -> None:
        if not self._is_held:
            return
        self._is_held = False
        self.clear_background("hold")
        self._update()
        self._channel.emit(ChannelResumed(by="app"))

    def mute(self, direction: str, *, is_on: bool) -> None:
        if direction in ("in", "both"):
            self._is_heard = not is_on
        if direction in ("out", "both"):
            self._is_hearing = not is_on
        self._update()

    def _update(self) -> None:
        self._channel.media.mute(
            incoming=self._is_held or not self._is_heard, outgoing=self._is_held or not self._is_hearing
        )

    def _go_on(self) -> None:
        if self._playing is None and self._backgrounds and self._channel.is_alive:
            whose, music = next(reversed(self._backgrounds.items()))
            # All who wait hear the same place of the same music, as of one stream, and go on there when held again.
            offset_ms = round(trio.current_time() * 1000) if whose == "hold" else 0
            self._channel.media.play(_BACKGROUND, music, repeat=0, offset_ms=offset_ms)
