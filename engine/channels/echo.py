"""echo: the peer hears its own voice, at once or later, until it is cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callflow.protocol import commands
from callflow.protocol.events import EchoFinished
from callflow.protocol.outcomes import Stopped
from engine.media.session import MediaEvent

from .argument import within
from .errors import CommandError
from .verb import Why

if TYPE_CHECKING:
    from .channel import Channel


_LONGEST_DELAY_MS = 10_000


def echo(channel: Channel, command_id: str, command: commands.Echo) -> None:
    within("delay_ms", command.delay_ms, 0, _LONGEST_DELAY_MS)
    if channel.bridge is not None or channel.member is not None:
        raise CommandError("wrong_state", "echo: expected a channel without a bridge, came a bridged one")
    channel.open_call("echo")
    stop_echo(channel)
    channel.run(Echoing(channel, command_id))
    channel.media.echo(is_on=True, delay_ms=command.delay_ms)


def stop_echo(channel: Channel) -> None:
    """Something else is to be heard from now on."""
    for verb in channel.running:
        if isinstance(verb, Echoing):
            channel.stop(verb, Why.REPLACED)


class Echoing:
    """An echo that runs."""

    __slots__ = ("_channel", "command_id")

    def __init__(self, channel: Channel, command_id: str) -> None:
        self.command_id = command_id
        self._channel = channel

    def press(self, digit: str) -> bool:
        return False

    def receive(self, event: MediaEvent) -> None:
        pass

    def stop(self, why: Why) -> None:
        self._channel.media.echo(is_on=False)
        self._channel.finish(self, EchoFinished(command=self.command_id, outcome=Stopped(why.value)))

    def give_up(self) -> None:
        self.stop(Why.CANCELLED)
