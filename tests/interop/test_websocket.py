"""Phones in web pages: JsSIP over WebSocket and secure WebSocket (RFC 7118)."""

from __future__ import annotations

from pathlib import Path

from tests.eventsocket.test_tls import Authority
from tests.program import Program
from tests.trio_tests import run_within

from . import needs
from .edge import edge
from .engine import PASSWORDS, engine
from .jssip import INSTALLED, web_phone
from .places import CALLS

PLAIN = (
    'dtls = "never"'  # the stub of a browser that JsSIP has here does not encrypt; tests/interop/test_browser.py does
)


async def call_a_script_and_each_other(alice: Program, desk: Program) -> None:
    """Alice keys in a script, and then talks to the desk."""
    await alice.tell("call 3000")
    assert await alice.line() == "confirmed"
    await alice.tell("press 5")
    assert await alice.line() == "ended remote Terminated"
    await alice.tell("call 2003")
    assert await desk.line() == "rings alice"
    await desk.tell("answer")
    assert await desk.line() == "confirmed"
    assert await alice.line() == "confirmed"


@INSTALLED
@run_within(90)
async def test_web_phones_register_call_a_script_are_called_and_hang_up(tmp_path: Path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("127.0.0.1")
    sip = f'certificate = "{certificate}"\nkey = "{key}"'
    async with engine(tmp_path / "engine", CALLS, sip=sip, rtp=PLAIN, has_websocket=True) as running:
        plain, secure = (f"{name}://127.0.0.1:{running.ports[name]}" for name in ("ws", "wss"))
        async with (
            web_phone(plain, "alice", PASSWORDS["alice"]) as alice,
            web_phone(secure, "desk", PASSWORDS["desk"], ca=authority.file) as desk,
        ):
            assert await alice.line() == "registered"
            assert await desk.line() == "registered"
            sources = {
                entry["user"]: entry["source"].partition(":")[0] for entry in await running.listed("registrations")
            }
            assert sources == {"alice": "ws", "desk": "wss"}

            await call_a_script_and_each_other(alice, desk)
            await alice.tell("hangup")
            assert await alice.line() == "ended local Terminated"
            assert await desk.line() == "ended remote Terminated"

            await desk.tell("message alice")
            assert await desk.line() == "message 405"


@INSTALLED
@run_within(60)
async def test_a_web_phone_with_a_wrong_password_is_refused(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS, has_websocket=True) as running:
        async with web_phone(f"ws://127.0.0.1:{running.ports['ws']}", "alice", "not-hers") as alice:
            assert await alice.line() == "refused Authentication Error"


@INSTALLED
@needs.program("kamailio")
@run_within(90)
async def test_web_phones_behind_kamailio_register_call_are_called_and_hang_up_by_it(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS, rtp=PLAIN) as running, edge(tmp_path / "edge", running.udp[1]) as url:
        async with (
            web_phone(url, "alice", PASSWORDS["alice"]) as alice,
            web_phone(url, "desk", PASSWORDS["desk"]) as desk,
        ):
            assert await alice.line() == "registered"
            assert await desk.line() == "registered"
            await call_a_script_and_each_other(alice, desk)
            await desk.tell("hangup")
            assert await desk.line() == "ended local Terminated"
            assert await alice.line() == "ended remote Terminated"
