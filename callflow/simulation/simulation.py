"""A simulated world: the real engine on virtual time, its scripts, its phones, and the network between them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar, cast

import trio

from callflow.app import App
from callflow.phone import Phone, PhoneCall, PhoneEvent
from callflow.protocol.events import Event
from callflow.runtime.loader import load_app
from callflow.runtime.lua.interpreter import Limits as LuaLimits
from callflow.runtime.lua.script import LuaScript
from engine import config
from engine.abuse import Abuse
from engine.channels.limits import Limits
from engine.media.fake import FakeMediaEngine, FakeMediaNetwork
from engine.registrar.users import User
from engine.sdp.security import Policy
from engine.sip.digest import Credentials
from engine.sip.events import SipEvent
from engine.sip.messages import Uri
from engine.sip.next_hop import is_literal
from engine.sip.stack import CALL_METHODS, SipStack
from engine.speech.stand_in import StandIn
from engine.store.memory import MemoryRecords
from engine.switch import Switch
from engine.transport.endpoint import Endpoint
from engine.transport.enum import SUFFIX, Rule, domain_of
from engine.transport.errors import Unreachable
from engine.transport.memory import MemoryNetwork
from engine.transport.names import HostNames
from engine.trunks.spec import TargetSpec, Transport, TrunkSpec
from engine.web.stand_in import StandIn as StandInWeb

from .apps import AppHost, LuaAppHost
from .determinism import EPOCH, Dice, run_virtual
from .leaks import PHONE_TASK, count_tasks, find_leaks, find_phone_remains, find_remains
from .outside import Fake, opening, rows_of
from .phone import SimulatedPhone
from .recorded import RecordedSound
from .streams import Bot, SimulatedStreams
from .tape import Happened, Tape
from .trunk import SimulatedTrunk

HOST, PORT = "10.0.0.1", 5060
SETTLING = 40.0  # seconds until transactions are over: more than 64*T1 and Timer D (RFC 3261 §17.1.1.2)
PORTS = (16384, 32767)
PHONE_PORTS = (40000, 40063)

EventT = TypeVar("EventT", bound=Event)


class Simulation:
    """What tests talk to. Made outside, used inside of `run`.

    `apps` are scripts, or apps that the test itself defines (their files are looked for in `folder`). `latency` is
    seconds one way, for SIP and RTP; `loss`, `duplicate` and `reorder` are probabilities, for each SIP datagram;
    `rtp_loss` is for RTP. `settings` are the engine's: routes, users. The same `seed` gives the same course of events,
    to the byte of `log`. `epoch` is when it begins, in seconds since the epoch.
    """

    def __init__(
        self,
        *apps: Path | App,
        folder: Path,
        seed: int = 0,
        latency: float = 0.02,
        loss: float = 0.0,
        duplicate: float = 0.0,
        reorder: float = 0.0,
        rtp_loss: float = 0.0,
        settings: config.Config | None = None,
        ports: tuple[int, int] = PORTS,
        limits: Limits | None = None,
        lua_limits: LuaLimits | None = None,
        epoch: float = EPOCH,
    ) -> None:
        self.seed = seed
        self.folder = folder
        self.settings: config.Config = settings or config.Config(abuse=Abuse(requests=0, failures=0))
        self._dice = Dice(seed)
        self.network = MemoryNetwork(
            rng=self._dice.of("network"), latency=latency, loss=loss, duplicate=duplicate, reorder=reorder
        )
        self.media_network = FakeMediaNetwork(latency=latency, loss=rtp_loss, rng=self._dice.of("media"))
        self.phones: dict[str, SimulatedPhone] = {}
        self.trunks: dict[str, SimulatedTrunk] = {}
        self.passwords: dict[str, str] = {}  # of the users whose phones there are
        self.names: dict[str, str] = {}  # what the name service knows: hosts and their addresses
        self.numbers: dict[str, tuple[str, ...]] = {}  # what it knows by ENUM: numbers such as +4930123, and SIP URIs
        self.hosts: dict[str, AppHost | LuaAppHost] = {}
        self.web: Fake | None = None  # answers the HTTP requests of scripts in Lua
        self.web_sounds: dict[str, Path | None] = {}  # what is played by URL; None: it cannot be had
        self.bots: dict[str, Bot | int] = {}  # by the URL that calls are streamed to; a number is an HTTP status
        self.report: str = ""  # what happened in a test that failed
        self._apps = apps
        self._ports = ports
        self._limits = limits
        self._began_at = epoch
        self._lua_limits = lua_limits
        self._switch: Switch | None = None
        self._tape: Tape | None = None
        self._nursery: trio.Nursery | None = None
        self._idle_tasks = 0

    # The world

    @property
    def now(self) -> float:
        """Seconds since the simulation began."""
        return trio.current_time()

    @property
    def switch(self) -> Switch:
        """The engine's parts."""
        assert self._switch is not None, "the simulation has not begun"
        return self._switch

    @property
    def _played(self) -> Tape:
        assert self._tape is not None, "the simulation has not begun"
        return self._tape

    @property
    def recordings(self) -> Path:
        """Where the apps' recordings are, each in a folder of its app's name."""
        return self.folder / "recordings"

    @property
    def script_folder(self) -> Path:
        """Where the (first) script is."""
        first = self._apps[0]
        return self.folder if isinstance(first, App) else first.resolve().parent

    @property
    def log(self) -> bytes:
        """The event log from the beginning: all frames one after another, in msgpack."""
        return self._played.octets

    @property
    def history(self) -> list[Happened]:
        """All events so far."""
        return self._played.history

    def happened(self, kind: type[EventT]) -> list[EventT]:
        """The events of that kind so far."""
        return [happened.event for happened in self.history if isinstance(happened.event, kind)]

    def sql(self, text: str, *values: str | float | None, app: str = "") -> list[dict[str, object]]:
        """Carry a statement out on the database of a script in Lua, of the first if none is named; the rows."""
        found = [host for host in self.hosts.values() if isinstance(host, LuaAppHost) and app in ("", host.name)]
        assert found, f"expected an app in Lua{f' named {app}' if app else ''}, there are {', '.join(self.hosts)}"
        return rows_of(found[0].database, text, values)

    def phone(
        self,
        name: str,
        *,
        answers_after: float | None = None,
        rejects: int | None = None,
        registers: bool = True,
        host: str | None = None,
        srtp: Policy = "off",
    ) -> SimulatedPhone:
        """A new phone, of the user of that name. It rings until somebody answers, unless told what to do by itself.

        `host` is its address; without one it gets one of its own. `srtp`: whether it encrypts its media.
        """
        assert name not in self.phones, f"there is a phone {name} already"
        assert self._nursery is not None, "the simulation has not begun"
        password = self._dice.tokens(f"password of {name}")()
        if registers:
            known = self.switch.users.get(name) or User.of(name, password)
            self.switch.users.add(known.with_password(password))
            self.passwords[name] = password
        device, media = self.device(
            name,
            host=host or f"10.0.1.{len(self.phones) + 1}",
            credentials=Credentials(name, password),
            srtp=srtp,
            on_event=lambda call, event: self._tell(self.phones.get(name), call, event),
        )
        phone = self.phones[name] = SimulatedPhone(
            device,
            media,
            self._nursery,
            name=name,
            registrar=f"sip:{HOST}:{PORT}",
            answers_after=answers_after,
            rejects=rejects,
        )

        async def run() -> None:
            await phone.run(registers=registers)

        self._nursery.start_soon(run, name=f"{PHONE_TASK} {name}")
        return phone

    def trunk(self, name: str, *, answers_after: float | None = 1.0, fails_with: int | None = None) -> SimulatedTrunk:
        """A new trunk, at a host of that name: scripts dial `NUMBER@NAME`. Whoever is called by it answers.

        If the settings have a [[trunk]] of that name, or with that host as a target, it is as they say.

        Without `answers_after` it rings until the test answers. `fails_with` is a SIP status with which it refuses.
        """
        assert name.lower() not in self.names, f"there is a host {name} already"
        assert self._nursery is not None, "the simulation has not begun"
        host = self.names[name.lower()] = f"10.0.2.{len(self.trunks) + 1}"
        device, media = self.device(
            name,
            host=host,
            ports=PORTS,
            domain=None,
            on_event=lambda call, event: self._tell(self.trunks.get(name), call, event),
        )
        trunk = self.trunks[name] = SimulatedTrunk(
            device,
            media,
            self._nursery,
            answers_after=answers_after,
            fails_with=fails_with,
            connect=lambda is_connected: self.connect(host, is_connected=is_connected),
        )
        if not any(target.host == name for known in self.settings.trunks for target in known.targets):
            self.know_trunk(name)
        self._nursery.start_soon(trunk.run, name=f"{PHONE_TASK} {name}")
        return trunk

    def know_trunk(self, name: str, uri: Uri | None = None) -> None:
        """Have the engine know a trunk of that name, at a URI or at the host of that name, if it does not yet."""
        if self.switch.trunks.get(name) is None:
            at = uri or Uri(host=name)
            transport = cast("Transport", at.params.get("transport") or "udp")  # as a TargetSpec wrote it
            target = TargetSpec(host=at.host, port=at.port, transport=transport)
            self.switch.trunks.add(TrunkSpec(name=name, targets=(target,), health=0))

    def device(
        self,
        name: str,
        *,
        host: str,
        port: int = PORT,
        ports: tuple[int, int] = PHONE_PORTS,
        domain: str | None = HOST,
        credentials: Credentials | None = None,
        srtp: Policy = "off",
        on_event: Callable[[PhoneCall, PhoneEvent], None] = lambda call, event: None,
    ) -> tuple[Phone, FakeMediaEngine]:
        """A phone at an address of its own, with nobody at it. Run its endpoint and its media beside the test."""
        media = FakeMediaEngine(self.media_network, host, ports)
        phone = Phone(
            lambda on_event: self._endpoint(f"{name}@{host}:{port}", host, port, on_event),
            media,
            name=name,
            credentials=credentials,
            domain=domain,
            srtp=srtp,
            new_token=self._dice.tokens(f"calls of {name}@{host}:{port}"),
            on_event=on_event,
        )
        return phone, media

    def connect(self, host: str, *, is_connected: bool) -> None:
        """Plug the host of that address into the network, or pull it out."""
        for network in (self.network, self.media_network):
            (network.mend if is_connected else network.cut)(host)

    def recorded(self, recording: str | Path, *, app: str | None = None) -> RecordedSound:
        """A recording, by the name that the script gave it, or by its file: what is in it.

        `app` says whose it is; without it, the only app's.
        """
        path = recording if isinstance(recording, Path) else self.recordings / self._app(app) / recording
        content = self.media_network.recorded.get(path.resolve(), self.media_network.recorded.get(path))
        assert content is not None, f"there is no recording {recording}; there are: {self._names_recorded()}"
        return RecordedSound(path, *content)

    def _names_recorded(self) -> str:
        return ", ".join(path.name for path in self.media_network.recorded) or "none"

    def kill(self, app: str | None = None) -> None:
        """An app's process dies; it is started again a second later. Without a name: the only app."""
        self.hosts[self._app(app)].kill()

    def _app(self, app: str | None) -> str:
        assert app is not None or len(self.hosts) == 1, f"say which app: {', '.join(self.hosts)}"
        return app or next(iter(self.hosts))

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        await trio.sleep(seconds)

    async def settle(self) -> None:
        """All hang up, on a network that loses nothing, and time passes until nothing of the calls can be left."""
        self.network.loss = self.network.duplicate = self.network.reorder = 0.0
        for host in self.names.values():
            self.connect(host, is_connected=True)
        for phone in self._ends:
            phone.hang_up()
        with trio.move_on_after(10 * SETTLING):
            await self._until(lambda: not self.switch.table.channels)
            await self._until(lambda: not any(phone.is_in_call for phone in self._ends))
        await trio.sleep(SETTLING)
        with trio.move_on_after(SETTLING):  # there may be a registration that is refreshed just now
            stacks = [self.switch.stack, *(phone.endpoint.stack for phone in self._ends)]
            await self._until(lambda: not any(any(stack.counts) for stack in stacks))

    def leaks(self) -> list[str]:
        """What the engine holds that no live call accounts for, by name."""
        return list(find_leaks(self.switch))

    def remains(self) -> list[str]:
        """What is left after `settle`, down to the last transaction and task."""
        found = list(find_remains(self.switch, tasks=self._idle_tasks))
        return found + [remain for phone in self._ends for remain in find_phone_remains(phone)]

    def describe(self) -> str:
        """Everything that happened: the engine's events, and what each phone did and perceived."""
        return "\n\n".join(["\n".join(map(str, self.history)), *(phone.describe() for phone in self._ends)])

    @property
    def _ends(self) -> list[SimulatedPhone | SimulatedTrunk]:
        return [*self.phones.values(), *self.trunks.values()]

    # How it runs

    def run(self, test: Callable[[], Awaitable[None]], *, settles: bool = True) -> None:
        """Run a test in this world; when it is done, all hang up, and what is left then is an AssertionError.

        `settles=False`: it is over when the test is.
        """
        run_virtual(lambda: self._run(test, settles=settles), seed=self.seed)

    async def _run(self, test: Callable[[], Awaitable[None]], *, settles: bool) -> None:
        failure: Exception | None = None
        async with trio.open_nursery() as self._nursery:
            await self._open(self._nursery)
            self._idle_tasks = count_tasks()
            try:
                await test()
                if settles:
                    await self._expect_nothing_left()
            except Exception as error:  # raised below as itself, not in a group
                failure = error
                self.report = self.describe()
            self._nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _expect_nothing_left(self) -> None:
        await self.settle()
        remains = self.remains()
        if remains:
            raise AssertionError(f"left when all had hung up: {', '.join(remains)}")

    async def _open(self, nursery: trio.Nursery) -> None:
        apps = [self._load(app) for app in self._apps]
        names = tuple(config.App(name=app.name, script=folder) for app, folder in apps)
        self._switch = Switch(
            replace(self.settings, apps=names),
            nursery,
            engine="callflow/simulation",
            media=FakeMediaEngine(self.media_network, HOST, self._ports),
            new_token=self._dice.tokens,
            epoch=self._epoch,
            recordings=self.recordings,
            speech=StandIn(self.folder / "speech"),
            web=StandInWeb(self.folder / "web", self.web_sounds),
            streams=SimulatedStreams(lambda: nursery, self.bots),
            records=lambda tell: MemoryRecords(self._epoch, on_written=tell),
            limits=self._limits,
            new_endpoint=self._open_endpoint,
        )
        self._tape = Tape(self._switch.log)
        self.network.attach(self._switch.endpoint, HOST, PORT)
        await nursery.start(self._switch.run)
        nursery.start_soon(self._switch.trunks.run)
        for app, folder in apps:
            await self._start_app(app, folder, nursery)

    def _epoch(self) -> float:
        return self._began_at + trio.current_time()

    def _load(self, script: Path | App) -> tuple[App | LuaScript, Path]:
        """The app, and the folder of its files."""
        if isinstance(script, App):
            return script, self.folder
        if script.suffix == ".lua":
            return LuaScript(script, limits=self._lua_limits, epoch=self._began_at, seed=self.seed), script.parent
        return load_app(script, script.stem), script.parent

    async def _start_app(self, app: App | LuaScript, folder: Path, nursery: trio.Nursery) -> None:
        (self.recordings / app.name).mkdir(parents=True, exist_ok=True)
        if isinstance(app, LuaScript):
            lua = self.hosts[app.name] = LuaAppHost(
                app, sockets=self.switch.sockets, dice=self._dice, epoch=self._epoch, limits=self._lua_limits,
                open_outside=lambda database: opening(nursery, lambda: self.web, database),
            )  # fmt: skip
            await nursery.start(lua.run)
            return
        host = self.hosts[app.name] = AppHost(
            app, folder=folder, sockets=self.switch.sockets, nursery=nursery, dice=self._dice
        )
        await nursery.start(host.run)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():  # noqa: ASYNC110 - looked at once a virtual second, which costs nothing
            await trio.sleep(1)

    def _endpoint(self, name: str, host: str, port: int, on_event: Callable[[SipEvent], None]) -> Endpoint:
        stack = SipStack(
            new_token=self._dice.tokens(f"phone {name}"),
            user_agent="callflow simulated phone",
            request_methods=("MESSAGE",),
            call_methods=(*CALL_METHODS, "OPTIONS"),  # whose answer is the person's
        )
        endpoint = self._open_endpoint(stack, on_event)
        self.network.attach(endpoint, host, port)
        return endpoint

    async def _resolve_host(self, host: str) -> list[str]:
        """The name service of the simulated world."""
        if is_literal(host):
            return [host]
        if host.lower() in self.names:
            return [self.names[host.lower()]]
        raise Unreachable(f"{host}: the simulation knows {', '.join(self.names) or 'no names'}")

    def _tell(self, end: SimulatedPhone | SimulatedTrunk | None, call: PhoneCall, event: PhoneEvent) -> None:
        if end is not None:
            end.take(call, event)

    def _open_endpoint(self, stack: SipStack, on_event: Callable[[SipEvent], None]) -> Endpoint:
        # Whatever a URI says of names and transports: nothing leaves the simulated network.
        names = HostNames(self._resolve_host, self._find_rules)
        return Endpoint(stack, on_event=on_event, resolve_host=self._resolve_host, only="udp", names=names)

    def _find_rules(self, domain: str) -> list[Rule]:
        uris = {domain_of(number, SUFFIX): uris for number, uris in self.numbers.items()}.get(domain, ())
        return [Rule(100, place, "u", "E2U+sip", f"!^.*$!{uri}!", "") for place, uri in enumerate(uris)]
