"""A channel that listens to another: to the bridge or the conference that the other is in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from callflow.protocol.events import BridgeJoined, BridgeLeft
from callflow.protocol.outcomes import Left
from engine.media.session import MediaEvent, Membership

from .verb import Why

if TYPE_CHECKING:
    from .channel import Channel


Mode: TypeAlias = Literal["listen", "whisper", "barge"]


class Heard(Protocol):
    """What can be listened to."""

    def attend(self, listening: Listening) -> None: ...

    def unattend(self, listening: Listening) -> None: ...


def stop_listening(channel: Channel) -> None:
    """Something else is to be heard from now on."""
    for verb in channel.running:
        if isinstance(verb, Listening):
            channel.stop(verb, Why.REPLACED)


class Listening:
    """A listen that runs."""

    def __init__(self, channel: Channel, other: Channel, command_id: str, mode: Mode) -> None:
        self.command_id = command_id
        self.channel = channel
        self.other = other
        self.mode = mode
        self._heard: Heard | None = None
        self._bridge = ""

    def begin(self, heard: Heard, bridge: str) -> None:
        self.channel.run(self)
        self._heard, self._bridge = heard, bridge
        self.channel.untie()
        self.channel.digits_ahead.clear()
        heard.attend(self)
        self.channel.emit(BridgeJoined(bridge=bridge, command=self.command_id, other=self.other.id))

    def membership(self) -> Membership:
        """Its part in the room of the media."""
        return Membership(
            is_muted=self.mode == "listen", speaks_to=self.other.media if self.mode == "whisper" else None
        )

    def end(self, reason: Literal["left", "hangup", "ended"]) -> None:
        heard, self._heard = self._heard, None
        if heard is None:
            return
        heard.unattend(self)
        left = BridgeLeft(bridge=self._bridge, command=self.command_id, outcome=Left(reason))
        self.channel.finish(self, left)

    def press(self, digit: str) -> bool:
        return False

    def receive(self, event: MediaEvent) -> None:
        pass

    def stop(self, why: Why) -> None:
        self.end("hangup" if why is Why.HANGUP else "left")

    def give_up(self) -> None:
        self.end("left")
