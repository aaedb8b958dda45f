"""The commands about versions, as the event socket does them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from callflow.protocol import commands, queries
from engine.channels.errors import CommandError
from engine.eventsocket.dispatch import Verb
from engine.eventsocket.queries import page
from engine.eventsocket.session import Session

from .supervisor import Supervisor, UnknownApp
from .version import NoVersion


def reload_verbs(supervisor: Supervisor) -> Mapping[type[commands.Command], Verb]:
    """What does each of these commands."""

    def reload(session: Session, command: commands.Command) -> queries.NamedVersion:
        assert isinstance(command, commands.Reload)
        session.token.expect("admin")
        share = command.share
        if share is not None and not 0 < share <= 1:  # NaN too
            raise CommandError("bad_argument", f"reload: expected a share above 0 and up to 1, got {share}")
        return _named(command.app, lambda: supervisor.reload(command.app, share=share, test=command.test))

    def roll_back(session: Session, command: commands.Command) -> queries.NamedVersion:
        assert isinstance(command, commands.Rollback)
        session.token.expect("admin")
        return _named(command.app, lambda: supervisor.roll_back(command.app))

    def versions(session: Session, command: commands.Command) -> list[queries.VersionState]:
        assert isinstance(command, commands.Versions)
        session.token.expect("read")
        return page([state for state in supervisor.states() if command.app in ("", state.app)], command)

    return {commands.Reload: reload, commands.Rollback: roll_back, commands.Versions: versions}


def _named(app: str, act: Callable[[], str]) -> queries.NamedVersion:
    try:
        return queries.NamedVersion(app=app, version=act())
    except UnknownApp as error:
        raise CommandError("not_found", str(error), {"app": app[:64]}) from error
    except NoVersion as error:
        raise CommandError("wrong_state", f"{app}: {error}") from error
