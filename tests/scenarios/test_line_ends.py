"""Line ends in what a script has the engine say: refused with an error, and nothing of it leaves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from callflow import App, Call, Target
from callflow.errors import BadArgument, CommandError
from callflow.testing import SimulatedPhone, Simulation
from engine.sip.messages import parse_datagram
from tests.lua.scripting import run_script

app = App("line-ends")
pytestmark = pytest.mark.callflow(app)
END = "\r\nX-Smuggled: yes"
ENDS = (END, "\nX-Smuggled: yes", "\rX-Smuggled: yes", "\r\n\r\nINVITE sip:x@y SIP/2.0", "\0")
BODY = "lunch?\r\n\r\nINVITE sip:x@y SIP/2.0\r\nX-Smuggled: yes"

Attempt = Callable[[Call, str], Awaitable[object]]

IN_HEADERS: Mapping[str, Attempt] = {
    "ring": lambda call, end: call.ring(headers={"X": f"a{end}"}),
    "progress": lambda call, end: call.progress(headers={f"X{end}": "a"}),
    "answer": lambda call, end: call.answer(headers={"X": f"a{end}"}),
    "reject": lambda call, end: call.reject(headers={"X": f"a{end}"}),
    "redirect": lambda call, end: call.redirect("sip:a@192.0.2.1", headers={"X": f"a{end}"}),
    "hangup": lambda call, end: call.hangup(headers={"X": f"a{end}"}),
    "dial": lambda call, end: call.dial("bob", headers={"X": f"a{end}"}),
    "dial a target": lambda call, end: call.dial(Target("bob", headers={"X": f"a{end}"})),
    "transfer": lambda call, end: call.transfer("bob", headers={"X": f"a{end}"}),
    "send_info": lambda call, end: call.send_info("a", headers={"X": f"a{end}"}),
    "send_message": lambda call, end: call.send_message("a", headers={f"X{end}": "a"}),
    "notify": lambda call, end: call.notify("talk", headers={"X": f"a{end}"}),
    "originate": lambda _, end: app.originate("bob", route="2000", headers={"X": f"a{end}"}),
}
ELSEWHERE: Mapping[str, Attempt] = {
    "reason": lambda call, end: call.reject(f"busy{end}"),  # type: ignore[arg-type]
    "cause": lambda call, end: call.hangup(f"normal_clearing{end}"),
    "redirect": lambda call, end: call.redirect(f"sip:a@192.0.2.1{end}"),
    "user": lambda call, end: call.dial(f"bob{end}"),
    "uri": lambda call, end: call.dial(f"sip:a@192.0.2.1{end}"),
    "trunk number": lambda call, end: call.dial(f"030{end}@carrier"),
    "trunk": lambda call, end: call.dial(f"030@carrier{end}"),
    "enum": lambda call, end: call.dial(f"enum:+49301{end}"),
    "password": lambda call, end: call.dial(Target("sip:a@192.0.2.1", username="a", password=f"b{end}")),
    "caller id": lambda call, end: call.dial("bob", caller_id=f"Eve{end} <1001>"),
    "caller number": lambda call, end: call.dial("bob", caller_id=f"1001{end}"),
    "caller uri": lambda call, end: call.dial("bob", caller_id=f"<sip:1001@192.0.2.1{end}>"),
    "transfer": lambda call, end: call.transfer(f"bob{end}"),
    "content type": lambda call, end: call.send_message("a", content_type=f"text/plain{end}"),
    "event": lambda call, end: call.notify(f"talk{end}"),
    "digits": lambda call, end: call.send_digits(f"1{end}"),
    "text to": lambda _, end: app.send_text(f"alice{end}", "a"),
    "text sender": lambda _, end: app.send_text("alice", "a", sender=f"bob{end}"),
    "text type": lambda _, end: app.send_text("alice", "a", content_type=f"text/plain{end}"),
    "originate": lambda _, end: app.originate("bob", route="2000", caller_id=f"Eve{end} <1001>"),
}
refusals: dict[str, CommandError | None] = {}


@app.route("1000")
async def try_all(call: Call) -> None:
    await call.answer()
    for where, attempts in (("header", IN_HEADERS), ("", ELSEWHERE)):
        for name, attempt in attempts.items():
            for end in ENDS:
                what = f"{where} {name} {end!r}".strip()
                try:
                    await attempt(call, end)
                except CommandError as error:
                    refusals[what] = error
                else:
                    refusals[what] = None
    await call.send_message(BODY)
    await app.send_text("alice", BODY)
    await call.play("music.wav", repeat=0)


@app.route("2000")
async def never(call: Call) -> None:
    await call.answer()


def all_sent(simulation: Simulation) -> list[bytes]:
    """All that goes over the network from now on."""
    seen: list[bytes] = []
    carry = simulation.network.carry

    def spy(data: bytes, source: tuple[str, int], to: tuple[str, int]) -> None:
        seen.append(data)
        carry(data, source, to)

    simulation.network.carry = spy  # type: ignore[method-assign]
    return seen


def is_clear(error: str) -> bool:
    """Whether it says what it should have been."""
    return "expected" in error or "holds CR, LF or NUL" in error


def expect_clean(sent: list[bytes]) -> None:
    """Every message is one, as it was meant; what looks like more of them stands in a body."""
    assert sent
    for data in sent:
        message = parse_datagram(data)
        assert message.raw == data
        head = data.partition(b"\r\n\r\n")[0]
        assert b"X-Smuggled" not in head, head
        assert b"\0" not in head
        assert b"\n" not in head.replace(b"\r\n", b"")


async def test_whatever_a_script_in_python_gives_is_refused_and_nothing_leaves(simulation: Simulation):
    refusals.clear()
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    await bob.registered()
    await alice.registered()
    sent = all_sent(simulation)
    alice.call("1000")
    await alice.hears("music.wav")
    assert len(refusals) == (len(IN_HEADERS) + len(ELSEWHERE)) * len(ENDS)
    wrong = {what: error for what, error in refusals.items() if not isinstance(error, BadArgument)}
    assert {what.rpartition(" '")[0]: getattr(error, "code", None) for what, error in wrong.items()} == {
        "text to": "not_found"
    }
    assert [error for what, error in refusals.items() if what not in wrong and not is_clear(str(error))] == []
    assert not [data for data in sent if data.startswith(b"INVITE sip:bob@")]
    assert alice.texts == [BODY]  # in the call
    await alice.reads(BODY)
    expect_clean(sent)


IN_LUA = """
local attempts = {
  function(stop) call:ring{ headers = { X = "a" .. stop } } end,
  function(stop) call:answer{ headers = { ["X" .. stop] = "a" } } end,
  function(stop) call:reject("busy" .. stop) end,
  function(stop) call:hangup("normal_clearing" .. stop) end,
  function(stop) call:redirect("sip:a@192.0.2.1" .. stop) end,
  function(stop) call:dial{ "bob", headers = { X = "a" .. stop } } end,
  function(stop) call:dial{ "bob", caller_id = "Eve" .. stop .. " <1001>" } end,
  function(stop) call:dial{ "bob" .. stop } end,
  function(stop) call:send_message{ "a", headers = { X = "a" .. stop } } end,
  function(stop) call:send_message{ "a", content_type = "text/plain" .. stop } end,
  function(stop) call:notify("talk" .. stop) end,
  function(stop) call:transfer("bob" .. stop) end,
}
call:answer()
for index, attempt in ipairs(attempts) do
  for _, stop in ipairs{ "\\r\\nX-Smuggled: yes", "\\nX-Smuggled: yes", "\\rX-Smuggled: yes", "\\0" } do
    local is_done, why = pcall(attempt, stop)
    callflow.log.info(tostring(index) .. (is_done and " done" or " refused: " .. tostring(why)))
  end
end
call:hangup()
"""


def test_whatever_a_script_in_lua_gives_is_refused_and_nothing_leaves(tmp_path: Path):
    sent: list[bytes] = []

    async def listen(simulation: Simulation, alice: SimulatedPhone) -> None:
        sent.extend(await all_until_the_end(simulation, alice))

    said = run_script(tmp_path, IN_LUA, listen).said
    assert len(said) == 12 * 4
    assert [line for line in said if "refused: " not in line or not is_clear(line)] == []
    expect_clean(sent)


async def all_until_the_end(simulation: Simulation, alice: SimulatedPhone) -> list[bytes]:
    sent = all_sent(simulation)
    await alice.ended()
    return sent
