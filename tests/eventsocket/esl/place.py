"""An engine in the process of the test with the ESL door open, phones over real sockets, and a client as octets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote

import trio

from callflow.phone import Phone, PhoneCall
from engine.app import Engine, serve
from engine.config import Config, Esl, Listener, Route, Rtp, Sip, Socket, User
from engine.eventsocket.esl.permission import EslUser
from engine.trunks.spec import TrunkSpec
from tests.interop.engine import PASSWORDS
from tests.interop.terminal import terminal

PASSWORD = "ClueCon-of-the-test"
IVR_PROMPTS = Path(__file__).parents[3] / "examples" / "ivr" / "prompts"
INBOUND = (Route(to=".*", app="esl"),)


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet from the engine. `inner`: the headers of the event in it."""

    headers: dict[str, str]
    body: str = ""

    @property
    def text(self) -> str:
        return self.headers.get("Reply-Text", "")

    @property
    def event(self) -> dict[str, str]:
        head = self.body.partition("\n\n")[0]
        pairs = (line.partition(": ") for line in head.splitlines())
        return {name: unquote(value) for name, _, value in pairs}


class EslClient:
    """A connection, as octets."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self._buffer = b""
        self.events: list[dict[str, str]] = []  # those that came while something else was waited for
        self.notices: list[Packet] = []

    async def send(self, text: str) -> None:
        await self.stream.send_all(text.encode())

    async def packet(self) -> Packet:
        """The next packet. EOFError at the end."""
        head = await self._until(b"\n\n")
        pairs = (line.partition(": ") for line in head.decode().splitlines())
        headers = {name: value for name, _, value in pairs}
        body = await self._read(int(headers.get("Content-Length", 0)))
        return Packet(headers, body.decode())

    async def command(self, text: str) -> Packet:
        """Give a command, and wait for its answer."""
        await self.send(text + "\n\n")
        while True:
            packet = await self.packet()
            if packet.headers["Content-Type"] in ("command/reply", "api/response"):
                return packet
            self._keep(packet)

    async def api(self, text: str) -> str:
        return (await self.command(f"api {text}")).body

    async def execute(self, channel: str, application: str, argument: str = "", **headers: str) -> Packet:
        lines = ["call-command: execute", f"execute-app-name: {application}"]
        lines += [f"execute-app-arg: {argument}"] if argument else []
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return await self.command("\n".join([f"sendmsg {channel}".strip(), *lines]))

    async def event(self, name: str, **wanted: str) -> dict[str, str]:
        """The first event of that name that has these headers (`_` for `-`), and is dropped with all before it."""
        fields = {key.replace("_", "-"): value for key, value in wanted.items()}
        while True:
            while self.events:
                event = self.events.pop(0)
                if event["Event-Name"] == name and fields.items() <= event.items():
                    return event
            self._keep(await self.packet())

    async def names_until(self, last: str) -> list[str]:
        """The names of the events up to this one."""
        names: list[str] = []
        while last not in names:
            while not self.events:
                self._keep(await self.packet())
            names.append(self.events.pop(0)["Event-Name"])
        return names

    async def rest(self) -> list[Packet]:
        """All that comes until the end."""
        packets = []
        try:
            while True:
                packets.append(await self.packet())
        except EOFError:
            return packets

    def _keep(self, packet: Packet) -> None:
        if packet.headers["Content-Type"] == "text/event-plain":
            self.events.append(packet.event)
        else:
            self.notices.append(packet)

    async def _until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            await self._more()
        head, _, self._buffer = self._buffer.partition(end)
        return head

    async def _read(self, count: int) -> bytes:
        while len(self._buffer) < count:
            await self._more()
        body, self._buffer = self._buffer[:count], self._buffer[count:]
        return body

    async def _more(self) -> None:
        data = await self.stream.receive_some(65536)
        if not data:
            raise EOFError
        self._buffer += data


@dataclass(frozen=True, slots=True)
class Place:
    """A running engine."""

    engine: Engine
    clients: list[EslClient]

    @property
    def address(self) -> tuple[str, int]:
        assert self.engine.esl is not None
        return self.engine.esl

    @property
    def sip(self) -> tuple[str, int]:
        return self.engine.listeners[0].host, self.engine.listeners[0].port

    async def open(self) -> EslClient:
        """A connection that has said nothing yet."""
        client = EslClient(await trio.open_tcp_stream(*self.address))
        self.clients.append(client)
        return client

    async def login(self, *events: str) -> EslClient:
        """A connection after its login; `events` are subscribed to."""
        client = await self.open()
        assert (await client.packet()).headers == {"Content-Type": "auth/request"}
        assert (await client.command(f"auth {PASSWORD}")).text == "+OK accepted"
        if events:
            await client.command(f"event plain {' '.join(events)}")
        return client

    async def call(self, phone: Phone, number: str) -> PhoneCall:
        return await phone.call(f"sip:{number}@{self.sip[0]}:{self.sip[1]}")


@asynccontextmanager
async def place(
    folder: Path,
    *,
    routes: Sequence[Route] = INBOUND,
    sounds: Path = IVR_PROMPTS,
    users: Sequence[EslUser] = (),
    trunks: Sequence[TrunkSpec] = (),
    applications: Mapping[str, str] = MappingProxyType({}),
    http: Sequence[str] = (),
) -> AsyncIterator[Place]:
    """An engine with the users of PASSWORDS. `users` are those of the door; `everybody` is a group."""
    config = Config(
        sip=Sip(listen=(Listener("udp", "127.0.0.1", 0),)),
        rtp=Rtp(address="127.0.0.1", ports=(30000, 39999)),
        socket=Socket(listen=("127.0.0.1", 0)),
        esl=Esl(
            listen=("127.0.0.1", 0),
            password=PASSWORD,
            sounds=sounds,
            users=tuple(users),
            groups={"everybody": tuple(PASSWORDS)},
            applications=applications,
            http=tuple(http),
        ),
        trunks=tuple(trunks),
        users=tuple(User(name=name, password=password) for name, password in PASSWORDS.items()),
        routes=tuple(routes),
        data=folder / "data",
    )
    async with trio.open_nursery() as nursery:
        engine: Engine = await nursery.start(serve, config)
        running = Place(engine, [])
        try:
            yield running
        finally:
            for client in running.clients:
                await trio.aclose_forcefully(client.stream)
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def registered(running: Place, name: str) -> AsyncIterator[Phone]:
    """A phone of a user, that can be dialled."""
    async with terminal(name) as phone:
        await phone.register(f"sip:{running.sip[0]}:{running.sip[1]}")
        yield phone
