"""`callflow dev`: an engine for whoever writes a script. It tells what happens, and reloads what is saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from engine.config import Config

from .banner import example_call, sip_address, user_lines
from .foreground import override, run_in_foreground
from .log import Choose, configure_log
from .options import DataOption, SipOption, SocketOption, told_with_usage
from .place import RunningEngine, data_folder
from .screen import Screen
from .starting import scripted

if TYPE_CHECKING:
    from engine.app import Engine

    from .view import LiveView

TOLD_BY_EVENTS = "engine.versions"
SAID_BY_SCRIPTS = "script"


def dev(
    scripts: Annotated[list[Path], typer.Argument(metavar="SCRIPT", help="Python scripts, each with an App.")],
    sip: SipOption = None,
    socket: SocketOption = None,
    data: DataOption = None,
) -> None:
    """Write a script and see what it does: every call, verb, key and error, while it is called.

    An engine runs the script as `callflow run` does. What is saved takes the next calls a moment later, or is refused
    with its file, line and error; calls that are up go on as they began. Ctrl-C ends the calls and the engine.

    Example:

        callflow dev hello.py
    """
    from .view import LiveView

    config = scripted(scripts, data_folder(data))
    with told_with_usage():
        config = override(config, sip=sip, socket=socket, data=config.data)
    screen = Screen()
    view = LiveView(screen)

    async def show(engine: Engine, note: RunningEngine) -> None:
        screen.put(*_header(config, engine, note))
        view.watch(engine)
        await screen.run()

    configure_log(_choose(view))
    try:
        run_in_foreground(config, show, must_load=False)
    finally:
        screen.flush()


def _header(config: Config, engine: Engine, note: RunningEngine) -> list[str]:
    scripts = ", ".join(app.script.name for app in config.apps)
    folders = ", ".join(map(str, engine.supervisor.folders))
    lines = [
        ("Call it", f"in a second terminal: {example_call(config, note, engine.patterns)}"),
        ("Routes", "   ".join(engine.patterns)),
        ("Phones", f"{sip_address(note.sip)}, as"),
        *(("", text) for _, text in user_lines(config, shows_passwords=True)),
        ("Change it", f"save a file in {folders}, and the next call gets it"),
    ]
    told = [f"  [bold]{name:<11}[/]{escape(text)}" for name, text in lines]
    return [f"[bold]callflow dev runs {escape(scripts)}[/] (pid {note.pid})", *told, "Ctrl-C ends it.", ""]


def _choose(view: LiveView) -> Choose:
    """What scripts say goes to the view, which also tells what events do; the log has the engine's warnings left."""

    def choose(name: str, level: str, record: dict[str, object], *, is_asked: bool) -> bool:
        if name == SAID_BY_SCRIPTS:
            call, trace = (str(record[key]) if key in record else None for key in ("call", "exception"))
            if call is None or trace is None:  # else an event tells it
                view.say("\n".join(text for text in (str(record["event"]), trace) if text), call)
            return False
        if name == TOLD_BY_EVENTS and not is_asked:
            return False
        return is_asked or level not in ("debug", "info")

    return choose
