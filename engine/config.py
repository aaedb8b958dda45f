"""The configuration: none is needed; a TOML file says the rest. `load(path)` checks it whole before anything starts.

What is wrong is a `ConfigError` that names the file, the line, what was expected and what came.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias, TypeVar

from callflow.runtime.lua.hosts import is_allowed, read_host
from engine.channels.caller import parse_caller_id
from engine.channels.errors import CommandError
from engine.eventsocket.certificate import CertificateError, load_pair, trusting
from engine.eventsocket.esl.permission import EslUser
from engine.scripting.calendar import Calendar
from engine.scripting.decision import INTERNAL
from engine.scripting.limits import WorkerLimits
from engine.sdp.codec import WIDE
from engine.sdp.security import Policy
from engine.sip.identity import BY_FROM, IdentityPolicy
from engine.sip.next_hop import PRIVATE, is_literal
from engine.sip.registration import Limits as RegistrarLimits
from engine.store.place import Place
from engine.transport.advertising import Advertised
from engine.transport.enum import SUFFIX as ENUM_SUFFIX
from engine.trunks.spec import TrunkSpec
from engine.web.terms import Terms

from .abuse import ABUSE, Abuse
from .advertise import read_advertised
from .codecs import read_codecs
from .config_error import ConfigError as ConfigError
from .encryption import SrtpOfListeners, check_policies, read_policies, read_policy
from .history import TRACE, History
from .limit import LIMITS, Limits
from .listener import Listener as Listener
from .listener import is_loopback as is_loopback
from .listener import join_host_port as join_host_port
from .listener import parse_address as parse_address
from .listener import parse_host as parse_host
from .listener import parse_listener as parse_listener
from .peer import read_identity_policy
from .registration import read_registrar
from .route import READERS, Context, check_routes, expect_context, read_name
from .route import Route as Route
from .sounds import SOUNDS, Sounds, find_authority
from .storage import Store, read_store
from .toml_lines import KeyPath, line_of, lines_of
from .toml_reader import Wrong, list_of, map_of, nonempty, one_of, read_flag, read_text, show, suggest, table
from .traces import TRACES, Traces, is_installed
from .trunk import READERS as TRUNK_READERS
from .trunk import check_trunks, read_domain

ESL_APP = "esl"  # the name that routes give to the door of [esl]
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
SCOPES = ("read", "calls:own", "calls:any", "admin")
MAX_SIZE = 1 << 20  # octets of the file


@dataclass(frozen=True, slots=True, kw_only=True)
class Sip:
    """[sip]"""

    listen: tuple[Listener, ...] = (Listener("udp", "127.0.0.1", 5060), Listener("tcp", "127.0.0.1", 5060))
    certificate: Path | None = None  # PEM, shown by tls listeners
    key: Path | None = None  # None: in the certificate's file
    ca: Path | None = None  # PEM: who signs the certificates of peers; None: those that the system trusts
    verify: bool = True  # the certificates of peers that we connect to
    enum: str = ENUM_SUFFIX  # the domain below which `enum:` targets are looked up
    nameservers: tuple[tuple[str, int], ...] | None = None  # addresses and ports; None: those of the system
    origins: tuple[str, ...] = ()  # of the pages whose phones may open a WebSocket
    advertise: tuple[Advertised, ...] = ()  # addresses for peers that are not `local`
    local: tuple[Network, ...] = PRIVATE
    srtp: SrtpOfListeners = SrtpOfListeners()  # noqa: RUF009 - it is frozen
    unsolicited_mwi: bool = False  # message lamps of phones that register and do not subscribe are told, too

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can call."""
        return all(is_loopback(listener.host) for listener in self.listen)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnAccount:
    """[rtp] turn: who relays media, and by what we are known there."""

    server: tuple[str, int]
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rtp:
    """[rtp]: `ports` are the first and the last. Without an address media goes where SIP listens."""

    address: str | None = None
    ports: tuple[int, int] = (16384, 32767)
    threads: int = 1
    inband_digits: Literal["auto", "always", "never"] = "auto"  # auto: where no telephone-event was agreed on
    codecs: tuple[str, ...] = WIDE  # of phones and other peers, best first; trunks have their own
    dtls: Literal["websocket", "always", "never"] = "websocket"  # to whom DTLS and ICE are offered; never: nor taken
    ice: Literal["full", "lite"] = "full"  # lite: who is reached at its address by everybody waits to be found
    stun: tuple[str, int] | None = None  # who tells our address outside of a router
    turn: TurnAccount | None = None

    @property
    def hears_tones(self) -> bool | None:
        """Whether keys are looked for in the sound; None: where no telephone-event was agreed on."""
        return {"auto": None, "always": True, "never": False}[self.inband_digits]


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One of [socket] tokens."""

    name: str
    token: str = field(repr=False)
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Socket:
    """[socket]: the event socket."""

    listen: tuple[str, int] = ("127.0.0.1", 7443)
    tokens: tuple[Token, ...] = ()  # none: a random one in DATA/token
    origins: tuple[str, ...] = ()
    certificate: Path | None = None  # PEM: with it the event socket speaks TLS
    key: Path | None = None  # None: in the certificate's file
    allow_plaintext: bool = False  # beyond loopback without TLS


@dataclass(frozen=True, slots=True, kw_only=True)
class Esl:
    """[esl]: the door for FreeSWITCH's event-socket clients. Without a password it takes no connections."""

    listen: tuple[str, int] = ("127.0.0.1", 8021)
    password: str | None = field(default=None, repr=False)
    acl: tuple[Network, ...] = ()  # none: this machine
    sounds: Path | None = None  # the folder of the prompts
    users: tuple[EslUser, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of users, for dial strings
    applications: Mapping[str, str] = field(default_factory=dict)  # numbers of our routes that stand in for them
    http: tuple[str, ...] = ()  # hosts that curl may ask
    allow_plaintext: bool = False  # beyond loopback

    @property
    def terms(self) -> Terms:
        """Of what its clients may ask by `curl`: answers as large as FreeSWITCH takes."""
        purpose = "that ESL clients may ask"
        return Terms(self.http, is_allowed, max_octets=64_000, within=30.0, section="[esl]", purpose=purpose)


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """[streams]: where calls may be streamed to."""

    hosts: tuple[str, ...] | None = None  # None: this machine


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One [[user]], who may register and call."""

    name: str
    password: str = field(repr=False)
    context: str = INTERNAL
    classes: tuple[str, ...] = ()  # of routes that are not for everybody
    identity: IdentityPolicy = BY_FROM
    caller_id: str = ""  # who calls, in place of what her phone says
    groups: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)  # of the calls that she makes
    srtp: Policy | None = None  # None: as at the listener


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One [[app]]: a script that the engine runs. With `test` its versions must pass their flow tests first.

    Limits that it does not name are those of [limits]. `isolation` is where it runs, if it is in Lua;
    then `http` are the hosts that it may ask, and `database` is the file of its own.
    """

    name: str
    script: Path
    memory: int | None = None  # octets, 0: any
    step: float | None = None  # seconds, 0: any
    test: bool = False
    isolation: Literal["engine", "process"] = "engine"
    http: tuple[str, ...] = ()
    database: Path | None = None  # None: DATA/databases/NAME.db

    @property
    def is_embedded(self) -> bool:
        """It runs inside the engine, not in workers."""
        return self.script.suffix == ".lua" and self.isolation == "engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything the engine is told. Without routes each app's own routes apply."""

    sip: Sip = Sip()
    rtp: Rtp = Rtp()
    socket: Socket = Socket()
    esl: Esl | None = None
    streams: Streams = Streams()
    users: tuple[User, ...] = ()
    apps: tuple[App, ...] = ()
    routes: tuple[Route, ...] = ()
    calendars: tuple[Calendar, ...] = ()
    contexts: tuple[Context, ...] = ()
    trunks: tuple[TrunkSpec, ...] = ()
    limits: Limits = Limits()  # noqa: RUF009 - it is frozen
    registrar: RegistrarLimits = RegistrarLimits()  # noqa: RUF009 - it is frozen
    abuse: Abuse = Abuse()  # noqa: RUF009 - it is frozen
    history: History = History()  # noqa: RUF009 - it is frozen
    traces: Traces | None = None
    store: Store = Store()  # noqa: RUF009 - it is frozen
    sounds: Sounds = Sounds()  # noqa: RUF009 - it is frozen
    data: Path = Path("data")  # from the command line
    path: Path | None = None  # the file it came from

    @property
    def rtp_address(self) -> str:
        """The address for media."""
        return self.rtp.address or self.sip.listen[0].host

    @property
    def place(self) -> Place:
        """Where rows are kept."""
        return Place(self.data, self.store.url, self.store.engine)

    def database_of(self, app: App) -> Path:
        """The file of an app in Lua; it need not be there."""
        return app.database or self.data / "databases" / f"{app.name}.db"

    def limits_of(self, app: App) -> WorkerLimits:
        """What the workers of an app may take."""
        memory = self.limits.memory if app.memory is None else app.memory
        return WorkerLimits(memory=memory, step=self.limits.step if app.step is None else app.step)


def load(path: Path) -> Config:
    """Read and check a configuration file. Raises ConfigError."""
    text = _read_file(path)
    try:
        return _read_config(tomllib.loads(text), path, lines_of(text, "route"))
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(error, text, path) from error
    except (RecursionError, ValueError) as error:  # brackets nested too deep; an integer of thousands of digits
        raise ConfigError(f"not TOML: {error}", path=path) from error
    except Wrong as wrong:
        line = line_of(text, wrong.at, hint=wrong.hint)
        raise ConfigError(f"{_spell(wrong.at)}{wrong.message}", path=path, line=line) from wrong


def check_socket(socket: Socket) -> None:
    """Refuse an event socket that strangers could use. Raises ConfigError."""
    host = socket.listen[0]
    if is_loopback(host):
        return
    if not socket.tokens:
        raise ConfigError(
            f"expected [socket] tokens, as the event socket listens beyond this machine ({host}), got none"
        )
    if socket.certificate is None and not socket.allow_plaintext:
        raise ConfigError(
            f"expected the event socket on loopback, got {host}: without TLS tokens and calls would travel in the "
            "clear; give [socket] a certificate and a key, or allow that with allow_plaintext = true"
        )


def check_esl(esl: Esl) -> None:
    """Refuse a door for ESL clients that strangers could use. Raises ConfigError."""
    if not esl.password:
        raise ConfigError("expected [esl] a password: there is no default")
    host = esl.listen[0]
    if not is_loopback(host) and not (esl.acl and esl.allow_plaintext):
        raise ConfigError(
            f"expected [esl] on loopback, got {host}: the password and the calls would travel in the clear; if the "
            "network is safe, say who may connect with acl and allow that with allow_plaintext = true"
        )


def _read_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SIZE + 1)
        if len(data) > MAX_SIZE:
            raise ConfigError(f"expected at most {MAX_SIZE} octets, got more", path=path)
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"expected UTF-8, got the octet {data[error.start]:#04x}", path=path, line=line) from error
    except OSError as error:
        raise ConfigError(f"expected a configuration file: {error.strerror or error}", path=path) from error


def _syntax_error(error: tomllib.TOMLDecodeError, text: str, path: Path) -> ConfigError:
    message = str(error)
    place = re.search(r" \(at line ([0-9]+), column [0-9]+\)$", message)
    line = int(place[1]) if place else text.count("\n") + 1
    return ConfigError(f"not TOML: {message[0].lower()}{message[1:]}", path=path, line=line)


def _read_config(document: Mapping[str, object], path: Path, lines: Mapping[int, int]) -> Config:
    """`lines`: of each route."""
    config = table(Config, _CONFIG)(document)
    _check_unique("user", [user.name for user in config.users])
    _check_unique("app", [app.name for app in config.apps])
    scripts = [_find_script(app, index, path.parent) for index, app in enumerate(config.apps)]
    _check_unique("calendar", [calendar.name for calendar in config.calendars])
    _check_unique("context", [context.name for context in config.contexts])
    _check_unique("trunk", [trunk.name for trunk in config.trunks])
    check_trunks(config.trunks, config.contexts)
    for index, user in enumerate(config.users):
        expect_context(user.context, config.contexts, at=("user", index, "context"))
    routes = check_routes(
        config.routes,
        apps=[*(app.name for app in config.apps), *([ESL_APP] if config.esl is not None else [])],
        calendars=config.calendars,
        contexts=config.contexts,
        lines=lines,
    )
    if config.traces is not None and config.traces.enabled and not is_installed():
        raise Wrong("expected OpenTelemetry to be installed: pip install 'callflow[otel]'", at=("traces",))
    _check_listeners(config.sip)
    socket = _find_certificate(config.socket, path.parent, "socket")
    sip = _find_peers_authority(_find_certificate(config.sip, path.parent, "sip"), path.parent)
    routes = tuple(_find_authority(route, path.parent) for route in routes)
    try:
        check_socket(socket)
    except ConfigError as error:
        raise Wrong(error.message, at=("socket", "listen")) from error
    esl = _find_sounds(config, path.parent)
    sounds = find_authority(config.sounds, path.parent)
    return replace(
        config, sip=sip, socket=socket, esl=esl, apps=tuple(scripts), routes=routes, path=path, sounds=sounds
    )


def _find_sounds(config: Config, folder: Path) -> Esl | None:
    esl = config.esl
    if esl is None:
        return None
    if any(app.name == ESL_APP for app in config.apps):
        raise Wrong(f"expected another name than {ESL_APP!r}: that is the door of [esl]", at=("app",), hint=ESL_APP)
    try:
        check_esl(esl)
    except ConfigError as error:
        raise Wrong(error.message, at=("esl",)) from error
    users = [user.name for user in config.users]
    for group, members in esl.groups.items():
        for name in members:
            if name not in users:
                hint = f"expected the name of a [[user]]{suggest(name, users)}, got {show(name)}"
                raise Wrong(hint, at=("esl", "groups", group), hint=name)
    if esl.sounds is None:
        return esl
    sounds = (folder / esl.sounds).resolve()
    if not sounds.is_dir():
        raise Wrong(f"expected the folder of the prompts, but there is no {str(sounds)!r}", at=("esl", "sounds"))
    return replace(esl, sounds=sounds)


def _check_unique(section: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            raise Wrong(f"expected each {section} once, got {show(name)} again", at=(section, index, "name"))
        seen.add(name)


def _find_script(app: App, index: int, folder: Path) -> App:
    script = (folder / app.script).resolve()
    if not script.is_file():
        raise Wrong(f"expected a script, but there is no file {str(script)!r}", at=("app", index, "script"))
    database = (folder / app.database).absolute() if app.database is not None else None
    return replace(app, script=script, database=database)


_Secured = TypeVar("_Secured", Sip, Socket)


def _find_certificate(told: _Secured, folder: Path, section: str) -> _Secured:
    if told.certificate is None:
        if told.key is not None:
            raise Wrong("expected a certificate beside the key", at=(section, "key"))
        return told
    certificate = (folder / told.certificate).absolute()
    key = (folder / told.key).absolute() if told.key is not None else None
    try:
        load_pair(certificate, key)
    except CertificateError as error:
        raise Wrong(str(error), at=(section, "certificate")) from error
    return replace(told, certificate=certificate, key=key)


def _find_peers_authority(sip: Sip, folder: Path) -> Sip:
    if sip.ca is None:
        return sip
    ca = (folder / sip.ca).absolute()
    try:
        trusting(ca)
    except CertificateError as error:
        raise Wrong(str(error), at=("sip", "ca")) from error
    return replace(sip, ca=ca)


def _find_authority(route: Route, folder: Path) -> Route:
    return replace(route, ca=folder.absolute() / route.ca) if route.ca is not None else route


def _check_listeners(sip: Sip) -> None:
    seen: set[Listener] = set()
    for listener in sip.listen:
        if listener.transport in ("tls", "wss") and sip.certificate is None:
            raise Wrong(f"expected a certificate for {listener}, got none", at=("sip", "listen"))
        if listener in seen and listener.port:
            raise Wrong(f"expected each address once, got {show(str(listener))} again", at=("sip", "listen"))
        seen.add(listener)
    for each in sip.advertise:
        if each.listener is not None and each.listener not in seen:
            name = Listener(*each.listener)
            raise Wrong(f"expected one of [sip] listen, got {show(str(name))}", at=("sip", "advertise"))
    check_policies(sip.srtp, sip.listen)


def _user_name(value: object) -> str:
    name = read_text(value)
    if not re.fullmatch(r"[^\s@:;<>\"]{1,128}", name):
        raise ValueError(f'expected the user part of a SIP address, without spaces or any of @:;<>", got {show(name)}')
    return name


def _caller_id(value: object) -> str:
    text = read_text(value)
    try:
        parse_caller_id(text)
    except CommandError as error:
        raise ValueError(error.message) from None
    return text


def _app_name(value: object) -> str:
    name = read_text(value)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name, re.ASCII):
        raise ValueError(f"expected a name of letters, digits, '_', '.' and '-' (it names folders), got {show(name)}")
    return name


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f'expected a network such as "192.0.2.0/24", got {show(text)}') from None


def _threads(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 64:
        raise ValueError(f"expected a number from 1 to 64, got {show(value)}")
    return value


def _ports(value: object) -> tuple[int, int]:
    """RTP takes the even port of a pair and RTCP the odd one above it (RFC 3550 §11)."""
    match = re.fullmatch(r"\s*([0-9]{1,5})\s*-\s*([0-9]{1,5})\s*", value, re.ASCII) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'expected ports as "FIRST-LAST", such as "16384-32767", got {show(value)}')
    first, last = int(match[1]), int(match[2])
    if first > last:
        raise ValueError(f'expected the first port before the last, got "{first}-{last}"')
    if first % 2:
        raise ValueError(f'expected an even first port (RTP even, RTCP odd), got "{first}-{last}"')
    if first < 1024 or last > 65535:
        raise ValueError(f'expected ports from 1024 to 65535, got "{first}-{last}"')
    if last == first:
        raise ValueError(f'expected two ports at least (a call takes two), got "{first}-{last}"')
    return first, last


def _nameserver(value: object) -> tuple[str, int]:
    """`ADDRESS` or `ADDRESS:PORT`."""
    text = read_text(value)
    if is_literal(text.strip("[]")):
        return text.strip("[]"), 53
    host, port = parse_address(text)
    if not is_literal(host):
        raise ValueError(f'expected an address such as "192.0.2.53" or "192.0.2.53:5353", got {show(text)}')
    return host, port


_TOKEN = MappingProxyType({
    "name": ("name", read_text),
    "token": ("token", read_text),
    "scopes": ("scopes", nonempty(one_of(SCOPES))),
})
_SIP = MappingProxyType({
    "listen": ("listen", nonempty(lambda value: parse_listener(read_text(value)))),
    "certificate": ("certificate", lambda value: Path(read_text(value))),
    "key": ("key", lambda value: Path(read_text(value))),
    "ca": ("ca", lambda value: Path(read_text(value))),
    "verify": ("verify", read_flag),
    "enum": ("enum", read_domain),
    "nameservers": ("nameservers", nonempty(_nameserver)),
    "origins": ("origins", list_of(read_text)),
    "advertise": ("advertise", read_advertised),
    "local": ("local", list_of(lambda value: _network(read_text(value)))),
    "srtp": ("srtp", read_policies),
    "unsolicited_mwi": ("unsolicited_mwi", read_flag),
})
_TURN = MappingProxyType({
    "server": ("server", lambda value: parse_address(read_text(value))),
    "username": ("username", read_text),
    "password": ("password", read_text),
})
_RTP = MappingProxyType({
    "address": ("address", lambda value: parse_host(read_text(value))),
    "ports": ("ports", _ports),
    "threads": ("threads", _threads),
    "inband_digits": ("inband_digits", one_of(("auto", "always", "never"))),
    "codecs": ("codecs", read_codecs),
    "dtls": ("dtls", one_of(("websocket", "always", "never"))),
    "ice": ("ice", one_of(("full", "lite"))),
    "stun": ("stun", lambda value: parse_address(read_text(value))),
    "turn": ("turn", table(TurnAccount, _TURN)),
})
_SOCKET = MappingProxyType({
    "listen": ("listen", lambda value: parse_address(read_text(value))),
    "tokens": ("tokens", list_of(table(Token, _TOKEN))),
    "origins": ("origins", list_of(read_text)),
    "certificate": ("certificate", lambda value: Path(read_text(value))),
    "key": ("key", lambda value: Path(read_text(value))),
    "allow_plaintext": ("allow_plaintext", read_flag),
})
_ESL_USER = MappingProxyType({
    "name": ("name", read_text),
    "password": ("password", read_text),
    "events": ("events", list_of(read_text)),
    "api": ("api", list_of(lambda value: read_text(value).lower())),
    "log": ("log", read_flag),
})
_ESL = MappingProxyType({
    "listen": ("listen", lambda value: parse_address(read_text(value))),
    "password": ("password", read_text),
    "acl": ("acl", nonempty(lambda value: _network(read_text(value)))),
    "sounds": ("sounds", lambda value: Path(read_text(value))),
    "user": ("users", list_of(table(EslUser, _ESL_USER))),
    "groups": ("groups", map_of(list_of(_user_name))),
    "applications": ("applications", map_of(read_text)),
    "http": ("http", list_of(lambda value: read_host(read_text(value)))),
    "allow_plaintext": ("allow_plaintext", read_flag),
})
_USER = MappingProxyType({
    "name": ("name", _user_name),
    "password": ("password", read_text),
    "context": ("context", read_name),
    "classes": ("classes", list_of(read_name)),
    "identity": ("identity", read_identity_policy),
    "caller_id": ("caller_id", _caller_id),
    "groups": ("groups", list_of(read_name)),
    "variables": ("variables", map_of(read_text)),
    "srtp": ("srtp", read_policy),
})
_APP = MappingProxyType({
    "name": ("name", _app_name),
    "script": ("script", lambda value: Path(read_text(value))),
    "memory": LIMITS["memory"],
    "step": LIMITS["step"],
    "test": ("test", read_flag),
    "isolation": ("isolation", one_of(("engine", "process"))),
    "http": ("http", list_of(lambda value: read_host(read_text(value)))),
    "database": ("database", lambda value: Path(read_text(value))),
})
_STREAMS = MappingProxyType({"hosts": ("hosts", list_of(lambda value: read_host(read_text(value))))})
_CONFIG = MappingProxyType({
    "sip": ("sip", table(Sip, _SIP)),
    "rtp": ("rtp", table(Rtp, _RTP)),
    "socket": ("socket", table(Socket, _SOCKET)),
    "esl": ("esl", table(Esl, _ESL)),
    "streams": ("streams", table(Streams, _STREAMS)),
    "user": ("users", list_of(table(User, _USER))),
    "app": ("apps", list_of(table(App, _APP))),
    "limits": ("limits", table(Limits, LIMITS)),
    "registrar": ("registrar", read_registrar),
    "abuse": ("abuse", table(Abuse, ABUSE)),
    "trace": ("history", table(History, TRACE)),
    "traces": ("traces", table(Traces, TRACES)),
    "store": ("store", read_store),
    "sounds": ("sounds", table(Sounds, SOUNDS)),
    **READERS,
    **TRUNK_READERS,
})
_REPEATED = frozenset({"user", "app", "route", "calendar", "context", "trunk"})


def _spell(at: KeyPath) -> str:
    """The key path as a reader of the file would say it: `[[route]] app: `."""
    if not at:
        return ""
    first, *rest = at
    section = f"[[{first}]]" if first in _REPEATED else f"[{first}]" if first in _CONFIG else str(first)
    names = [str(part) for part in rest if isinstance(part, str)]
    return " ".join([section, ".".join(names)]).strip() + ": "
