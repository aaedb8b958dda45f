"""`callflow dial`: a phone in the terminal, which places one call and tells what happens."""

from __future__ import annotations

import math
import secrets
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import trio
import trio.socket as sockets
import typer
from rich.markup import escape

from callflow import phone as happened
from callflow.phone import CallState, Ended, Phone, PhoneCall, PhoneEvent
from engine.media.engine import NativeMediaEngine
from engine.media.session import FileSource, MediaEngine, PortsExhausted, SilenceSource, Source, ToneSource
from engine.sdp.codec import CODECS, NARROW
from engine.sip.digest import Credentials
from engine.sip.messages import ParseError, Uri
from engine.sip.stack import SipStack
from engine.transport.endpoint import Endpoint
from engine.transport.errors import Unreachable

from .banner import sip_address
from .output import Refused, print_json, stdout
from .place import choose_engine

RTP_PORTS = (49152, 65535)  # RFC 6335 §6: nobody's
GRACE = 2.0  # seconds that a far end has to confirm that we hung up
SILENT_AFTER = 5.0  # seconds without a sound, after which a key is pressed all the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the call shall do."""

    target: Uri
    transport: str
    user: str | None
    password: str | None
    presses: tuple[str, ...]
    press_after: float | None
    record: Path | None
    play: Path | None
    tone: float | None
    codecs: tuple[str, ...]
    answer_timeout: float
    duration: float | None
    is_json: bool


def dial(
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="A number of the engine that runs here, or sip:USER@HOST[:PORT].")
    ],
    press: Annotated[
        list[str] | None,
        typer.Option(
            "--press", metavar="DIGITS", help="Press these keys once the far end has spoken and paused; repeatable."
        ),
    ] = None,
    press_after: Annotated[
        float | None,
        typer.Option("--press-after", metavar="S", help="Wait at most S seconds for such a pause."),
    ] = None,
    record: Annotated[
        Path | None, typer.Option("--record", metavar="FILE.wav", help="Save what is heard to this file.")
    ] = None,
    play: Annotated[
        Path | None, typer.Option("--play", metavar="FILE.wav", help="Play this file to the far end.")
    ] = None,
    tone: Annotated[
        float | None, typer.Option("--tone", metavar="HZ", help="Play a tone of this frequency to the far end.")
    ] = None,
    codec: Annotated[
        list[str] | None,
        typer.Option("--codec", metavar="NAME", help="Speak this: opus, g722, pcma, ...; repeatable, best first."),
    ] = None,
    user: Annotated[str | None, typer.Option("--user", metavar="NAME", help="Call as this user.")] = None,
    password: Annotated[
        str | None, typer.Option("--password", metavar="WORD", help="The password of that user.")
    ] = None,
    transport: Annotated[
        str | None, typer.Option("--transport", metavar="udp|tcp", help="Send SIP by UDP (the default) or TCP.")
    ] = None,
    answer_timeout: Annotated[
        float, typer.Option("--answer-timeout", metavar="S", help="Give up if nobody answers in S seconds.")
    ] = 60.0,
    duration: Annotated[
        float | None, typer.Option("--duration", metavar="S", help="Hang up S seconds after the answer.")
    ] = None,
    socket: Annotated[
        str | None,
        typer.Option("--socket", metavar="URL", help="If several engines run here: the one with this event socket."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="If several engines run here: the one with this data folder."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print each event as a JSON object on a line.")] = False,
) -> None:
    """Place a call, to a local engine or to any SIP server, and show what happens.

    A --press waits until the far end was heard and then silent for 0.7 seconds, or was not heard at all for 5. Several
    are done in turn, each after another pause. Ctrl-C hangs up. The exit code is 0 if the call was answered and ended
    normally, 1 if it was refused or failed.

    Examples:

        callflow dial 1000 --press 1 --press 2 --record heard.wav

        callflow dial sip:bob@pbx.example.com --user alice --password secret --tone 440 --duration 10
    """
    plan = Plan(
        target=_target_uri(target, transport=transport, socket=socket, data=data),
        transport=transport or "udp",
        user=user,
        password=password,
        presses=tuple(_digits(keys) for keys in press or ()),
        press_after=press_after,
        record=_absolute(record),
        play=_existing(play),
        tone=_frequency(tone),
        codecs=_codecs(codec),
        answer_timeout=answer_timeout,
        duration=duration,
        is_json=json,
    )
    trio.run(_dial, plan)


async def _dial(plan: Plan) -> None:
    host = await _local_address(plan.target)
    media = NativeMediaEngine(host, RTP_PORTS)
    stack = SipStack(new_token=lambda: secrets.token_hex(8))
    phone = Phone(
        lambda on_event: Endpoint(stack, on_event=on_event),
        media,
        name=plan.user or "dial",
        credentials=Credentials(plan.user, plan.password) if plan.user and plan.password else None,
        domain=plan.target.host if plan.user else None,
        codecs=plan.codecs,
        on_event=_Reporter(is_json=plan.is_json),
    )
    ended = await _run(phone, media, host, plan)
    if not isinstance(ended, Ended):
        raise Refused(f"cannot call {ended}") from ended
    if _has_failed(ended):
        raise Refused(_how(ended))


async def _run(phone: Phone, media: MediaEngine, host: str, plan: Plan) -> Ended | Exception:
    """Place the call; how it ended, or why it could not be placed."""
    async with trio.open_nursery() as nursery:
        await nursery.start(phone.endpoint.run)
        nursery.start_soon(media.run)
        try:
            await phone.endpoint.listen("udp", host, 0)
            return await _talk(phone, await phone.call(plan.target), plan)
        except (Unreachable, OSError, PortsExhausted) as error:
            return error
        finally:
            nursery.cancel_scope.cancel()


async def _talk(phone: Phone, call: PhoneCall, plan: Plan) -> Ended:
    waiting = trio.CancelScope()  # how long the end is waited for
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_hang_up_on_signal, signals, call, waiting)
            nursery.start_soon(_behave, call, plan, waiting)
            with waiting:
                await call.wait_ended()
            with trio.move_on_after(GRACE if call.ended else 0.0):
                await call.wait_closed()  # the recording is written
                await _wait_confirmed(phone, 0.2 if call.ended and call.ended.by == "peer" else GRACE)
            nursery.cancel_scope.cancel()
    return call.ended or Ended("us", False, 487, "no answer")


async def _wait_confirmed(phone: Phone, within: float) -> None:
    """Wait until the far end has answered our BYE, or we its; nobody is told of that."""
    with trio.move_on_after(within):
        while phone.endpoint.stack.counts.invites:  # noqa: ASYNC110
            await trio.sleep(0.01)
    await trio.sleep(0.02)  # what is to be sent by TCP has its turn


async def _behave(call: PhoneCall, plan: Plan, waiting: trio.CancelScope) -> None:
    if plan.record is not None:
        call.record(plan.record)
    with trio.move_on_after(plan.answer_timeout) as answering:
        await call.wait_answered()
    if answering.cancelled_caught:
        _hang_up(call, waiting)
    if call.state is not CallState.ANSWERED:
        return
    call.play(*_sayings(plan))
    with trio.move_on_after(math.inf if plan.duration is None else plan.duration):
        for digits in plan.presses:
            if not await _wait_for_pause(call, plan.press_after):
                return
            call.press(digits)
        await call.wait_ended()
    _hang_up(call, waiting)


def _hang_up(call: PhoneCall, waiting: trio.CancelScope) -> None:
    """Hang up, and do not wait long for a far end that has nothing to say to that."""
    call.hang_up()
    waiting.deadline = trio.current_time() + GRACE


async def _hang_up_on_signal(signals: AsyncIterator[int], call: PhoneCall, waiting: trio.CancelScope) -> None:
    async for _ in signals:
        _hang_up(call, waiting)


def _sayings(plan: Plan) -> list[Source]:
    """What we say; then silence, as a phone that is off the hook sends."""
    if plan.tone is not None and plan.play is None:
        return [ToneSource((plan.tone,))]
    silence = SilenceSource(24 * 3600 * 1000)
    return [silence] if plan.play is None else [FileSource(plan.play), silence]


async def _wait_for_pause(call: PhoneCall, press_after: float | None) -> bool:
    """Wait for the moment to press a key; False if the call is over."""
    with trio.move_on_after(math.inf if press_after is None else press_after):
        with trio.move_on_after(SILENT_AFTER):
            await call.wait_sound()
        await call.wait_silence()
    return call.ended is None


class _Reporter:
    """Tells what happens, line by line."""

    def __init__(self, *, is_json: bool) -> None:
        self._is_json = is_json
        self._started_at = time.monotonic()

    def __call__(self, call: PhoneCall, event: PhoneEvent) -> None:
        elapsed = time.monotonic() - self._started_at
        if self._is_json:
            print_json({"at": round(elapsed, 3), "event": _name(event), **_facts(call, event)})
        elif not _has_failed(event):  # that is told on stderr
            stdout().print(f"[dim]{elapsed:7.2f}[/]  {escape(_line(event))}")


def _line(event: PhoneEvent) -> str:
    match event:
        case happened.Calling(uri):
            return f"calling {uri}"
        case happened.Ringing():
            return "ringing"
        case happened.EarlyMedia():
            return "early media"
        case happened.Answered(after, codec):
            return f"answered after {after:.2f} s" + (f" with {codec}" if codec not in NARROW else "")
        case happened.SoundHeard():
            return "hears sound"
        case happened.SilenceHeard():
            return "hears silence"
        case happened.DigitHeard(digit, duration_ms):
            return f"heard key {digit} ({duration_ms} ms)"
        case happened.DigitsPressed(digits):
            return f"sent {digits}" if digits else "sent nothing: the far end takes no keys (RFC 4733)"
        case happened.Held():
            return "put on hold"
        case happened.TextReceived(text):
            return f"reads: {text}"
        case happened.TransferAsked(target=target):
            return f"the far end wants us to call {target} instead"
        case happened.TransferTold(status=status):
            return f"the transfer: {status}"
        case happened.Resumed():
            return "off hold"
        case happened.Ended():
            return _how(event)


def _has_failed(event: PhoneEvent) -> bool:
    """The call is over, and not as it should be."""
    return isinstance(event, Ended) and (not event.was_answered or event.by == "network")


def _how(ended: Ended) -> str:
    words = ended.reason.replace("_", " ")
    if ended.was_answered:
        who = {"us": "we hung up", "peer": "far end hung up", "network": "the far end was lost"}[ended.by]
        return f"{who} ({words})"
    if ended.by == "us":
        return "given up, as nobody answered" if ended.status == 487 else f"given up: {words}"
    if ended.by == "network":
        return f"no answer at all ({ended.status} {words})"
    hint = "; say who you are with --user and --password" if ended.status in (401, 407) else ""
    return f"refused {ended.status} {ended.reason}{hint}"


def _name(event: PhoneEvent) -> str:
    """`SoundHeard` as `sound_heard`."""
    name = type(event).__name__
    return name[0].lower() + "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name[1:])


def _facts(call: PhoneCall, event: PhoneEvent) -> dict[str, Any]:
    facts = asdict(event)
    if call.ended is event:
        figures = call.statistics
        facts |= {"packets_received": figures.packets_received, "packets_sent": figures.packets_sent,
                  "packets_lost": figures.packets_lost}  # fmt: skip
    return facts


def _target_uri(target: str, *, transport: str | None, socket: str | None, data: Path | None) -> Uri:
    if transport not in (None, "udp", "tcp"):
        raise typer.BadParameter(f"expected udp or tcp, got {transport!r}", param_hint="--transport")
    text = target
    if not target.startswith(("sip:", "sips:")):
        engine = choose_engine(socket=socket, data=data)
        if engine is None:
            raise Refused(
                f"no engine runs here to dial {target} at: start one with callflow run SCRIPT, or say sip:{target}@HOST"
            )
        text = target if "@" in target else ""
        text = f"sip:{target}" if text else sip_address(engine.sip, target, transport=transport)
    try:
        uri = Uri.parse(text)
    except ParseError as error:
        raise typer.BadParameter(
            f"expected a number or sip:USER@HOST, got {target!r}: {error}", param_hint="TARGET"
        ) from error
    if uri.scheme != "sip":
        raise typer.BadParameter(f"expected sip:, got {uri.scheme}: (TLS is not there yet)", param_hint="TARGET")
    if transport == "tcp":
        return Uri(user=uri.user, host=uri.host, port=uri.port, params={**uri.params, "transport": "tcp"})
    return uri


async def _local_address(target: Uri) -> str:
    """The address of ours that the far end is reached from: it stands in our SIP and SDP."""
    try:
        (family, _, _, _, address), *_ = await sockets.getaddrinfo(
            target.host, target.port or 5060, type=sockets.SOCK_DGRAM
        )
        with sockets.socket(family, sockets.SOCK_DGRAM) as probe:
            await probe.connect(address)  # sends nothing
            return str(probe.getsockname()[0])
    except OSError as error:
        raise Refused(f"cannot call {target}: {target.host} is not reachable: {error.strerror or error}") from error


def _digits(keys: str) -> str:
    if not keys or not set(keys.upper()) <= set("0123456789*#ABCD"):
        raise typer.BadParameter(f"expected keys 0-9 * # A-D, got {keys!r}", param_hint="--press")
    return keys.upper()


def _existing(path: Path | None) -> Path | None:
    if path is not None and not path.is_file():
        raise Refused(f"expected a WAV file to play, but there is no file {str(path)!r}")
    return _absolute(path)


def _absolute(path: Path | None) -> Path | None:
    if path is not None and not path.absolute().parent.is_dir():
        raise Refused(f"there is no folder {str(path.absolute().parent)!r}")
    return None if path is None else path.absolute()


def _codecs(names: list[str] | None) -> tuple[str, ...]:
    """Those of these names, however they are written."""
    known = {name.lower(): name for name, codec in CODECS.items() if not codec.is_passed}
    for name in names or ():
        if name.lower() not in known:
            raise typer.BadParameter(f"expected one of {', '.join(known)}, got {name!r}", param_hint="--codec")
    return tuple(dict.fromkeys(known[name.lower()] for name in names or NARROW))


def _frequency(hertz: float | None) -> float | None:
    if hertz is not None and not 1.0 <= hertz <= 4000.0:
        raise typer.BadParameter(f"expected 1 to 4000 Hz, got {hertz:g}", param_hint="--tone")
    return hertz
