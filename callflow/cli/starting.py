"""What `callflow run` and `serve` do, once their command line has been read: without typer, whoever read it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from engine.config import App, Config, load

from .banner import print_banner
from .foreground import override, run_in_foreground
from .log import configure_log
from .output import Refused
from .place import RunningEngine, data_folder
from .users import load_users

if TYPE_CHECKING:
    from engine.app import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A command line that was read: a configuration, or scripts that need none."""

    config: Path | None = None
    scripts: Sequence[Path] = ()
    sip: Sequence[str] | None = None
    socket: str | None = None
    data: Path | None = None

    def begin(self) -> None:
        """Run that engine, until it ends. Raises BadOption, ConfigError, Refused."""
        data = data_folder(self.data)
        config = scripted(self.scripts, data) if self.config is None else load(self.config)
        config = override(config, sip=self.sip, socket=self.socket, data=data)

        async def greet(engine: Engine, note: RunningEngine) -> None:
            print_banner(config, note, engine.patterns, shows_passwords=self.config is None)
            await trio.sleep_forever()

        configure_log()
        run_in_foreground(config, greet)


def scripted(scripts: Sequence[Path], data: Path) -> Config:
    """The configuration of an engine that runs these scripts. Raises Refused."""
    apps = tuple(_app(script) for script in scripts)
    names = [app.name for app in apps]
    if len(set(names)) < len(names):
        raise Refused(f"expected scripts with different names, got {', '.join(names)}: each is an app of that name")
    try:
        users = load_users(data)
    except OSError as error:
        raise Refused(f"cannot keep data in {data}: {error.strerror}; say another with --data DIR") from error
    return Config(apps=apps, users=users, data=data)


def _app(script: Path) -> App:
    if not script.is_file():
        raise Refused(f"expected a script, but there is no file {str(script)!r}")
    return App(name=re.sub(r"[^A-Za-z0-9_.-]", "_", script.stem).lstrip("_.-")[:64] or "app", script=script.resolve())
