"""Transfers on one channel: the REFERs that come, and those that go."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from callflow.protocol import commands as c
from callflow.protocol.outcomes import TransferFailed, Transferred
from engine.channels.errors import CommandError
from engine.sip import events as sip
from tests.trio_tests import run_virtual

from .switch import Call, Switch, open_switch, sip_response


def connected(switch: Switch) -> tuple[Call, Call]:
    """Two answered calls of one owner, in a bridge."""
    alice, bob = switch.call(), switch.call()
    alice.do(c.Answer())
    bob.do(c.Answer())
    alice.do(c.Bridge(other=bob.id))
    return alice, bob


def transferred(switch: Switch) -> list[Any]:
    return [entry.event.outcome for entry in switch.log.entries if entry.name == "channel.transferred"]  # type: ignore[attr-defined]


def answer(switch: Switch, status: int, headers: str = "") -> None:
    """The answer to the last REFER of ours."""
    response = sip_response(status, headers=headers)
    switch.table.handle(sip.ResponseReceived(switch.sip.asked[-1], status, response))  # type: ignore[arg-type]


@run_virtual
async def test_a_refer_that_says_nothing_is_a_bad_request():
    async with open_switch() as switch:
        _, bob = connected(switch)
        assert bob.requests("REFER").answered == 400
        assert transferred(switch) == []
        bob.bye()


@run_virtual
async def test_a_caller_who_is_not_answered_transfers_nobody():
    async with open_switch() as switch:
        alice = switch.call()
        assert alice.refers("sip:1@10.0.0.1").answered == 403
        alice.cancel()


@run_virtual
async def test_what_nobody_knows_inside_a_call_is_not_implemented():
    async with open_switch() as switch:
        alice = switch.call()
        assert alice.requests("PUBLISH").answered == 501
        alice.cancel()


@run_virtual
async def test_a_request_in_a_call_that_has_just_ended_is_of_no_call():
    async with open_switch() as switch:
        alice = switch.call()
        alice.cancel()
        assert alice.refers("sip:1@10.0.0.1").answered == 481


@run_virtual
async def test_a_policy_refuses():
    async with open_switch() as switch:
        _, bob = connected(switch)
        bob.do(c.TransferPolicy(requests="refuse"))
        assert bob.refers("sip:1@10.0.0.1").answered == 603
        assert transferred(switch) == [TransferFailed(603, "refused")]
        bob.bye()


@run_virtual
async def test_an_app_that_does_not_decide_in_time_has_refused():
    async with open_switch() as switch:
        _, bob = connected(switch)
        bob.do(c.TransferPolicy(requests="app", wait=2))
        asked = bob.refers("sip:1@10.0.0.1")
        await trio.sleep(1.9)
        assert asked.answered is None
        await trio.sleep(0.2)
        assert asked.answered == 603
        bob.bye()


@run_virtual
async def test_a_phone_that_hangs_up_before_the_decision_has_taken_it_back():
    async with open_switch() as switch:
        _, bob = connected(switch)
        bob.do(c.TransferPolicy(requests="app"))
        asked = bob.refers("sip:1@10.0.0.1")
        bob.bye()
        assert asked.answered == 487
        assert transferred(switch) == [TransferFailed(487, "hangup")]
        assert bob.names[-1] == "channel.ended"


@run_virtual
async def test_a_request_is_decided_once_and_with_a_status_that_refuses():
    async with open_switch() as switch:
        _, bob = connected(switch)
        bob.do(c.TransferPolicy(requests="app"))
        bob.refers("sip:x@example.com")
        request = switch.log.entries[-1].event.request  # type: ignore[attr-defined]
        with pytest.raises(CommandError, match="400 to 699"):
            bob.do(c.RefuseTransfer(request=request, status=200), "1")
        bob.do(c.RefuseTransfer(request=request, status=486), "2")
        with pytest.raises(CommandError, match="no transfer request"):
            bob.do(c.AcceptTransfer(request=request), "3")
        assert transferred(switch) == [TransferFailed(486, "refused")]
        bob.bye()


@run_virtual
async def test_a_bad_target_of_the_scripts_is_an_error_and_the_request_waits_on():
    async with open_switch() as switch:
        _, bob = connected(switch)
        bob.do(c.TransferPolicy(requests="app"))
        asked = bob.refers("sip:x@example.com")
        request = switch.log.entries[-1].event.request  # type: ignore[attr-defined]
        with pytest.raises(CommandError, match="expected a user's name or a SIP URI"):
            bob.do(c.AcceptTransfer(request=request, target="no body"))
        assert asked.answered is None
        bob.bye()


@run_virtual
async def test_a_script_may_send_a_party_abroad():
    async with open_switch() as switch:
        alice, bob = connected(switch)
        bob.do(c.TransferPolicy(requests="app"))
        bob.refers("sip:x@example.com")
        bob.do(c.AcceptTransfer(request=switch.log.entries[-1].event.request))  # type: ignore[attr-defined]
        await trio.sleep(0.1)
        switch.leg("x").answers()
        assert switch.sip.referrals == [[100, 200]]
        assert transferred(switch) == [Transferred("sip:x@example.com")]
        alice.bye()
        await trio.sleep(3)
        assert bob.ended.ended_by == "engine"


@run_virtual
async def test_a_phone_that_wants_no_notifies_gets_none():
    async with open_switch() as switch:
        alice, bob = connected(switch)
        assert bob.refers("sip:1@10.0.0.1", "Refer-Sub: false").answered == 202
        assert switch.sip.referrals == [[]]
        assert transferred(switch) == [Transferred("1")]
        alice.bye()
        bob.bye()


# transfer


@run_virtual
async def test_a_notify_may_come_before_the_answer_to_the_refer():
    async with open_switch() as switch:
        alice = switch.call()
        alice.do(c.Answer())
        alice.do(c.Transfer(target="sip:x@example.com"))
        assert ("Refer-To", "<sip:x@example.com>") in alice.invite.headers
        assert ("Referred-By", "<sip:us@10.0.0.1>") in alice.invite.headers
        assert alice.notifies(200, "terminated").answered == 200
        assert switch.log.outcomes("transfer") == [Transferred("sip:x@example.com")]
        answer(switch, 202)
        assert alice.notifies(200, "terminated").answered == 481  # nobody has asked
        assert len(switch.log.outcomes("transfer")) == 1
        alice.bye()


@run_virtual
async def test_a_notify_of_another_refer_is_nobodys():
    async with open_switch() as switch:
        alice = switch.call()
        alice.do(c.Answer())
        alice.do(c.Transfer(target="bob"))
        assert alice.notifies(200, event="refer;id=12").answered == 481
        assert alice.notifies(200, event="refer;id=7").answered == 200
        assert switch.log.outcomes("transfer") == [Transferred("bob")]
        alice.bye()


@run_virtual
async def test_a_last_notify_without_an_outcome_is_a_failure():
    async with open_switch() as switch:
        alice = switch.call()
        alice.do(c.Answer())
        alice.do(c.Transfer(target="bob"))
        answer(switch, 202)
        alice.notifies(180)
        alice.notifies(100, "terminated;reason=giveup")
        assert switch.log.outcomes("transfer") == [TransferFailed(480, "failed")]
        alice.bye()


@run_virtual
async def test_a_peer_that_will_tell_nothing_has_done_it():
    async with open_switch() as switch:
        alice = switch.call()
        alice.do(c.Answer())
        alice.do(c.Transfer(target="bob"))
        answer(switch, 202, "Refer-Sub: false\r\n")
        assert switch.log.outcomes("transfer") == [Transferred("bob")]
        alice.bye()


@run_virtual
async def test_a_transfer_is_to_a_target_or_to_another_call_that_is_answered():
    async with open_switch() as switch:
        alice, bob, carol = switch.call(), switch.call(), switch.call()
        with pytest.raises(CommandError, match="expected an answered call"):
            alice.do(c.Transfer(target="bob"), "1")
        alice.do(c.Answer())
        for number, (command, message) in enumerate((
            (c.Transfer(), "either a target or another"),
            (c.Transfer(target="x", other=bob.id), "either a target or another"),
            (c.Transfer(other="nobody"), "no channel 'nobody'"),
            (c.Transfer(other=bob.id), "another call that is answered"),
            (c.Transfer(other=alice.id), "another call that is answered"),
        )):
            with pytest.raises(CommandError, match=message):
                alice.do(command, f"bad{number}")
        bob.do(c.Answer())
        carol.channel.give(switch.owner("s2"))
        with pytest.raises(CommandError, match="is another's"):
            alice.do(c.Transfer(other=carol.id), "6")
        alice.do(c.Transfer(other=bob.id), "7")
        replaces = f"{bob.invite.call_id}%3Bto-tag%3Dtheirs%3Bfrom-tag%3Dours"
        assert ("Refer-To", f"<sip:there@192.0.2.1?Replaces={replaces}>") in alice.invite.headers
        for call in (alice, bob):
            call.bye()
        carol.cancel()
