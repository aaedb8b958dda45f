"""send_info, send_message, notify on one channel, and the texts that come."""

from __future__ import annotations

import pytest

from callflow.protocol import commands as c
from engine.channels.errors import CommandError
from tests.trio_tests import run_virtual

from .switch import open_switch


@run_virtual
async def test_a_notify_says_what_it_is_about():
    async with open_switch() as switch:
        call = switch.call()
        call.do(c.Answer())
        call.do(c.Notify(event="check-sync;reboot=true", headers={"X-A": "1"}))
        assert call.invite.verbs[-1] == "NOTIFY"
        assert call.invite.headers[-3:] == [
            ("Event", "check-sync;reboot=true"),
            ("Subscription-State", "active"),
            ("X-A", "1"),
        ]
        call.bye()


@run_virtual
async def test_what_cannot_be_sent_is_refused():
    async with open_switch() as switch:
        call = switch.call()
        with pytest.raises(CommandError, match="expected an answered call"):
            call.do(c.SendMessage(body="hi"), "1")
        call.do(c.Answer())
        for number, (command, message) in enumerate((
            (c.SendMessage(body="x" * 20000), "at most 16384 octets"),
            (c.SendInfo(body="x", content_type="a\r\nEvil: yes"), "content_type"),
            (c.Notify(event=""), "event"),
            (c.Notify(event="talk", headers={"Via": "x"}), "written by the engine"),
        )):
            with pytest.raises(CommandError, match=message):
                call.do(command, f"bad{number}")
        call.bye()


@run_virtual
async def test_a_text_that_is_too_long_is_told_so():
    async with open_switch() as switch:
        call = switch.call()
        call.do(c.Answer())
        assert call.requests("MESSAGE", "Content-Type: text/plain", body="x" * 20000).answered == 413
        assert call.requests("MESSAGE", "Content-Type: text/plain", body="hi").answered == 200
        assert call.names[-1] == "channel.message"
        call.bye()
