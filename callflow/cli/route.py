"""`callflow route`: which route a call would take, and why, by the same rules as the engine's."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from engine.config import Config, User, load
from engine.route import make_rules
from engine.scripting.decision import ANONYMOUS, Decision, Profile, Question, Step
from engine.trunks.spec import TrunkSpec

from .options import JsonOption
from .output import Refused, print_json, stdout
from .place import choose_engine
from .where import DataOption

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The configuration. [default: that of the engine that runs here]"),
]


def route(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The number that is dialled.")],
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="USER", help="Who calls: a user, or a number that is none."),
    ] = None,
    trunk: Annotated[
        str | None, typer.Option("--trunk", metavar="NAME", help="The trunk that the call comes by.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="When: '2026-12-25 09:00', local or with +01:00.")
    ] = None,
    domain: Annotated[str, typer.Option("--domain", metavar="HOST", help="The host in the URI that is called.")] = "",
    caller: Annotated[
        str | None, typer.Option("--caller", metavar="NUMBER", help="The number that a user shows.")
    ] = None,
    call: Annotated[str, typer.Option("--call", metavar="TEXT", help="A Call-ID, which decides about shares.")] = "",
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Say which route a call would take, and why, and why those before it would not take it.

    The exit code is 1 if no route takes the call.

    Examples:

        callflow route 1000 --from alice --at "2026-12-25 09:00"

        callflow route +4930123 --config callflow.toml
    """
    settings = load(_config_file(config, data))
    if not settings.routes:
        raise Refused(f"{settings.path} has no [[route]]: the apps' own routes apply, in the order of the apps")
    rules = make_rules(
        settings.routes,
        calendars=settings.calendars,
        contexts=settings.contexts,
        is_loopback=settings.sip.is_loopback,
    )
    question = _question(settings, number, from_, trunk, at=_time(at), domain=domain, caller=caller, call=call)
    decision = rules.decide(question)
    if json:
        print_json(_plain(decision, question))
    else:
        _print(decision, question, routes=len(rules))
    if decision.route is None:
        raise typer.Exit(1)


def _config_file(given: Path | None, data: Path | None) -> Path:
    if given is not None:
        return given
    engine = choose_engine(data=data)
    if engine is None:
        raise Refused("no engine runs here; say which configuration is meant with --config FILE")
    if engine.config is None:
        raise Refused("the engine that runs here has no configuration file: its apps' own routes apply")
    return Path(engine.config)


def _question(
    settings: Config,
    number: str,
    name: str | None,
    trunk_name: str | None,
    *,
    at: float,
    domain: str,
    caller: str | None,
    call: str,
) -> Question:
    user = next((user for user in settings.users if user.name == name), None)
    trunk = _trunk(settings, trunk_name) if trunk_name is not None else None
    if trunk is not None:  # whoever calls by it, he has proved nothing to us
        user = None
    return Question(
        number=number,
        at=at,
        caller=caller if caller is not None else name or "",
        domain=domain,
        user=user.name if user is not None else None,
        trunk=trunk.name if trunk is not None else None,
        profile=_profile(user, trunk),
        call=call,
    )


def _trunk(settings: Config, name: str) -> TrunkSpec:
    for trunk in settings.trunks:
        if trunk.name == name:
            return trunk
    raise Refused(f"{settings.path} has no [[trunk]] of the name {name!r}")


def _profile(user: User | None, trunk: TrunkSpec | None) -> Profile:
    if trunk is not None:
        return Profile(trunk.context)
    return Profile(user.context, frozenset(user.classes)) if user is not None else ANONYMOUS


def _time(text: str | None) -> float:
    if text is None:
        return time.time()
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise typer.BadParameter(f"expected a time like '2026-12-25 09:00', got {text!r}", param_hint="--at") from None


def _print(decision: Decision, question: Question, *, routes: int) -> None:
    console = stdout()
    if question.user is not None:
        allowed = ", ".join(sorted(question.profile.classes)) or "none"
        who = f'the user {question.user}, in the context "{question.profile.context}", with the classes: {allowed}'
    elif question.trunk is not None:
        who = f'somebody by the trunk {question.trunk}, in the context "{question.profile.context}"'
    else:
        who = f'an anonymous caller, in the context "{question.profile.context}"'
    console.print(escape(f"{question.number}, called by {who}"))
    for step in decision.steps:
        mark = "[bold]takes it[/]" if step.is_taken else "[dim]passed over[/]"
        console.print(f"  {escape(str(step.route))}: {mark}: {escape(step.why)}")
    looked = f"looked at {len(decision.steps)} of {routes} routes"
    if decision.route is not None:
        console.print(f"goes to [bold]{escape(decision.route.taker)}[/]  [dim]({looked})[/]")
    else:
        console.print(f"goes nowhere: {escape(decision.reason)}  [dim]({looked})[/]")


def _plain(decision: Decision, question: Question) -> dict[str, object]:
    return {
        "number": question.number,
        "user": question.user,
        "trunk": question.trunk,
        "goes_to": decision.route.taker if decision.route is not None else None,
        "reason": decision.reason,
        "steps": [_plain_step(step) for step in decision.steps],
    }


def _plain_step(step: Step) -> dict[str, object]:
    return {"to": step.route.to, "line": step.route.line, "taken": step.is_taken, "why": step.why}
