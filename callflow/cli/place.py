"""Where engines are on this machine: their data folders, and the notes by which other commands find those that run."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from callflow.trust import pinned, trusting

from .output import Refused, complain


class RunningEngine(msgspec.Struct, frozen=True, kw_only=True):
    """The note that a running engine leaves, as DATA/engine.json and in a folder of the user's."""

    pid: int
    socket: str  # ws://HOST:PORT/v1/socket, or wss
    sip: list[str]  # udp:HOST:PORT
    data: str
    started_at: float
    config: str | None = None  # the file
    certificate: str | None = None  # of its event socket, the file

    @property
    def token(self) -> str | None:
        """The token that the engine made for this user."""
        with suppress(OSError):
            return (Path(self.data) / "token").read_text().strip() or None
        return None


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach an engine's event socket."""

    url: str
    token: str | None
    ssl_context: ssl.SSLContext | None = None  # whom to trust there; None: whom the system trusts


def data_folder(given: Path | None) -> Path:
    """The folder an engine keeps its files in: as given, else $CALLFLOW_DATA, else ~/.local/share/callflow."""
    if given is not None:
        return given.expanduser().absolute()
    from_environment = os.environ.get("CALLFLOW_DATA")
    return Path(from_environment).absolute() if from_environment else default_data_folder()


def store_url(configured: str | None) -> str | None:
    """The URL of the store: $CALLFLOW_STORE, else as configured; None: the data folder. Raises Refused."""
    told = os.environ.get("CALLFLOW_STORE")
    if not told:
        return configured
    from engine.storage import read_store_url  # most commands need no store

    try:
        return read_store_url(told)
    except ValueError as error:
        raise Refused(f"CALLFLOW_STORE: {error}") from error


def default_data_folder() -> Path:
    """~/.local/share/callflow, or below $XDG_DATA_HOME."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "callflow"


@contextmanager
def leave_note(engine: RunningEngine) -> Iterator[None]:
    """Let other commands find this engine for as long as the block runs."""
    content = msgspec.json.encode(engine)
    notes = [Path(engine.data) / "engine.json", _notes_folder() / f"{engine.pid}.json"]
    for note in notes:
        try:
            _write(note, content)
        except OSError as error:
            complain(f"other commands will need --socket {engine.socket}: {error}")
    try:
        yield
    finally:
        for note in notes:
            if (left := _read(note)) is not None and left.pid == engine.pid:
                note.unlink(missing_ok=True)


def find_engines(data: Path | None = None) -> list[RunningEngine]:
    """The engines of this user that run: all of them, or that of a data folder. Notes of dead ones are removed."""
    found: dict[int, RunningEngine] = {}
    folder = data_folder(data)
    for note in [*sorted(_notes_folder().glob("*.json")), folder / "engine.json"]:
        engine = _read(note)
        if engine is None:
            continue
        if not _is_alive(engine.pid):
            note.unlink(missing_ok=True)
        elif data is None or Path(engine.data) == folder:
            found[engine.pid] = engine
    return list(found.values())


def choose_engine(*, socket: str | None = None, data: Path | None = None) -> RunningEngine | None:
    """The engine that is meant: the one with that socket, else the only one there is. Raises Refused if several are."""
    engines = find_engines(data)
    if socket is not None:
        return next((engine for engine in engines if engine.socket == socket), None)
    if len(engines) > 1:
        raise Refused(f"several engines run here; say which with --socket:\n{_list(engines)}")
    return engines[0] if engines else None


def choose_connection(
    *, socket: str | None, token: str | None, data: Path | None = None, ca: Path | None = None
) -> Connection:
    """How to reach the engine that is meant. Raises Refused if none runs.

    `ca`: who signed its certificate. Of an engine on this machine the certificate itself is known, and trusted.
    """
    token = token or os.environ.get("CALLFLOW_TOKEN")
    engine = choose_engine(socket=socket, data=data)
    if engine is None and socket is None:
        where = f" with its data in {data_folder(data)}" if data else ""
        raise Refused(f"no engine runs here{where}; start one with: callflow run SCRIPT, or say where: --socket URL")
    url = socket or (engine.socket if engine else "")
    return Connection(url, token or (engine.token if engine else None), _trust(engine, ca))


def _trust(engine: RunningEngine | None, ca: Path | None) -> ssl.SSLContext | None:
    file = ca or (Path(engine.certificate) if engine is not None and engine.certificate is not None else None)
    if file is None:
        return None
    try:
        return trusting(ca) if ca is not None else pinned(file)
    except (OSError, ValueError) as error:
        raise Refused(f"expected a certificate in PEM, in {file}: {error}") from error


def _list(engines: Sequence[RunningEngine]) -> str:
    return "\n".join(f"  --socket {engine.socket}   (pid {engine.pid}, data in {engine.data})" for engine in engines)


def _notes_folder() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "callflow" / "engines"


def _write(note: Path, content: bytes) -> None:
    note.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = note.with_suffix(f".{os.getpid()}.part")
    draft.write_bytes(content)
    draft.replace(note)


def _read(note: Path) -> RunningEngine | None:
    try:
        return msgspec.json.decode(note.read_bytes(), type=RunningEngine)
    except (OSError, msgspec.DecodeError):
        return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True
