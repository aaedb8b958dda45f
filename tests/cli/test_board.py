"""What `callflow top` makes of an engine's state and events, and how that is drawn."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from callflow.cli.board import MAX_ERRORS, MINUTE, ORDERS, Board, Minute
from callflow.cli.frame import clock, frame, shown
from callflow.protocol import events
from callflow.protocol.events import ChannelCreated, ChannelEnded, Event, MediaStatistics, Party
from callflow.protocol.frames import ChannelState
from callflow.protocol.queries import EngineLoad, EngineStatus, PastEvent, TrunkState
from callflow.state import State

NOW = 1_000_000.0


def state(id: str, *, caller: str = "alice", since: float = 10.0, **more: object) -> ChannelState:
    return ChannelState(
        id=id, direction="inbound", state="answered", caller=caller, callee="b", to="1000", created_at=NOW - since,
        answered_at=NOW - since, app="ivr", **more,
    )  # fmt: skip


def status(*, at: float = NOW, cpu: float = 0.0, rejected: int = 0, **load: object) -> EngineStatus:
    return EngineStatus(
        engine="callflow/test", epoch="e", seq=1, started_at=NOW - 3723, channels=1, bridges=0, registrations=7,
        sessions=2, counters={"calls_rejected": rejected}, at=at, load=EngineLoad(cpu_seconds=cpu, **load),
    )  # fmt: skip


def begun(*channels: ChannelState, past: list[PastEvent] | None = None) -> Board:
    board = Board()
    board.begin(State(seq=10, channels=channels), past or [], began_at=NOW - 3600)
    board.see(status(), now=NOW)
    return board


def created(*, to: str = "1000", direction: str = "inbound") -> ChannelCreated:
    party = Party(uri="sip:a@example.com", number="a")
    return ChannelCreated(direction=direction, caller=party, callee=party, to=to, app="ivr")


def ended(*, phase: str = "answered", cause: str = "normal_clearing") -> ChannelEnded:
    return ChannelEnded(cause=16, cause_name=cause, ended_by="caller", phase=phase, created_at=NOW, ended_at=NOW)


def drawn(board: Board, *, lines: int = 40, width: int = 120, order: str = "longest", keys: str = "") -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(frame(board, now=NOW, lines=lines, order=order, keys=keys))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_call_is_followed_from_its_beginning_to_its_end():
    board = begun()
    board.take(created(), at=NOW, channel="x")
    seen = [board.legs["x"].state]
    for event in (
        events.ChannelRinging(),
        events.ChannelAnswered(),
        events.ChannelHeld(),
        events.ChannelBridged(bridge="b", other="y"),
    ):
        board.take(event, at=NOW + 5, channel="x")
        seen.append(board.legs["x"].state)
    assert seen == ["created", "ringing", "answered", "held", "bridged"]
    assert (board.legs["x"].caller, board.legs["x"].callee, board.legs["x"].app) == ("a", "1000", "ivr")
    assert board.legs["x"].since == NOW + 5
    board.take(ended(), at=NOW + 6, channel="x")
    assert board.legs == {}


def test_events_of_calls_that_are_not_known_are_no_harm():
    board = begun()
    board.take(events.ChannelRinging(), at=NOW, channel="x")
    board.take(ended(), at=NOW, channel="x")
    board.take(None, at=NOW, channel="x")
    assert board.legs == {}


def test_the_worse_way_is_how_a_call_sounds():
    board = begun(state("x", mos=4.4))
    told = events.ChannelMediaQuality(seconds=5.0, received=MediaStatistics(mos=4.2), sent=MediaStatistics(mos=2.5))
    board.take(told, at=NOW, channel="x")
    assert board.legs["x"].mos == 2.5


def test_rates_and_failures_are_of_the_last_minute():
    board = begun()
    board.take(created(), at=NOW - MINUTE - 1, channel="old")
    for number in range(12):
        board.take(created(direction="outbound" if number % 2 else "inbound"), at=NOW - 5, channel=str(number))
    board.take(events.ChannelAnswered(), at=NOW - 4, channel="0")
    for number in range(1, 4):
        cause = "user_busy" if number < 3 else "no_answer"
        board.take(ended(phase="ringing", cause=cause), at=NOW - 3, channel=str(number))
    lines = drawn(board)
    assert "10 legs up   last 60 s: 0.1/s in, 0.1/s out, 0 rejected" in lines
    assert "1 answered, 3 not: 2 user busy, 1 no answer" in lines


def test_what_was_before_the_connection_is_counted_once():
    past = [PastEvent(seq, NOW - 1, "channel.ended", "x", 1, {"phase": "ringing"}) for seq in (9, 10, 11)]
    past.append(PastEvent(8, NOW - 1, "channel.answered", "x", 1))
    past.append(PastEvent(7, NOW - 1, "of.another.version"))
    board = begun(past=past)  # 11 is behind the state: it comes as an event
    assert board.minute.counts(NOW) == {"answered": 1}  # an end that cannot be read is none


def test_calls_that_became_no_leg_are_counted_by_the_engine():
    board = begun()
    board.see(status(at=NOW + 1, rejected=3), now=NOW + 1)
    assert board.minute.counts(NOW + 1)["rejected"] == 3


def test_a_minute_holds_no_more_than_its_seconds():
    minute = Minute(NOW)
    for tenth in range(10_000):
        minute.note(NOW + tenth / 10, "a")
    assert minute.counts(NOW + 999.9)["a"] == 600
    assert minute.span(NOW + 999.9) == MINUTE
    assert minute.span(NOW + 20) == 20


def test_the_processor_is_that_of_the_last_second_by_the_engine_s_clock():
    board = begun()
    board.see(status(at=NOW + 2, cpu=1.0), now=NOW + 77)
    assert board.cpu == 0.5
    assert board.ahead == -75.0


def test_the_head_says_how_the_engine_is():
    board = begun(state("x"))
    board.trunks = [TrunkState(id="carrier"), TrunkState(id="other", is_up=False)]
    board.see(status(at=NOW + 1, memory_octets=50 << 20, lag_ms=600.0, overloaded="lag", is_draining=True), now=NOW)
    lines = drawn(board)
    assert lines[0] == (
        "callflow/test  up 1:02:04  cpu 0 %  memory 50 MB  lag 600 ms  sound late 0 ms  OVERLOADED (lag)  draining"
    )
    assert "7 registered" in lines[3]
    assert lines[3].endswith("trunks: 1 up, 1 down: other")
    assert lines[4] == "since it started: 0 rejected, 0 refused by overload, 0 malformed, 0 lost unread, 0 banned"


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (events.ScriptFailed(app="ivr", script="i.py", error="E", traceback="File\nE: on purpose"), "ivr: E: on purp"),
        (events.TrunkDown(trunk="carrier", reason="503"), "trunk carrier is down: 503"),
        (events.TrunkUnregistered(trunk="c", reason="403", retry_after=1.0), "not registered with trunk c: 403"),
        (events.OwnerLost(session="s"), "its app is gone"),
        (events.EngineOverloaded(reason="calls", calls=9), "overloaded (calls): no new calls with 9 up"),
    ],
)
def test_what_goes_wrong_is_told(event: Event, told: str):
    board = begun()
    board.take(event, at=NOW, channel="x")
    assert any(told in line for line in drawn(board))


def test_only_the_latest_errors_are_kept():
    board = begun()
    for number in range(100):
        board.take(events.TrunkDown(trunk=str(number), reason=""), at=NOW, channel=None)
    assert [trouble.what for trouble in board.errors][-1] == "trunk 99 is down: "
    assert len(board.errors) == MAX_ERRORS


@pytest.mark.parametrize(
    ("order", "first"), [("longest", "old"), ("newest", "new"), ("quality", "bad"), ("app", "old"), ("state", "old")]
)
def test_calls_are_sorted(order: str, first: str):
    board = begun(state("new", since=1.0), state("bad", mos=2.0), state("good", mos=4.4), state("old", since=99.0))
    assert board.chosen(order, 1)[0].id == first
    assert board.chosen(order, 4) == board.chosen(order, 4, is_reversed=True)[::-1]


def test_of_thousands_of_calls_those_are_shown_that_fit():
    board = begun(*(state(f"{number:05}", since=number) for number in range(5000)))
    for order in ORDERS:
        lines = drawn(board, lines=24, width=80, order=order, keys="q quit")
        assert len(lines) == 24
        assert max(map(len, lines)) <= 80
    assert lines[-1] == "state, 4984 more not shown   q quit"


def test_a_small_terminal_shows_what_fits():
    assert len(drawn(begun(*(state(str(number)) for number in range(9))), lines=8, width=40, keys="q")) <= 8


def test_a_lost_connection_is_said_above_what_was_last_known():
    board = begun(state("x", caller="alice"))
    board.lost = "the connection to the engine ended"
    lines = drawn(board)
    assert lines[0].startswith("no connection: the connection to the engine ended")
    assert any("alice" in line for line in lines)


def test_what_peers_write_moves_no_cursor_and_is_no_markup():
    board = begun(state("[red]x", caller="\x1b[2Jeve\n[bold]"))
    assert "\ufffd[2Jeve\ufffd[bold]" in "\n".join(drawn(board))
    assert shown("a\x1b") == "a\ufffd"


def test_times_are_as_clocks_show_them():
    assert [clock(seconds) for seconds in (-1, 59.9, 3600, 90_061)] == ["0:00:00", "0:00:59", "1:00:00", "1 d 1:01:01"]
