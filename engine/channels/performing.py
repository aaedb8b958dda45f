"""Which function performs which command of a channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from callflow.protocol import commands
from callflow.protocol.commands import Command

from . import (
    answering,
    audio,
    binding,
    bridge,
    confirmation,
    control,
    detect,
    dial,
    digit,
    echo,
    gather,
    header,
    listen,
    member,
    messaging,
    place,
    playback,
    recording,
    redirection,
    referral,
    stream,
    succession,
    timing,
    transferring,
    variable,
)
from .errors import CommandError

if TYPE_CHECKING:
    from .channel import Channel

# Any: each takes its own command class, which is the key it stands under.
Performer: TypeAlias = Callable[["Channel", str, Any], object]

PERFORMERS: Mapping[type[Command], Performer] = MappingProxyType({
    commands.Answer: answering.answer,
    commands.Ring: answering.ring,
    commands.Progress: answering.progress,
    commands.Reject: answering.reject,
    commands.Redirect: redirection.redirect,
    commands.Hangup: answering.hang_up,
    commands.HangupAt: timing.hang_up_at,
    commands.Cancel: answering.cancel,
    commands.Play: playback.play,
    commands.SayCommand: playback.say,
    commands.ToneCommand: playback.sound_tone,
    commands.Control: control.control,
    commands.Gather: gather.gather,
    commands.Record: recording.record,
    commands.RecordCall: recording.record_call,
    commands.Stream: stream.stream,
    commands.StreamClear: stream.clear,
    commands.StreamText: stream.say,
    commands.Echo: echo.echo,
    commands.Detect: detect.detect,
    commands.SendDigits: digit.send_digits,
    commands.Press: digit.press,
    commands.Dial: dial.dial,
    commands.Confirm: confirmation.confirm,
    commands.Bridge: bridge.connect,
    commands.Unbridge: bridge.part,
    commands.Join: member.join,
    commands.Listen: listen.listen,
    commands.Hold: audio.hold,
    commands.ResumeCommand: audio.resume,
    commands.Mute: audio.mute,
    commands.Unmute: audio.unmute,
    commands.BindDigits: binding.bind_digits,
    commands.UnbindDigits: binding.unbind_digits,
    commands.Transfer: transferring.transfer,
    commands.TransferPolicy: referral.set_policy,
    commands.AcceptTransfer: referral.accept,
    commands.RefuseTransfer: referral.refuse,
    commands.SendInfo: messaging.send,
    commands.SendMessage: messaging.send,
    commands.SendOptions: messaging.send,
    commands.Notify: messaging.send,
    commands.Limit: place.limit,
    commands.Policy: succession.policy,
    commands.Abandon: succession.abandon,
    commands.Set: variable.set_variables,
    commands.SetLanguage: variable.set_language,
    commands.Get: variable.get_variables,
    commands.Headers: header.read_headers,
})


def perform(channel: Channel, command_id: str, command: Command) -> object:
    """Perform a command on a channel that is alive. Raises CommandError; gives back the reply's data."""
    performer = PERFORMERS.get(type(command))
    if performer is None:
        raise CommandError("unsupported", f"{command.name} is not a command of a channel")
    return performer(channel, command_id, command)
