"""A channel table between fakes of its neighbours: SIP and media that note what they are asked, and play their part."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

from callflow.protocol.commands import Command, Fallback
from callflow.protocol.events import ChannelCreated, Event
from engine.channels.channel import Channel
from engine.channels.encryption import Encryption
from engine.channels.limits import Limits
from engine.channels.ports import Admission, Owner, Refusal
from engine.channels.table import ChannelTable, Counts
from engine.channels.timer import Timer, Timers
from engine.media import session as media
from engine.sip import events as sip
from engine.sip.invite_usage import InviteState
from engine.sip.messages import Address, Request, Response, Uri, parse_datagram
from engine.transport.errors import Unreachable
from engine.transport.locating import Hop

FLOW = sip.Flow("udp", ("10.0.0.1", 5060), ("192.0.2.1", 5060))
EPOCH = 1_700_000_000.0


def offer(
    codecs: str = "0 101", direction: str = "sendrecv", port: int = 4000, protocol: str = "RTP/AVP", crypto: str = ""
) -> bytes:
    return (
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
        f"m=audio {port} {protocol} {codecs}\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
        + (f"a=crypto:{crypto}\r\n" if crypto else "")
    ).encode()


def invite_request(to: str = "1000", caller: str = '"Alice" <sip:alice@192.0.2.1>', body: bytes = b"") -> Request:
    head = (
        f"INVITE sip:{to}@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
        f"From: {caller};tag=a\r\nTo: <sip:{to}@10.0.0.1>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n"
        f"Contact: <sip:alice@192.0.2.1>\r\nContent-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    request = parse_datagram(head.encode() + body)
    assert isinstance(request, Request)
    return request


def sip_response(status: int, body: bytes = b"", headers: str = "") -> Response:
    head = (
        f"SIP/2.0 {status} Whatever\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK2\r\nFrom: <sip:a@10.0.0.1>;tag=a\r\n"
        f"To: <sip:b@192.0.2.1>;tag=b\r\nCall-ID: c2\r\nCSeq: 1 INVITE\r\nContact: <sip:b@192.0.2.1>\r\n{headers}"
        f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    response = parse_datagram(head.encode() + body)
    assert isinstance(response, Response)
    return response


@dataclass
class FakeDialog:
    """What a Replaces names."""

    call_id: str
    local_tag: str = "ours"
    remote_tag: str = "theirs"
    target: Uri = field(default_factory=lambda: Uri.parse("sip:there@192.0.2.1"))


@dataclass(eq=False)
class FakeRequest:
    """A request inside a call: theirs, with how it was answered, or ours, with who asked."""

    request: Request | None = None
    answered: int | None = None
    headers: Any = ()
    body: bytes = b""
    owner: Any = None
    cseq: int = 7


@dataclass(eq=False)
class FakeInvite:
    """An invite of ours or of theirs, with what it was asked to send."""

    id: int
    call_id: str
    uri: Uri | None = None
    sent: list[tuple[str, Any]] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)
    from_: Address | None = None
    to: Address | None = None
    is_over: bool = False
    state: InviteState = InviteState.CALLING
    flow: sip.Flow = FLOW
    reliable: None = None
    request: Request | None = None
    message: Any = None
    max_forwards: int = 70
    credentials: Any = None
    routes: Any = ()
    local: Address = field(default_factory=lambda: Address.parse("<sip:us@10.0.0.1>"))

    @property
    def dialog(self) -> FakeDialog:
        return FakeDialog(self.call_id)

    @property
    def verbs(self) -> list[str]:
        return [verb for verb, _ in self.sent]


class FakeSip:
    """A SipPort. An invite is over when it was rejected, hung up, or ended by the test."""

    def __init__(self) -> None:
        self.invites: list[FakeInvite] = []
        self.unreachable: set[str] = set()
        self.servers: dict[str, int] = {}  # how many a host has, if it is not one
        self.asked: list[FakeRequest] = []
        self.referrals: list[list[int]] = []
        self.resolving_takes = 0.0
        self.on_invite: Callable[[FakeInvite], None] | None = None
        self._numbers = itertools.count(1)

    def new_invite(self) -> FakeInvite:
        number = next(self._numbers)
        invite = FakeInvite(number, f"call-{number}")
        self.invites.append(invite)
        return invite

    def ring(self, invite: Any, *, status: int = 180, headers: Any = (), body: bytes = b"") -> None:
        self._note(invite, f"ring {status}", body, headers)

    def answer(self, invite: Any, *, body: bytes, headers: Any = ()) -> None:
        self._note(invite, "answer", body, headers)

    def reject(self, invite: Any, status: int, *, reason: str | None = None, headers: Any = ()) -> None:
        self._note(invite, f"reject {status}", b"", headers)
        invite.is_over = True

    def invite(self, uri: Uri, *, flow: Any, from_: Any, to: Any = None, body: bytes, headers: Any = (),
               routes: Any = (), credentials: Any = None, max_forwards: int = 70) -> Any:  # fmt: skip
        invite = self.new_invite()
        invite.routes = routes
        invite.uri, invite.from_, invite.to = uri, from_, to
        invite.max_forwards, invite.credentials = max_forwards, credentials
        self._note(invite, "invite", body, headers)
        if self.on_invite is not None:
            self.on_invite(invite)
        return invite

    def hang_up(self, invite: Any, *, headers: Any = (), status: int = 480) -> None:
        if not invite.is_over:
            self._note(invite, "hang_up", b"", headers)
        invite.is_over = True

    def respond(self, transaction: Any, status: int, *, reason: str | None = None, headers: Any = (),
                body: bytes = b"") -> None:  # fmt: skip
        assert transaction.answered is None, "answered twice"
        transaction.answered, transaction.headers, transaction.body = status, headers, body

    def reinvite(self, invite: Any, *, body: bytes) -> bool:
        self._note(invite, "reinvite", body, ())
        return not invite.is_over

    def request_in_call(
        self, invite: Any, method: str, *, headers: Any = (), body: bytes = b"", owner: Any = None
    ) -> Any:
        if invite.is_over:
            return None
        self._note(invite, method, body, headers)
        self.asked.append(FakeRequest(owner=owner))
        return self.asked[-1]

    def accept_refer(self, invite: Any, transaction: Any, asked: Any) -> Any:
        self.respond(transaction, 202)
        self.referrals.append([])
        return self.referrals[-1] if asked.wants_notifies else None

    def tell_referral(self, referral: Any, status: int) -> None:
        assert not referral or referral[-1] < 200, "an outcome is the last"
        referral.append(status)

    def find(self, replaces: Any) -> Any:
        return next((invite for invite in self.invites if invite.call_id == replaces.call_id), None)

    async def locate(self, uri: Uri) -> list[Hop]:
        await trio.sleep(self.resolving_takes)
        if uri.host in self.unreachable:
            raise Unreachable(uri.host)
        return [Hop("udp", f"192.0.2.{9 + n}", 5060, uri.host) for n in range(self.servers.get(uri.host, 1))]

    async def reach(self, hop: Hop) -> sip.Flow:
        return FLOW

    def _note(self, invite: FakeInvite, verb: str, body: bytes, headers: Any) -> None:
        invite.sent.append((verb, body))
        invite.headers += headers

    def called(self, user: str) -> FakeInvite:
        """The newest invite to that user that is not over."""
        return next(i for i in reversed(self.invites) if i.uri is not None and i.uri.user == user and not i.is_over)


@dataclass(eq=False)
class Job:
    """Something the fake media does for a while."""

    kind: str
    began: float
    timer: Timer | None
    path: Path | None = None
    digits: str = ""


def _nobody_hears(_event: media.MediaEvent) -> None:
    """A session that is closed knows its channel no more, as the engines' do."""


class FakeSession:
    """Plays each file for a second; reports a moment later, as the contract says. Silent about everything when mute."""

    def __init__(self, engine: FakeMedia, on_event: Callable[[media.MediaEvent], None], port: int) -> None:
        self.local = ("10.0.0.1", port)
        self.streams: list[media.Stream] = []
        self.played: list[Sequence[media.Source]] = []
        self.controlled: list[tuple[str, dict[str, Any]]] = []
        self.muted = False, False
        self.relayed: FakeSession | None = None
        self.is_echoing = False
        self.echo_delay_ms = 0
        self.detects: float | None = None
        self.is_open = True
        self.is_mute = False
        self._engine = engine
        self._on_event = on_event
        self._jobs: dict[str, Job] = {}
        self._fades: dict[str, float] = {}

    @property
    def playing(self) -> list[str]:
        return [name for name, job in self._jobs.items() if job.kind == "play"]

    def tell(self, event: media.MediaEvent) -> None:
        if self.is_open and not self.is_mute:
            self._engine.timers.after(0, lambda: self._on_event(event) if self.is_open else None)

    def press(self, digits: str) -> None:
        for digit in digits:
            self._on_event(media.DigitStarted(digit))
            self._on_event(media.DigitEnded(digit, 100))

    def update(self, stream: media.Stream) -> None:
        self.streams.append(stream)

    def play(self, playback: str, sources: Sequence[media.Source], *, repeat: int = 1, gain_db: float = 0.0,
             offset_ms: int = 0, fades_ms: tuple[int, int] = (0, 0)) -> None:  # fmt: skip
        for name in self.playing:
            self._end(name, "stopped")
        self._fades[playback] = fades_ms[1] / 1000
        self.played.append(sources)
        seconds = [_seconds(source) for source in sources]
        total = None if repeat == 0 or None in seconds else sum(seconds) * repeat  # type: ignore[arg-type]
        self._begin(playback, "play", total)
        self.tell(media.PlaybackStarted(playback))

    def record(self, recording: str, path: Path, *, max_ms: int, silence_ms: int = 0, is_trimmed: bool = False) -> None:
        self._begin(recording, "record", max_ms / 1000, path)

    def record_both(self, recording: str, path: Path, *, stereo: bool = False, max_ms: int) -> None:
        self._begin(recording, "record", max_ms / 1000, path)

    def control(self, name: str, **change: Any) -> None:
        self.controlled.append((name, {what: value for what, value in change.items() if value is not None}))

    def mute(self, *, incoming: bool, outgoing: bool) -> None:
        self.muted = incoming, outgoing

    def send_digits(
        self, sending: str, digits: str, *, duration_ms: int = 120, gap_ms: int = 80, is_inband: bool | None = None
    ) -> None:
        self._begin(sending, "send", len(digits) * (duration_ms + gap_ms) / 1000, digits=digits)

    def stop(self, name: str) -> None:
        if fade := self._fades.pop(name, 0.0):
            self._engine.timers.after(fade, lambda: self._end(name, "stopped"))
        else:
            self._end(name, "stopped")

    def echo(self, *, is_on: bool, delay_ms: int = 0) -> None:
        self.is_echoing, self.echo_delay_ms = is_on, delay_ms

    def relay(self, other: Any) -> None:
        self.relayed, other.relayed = other, self

    def unrelay(self) -> None:
        if self.relayed is not None:
            self.relayed.relayed, self.relayed = None, None

    def watch_audio(self, *, is_on: bool) -> None:
        pass

    def detect(self, *, level_dbov: float | None) -> None:
        self.detects = level_dbov

    def statistics(self) -> media.Statistics:
        return media.Statistics(
            packets_sent=50, packets_received=40, packets_lost=2, jitter_ms=1.5, remote_packets_lost=1,
            remote_jitter_ms=2.5, round_trip_ms=31.25, packets_late=3, deepest_playout_ms=70.0,
        )  # fmt: skip

    def look(self) -> tuple[media.Statistics, media.Statistics] | None:
        return media.Statistics(), self.statistics()

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._engine.open_sessions -= 1
            for job in self._jobs.values():
                if job.timer is not None:
                    job.timer.cancel()
            self._jobs.clear()
            self._on_event = _nobody_hears

    def _begin(self, name: str, kind: str, seconds: float | None, path: Path | None = None, digits: str = "") -> None:
        assert self.is_open
        timer = None if seconds is None else self._engine.timers.after(seconds, lambda: self._end(name, "completed"))
        self._jobs[name] = Job(kind, trio.current_time(), timer, path, digits)

    def _end(self, name: str, reason: Any) -> None:
        job = self._jobs.pop(name, None)
        if job is None:
            return
        if job.timer is not None:
            job.timer.cancel()
        ms = round((trio.current_time() - job.began) * 1000)
        if job.kind == "play":
            self.tell(media.PlaybackFinished(name, ms, reason))
        elif job.kind == "record":
            ended = "max" if reason == "completed" else reason
            self.tell(media.RecordingFinished(name, job.path or Path(), ms, ended, "abc"))
        else:
            self.tell(media.DigitsSent(name, job.digits[: ms // 200], reason))


class FakeRoom(FakeSession):
    """It plays and records as a session does; and who takes part how is known."""

    def __init__(self, engine: FakeMedia, on_event: Callable[[media.MediaEvent], None]) -> None:
        super().__init__(engine, on_event, 0)
        self.members: dict[FakeSession, media.Membership] = {}
        self.paused: list[tuple[str, bool]] = []

    def add(self, session: Any, membership: media.Membership) -> None:
        assert self.is_open
        self.members[session] = membership

    def remove(self, session: Any) -> None:
        self.members.pop(session, None)

    def pause(self, name: str, *, is_paused: bool) -> None:
        self.paused.append((name, is_paused))

    @property
    def recording(self) -> list[str]:
        return [name for name, job in self._jobs.items() if job.kind == "record"]


def _seconds(source: media.Source) -> float | None:
    if isinstance(source, media.FileSource):
        return 1.0
    return None if source.duration_ms is None else source.duration_ms / 1000


class FakeMedia:
    """A MediaEngine with so many ports."""

    def __init__(self) -> None:
        self.timers = Timers()
        self.sessions: list[FakeSession] = []
        self.rooms: list[FakeRoom] = []
        self.open_sessions = 0
        self.most = 1000

    def open(self, on_event: Callable[[media.MediaEvent], None]) -> FakeSession:
        if self.open_sessions >= self.most:
            raise media.PortsExhausted
        self.open_sessions += 1
        self.sessions.append(FakeSession(self, on_event, 20000 + 2 * len(self.sessions)))
        return self.sessions[-1]

    def open_room(self, on_event: Callable[[media.MediaEvent], None], *, near: Any = None) -> FakeRoom:
        self.open_sessions += 1
        self.rooms.append(FakeRoom(self, on_event))
        return self.rooms[-1]

    async def run(self) -> None:
        await self.timers.run()


@dataclass
class Entry:
    """One event in the log."""

    event: Event
    channel: str | None
    call_seq: int | None
    owner: str | None

    @property
    def name(self) -> str:
        return self.event.name


class Log:
    """An EventSink that keeps everything."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    @property
    def last_seq(self) -> int:
        return len(self.entries)

    def emit(self, event: Event, *, channel: str | None = None, call_seq: int | None = None,
             owner: str | None = None) -> int:  # fmt: skip
        self.entries.append(Entry(event, channel, call_seq, owner))
        return len(self.entries)

    def of(self, channel: str) -> list[Event]:
        return [entry.event for entry in self.entries if entry.channel == channel]

    def names(self, channel: str) -> list[str]:
        return [event.name for event in self.of(channel)]

    def last(self, name: str) -> Any:
        return next(entry.event for entry in reversed(self.entries) if entry.name == name)

    def outcome(self, command: str) -> Any:
        """The outcome of a command, which must be there once."""
        outcomes = self.outcomes(command)
        assert len(outcomes) == 1, outcomes
        return outcomes[0]

    def outcomes(self, command: str) -> list[Any]:
        return [
            entry.event.outcome  # type: ignore[attr-defined]
            for entry in self.entries
            if hasattr(entry.event, "outcome") and getattr(entry.event, "command", None) == command
        ]


@dataclass
class Contact:
    uri: Uri
    flow: sip.Flow = FLOW
    routes: Sequence[tuple[str, str]] = ()
    instance: str = ""
    reg_id: int = 0
    q: float = 1.0


@dataclass
class Switch:
    """The table and everything around it. Also Router and Locator."""

    folder: Path | None
    sip: FakeSip = field(default_factory=FakeSip)
    media: FakeMedia = field(default_factory=FakeMedia)
    log: Log = field(default_factory=Log)
    admission: Admission | Refusal | None = None
    heir: Admission | None = field(default_factory=lambda: Admission("other", wait=1))
    users: dict[str, list[Contact]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    table: ChannelTable = field(init=False)
    numbers: Any = field(default_factory=lambda: itertools.count(1))
    limits: Limits = field(default_factory=Limits)
    encryption: Encryption = field(default_factory=Encryption)

    def owner(self, session: str = "s1") -> Owner:
        if self.folder is None:
            return Owner("reception", session)
        return Owner("reception", session, self.folder / "app", self.folder / "recordings")

    def route(self, invite: sip.InviteReceived) -> Admission | Refusal:
        return self.admission or Admission("reception", "1000", self.owner(), "alice")

    def successor(self, then: Fallback, facts: ChannelCreated) -> Admission | None:
        return self.heir if then.app == "other" else Admission("reception", owner=self.owner("s3"))

    def transferred(self, number: str, user: str | None) -> Admission | None:
        """Numbers of one digit are routes."""
        return Admission("reception", owner=self.owner("s3")) if len(number) == 1 else None

    def challenge(self, request):
        return (("Proxy-Authenticate", 'Digest realm="test"'),)

    def vouch(self, invite: sip.InviteReceived) -> str | Refusal | None:
        return "alice"

    def contacts(self, user: str) -> list[Contact]:
        return self.users.get(user, [])

    def members(self, group: str) -> list[str]:
        return self.groups.get(group, [])

    def is_local(self, host: str, port: int | None) -> bool:
        return host == "10.0.0.1"

    def register(self, user: str, *contacts: str) -> None:
        self.users[user] = [Contact(Uri.parse(contact)) for contact in contacts or (f"sip:{user}@192.0.2.9",)]

    def invite(self, **request: Any) -> FakeInvite:
        """A call comes in, with an offer unless its body says otherwise."""
        invite = self.sip.new_invite()
        received: Any = sip.InviteReceived
        invite.request = invite.message = invite_request(**{"body": offer(), **request})
        self.table.handle(received(invite, invite.request, FLOW))
        return invite

    def call(self, **request: Any) -> Call:
        invite = self.invite(**request)
        channel = next(iter(reversed(list(self.table.channels.values()))))
        assert not invite.is_over
        return Call(self, channel, invite)

    def leg(self, user: str) -> Call:
        """The phone that is being dialled."""
        invite = self.sip.called(user)
        channel = next(c for c in self.table.channels.values() if c.facts.sip_call_id == invite.call_id)
        return Call(self, channel, invite)

    def is_empty(self) -> bool:
        return self.table.counts() == Counts(*[0] * 9) and self.media.open_sessions == 0


@dataclass
class Call:
    """One channel with its far end."""

    switch: Switch
    channel: Channel
    invite: FakeInvite

    @property
    def id(self) -> str:
        return self.channel.id

    @property
    def media(self) -> FakeSession:
        return self.channel.media  # type: ignore[return-value]

    @property
    def names(self) -> list[str]:
        return self.switch.log.names(self.id)

    def do(self, command: Command, command_id: str = "") -> object:
        return self.channel.perform(command_id or command.name, command)

    def hear(self, kind: Any, *details: Any) -> None:
        """SIP tells something of this call."""
        self.switch.table.handle(kind(self.invite, *details))

    def refers(self, target: str, *headers: str) -> FakeRequest:
        """The phone's transfer button."""
        return self.requests("REFER", f"Refer-To: <{target}>", "Referred-By: <sip:boss@192.0.2.1>", *headers)

    def notifies(self, status: int, state: str = "active", event: str = "refer") -> FakeRequest:
        return self.requests(
            "NOTIFY", f"Event: {event}", f"Subscription-State: {state}", body=f"SIP/2.0 {status} Whatever\r\n"
        )

    def requests(self, method: str, *headers: str, body: str = "") -> FakeRequest:
        """A request of the peer inside the call."""
        lines = (
            f"{method} sip:us@10.0.0.1 SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK9", "Max-Forwards: 70",
            "From: <sip:there@192.0.2.1>;tag=theirs", "To: <sip:us@10.0.0.1>;tag=ours",
            f"Call-ID: {self.invite.call_id}", f"CSeq: 9 {method}", "Contact: <sip:there@192.0.2.1>",
            *headers, f"Content-Length: {len(body)}", "", body,
        )  # fmt: skip
        request = parse_datagram("\r\n".join(lines).encode())
        assert isinstance(request, Request)
        transaction = FakeRequest(request)
        self.hear(sip.RequestInCall, transaction, request)
        return transaction

    def bye(self, reason: str | None = None) -> None:
        self.invite.is_over = True
        self.hear(sip.InviteEnded, "peer", reason)

    def cancel(self, reason: str | None = None) -> None:
        self.invite.is_over = True
        self.hear(sip.InviteCancelled, reason)

    def rings(self) -> None:
        self.hear(sip.InviteProgressed, sip_response(180))

    def answers(self, body: bytes | None = None) -> None:
        answer = offer() if body is None else body
        self.hear(sip.InviteAnswered, sip_response(200, answer), answer)

    def fails(self, status: int, headers: str = "") -> None:
        self.invite.is_over = True
        self.hear(sip.InviteFailed, status, "Whatever", sip_response(status, headers=headers))

    @property
    def ended(self) -> Any:
        last = self.switch.log.of(self.id)[-1]
        assert last.name == "channel.ended", last
        return last


@asynccontextmanager
async def open_switch(folder: Path | None = None, **settings: Any) -> AsyncIterator[Switch]:
    """A switch on the clock of the test. At its end nothing may be left."""
    switch = Switch(folder, **settings)
    if folder is not None:
        (folder / "app").mkdir(exist_ok=True)
        for name in ("welcome.wav", "wrong.wav"):
            (folder / "app" / name).write_bytes(b"RIFF")
    async with trio.open_nursery() as nursery:
        switch.table = ChannelTable(
            sip=switch.sip,
            media=switch.media,
            events=switch.log,
            router=switch,
            locator=switch,
            new_id=lambda: f"id{next(switch.numbers)}",
            epoch=lambda: EPOCH + trio.current_time(),
            nursery=nursery,
            limits=switch.limits,
            successors=switch,
            encryption=switch.encryption,
        )
        nursery.start_soon(switch.media.run)
        yield switch
        nursery.cancel_scope.cancel()
