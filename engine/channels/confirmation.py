"""A leg that has answered a dial must take the call: by a key, or because its app says so with `confirm`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from callflow.protocol import commands
from engine.media import session as media

from .errors import CommandError
from .verb import Why

if TYPE_CHECKING:
    from .channel import Channel


def confirm(channel: Channel, _id: str, command: commands.Confirm) -> None:
    for verb in channel.running:
        if isinstance(verb, Confirming):
            verb.decide(is_accepted=command.accept)
            return
    raise CommandError("wrong_state", "confirm: expected the answered leg of a dial that wants to be confirmed")


class Confirming:
    """The question to one leg. It runs there like a command, and tells its answer to whoever asked, once or never."""

    __slots__ = ("_channel", "_decide", "_is_over", "_key", "_prompt", "_timer", "command_id")

    def __init__(
        self,
        channel: Channel,
        dial_id: str,
        wanted: commands.Confirmation,
        prompt: tuple[media.Source, ...],
        decide: Callable[[bool], None],
    ) -> None:
        self.command_id = f"{dial_id}/confirm"
        self._channel = channel
        self._key = wanted.key
        self._decide = decide
        self._is_over = False
        self._prompt = ""  # the media's name of it
        channel.run(self)
        self._timer = channel.table.timers.after(wanted.timeout, lambda: self.decide(is_accepted=False))
        if prompt:
            self._prompt = channel.name_for(self)
            channel.audio.play(self._prompt, prompt)

    def decide(self, *, is_accepted: bool) -> None:
        if not self._is_over:
            self._end()
            self._decide(is_accepted)

    def press(self, digit: str) -> bool:
        if not self._key or self._is_over:
            return False
        if digit == self._key:
            self.decide(is_accepted=True)
        return True

    def receive(self, event: media.MediaEvent) -> None:
        pass

    def stop(self, why: Why) -> None:
        """The leg ends: there is nothing to decide any more."""
        if not self._is_over:
            self._end()

    def give_up(self) -> None:
        self.stop(Why.CANCELLED)

    def _end(self) -> None:
        self._is_over = True
        self._timer.cancel()
        self._channel.media.stop(self._prompt)
        self._channel.drop(self)
