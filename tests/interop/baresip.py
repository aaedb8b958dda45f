"""baresip as a phone without ears: it speaks a sine of its own frequency and records what it hears.

Driven over its `ctrl_tcp` module: JSON in netstrings. Every port is the kernel's choice and found by the process id.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from callflow.protocol.events import RegistrationAdded

from .engine import PASSWORDS, RunningEngine
from .process import listening_ports, until
from .watch import Watch

MODULES = "/usr/lib/baresip/modules"
CONFIG = """\
poll_method epoll
net_interface 127.0.0.1
sip_listen 127.0.0.1:0
audio_source {source}
ausrc_srate 48000
ausrc_channels 2
auplay_srate 8000
auplay_channels 1
rtp_ports 20000-29999
rtcp_mux yes
jitter_buffer_delay 1-3
call_max_calls 4
module_path {modules}
module g711.so
module ausine.so
module aufile.so
module sndfile.so
module srtp.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:0
snd_path {folder}
{more}
"""


FREQUENCIES = {"alice": 540, "desk": 620, "mobile": 880}  # what the phone of each user says, in Hz


class Baresip:
    """One running baresip. `events` are what it told, in order."""

    def __init__(self, folder: Path, process: trio.Process) -> None:
        self.folder = folder
        self.events: list[dict[str, Any]] = []
        self._process = process
        self._arrived = trio.Condition()
        self._stream: trio.SocketStream | None = None

    async def dial(self, target: str) -> None:
        await self.command("dial", target)

    async def press(self, digit: str) -> None:
        await self.command("sndcode", digit)

    async def hang_up(self) -> None:
        await self.command("hangup")

    async def transfer(self, target: str) -> None:
        await self.command("transfer", target)

    async def hold(self) -> None:
        await self.command("hold")

    async def resume(self) -> None:
        await self.command("resume")

    async def command(self, command: str, params: str = "") -> None:
        text = json.dumps({"command": command, "params": params, "token": "t"}).encode()
        assert self._stream is not None
        await self._stream.send_all(b"%d:%s," % (len(text), text))

    async def wait_event(self, kind: str, *, count: int = 1) -> dict[str, Any]:
        """The event of that type, the `count`th since the start."""
        return (await self._wait(lambda: [event for event in self.events if event["type"] == kind], count))[count - 1]

    def heard(self) -> list[Path]:
        """The recordings of what it heard, oldest first. Complete once its call is closed."""
        return sorted(self.folder.glob("dump-*-dec.wav"))

    async def _wait(self, found: Callable[[], list[dict[str, Any]]], count: int) -> list[dict[str, Any]]:
        async with self._arrived:
            while len(events := found()) < count:
                await self._arrived.wait()
        return events

    async def _connect(self) -> None:
        # SIP over TCP and TLS listen first, the control socket last.
        await until(lambda: self._process.poll() is not None or len(listening_ports(self._process.pid)) >= 3)
        assert self._process.poll() is None, f"baresip ended with {self._process.returncode}"
        self._stream = await trio.open_tcp_stream("127.0.0.1", listening_ports(self._process.pid)[-1])

    async def _read(self) -> None:
        assert self._stream is not None
        buffer = b""
        async for data in self._stream:
            buffer += data
            while (at := buffer.find(b":")) > 0 and len(buffer) > (end := at + 1 + int(buffer[:at])):
                frame, buffer = json.loads(buffer[at + 1 : end]), buffer[end + 1 :]
                if frame.get("event"):
                    async with self._arrived:
                        self.events.append(frame)
                        self._arrived.notify_all()


@asynccontextmanager
async def baresip(
    folder: Path,
    *,
    user: str,
    password: str,
    server: tuple[str, int],
    frequency: int,
    register: bool = True,
    answers: bool = True,
    transport: str = "udp",
    authority: Path | None = None,
    says: Path | None = None,
    modules: Sequence[str] = (),
    contacts: Sequence[str] = (),
    account: str = "",
    codecs: Sequence[str] = (),
) -> AsyncIterator[Baresip]:
    """A phone of `user` that registers with `server`; gone on exit. Its registering may be over before it can tell.

    With an `authority` it trusts certificates of that one alone. `says`: a WAV file of 48 kHz, stereo, for the sine.
    """
    folder.mkdir(parents=True)
    more = f"sip_verify_server yes\nsip_cafile {authority}\n" if authority is not None else ""
    more += "".join(f"module_app {name}.so\n" for name in modules)
    more += "".join(f"module {name}.so\n" for name in codecs)
    source = f"aufile,{says}" if says is not None else f"ausine,{frequency}"
    (folder / "config").write_text(CONFIG.format(source=source, modules=MODULES, folder=folder, more=more))
    line = f"<sip:{user}@{server[0]}:{server[1]};transport={transport}>;auth_user={user};auth_pass={password}"
    line += f";regint={300 if register else 0};answermode={'auto' if answers else 'manual'}{account}"
    (folder / "accounts").write_text(line + "\n")
    (folder / "contacts").write_text("".join(f"{contact}\n" for contact in contacts))
    program = shutil.which("baresip")
    assert program, "baresip is not installed (apt-get install baresip-core)"
    with (folder / "log.txt").open("wb") as log:
        process = await trio.lowlevel.open_process(
            [program, "-f", str(folder), "-v"], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
        phone = Baresip(folder, process)
        try:
            async with trio.open_nursery() as nursery:
                await phone._connect()
                nursery.start_soon(phone._read)
                yield phone
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                process.terminate()
                with trio.move_on_after(3):
                    await process.wait()
                process.kill()
                await process.wait()
            if phone._stream is not None:
                await trio.aclose_forcefully(phone._stream)


@asynccontextmanager
async def phone(
    folder: Path,
    engine: RunningEngine,
    seen: Watch,
    user: str,
    *,
    answers: bool = True,
    transport: str = "udp",
    says: Path | None = None,
    modules: Sequence[str] = (),
    contacts: Sequence[str] = (),
    account: str = "",
    codecs: Sequence[str] = (),
) -> AsyncIterator[Baresip]:
    """A registered phone. `modules` are further ones, `codecs` theirs; `account` is what its account says beside."""
    server = engine.udp if transport == "udp" else engine.tcp
    async with baresip(
        folder / user, user=user, password=PASSWORDS[user], server=server, frequency=FREQUENCIES[user],
        answers=answers, transport=transport, says=says, modules=modules, contacts=contacts, account=account,
        codecs=codecs,
    ) as running:  # fmt: skip
        await seen.wait("registration.added", lambda event: isinstance(event, RegistrationAdded) and event.user == user)
        yield running
