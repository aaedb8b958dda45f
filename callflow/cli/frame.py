"""One picture of `callflow top`: what the board knows, in as many lines as there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from callflow.protocol.queries import EngineStatus

from .board import Board, Leg

_POOR, _BAD = 3.6, 3.1  # MOS below which many, or nearly all, are dissatisfied (G.107 Annex B)
_ERRORS = 3  # shown
_CAUSES = 4  # shown
_LABEL = 8  # characters of a call's id, which are enough for `callflow trace` and `hangup`
_STYLES = {"answered": "green", "bridged": "green", "held": "yellow", "ringing": "cyan", "early": "cyan"}


def frame(board: Board, *, now: float, lines: int, order: str, is_reversed: bool = False, keys: str = "") -> Group:
    """The picture at `now` by this machine's clock, with as many calls as fit in so many lines."""
    at = now + board.ahead
    head = [*_head(board, at), *_errors(board)]
    room = max(lines - len(head) - 2 - bool(keys), 0)  # below the names of the columns, above what is left out
    legs = board.chosen(order, room, is_reversed=is_reversed)
    parts: list[RenderableType] = [*head, Text(), _calls(legs, at)] if legs else [*head, Text()]
    if keys:
        hidden = len(board.legs) - len(legs)
        more = f", {hidden} more not shown" if hidden else ""
        parts.append(_line(f"{order}{' reversed' if is_reversed else ''}{more}   {keys}", "dim"))
    return Group(*parts)


def _head(board: Board, at: float) -> Iterator[Text]:
    if board.lost is not None:
        yield _line(f"no connection: {board.lost}; trying again. Below is what was last known", "bold red")
    if board.status is not None:
        yield _engine(board.status, board.cpu, at)
    yield _traffic(board, at)
    yield _failures(board, at)
    yield _peers(board)
    if board.status is not None:
        yield _sums(board.status)


def _engine(status: EngineStatus, cpu: float, at: float) -> Text:
    load = status.load
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(shown(status.engine), "bold")
    line.append(f"  up {clock(at - status.started_at)}  cpu {100 * cpu:.0f} %")
    line.append(f"  memory {load.memory_octets / (1 << 20):.0f} MB")
    line.append(f"  lag {load.lag_ms:.0f} ms", "bold red" if load.lag_ms >= 500 else "")
    line.append(f"  sound late {load.media_late_ms:.0f} ms", "bold red" if load.media_late_ms >= 30 else "")
    if load.overloaded:
        line.append(f"  OVERLOADED ({load.overloaded})", "bold red")
    if load.is_draining:
        line.append("  draining", "bold yellow")
    return line


def _traffic(board: Board, at: float) -> Text:
    counts, span = board.minute.counts(at), board.minute.span(at)
    rates = f"{counts['inbound'] / span:.1f}/s in, {counts['outbound'] / span:.1f}/s out"
    return _line(f"{_several(len(board.legs), 'leg')} up   last {span:.0f} s: {rates}, {counts['rejected']} rejected")


def _failures(board: Board, at: float) -> Text:
    counts = board.minute.counts(at)
    failed = _failed(counts)
    told = [f"{count} {cause.replace('_', ' ')}" for cause, count in failed.most_common(_CAUSES)]
    if rest := failed.total() - sum(count for _, count in failed.most_common(_CAUSES)):
        told.append(f"{rest} otherwise")
    why = f": {', '.join(told)}" if told else ""
    return _line(f"{counts['answered']} answered, {failed.total()} not{why}")


def _failed(counts: Counter[str]) -> Counter[str]:
    """How many ended before an answer, by cause."""
    of = {what.removeprefix("failed "): count for what, count in counts.items() if what.startswith("failed ")}
    return Counter(of)


def _peers(board: Board) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    if board.status is not None:
        line.append(f"{board.status.registrations} registered   {board.status.sessions} connected   ")
    down = [trunk.id for trunk in board.trunks if not trunk.is_up or trunk.registration == "failed"]
    line.append(f"trunks: {len(board.trunks) - len(down)} up")
    if down:
        line.append(f", {len(down)} down: {shown(', '.join(down))}", "bold red")
    return line


def _sums(status: EngineStatus) -> Text:
    told = (
        ("calls_rejected", "rejected"), ("calls_refused", "refused by overload"), ("sip_malformed", "malformed"),
        ("sip_datagrams_dropped", "lost unread"), ("bans", "banned"),
    )  # fmt: skip
    return _line("since it started: " + ", ".join(f"{status.counters.get(name, 0)} {word}" for name, word in told))


def _errors(board: Board) -> Iterator[Text]:
    for trouble in list(board.errors)[-_ERRORS:]:
        at = datetime.fromtimestamp(trouble.at).strftime("%H:%M:%S")
        yield _line(f"{at}  {shown(trouble.channel or '-'):.16}  {shown(trouble.what)}", "red")


def _calls(legs: Sequence[Leg], at: float) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, expand=True)
    table.add_column("ID", no_wrap=True, width=_LABEL)
    table.add_column("STATE", no_wrap=True, width=8)
    for name, ratio in (("FROM", 4), ("TO", 4), ("APP", 3)):
        table.add_column(name, no_wrap=True, overflow="ellipsis", ratio=ratio)
    table.add_column("TIME", no_wrap=True, justify="right", min_width=8)
    table.add_column("MOS", no_wrap=True, justify="right", min_width=4)
    for leg in legs:
        state = Text(leg.state, _STYLES.get(leg.state, ""))
        cells = [Text(shown(text)) for text in (leg.caller, leg.callee, leg.app or "-")]
        table.add_row(Text(shown(leg.id[:_LABEL])), state, *cells, clock(at - leg.since), _mos(leg.mos))
    return table


def _mos(mos: float | None) -> Text:
    if mos is None:
        return Text("-")
    return Text(f"{mos:.1f}", "bold red" if mos < _BAD else "yellow" if mos < _POOR else "")


def _line(text: str, style: str = "") -> Text:
    return Text(text, style, no_wrap=True, overflow="ellipsis")


def _several(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def clock(seconds: float) -> str:
    """`1:02:03`, and before it the days."""
    whole = max(0, int(seconds))
    days = f"{whole // 86400} d " if whole >= 86400 else ""
    return f"{days}{whole // 3600 % 24}:{whole // 60 % 60:02}:{whole % 60:02}"


def shown(text: str) -> str:
    """What peers and programs wrote, as it may be on a terminal: nothing in it moves the cursor."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)
