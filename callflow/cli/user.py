"""`callflow user add | remove | list | passwd | set`: the users of the database, of an engine that runs or does not."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from callflow.protocol.commands import AddUser, ChangeUser
from callflow.protocol.queries import UserState

from .directory import Users, with_users
from .options import JsonOption
from .output import Refused, print_json, print_rows, print_table, stdout
from .users import new_password
from .where import Where, choosing_engine

MAX_RANGE = 10_000  # users of one command

user = typer.Typer(
    help="Add, remove and list users; set their passwords.\n\nWith an engine that runs they count at once, else when "
    "it starts. Those of its configuration file are changed there.\n\nExample:\n\n    callflow user add 3000-3010",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

NamesArgument = Annotated[list[str], typer.Argument(metavar="NAME...", help="Names, or ranges such as 3000-3010.")]
PasswordOption = Annotated[
    str | None,
    typer.Option("--password", metavar="TEXT", help="The password; - reads it from stdin. [default: one is made]"),
]
ContextOption = Annotated[
    str | None, typer.Option("--context", metavar="NAME", help="Where they stand in the dial plan.")
]
ClassOption = Annotated[
    list[str] | None, typer.Option("--class", metavar="NAME", help="A class of routes. May be repeated.")
]
GroupOption = Annotated[
    list[str] | None, typer.Option("--group", metavar="NAME", help="Dialled together as group:NAME. May be repeated.")
]
CallerOption = Annotated[
    str | None, typer.Option("--caller-id", metavar="WHO", help='Who calls: 3000, "Sales <3000>" or a SIP URI.')
]
VariableOption = Annotated[
    list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="A variable of their calls. May be repeated.")
]
SrtpOption = Annotated[
    str | None,
    typer.Option("--srtp", metavar="POLICY", help="Whether their media is encrypted: off, optional or required."),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Of an engine that does not run: its [store] says where users are."),
]


@user.command()
@choosing_engine
def add(
    where: Where,
    names: NamesArgument,
    password: PasswordOption = None,
    context: ContextOption = None,
    classes: ClassOption = None,
    groups: GroupOption = None,
    caller_id: CallerOption = None,
    variables: VariableOption = None,
    srtp: SrtpOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Let users register and call. Passwords that are made are shown this once; only digest hashes are kept.

    Examples:

        callflow user add carol --group sales --caller-id "Sales <3000>"

        callflow user add 3000-3010
    """
    found = expand(names)
    passwords = _passwords(found, password)
    given = _given(context, classes, groups, caller_id, variables, srtp)
    adding = [AddUser(user=name, password=passwords[name], **given) for name in found]

    async def act(users: Users) -> None:
        await users.add(adding)
        _show({} if password is not None else passwords, json=json, done=f"added {_count(found)}")

    with_users(act, where, config=config)


@user.command()
@choosing_engine
def remove(
    where: Where,
    names: NamesArgument,
    config: ConfigOption = None,
) -> None:
    """Know users no more: their phones are no longer registered. Calls that are up go on.

    Example:

        callflow user remove 3000-3010
    """
    found = expand(names)

    async def act(users: Users) -> None:
        await users.remove(found)
        stdout().print(f"removed {_count(found)}")

    with_users(act, where, config=config)


@user.command()
@choosing_engine
def passwd(
    where: Where,
    names: NamesArgument,
    password: PasswordOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Give users new passwords. Those that are made are shown this once.

    Example:

        callflow user passwd carol
    """
    found = expand(names)
    passwords = _passwords(found, password)

    async def act(users: Users) -> None:
        await users.change([ChangeUser(user=name, password=passwords[name]) for name in found])
        _show({} if password is not None else passwords, json=json, done=f"changed {_count(found)}")

    with_users(act, where, config=config)


@user.command(name="set")
@choosing_engine
def set_(
    where: Where,
    names: NamesArgument,
    context: ContextOption = None,
    classes: ClassOption = None,
    groups: GroupOption = None,
    caller_id: CallerOption = None,
    variables: VariableOption = None,
    srtp: SrtpOption = None,
    config: ConfigOption = None,
) -> None:
    """Change what else there is of users: what is given takes the place of what was; an empty text is none.

    Example:

        callflow user set carol --group sales --group support
    """
    found = expand(names)
    given = _given(context, classes, groups, caller_id, variables, srtp)
    if not given:
        raise Refused("expected something to change, such as --group")

    async def act(users: Users) -> None:
        await users.change([ChangeUser(user=name, **given) for name in found])
        stdout().print(f"changed {_count(found)}")

    with_users(act, where, config=config)


@user.command(name="list")
@choosing_engine
def list_(
    where: Where,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """List the users, and how many phones of each have registered.

    Example:

        callflow user list
    """
    _list(where, config, json=json)


@choosing_engine
def users(where: Where, json: JsonOption = False) -> None:
    """List the users, and how many phones of each have registered: `callflow user list`.

    Example:

        callflow users
    """
    _list(where, json=json)


def _list(where: Where, config: Path | None = None, *, json: bool) -> None:
    async def act(users: Users) -> None:
        columns = ("USER", "CONTEXT", "GROUPS", "CALLER ID", "SRTP", "PHONES", "FROM")
        print_rows(await users.list(), columns, _row, empty="no users", json=json)

    with_users(act, where, config=config)


def expand(names: Sequence[str]) -> list[str]:
    """Names, with ranges written out: `098-100` is 098, 099 and 100. Raises Refused."""
    found = list(dict.fromkeys(name for text in names for name in _range(text)))
    if len(found) > MAX_RANGE:
        raise Refused(f"expected at most {MAX_RANGE} users at once, got {len(found)}")
    return found


def _range(text: str) -> Iterator[str]:
    match = re.fullmatch(r"([0-9]{1,15})-([0-9]{1,15})", text, re.ASCII)
    if match is None:
        yield text
        return
    first, last = int(match[1]), int(match[2])
    if first > last or len(match[1]) > len(match[2]):
        raise Refused(f"expected a range such as 3000-3010, got {text!r}")
    if last - first >= MAX_RANGE:
        raise Refused(f"expected at most {MAX_RANGE} users at once, got {last - first + 1}")
    for number in range(first, last + 1):
        yield f"{number:0{len(match[1])}}"


def _passwords(names: Sequence[str], given: str | None) -> dict[str, str]:
    if given is None:
        return {name: new_password() for name in names}
    if len(names) > 1:
        raise Refused("expected --password for one user alone; without it each of several gets one of his own")
    return {names[0]: sys.stdin.readline().rstrip("\r\n") if given == "-" else given}


def _given(
    context: str | None,
    classes: list[str] | None,
    groups: list[str] | None,
    caller_id: str | None,
    variables: list[str] | None,
    srtp: str | None,
) -> dict[str, Any]:  # Any: each name has a type of its own, which the protocol checks
    """What was said, by the names of the protocol."""
    told: dict[str, Any] = {
        "context": context,
        "classes": _those(classes),
        "groups": _those(groups),
        "caller_id": caller_id,
        "variables": dict(map(_variable, filter(None, variables))) if variables else None,
        "srtp": srtp,
    }
    return {name: value for name, value in told.items() if value is not None}


def _those(texts: list[str] | None) -> tuple[str, ...] | None:
    return tuple(text for text in texts if text) if texts else None


def _variable(text: str) -> tuple[str, str]:
    name, is_, value = text.partition("=")
    if not is_:
        raise Refused(f"expected a variable NAME=VALUE, got {text!r}")
    return name, value


def _show(passwords: dict[str, str], *, json: bool, done: str) -> None:
    if json:
        print_json([{"user": name, "password": password} for name, password in passwords.items()])
    elif passwords:
        print_table(("USER", "PASSWORD"), list(passwords.items()), empty="")
    else:
        stdout().print(done)


def _count(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} users"


def _row(state: UserState) -> tuple[str, ...]:
    groups, source = ", ".join(state.groups), "file" if state.is_of_file else "database"
    return (
        state.id,
        state.context,
        groups or "-",
        state.caller_id or "-",
        state.srtp or "-",
        str(state.contacts),
        source,
    )
