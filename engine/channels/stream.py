"""stream: what the peer says, and hears, over a WebSocket to a program; and what that program says, back.

The verb owes its outcome from the command on. Its task connects and exchanges; when the verb is stopped its outcome
comes at once, and the task says goodbye, for two seconds at most.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import trio

from callflow.protocol import commands
from callflow.protocol.events import StreamDropped, StreamFinished, StreamMarked, StreamStarted, StreamTexted
from callflow.protocol.outcomes import Streamed
from engine.allowance import Allowance
from engine.media import session as media
from engine.media.pipe import MAX_PIPES
from engine.streams import message as said
from engine.streams import twilio
from engine.streams.dialect import dialect_of
from engine.streams.exchange import Ending, Exchange
from engine.streams.joining import Joiner, beside, mixed
from engine.streams.socket import Dialer, StreamRefused, StreamUnreachable

from .errors import CommandError
from .verb import Why

if TYPE_CHECKING:
    from callflow.protocol.events import Party

    from .channel import Channel

_FRAME_MS = 20
_GOODBYE_WITHIN = 2.0  # seconds
_TEXTS = 100.0  # of the peer, a second
_MOST_TEXT = 1 << 20  # characters of texts that wait
_LONGEST_TEXT = 4096  # characters of a header or a parameter
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")  # a token of RFC 9110 5.6.2
_OURS = frozenset({"host", "upgrade", "connection", "content-length", "transfer-encoding"})


def stream(channel: Channel, command_id: str, command: commands.Stream) -> None:
    dialer = channel.table.streams
    if dialer is None:
        raise CommandError("unsupported", "stream: this engine streams nowhere")
    _check(channel, command, dialer)
    others = [verb for verb in channel.running if isinstance(verb, Streaming)]
    replaced = [verb for verb in others if verb.speaks] if command.direction != "send" else []
    if len(others) - len(replaced) >= MAX_PIPES:
        raise CommandError("overloaded", f"stream: expected at most {MAX_PIPES} streams of one call")
    channel.open_audio("stream")
    for verb in replaced:
        channel.stop(verb, Why.REPLACED)
    channel.run(streaming := Streaming(channel, command_id, command))
    channel.table.start(lambda: streaming.run(dialer))


def clear(channel: Channel, _id: str, command: commands.StreamClear) -> None:
    _find(channel, command.command).clear()


def say(channel: Channel, _id: str, command: commands.StreamText) -> None:
    if len(command.text) > said.MAX_TEXT:
        raise CommandError(
            "bad_argument", f"stream_text: expected at most {said.MAX_TEXT} characters, got {len(command.text)}"
        )
    _find(channel, command.command).say(command.text)


def _find(channel: Channel, id: str) -> Streaming:
    verb = channel.find(id)
    if not isinstance(verb, Streaming):
        raise CommandError("not_found", f"no stream {id[:64]!r} runs on this channel")
    return verb


class Streaming:
    """A stream that runs."""

    def __init__(self, channel: Channel, command_id: str, command: commands.Stream) -> None:
        self.command_id = command_id
        self.speaks = command.direction != "send"
        self._channel = channel
        self._command = command
        self._scope = trio.CancelScope()
        self._pipe: media.MediaPipe | None = None
        self._marks: dict[int, str] = {}
        self._last_mark = 0
        self._lost_octets = 0
        self._is_over = False
        self.is_paused = False
        self._texts = Allowance(_TEXTS, _TEXTS, clock=trio.current_time)
        self._joiner = _joiner(command)
        self._tracks = 2 if command.tracks == "both" and self._joiner is None else 1  # that go out, each for itself
        subprotocol = command.subprotocol or None
        self._dialect = dialect_of(command.dialect, _opening(channel, command_id, command), subprotocol=subprotocol)
        self._exchange = Exchange(self._dialect, on_said=self._take, on_dropped=self._tell_dropped)

    # Verb

    def press(self, digit: str) -> bool:
        self._exchange.tell(said.Digit(digit))
        return False  # the peer is told; whoever gathers has it all the same

    def receive(self, event: media.MediaEvent) -> None:
        if isinstance(event, media.PipeMarked):
            name = self._marks.pop(event.mark, "")
            self._pass(name, is_heard=event.is_heard)

    def stop(self, why: Why) -> None:
        reason: Literal["stopped", "hangup", "replaced"]
        reason = "stopped" if why is Why.CANCELLED else "hangup" if why is Why.HANGUP else "replaced"
        self._exchange.stop(reason)
        self._scope.deadline = trio.current_time() + (_GOODBYE_WITHIN if self._pipe is not None else 0)
        self._finish(reason)

    def give_up(self) -> None:
        self._finish("stopped")

    def clear(self) -> None:
        """Nothing of what the peer has said is to be heard any more."""
        if self._pipe is not None:
            self._pipe.clear()
            self._exchange.tell(said.Cleared())

    def say(self, text: str) -> None:
        """Tell the peer a text. Raises CommandError."""
        if self._command.dialect == "twilio":
            raise CommandError("unsupported", "stream_text: expected a stream of another dialect, twilio has no texts")
        if self._exchange.text_waiting + len(text) > _MOST_TEXT:
            raise CommandError("overloaded", "stream_text: the peer does not read the texts that it was told")
        self._exchange.tell(said.Text(text))

    # The task

    async def run(self, dialer: Dialer) -> None:
        """Connect, exchange, end."""
        with self._scope:
            try:
                socket = await dialer.dial(
                    self._command.url,
                    headers=self._command.headers,
                    subprotocol=self._dialect.subprotocol,
                    on_pending=self._exchange.wake,
                )
            except StreamRefused as refused:
                return self._finish("refused", code=refused.status, error=str(refused))
            except StreamUnreachable as error:
                return self._finish("unreachable", error=str(error))
            self._open()
            ending = await self._exchange.run(socket)
            self._end(ending)

    def _open(self) -> None:
        if self._is_over:
            return
        command, name = self._command, self._channel.name_for(self)
        hears = command.direction != "receive"
        shape = media.PipeShape(
            encoding=twilio.ENCODING if command.dialect == "twilio" else command.encoding,
            rate=command.rate,
            hears_received=hears and command.tracks != "outbound",
            hears_sent=hears and command.tracks != "inbound",
        )
        self._pipe = self._channel.media.open_pipe(name, shape, self._send)
        self._channel.emit(StreamStarted(command=self.command_id))

    def _end(self, ending: Ending) -> None:
        self._finish(ending.reason, code=ending.code, error=ending.error)

    def _send(self, frame: media.PipeFrame) -> None:
        if self.is_paused:
            return
        if self._joiner is None:
            self._exchange.tell(said.Frame(frame.is_received, frame.at_ms, frame.octets))
        elif (joint := self._joiner.take(frame.is_received, frame.at_ms, frame.octets)) is not None:
            self._exchange.tell(said.Frame(True, *joint))

    # What the peer says

    def _take(self, it: said.Said) -> None:
        if self._is_over or self._pipe is None:
            return
        if isinstance(it, said.Text):
            self._hear(it.text)
        elif self.speaks:
            self._take_sound(self._pipe, it)

    def _hear(self, text: str) -> None:
        if self._texts.take():
            self._channel.emit(StreamTexted(command=self.command_id, text=text))
        else:
            raise said.BadMessage(f"expected at most {_TEXTS:g} texts a second")

    def _take_sound(self, pipe: media.MediaPipe, it: said.Said) -> None:
        match it:
            case said.Sound(octets):
                self._speak(pipe, octets)
            case said.Clear():
                pipe.clear()
            case said.Mark(name):
                self._last_mark += 1
                self._marks[self._last_mark] = name
                if not pipe.mark(self._last_mark):
                    self._pass(self._marks.pop(self._last_mark), is_heard=False)

    def _speak(self, pipe: media.MediaPipe, octets: bytes) -> None:
        lost = len(octets) - pipe.write(octets)
        if lost:
            self._lost_octets += lost
            self._exchange.tell(said.Overflowed(self._ms_of(lost)))

    def _pass(self, name: str, *, is_heard: bool) -> None:
        if not self._is_over:
            self._channel.emit(StreamMarked(command=self.command_id, mark=name, heard=is_heard))
            self._exchange.tell(said.MarkPassed(name, is_heard))

    def _tell_dropped(self, frames: int) -> None:
        if not self._is_over:
            self._channel.emit(StreamDropped(command=self.command_id, dropped_ms=self._ms_of_each(frames)))

    def _ms_of_each(self, frames: int) -> int:
        return frames * _FRAME_MS // self._tracks

    def _ms_of(self, octets: int) -> int:
        is_linear = self._command.dialect != "twilio" and self._command.encoding == "l16"
        return octets * 1000 // (self._command.rate * (2 if is_linear else 1))

    def _finish(
        self,
        reason: Literal["stopped", "hangup", "replaced", "closed", "unreachable", "refused", "stalled", "failed"],
        *,
        code: int = 0,
        error: str | None = None,
    ) -> None:
        if self._is_over:
            return
        self._is_over = True
        heard_ms = 0
        if self._pipe is not None:
            heard_ms = self._pipe.figures().said_ms
            self._pipe.close()
        outcome = Streamed(
            reason,
            code,
            self._ms_of_each(self._exchange.frames_sent),
            self._ms_of_each(self._exchange.frames_dropped),
            heard_ms,
            self._ms_of(self._lost_octets),
            error or None,
        )
        self._channel.finish(self, StreamFinished(command=self.command_id, outcome=outcome))


def _opening(channel: Channel, command_id: str, command: commands.Stream) -> said.Opening:
    tracks: dict[str, tuple[Literal["inbound", "outbound"], ...]]
    both: tuple[Literal["inbound", "outbound"], ...] = ("inbound", "outbound")
    tracks = {"inbound": ("inbound",), "outbound": ("outbound",), "both": both, "mixed": both}
    return said.Opening(
        stream=f"{channel.id}/{command_id}",
        call=channel.id,
        caller=_spelled(channel.facts.caller),
        callee=channel.facts.to or _spelled(channel.facts.callee),
        speaks=command.direction != "send",
        tracks=tracks[command.tracks] if command.direction != "receive" else (),
        encoding=command.encoding,
        rate=command.rate,
        parameters=command.parameters,
    )


def _joiner(command: commands.Stream) -> Joiner | None:
    """Who makes one of two tracks."""
    if command.tracks == "mixed":
        return Joiner(mixed)
    return Joiner(beside) if command.dialect == "raw" and command.tracks == "both" else None


def _spelled(party: Party) -> str:
    return party.number or party.uri


def _check(channel: Channel, command: commands.Stream, dialer: Dialer) -> None:
    """Raise CommandError for what cannot be."""
    try:
        dialer.expect_allowed(command.url)
    except ValueError as error:
        raise CommandError("bad_argument", f"stream: {error}") from error
    if command.dialect == "twilio" and command.rate != twilio.RATE:
        raise CommandError("bad_argument", f"stream: expected {twilio.RATE} Hz of twilio, got {command.rate}")
    if command.dialect != "raw" and (command.tracks == "mixed" or command.subprotocol):
        raise CommandError("bad_argument", "stream: expected the dialect raw for mixed tracks and a subprotocol")
    if command.tracks == "mixed" and command.encoding != "l16":
        raise CommandError("bad_argument", f"stream: expected l16 of mixed tracks, got {command.encoding}")
    if command.dialect == "raw" and command.tracks == "both" and command.encoding != "l16":
        raise CommandError("bad_argument", f"stream: expected l16 of two channels, got {command.encoding}")
    if command.subprotocol and not _HEADER_NAME.fullmatch(command.subprotocol):
        raise CommandError("bad_argument", f"stream: expected a subprotocol, got {command.subprotocol[:64]!r}")
    _expect_texts("headers", command.headers, channel.table.limits.headers)
    _expect_texts("parameters", command.parameters, channel.table.limits.headers)
    for name, value in command.headers.items():
        is_ours = name.lower() in _OURS or name.lower().startswith("sec-websocket-")
        if is_ours or not _HEADER_NAME.fullmatch(name) or not (value.isprintable() and value.isascii()):
            raise CommandError("bad_argument", f"stream: expected a header of HTTP of your own, got {name[:64]!r}")


def _expect_texts(what: str, texts: Mapping[str, str], most: int) -> None:
    if len(texts) > most or any(len(name) + len(value) > _LONGEST_TEXT for name, value in texts.items()):
        raise CommandError(
            "bad_argument", f"stream: expected at most {most} {what} of at most {_LONGEST_TEXT} characters"
        )
