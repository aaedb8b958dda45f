"""The commands `users`, `add_user`, `change_user` and `remove_user`: the directory, as operators see and change it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TypeVar

import msgspec

from callflow.protocol import commands
from callflow.protocol.frames import ErrorCode
from callflow.protocol.queries import UserState
from engine.channels.caller import parse_caller_id
from engine.channels.errors import CommandError
from engine.registrar.directory import Directory, DirectoryError, UnknownUser
from engine.registrar.users import User, Users
from engine.sdp.security import POLICIES, Policy

from .dispatch import Verb
from .queries import expect_listing, page_of_many
from .session import Session

_USER = re.compile(r"[^\s@:;<>\"]{1,128}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_MOST = 32  # groups, classes, variables of one user
_LONGEST = 256  # characters of a password, or of a variable
_A = TypeVar("_A")
_R = TypeVar("_R")


def administering_verbs(
    directory: Directory, users: Users, *, contexts: Collection[str], contacts: Callable[[str], int]
) -> Mapping[type[commands.Command], Verb]:
    """What does the commands. `contacts`: how many phones of a user have registered."""

    def listing(session: Session, command: commands.Command) -> list[UserState]:
        session.token.expect("read")
        wanted = expect_listing(command)
        found = ([state_of(user, contacts(user.name))] for user in users.since(wanted.after))
        return page_of_many(found, wanted)

    def add(session: Session, command: commands.Command) -> None:
        assert isinstance(command, commands.AddUser)
        session.token.expect("admin")
        user = read_user(command)
        _expect_context(user, contexts)
        _translated(directory.add, user)

    def change(session: Session, command: commands.Command) -> None:
        assert isinstance(command, commands.ChangeUser)
        session.token.expect("admin")
        user = changed(_translated(directory.find, command.user), command)
        _expect_context(user, contexts)
        _translated(directory.change, user)

    def remove(session: Session, command: commands.Command) -> None:
        assert isinstance(command, commands.RemoveUser)
        session.token.expect("admin")
        _translated(directory.remove, command.user)

    return {
        commands.UsersCommand: listing,
        commands.AddUser: add,
        commands.ChangeUser: change,
        commands.RemoveUser: remove,
    }


def state_of(user: User, contacts: int = 0) -> UserState:
    """What a list of users shows of one."""
    return UserState(
        id=user.name,
        context=user.context,
        classes=user.classes,
        caller_id=user.caller_id,
        groups=user.groups,
        variables=dict(user.variables),
        is_of_file=user.is_of_file,
        contacts=contacts,
        srtp=user.srtp or "",
    )


def read_user(command: commands.AddUser) -> User:
    """The user that a command describes. Raises CommandError."""
    if not _USER.fullmatch(command.user) or not command.user.isprintable():
        raise _wrong('the user part of a SIP address, without spaces or any of @:;<>"', command.user)
    bare = User.of(command.user, _password(command.password))
    return _checked(
        replace(
            bare,
            context=command.context,
            classes=command.classes,
            caller_id=command.caller_id,
            groups=command.groups,
            variables=command.variables,
            srtp=_policy(command.srtp),
        )
    )


def changed(user: User, command: commands.ChangeUser) -> User:
    """The user as he is after a command. Raises CommandError."""
    given = {name: value for name, value in msgspec.structs.asdict(command).items() if value is not None}
    given.pop("user")
    if "srtp" in given:
        given["srtp"] = _policy(given["srtp"])
    password = given.pop("password", None)
    if password is not None:
        user = user.with_password(_password(password))
    return _checked(replace(user, **given))


def _checked(user: User) -> User:
    for what, names in (("context", (user.context,)), ("group", user.groups), ("class", user.classes)):
        for name in names:
            if not _NAME.fullmatch(name):
                raise _wrong(f"as a {what} a name of letters, digits, '_', '.' and '-'", name)
    for name, value in user.variables.items():
        if not _NAME.fullmatch(name) or len(value) > _LONGEST or not value.isprintable():
            raise _wrong(f"a variable NAME=VALUE of at most {_LONGEST} characters", f"{name}={value}")
    if max(len(user.groups), len(user.classes), len(user.variables)) > _MOST:
        raise CommandError("bad_argument", f"expected at most {_MOST} groups, classes and variables of a user")
    if user.caller_id:
        parse_caller_id(user.caller_id)
    return user


def _policy(srtp: str) -> Policy | None:
    if not srtp:
        return None
    if srtp not in POLICIES:
        raise _wrong(f"as srtp one of {', '.join(POLICIES)}", srtp)
    return srtp


def _password(password: str) -> str:
    if not 0 < len(password) <= _LONGEST or not password.isprintable():
        raise CommandError("bad_argument", f"expected a password of 1 to {_LONGEST} printable characters")
    return password


def _expect_context(user: User, contexts: Collection[str]) -> None:
    if user.context not in contexts:
        raise _wrong(f"a context, one of {', '.join(sorted(contexts))}", user.context)


def _wrong(expected: str, got: str) -> CommandError:
    return CommandError("bad_argument", f"expected {expected}, got {got[:64]!r}")


def _translated(act: Callable[[_A], _R], argument: _A) -> _R:
    try:
        return act(argument)
    except DirectoryError as error:
        code: ErrorCode = "not_found" if isinstance(error, UnknownUser) else "bad_argument"
        raise CommandError(code, str(error)) from error
