"""One scenario for each row of the outcome tables in docs/reference/commands.md, through the SDK, on virtual time."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest

from callflow import Answered, App, Call, Say
from callflow.protocol.commands import COMMANDS
from callflow.protocol.reference import ends
from callflow.testing import BotSocket, SimulatedPhone, Simulation

from .outcome import ROWS, Row, beside, cancelled, ends_told, hangs_up, listens_for, parametrize, presses, row

app = App("outcomes")
pytestmark = pytest.mark.callflow(app)
current: list[Row] = []
BOB, SILENT = "sip:bob@10.0.1.2:5060", "sip:silent@10.0.1.3:5060"  # where the phones themselves are


@app.route("500")
async def run(call: Call) -> None:
    if current[0].command != "dial":
        await call.answer()
    await current[0].script(call)


# play, say, tone


@row("play", "played", "completed")
async def _(call: Call) -> None:
    await call.play("prompt.wav")


@row("play", "played", "stopped")
async def _(call: Call) -> None:
    await cancelled(call.play("prompt.wav"))


@row("play", "played", "digit", people=presses("5"))
async def _(call: Call) -> None:
    await call.play("prompt.wav", repeat=0, stop_on="5")


@row("play", "played", "failed")
async def _(call: Call) -> None:
    await call.play("bad.wav")


@row("say", "played", "completed")
async def _(call: Call) -> None:
    await call.say("42.5", kind="number")


@row("say", "played", "stopped", people=hangs_up(1.5))
async def _(call: Call) -> None:
    await call.say("1234567890" * 5, kind="digits")


@row("say", "played", "digit", people=presses("1"))
async def _(call: Call) -> None:
    await call.say("1234567890" * 5, kind="digits", stop_on="1")


@row("say", "played", "failed")
async def _(call: Call) -> None:
    await call.say("wrecked")


@row("tone", "played", "completed")
async def _(call: Call) -> None:
    await call.tone("busy/us", seconds=1)


@row("tone", "played", "stopped")
async def _(call: Call) -> None:
    await cancelled(call.tone("dial/us"))


@row("tone", "played", "digit", people=presses("9"))
async def _(call: Call) -> None:
    await call.tone("dial/us", stop_on="9")


# gather


@row("gather", "digits", people=presses("12#"))
async def _(call: Call) -> None:
    await call.gather("prompt.wav", max=4)


@row("gather", "timed_out")
async def _(call: Call) -> None:
    await call.gather(Say("1"), timeout=1)


@row("gather", "invalid", people=presses("7"))
async def _(call: Call) -> None:
    await call.gather("prompt.wav", valid="[123]")


@row("gather", "stopped", "cancelled")
async def _(call: Call) -> None:
    await cancelled(call.gather(timeout=10))


@row("gather", "stopped", "hangup", people=hangs_up())
async def _(call: Call) -> None:
    await call.gather(timeout=10)


@row("gather", "stopped", "replaced")
async def _(call: Call) -> None:
    async with beside(lambda: call.gather(timeout=10)):
        await anyio.sleep(1)
        await call.gather(timeout=1)


# record, record_call


@row("record", "recorded", "max")
async def _(call: Call) -> None:
    await call.record("a.wav", max=2)


@row("record", "recorded", "silence")
async def _(call: Call) -> None:
    await call.record("a.wav", silence=2)


@row("record", "recorded", "terminator", people=presses("#"))
async def _(call: Call) -> None:
    await call.record("a.wav", beep=True)


@row("record", "recorded", "stopped")
async def _(call: Call) -> None:
    await cancelled(call.record("a.wav"))


@row("record", "recorded", "hangup", people=hangs_up())
async def _(call: Call) -> None:
    await call.record("a.wav")


@row("record", "recorded", "failed")
async def _(call: Call) -> None:
    await call.record("full.wav")


@row("record_call", "recorded", "max")
async def _(call: Call) -> None:
    await call.record_call("a.wav", max=2)


@row("record_call", "recorded", "stopped")
async def _(call: Call) -> None:
    async with call.recording_call("a.wav"):
        await call.play("prompt.wav")


@row("record_call", "recorded", "hangup", people=hangs_up())
async def _(call: Call) -> None:
    await call.record_call("a.wav", stereo=False)


@row("record_call", "recorded", "failed")
async def _(call: Call) -> None:
    await call.record_call("full.wav")


# echo, send_digits


@row("echo", "stopped", "cancelled")
async def _(call: Call) -> None:
    await cancelled(call.echo())


@row("echo", "stopped", "hangup", people=hangs_up())
async def _(call: Call) -> None:
    await call.echo()


@row("echo", "stopped", "replaced")
async def _(call: Call) -> None:
    async with beside(call.echo):
        await anyio.sleep(1)
        await cancelled(call.echo())


# detect


@row("detect", "detected")
async def _(call: Call) -> None:
    await call.detect("silence")


@row("detect", "undetected")
async def _(call: Call) -> None:
    await call.detect("talk", timeout=2)


@row("detect", "stopped", "cancelled")
async def _(call: Call) -> None:
    await cancelled(call.detect("talk"))


@row("detect", "stopped", "hangup", people=hangs_up())
async def _(call: Call) -> None:
    await call.detect("talk", timeout=0)


@row("detect", "stopped", "replaced")
async def _(call: Call) -> None:
    async with beside(lambda: call.detect("talk")):
        await anyio.sleep(1)
        await cancelled(call.detect("beep"))


@row("send_digits", "sent", "completed")
async def _(call: Call) -> None:
    await call.send_digits("123")


@row("send_digits", "sent", "stopped", people=hangs_up(0.5))
async def _(call: Call) -> None:
    await call.send_digits("1234567890" * 10)


async def refuses_info(simulation: Simulation, alice: SimulatedPhone) -> None:
    alice.takes_info = False
    await simulation.wait(10)


@row("send_digits", "sent", "refused", people=refuses_info)
async def _(call: Call) -> None:
    await call.send_digits("1", via="info")


# dial, originate, bridge


@row("dial", "answered")
async def _(call: Call) -> None:
    await call.dial("bob")


@row("dial", "failed", "no_answer")
async def _(call: Call) -> None:
    await call.dial(["silent", "nobody"], timeout=3)


@row("dial", "failed", "stopped")
async def _(call: Call) -> None:
    await cancelled(call.dial("silent"), 2)


@row("dial", "failed", "hangup", people=hangs_up())
async def _(call: Call) -> None:
    await call.dial("silent")


async def waits(call: Call) -> None:
    await call.play("music.wav", repeat=3)


@row("originate", "answered")
async def _(call: Call) -> None:
    await app.originate("bob", script=waits)


@row("originate", "failed", "no_answer")
async def _(call: Call) -> None:
    await app.originate("nobody", script=waits)


@row("originate", "failed", "stopped")
async def _(call: Call) -> None:
    await cancelled(app.originate("silent", script=waits), 2)


async def connect(call: Call, *, after: float = 60.0) -> None:
    won = await call.dial("bob")
    assert isinstance(won, Answered)
    await cancelled(call.bridge(won.leg, hangup_after=False), after)


@row("bridge", "unbridged", "hangup", people=hangs_up(5))
async def _(call: Call) -> None:
    await connect(call)


@row("bridge", "unbridged", "stopped")
async def _(call: Call) -> None:
    await connect(call, after=2)


@row("bridge", "unbridged", "unbridged")
async def _(call: Call) -> None:
    won = await call.dial("bob")
    assert isinstance(won, Answered)
    async with call.bridging(won.leg, hangup_after=False) as bridging:
        await anyio.sleep(1)
        await won.leg.unbridge()
        await bridging.wait()


async def transfers_to_501(simulation: Simulation, alice: SimulatedPhone) -> None:
    await simulation.wait(4)
    alice.transfer("501")
    await simulation.wait(6)


@app.route("501")
async def music(call: Call) -> None:
    await call.play("music.wav", repeat=3)


@row("bridge", "unbridged", "transferred", people=transfers_to_501)
async def _(call: Call) -> None:
    await connect(call)


# send_message, send_info, notify


async def refuses_requests(simulation: Simulation, alice: SimulatedPhone) -> None:
    alice.refuses_requests = True
    await simulation.wait(5)


@row("send_message", "sent", "completed")
async def _(call: Call) -> None:
    await call.send_message("Hello")


@row("send_message", "sent", "refused", people=refuses_requests)
async def _(call: Call) -> None:
    await call.send_message("Hello")


@row("send_message", "sent", "stopped")
async def _(call: Call) -> None:
    await cancelled(call.send_message("Hello"), 0.01)


@row("send_info", "sent", "completed")
async def _(call: Call) -> None:
    await call.send_info("Signal=1\r\n", content_type="application/dtmf-relay")


@row("send_info", "sent", "refused", people=refuses_requests)
async def _(call: Call) -> None:
    await call.send_info("<xml/>", content_type="application/media_control+xml")


@row("send_info", "sent", "stopped")
async def _(call: Call) -> None:
    await cancelled(call.send_info("x"), 0.01)


@row("send_options", "sent", "completed")
async def _(call: Call) -> None:
    await call.send_options()


@row("send_options", "sent", "refused", people=refuses_requests)
async def _(call: Call) -> None:
    await call.send_options(headers={"X-Test": "1"})


@row("send_options", "sent", "stopped")
async def _(call: Call) -> None:
    await cancelled(call.send_options(), 0.01)


@row("notify", "sent", "completed")
async def _(call: Call) -> None:
    await call.notify("talk")


@row("notify", "sent", "refused", people=refuses_requests)
async def _(call: Call) -> None:
    await call.notify("talk")


@row("notify", "sent", "stopped")
async def _(call: Call) -> None:
    await cancelled(call.notify("talk"), 0.01)


# send_text


async def bob_refuses(simulation: Simulation, alice: SimulatedPhone) -> None:
    simulation.phones["bob"].refuses_requests = True
    await simulation.wait(20)


async def bob_is_cut_off(simulation: Simulation, alice: SimulatedPhone) -> None:
    simulation.connect(simulation.phones["bob"].host, is_connected=False)
    await simulation.wait(20)


@row("send_text", "sent", "completed")
async def _(call: Call) -> None:
    await app.send_text("bob", "Hello")


@row("send_text", "sent", "refused", people=bob_refuses)
async def _(call: Call) -> None:
    await app.send_text("bob", "Hello")


@row("send_text", "sent", "kept", people=bob_is_cut_off)
async def _(call: Call) -> None:
    await app.send_text("bob", "Hello")


# transfer


async def refuses_transfers(simulation: Simulation, alice: SimulatedPhone) -> None:
    alice.obeys = False
    await simulation.wait(10)


@row("transfer", "transferred")
async def _(call: Call) -> None:
    await call.transfer(BOB)


@row("transfer", "transfer_failed", "refused", people=refuses_transfers)
async def _(call: Call) -> None:
    await call.transfer(BOB)


@row("transfer", "transfer_failed", "failed")
async def _(call: Call) -> None:
    await call.transfer("nobody")


@row("transfer", "transfer_failed", "timeout")
async def _(call: Call) -> None:
    await call.transfer(SILENT, timeout=2)


@row("transfer", "transfer_failed", "hangup", people=hangs_up())
async def _(call: Call) -> None:
    await call.transfer(SILENT)


@row("transfer", "transfer_failed", "stopped")
async def _(call: Call) -> None:
    await cancelled(call.transfer(SILENT), 2)


# join, listen, conference_play, conference_record


async def confers(call: Call) -> None:
    """Bob's side."""
    async with app.conference("board") as board:
        await board.join(call)


@row("join", "left", "left")
async def _(call: Call) -> None:
    async with app.conference("board") as board:
        await cancelled(board.join(call))


@row("join", "left", "hangup", people=hangs_up())
async def _(call: Call) -> None:
    await confers(call)


@row("join", "left", "kicked")
async def _(call: Call) -> None:
    async with app.conference("board") as board, board.joining(call) as joining:
        await board.kick(call)
        await joining.wait()


@row("join", "left", "ended")
async def _(call: Call) -> None:
    async with app.conference("board") as board, board.joining(call) as joining:
        await board.end()
        await joining.wait()


@row("join", "left", "locked")
async def _(call: Call) -> None:
    async with app.conference("board") as board:
        await app.originate("bob", script=confers)
        await anyio.sleep(1)
        await board.lock()
        await board.join(call)


@row("join", "left", "refused")
async def _(call: Call) -> None:
    await app.originate("bob", script=confers)
    await anyio.sleep(1)
    async with app.conference("board", pin="1234") as board:
        await board.join(call, ask=False)


@asynccontextmanager
async def bob_confers() -> AsyncGenerator[Call, None]:
    result = await app.originate("bob", script=confers)
    assert isinstance(result, Answered)
    await anyio.sleep(1)
    yield result.leg


@row("listen", "left", "left")
async def _(call: Call) -> None:
    async with bob_confers() as bob:
        await cancelled(call.listen(bob, "barge"))


@row("listen", "left", "hangup", people=hangs_up(5))
async def _(call: Call) -> None:
    async with bob_confers() as bob:
        await call.listen(bob)


@row("listen", "left", "ended")
async def _(call: Call) -> None:
    async with bob_confers() as bob, call.listening(bob, "whisper") as listening:
        await bob.hangup()
        await listening.wait()


@row("conference_play", "played", "completed")
async def _(call: Call) -> None:
    async with app.conference("board") as board, board.joining(call):
        await board.play("prompt.wav")


@row("conference_play", "played", "stopped")
async def _(call: Call) -> None:
    async with app.conference("board") as board, board.joining(call):
        await cancelled(board.play("prompt.wav", member=call))


@row("conference_play", "played", "failed")
async def _(call: Call) -> None:
    async with app.conference("board") as board, board.joining(call):
        await board.play("bad.wav")


@row("conference_record", "recorded", "max")
async def _(call: Call) -> None:
    async with app.conference("board") as board, board.joining(call):
        await board.record("board.wav", max=2)


@row("conference_record", "recorded", "stopped", people=hangs_up())
async def _(call: Call) -> None:
    async with app.conference("board") as board, board.joining(call):
        await board.record("board.wav")


@row("conference_record", "recorded", "failed")
async def _(call: Call) -> None:
    async with app.conference("board") as board, board.joining(call):
        await board.record("full.wav")


# stream


BOT = "ws://bot.example/ears"


async def listens_to_it(socket: BotSocket) -> None:
    async for _ in socket:
        pass


async def closes_with_4000(socket: BotSocket) -> None:
    await socket.recv()
    await socket.close(4000)


async def says_what_is_no_json(socket: BotSocket) -> None:
    await socket.send("{")
    await listens_to_it(socket)


async def reads_nothing(socket: BotSocket) -> None:
    await anyio.sleep(30)


@row("stream", "streamed", "stopped")
async def _(call: Call) -> None:
    await cancelled(call.stream(BOT))


@row("stream", "streamed", "hangup", people=hangs_up())
async def _(call: Call) -> None:
    await call.stream(BOT)


@row("stream", "streamed", "replaced")
async def _(call: Call) -> None:
    async with beside(lambda: call.stream(BOT)):
        await anyio.sleep(1)
        await cancelled(call.stream(BOT))


@row("stream", "streamed", "closed")
async def _(call: Call) -> None:
    await call.stream("ws://bot.example/closes")


@row("stream", "streamed", "unreachable")
async def _(call: Call) -> None:
    await call.stream("ws://nobody.example")


@row("stream", "streamed", "refused")
async def _(call: Call) -> None:
    await call.stream("ws://bot.example/closed")


@row("stream", "streamed", "stalled", people=listens_for(40))
async def _(call: Call) -> None:
    await call.stream("ws://bot.example/stalls")


@row("stream", "streamed", "failed")
async def _(call: Call) -> None:
    await call.stream("ws://bot.example/babbles")


@parametrize(ROWS)
async def test_a_command_ends_as_its_table_says(simulation, case):
    current[:] = [case]
    (simulation.folder / "bad.wav").write_bytes(b"no WAV at all")
    (simulation.folder / "say/en").mkdir(parents=True)
    (simulation.folder / "say/en/wrecked.wav").write_bytes(b"no WAV at all")
    (simulation.recordings / "outcomes/full.wav.part").mkdir(parents=True)  # in the way
    alice = simulation.phone("alice")
    simulation.phone("bob", answers_after=1)
    simulation.phone("silent")
    simulation.bots |= {
        BOT: listens_to_it,
        "ws://bot.example/closes": closes_with_4000,
        "ws://bot.example/closed": 403,
        "ws://bot.example/stalls": reads_nothing,
        "ws://bot.example/babbles": says_what_is_no_json,
    }
    alice.call("500")
    await case.people(simulation, alice)
    assert (case.outcome, case.reason) in list(ends_told(simulation, case.command))


def test_every_row_of_the_tables_has_its_scenario():
    wanted = [(name, *end) for name, command in COMMANDS.items() for end in ends(command) if command.ends_as]
    assert sorted((case.command, case.outcome, case.reason) for case in ROWS) == sorted(wanted)
