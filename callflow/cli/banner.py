"""What an engine says when it is ready: whom to call, as whom, and how to try it without a phone."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from engine.listener import Listener, join_host_port

from .output import stdout
from .place import RunningEngine, default_data_folder

if TYPE_CHECKING:  # what calls an engine reads no configuration
    from engine.config import Config

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # how this machine reaches what listens everywhere


def sip_address(listeners: Sequence[str], user: str = "", *, transport: str | None = None) -> str:
    """The SIP URI to call on this machine: by that transport, else by UDP if it is listened to."""
    places = [_parse(text) for text in listeners]
    best = next((place for place in places if place.transport == (transport or "udp")), places[0])
    suffix = "" if best.transport == "udp" else f";transport={best.transport}"
    return f"sip:{user}{'@' if user else ''}{join_host_port(_ANY.get(best.host, best.host), best.port)}{suffix}"


def example_number(patterns: Sequence[str]) -> str | None:
    """A number that one of these routes takes."""
    plain = [pattern for pattern in patterns if re.fullmatch(r"[0-9*#A-Za-z_-]+", pattern)]
    if plain:
        return plain[0]
    numbers = ["1000", *map(str, range(10_000)), "15551234567"]
    return next((number for pattern in patterns for number in numbers if re.fullmatch(pattern, number)), None)


def print_banner(config: Config, engine: RunningEngine, patterns: Sequence[str], *, shows_passwords: bool) -> None:
    """Tell everything a newcomer needs, to a terminal and to a log alike."""
    number = example_number(patterns)
    lines = [
        ("Call", f"{sip_address(engine.sip, number or '')}   ({', '.join(engine.sip)})"),
        ("Routes", "   ".join(patterns) or "none yet: apps bring their own"),
        *user_lines(config, shows_passwords=shows_passwords),
        ("Event socket", f"{engine.socket}   (token: {_token_place(config, engine)})"),
        ("Try it", example_call(config, engine, patterns, " --press 1")),
    ]
    console = stdout()
    console.print(f"[bold]callflow is ready[/] (pid {engine.pid})")
    for name, text in lines:
        console.print(f"  [bold]{name:<13}[/]{escape(text)}")
    console.print("Ctrl-C ends it.")
    console.file.flush()


def example_call(config: Config, engine: RunningEngine, patterns: Sequence[str], more: str = "") -> str:
    """A command that calls this engine, with more options."""
    return f"{_program()} dial {shlex.quote(example_number(patterns) or '1000')}{more}{_options(config, engine)}"


def user_lines(config: Config, *, shows_passwords: bool) -> list[tuple[str, str]]:
    """Who can register, each under what it stands."""
    if not config.users:
        return [("Users", "none")]
    if not shows_passwords:
        return [("Users", ", ".join(user.name for user in config.users))]
    width = max(len(user.name) for user in config.users)
    return [
        ("" if index else "Users", f"{user.name:<{width}}  password {user.password}")
        for index, user in enumerate(config.users)
    ]


def _token_place(config: Config, engine: RunningEngine) -> str:
    return "as configured" if config.socket.tokens else str(Path(engine.data) / "token")


def _options(config: Config, engine: RunningEngine) -> str:
    """What `dial` needs besides the number: to find this engine, and where strangers may not call, who we are."""
    data = "" if Path(engine.data) == default_data_folder() else f" --data {shlex.quote(engine.data)}"
    is_closed = config.users and not config.sip.is_loopback
    return data + (f" --user {shlex.quote(config.users[0].name)} --password ..." if is_closed else "")


def _program() -> str:
    """How the person who reads this starts us: by name, if the shell would find the same program."""
    started = Path(sys.argv[0])
    found = shutil.which("callflow")
    if found and (not started.exists() or Path(found).resolve() == started.resolve()):
        return "callflow"
    if started.name != "callflow":
        return "callflow"
    with_folder = started.absolute()
    here = Path.cwd()
    return str(with_folder.relative_to(here) if with_folder.is_relative_to(here) else with_folder)


def _parse(text: str) -> Listener:
    transport, _, address = text.partition(":")
    host, _, port = address.rpartition(":")
    return Listener(transport, host.strip("[]"), int(port))
