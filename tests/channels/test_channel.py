"""The life of a channel that comes in: signalling, owners, and its last event."""

from __future__ import annotations

import pytest
import trio

from callflow.protocol.commands import Answer, Bridge, Get, Hangup, Play, Progress, Reject, Ring, Set, Silence, Unbridge
from callflow.protocol.events import ChannelCreated, ChannelEnded, MediaStatistics, Party, Security
from engine.channels.errors import CommandError
from engine.channels.limits import Limits
from engine.channels.ports import Admission, Refusal
from engine.sip import events as sip

from ..trio_tests import run_virtual
from .switch import EPOCH, invite_request, offer, open_switch


@run_virtual
async def test_a_call_is_created_with_what_the_invite_told():
    async with open_switch() as switch:
        call = switch.call(to="1000")
        assert switch.log.of(call.id) == [
            ChannelCreated(
                direction="inbound",
                caller=Party("sip:alice@192.0.2.1", "alice", "Alice"),
                callee=Party("sip:1000@10.0.0.1", "1000"),
                to="1000",
                app="reception",
                route="1000",
                owner="s1",
                user="alice",
                sip_call_id="call-1",
                security=Security(transport="udp", user="alice"),
            )
        ]
        assert switch.log.entries[0].call_seq == 1
        assert switch.log.entries[0].owner == "s1"


@run_virtual
async def test_a_caller_with_a_tel_uri_has_its_number():
    async with open_switch() as switch:
        call = switch.call(caller="<tel:+4930123;phone-context=x>")
        assert call.channel.facts.caller.number == "+4930123"


@run_virtual
async def test_an_answered_call_sends_200_with_sdp_and_starts_the_media():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Answer(headers={"X-Room": "7"}))
        assert call.invite.verbs == ["answer"]
        assert b"m=audio" in call.invite.sent[0][1]
        assert call.invite.headers == [("X-Room", "7")]
        assert call.media.streams[0].codec == "PCMU"
        assert switch.log.last("channel.answered").codec == "PCMU"


@run_virtual
async def test_the_media_is_told_which_host_the_sip_of_its_peer_comes_from():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Answer())
        assert call.media.streams[0].signalled_from == "192.0.2.1"


@run_virtual
async def test_answering_twice_is_a_success_that_changes_nothing():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Answer())
        call.do(Answer())
        assert call.names.count("channel.answered") == 1


@run_virtual
async def test_ring_is_sent_each_time_and_told_once():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Ring())
        call.do(Ring())
        assert call.invite.verbs == ["ring 180", "ring 180"]
        assert call.names == ["channel.created", "channel.ringing"]


@run_virtual
async def test_progress_sends_183_with_sdp_once():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Progress())
        call.do(Progress())
        assert call.invite.verbs == ["ring 183"]
        assert b"m=audio" in call.invite.sent[0][1]
        assert call.names == ["channel.created", "channel.progress"]


@run_virtual
async def test_the_answer_after_early_media_carries_the_same_sdp():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Progress())
        call.do(Answer())
        assert call.invite.sent[0][1] == call.invite.sent[1][1]
        assert len(call.media.streams) == 1


@run_virtual
async def test_early_media_without_an_offer_is_a_wrong_state():
    async with open_switch() as switch:
        call = switch.call(body=b"")
        with pytest.raises(CommandError, match="INVITE has an offer") as caught:
            call.do(Progress())
        assert caught.value.code == "wrong_state"


@run_virtual
async def test_an_invite_without_offer_gets_ours_and_the_ack_brings_the_answer():
    async with open_switch() as switch:
        call = switch.call(body=b"")
        call.do(Answer())
        assert call.media.streams == []
        call.hear(sip.AckReceived, offer(codecs="8"))
        assert call.media.streams[0].codec == "PCMA"


@run_virtual
async def test_an_ack_without_the_answer_it_owes_ends_the_call():
    async with open_switch() as switch:
        call = switch.call(body=b"")
        call.do(Answer())
        call.hear(sip.AckReceived, b"")
        assert call.ended.cause == 88
        assert call.invite.verbs == ["answer", "hang_up"]


@run_virtual
async def test_a_call_without_a_common_codec_is_refused_with_488_and_told_to_nobody():
    async with open_switch() as switch:
        invite = switch.invite(body=offer(codecs="3"))
        assert invite.verbs == ["reject 488"]
        assert switch.log.entries == []
        assert switch.is_empty()


@run_virtual
async def test_the_router_is_asked_before_media_is_opened():
    async with open_switch() as switch:
        switch.media.most = 0
        switch.admission = Refusal(404)
        assert switch.invite().verbs == ["reject 404"]


@run_virtual
async def test_a_refusal_carries_its_headers():
    async with open_switch() as switch:
        switch.admission = Refusal(401, headers=[("WWW-Authenticate", "Digest realm=a")])
        assert switch.invite().headers == [("WWW-Authenticate", "Digest realm=a")]


@run_virtual
async def test_no_port_left_is_503_with_retry_after():
    async with open_switch() as switch:
        switch.media.most = 0
        invite = switch.invite()
        assert invite.verbs == ["reject 503"]
        assert invite.headers == [("Retry-After", "5")]


@run_virtual
async def test_over_the_limit_of_channels_is_503():
    async with open_switch(limits=Limits(channels=1)) as switch:
        switch.call()
        assert switch.invite().verbs == ["reject 503"]


@pytest.mark.parametrize(
    ("reason", "status", "cause"),
    [
        ("busy", 486, 17),
        ("declined", 603, 21),
        ("not_found", 404, 1),
        ("unavailable", 480, 18),
        ("user_busy", 486, 17),
        ("temporary_failure", 503, 41),
        (484, 484, 28),
    ],
)
def test_reject_answers_the_status_of_its_reason(reason, status, cause):
    @run_virtual
    async def test():
        async with open_switch() as switch:
            call = switch.call()
            call.do(Reject(reason=reason))
            assert call.invite.verbs == [f"reject {status}"]
            assert (call.ended.sip_status, call.ended.cause, call.ended.ended_by) == (status, cause, "app")
            assert switch.is_empty()

    test()


@pytest.mark.parametrize("reason", ["sleepy", 200, 700, -1])
def test_an_unknown_rejection_names_the_known_ones(reason):
    @run_virtual
    async def test():
        async with open_switch() as switch:
            call = switch.call()
            with pytest.raises(CommandError, match="busy, declined, not_found, unavailable") as caught:
                call.do(Reject(reason=reason))
            assert caught.value.code == "bad_argument"

    test()


@run_virtual
async def test_reject_of_an_answered_call_says_what_was_expected():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Answer())
        with pytest.raises(CommandError, match="expected an inbound call that is not answered") as caught:
            call.do(Reject())
        assert caught.value.code == "wrong_state"


@run_virtual
async def test_hangup_of_an_answered_call_sends_bye_with_a_reason():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Answer())
        await trio.sleep(61.5)
        call.do(Hangup(cause="user_busy"))
        assert call.invite.verbs == ["answer", "hang_up"]
        assert call.invite.headers == [("Reason", 'Q.850;cause=17;text="user busy"')]
        ended = call.ended
        assert isinstance(ended, ChannelEnded)
        assert (ended.cause, ended.cause_name, ended.sip_status, ended.ended_by) == (17, "user_busy", 200, "app")
        assert (ended.phase, ended.billable) == ("answered", pytest.approx(61.5))
        assert ended.answered_at == EPOCH
        assert ended.ended_at == EPOCH + 61.5
        assert ended.received == MediaStatistics(40, 2, 1.5, ended.received.mos, 31.25, late=3, depth_ms=70.0)
        assert ended.sent == MediaStatistics(50, 1, 2.5, ended.sent.mos, 31.25)
        assert 1 < ended.received.mos < ended.sent.mos < 4.5  # a tenth was lost or late; a fiftieth was lost


@run_virtual
async def test_hangup_of_an_unanswered_call_sends_the_status_of_the_cause():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Hangup(cause=20))
        assert call.invite.verbs == ["reject 480"]
        assert (call.ended.phase, call.ended.billable) == ("setup", 0.0)


@pytest.mark.parametrize("cause", ["tired", 0, 128])
def test_an_unknown_cause_names_the_known_ones(cause):
    @run_virtual
    async def test():
        async with open_switch() as switch:
            with pytest.raises(CommandError, match="normal_clearing, user_busy"):
                switch.call().do(Hangup(cause=cause))

    test()


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        (None, 16),
        ('Q.850;cause=31;text="x, y;cause=1"', 31),
        ("SIP;cause=486, Q.850 ; cause=17", 17),
        ("SIP;cause=486", 17),
        ("SIP;cause=200", 26),
        ("Q.850;cause=999", 16),
        ("nonsense", 16),
    ],
)
def test_the_cause_of_a_bye_is_read_from_its_reason(reason, cause):
    @run_virtual
    async def test():
        async with open_switch() as switch:
            call = switch.call()
            call.do(Answer())
            call.bye(reason)
            assert (call.ended.cause, call.ended.ended_by) == (cause, "caller")

    test()


@run_virtual
async def test_a_caller_who_gives_up_ends_the_channel_with_487():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Ring())
        call.cancel()
        assert (call.ended.sip_status, call.ended.phase, call.ended.ended_by) == (487, "ringing", "caller")
        assert call.invite.verbs == ["ring 180"]
        assert switch.is_empty()


@run_virtual
async def test_a_lost_peer_ends_the_call_by_the_network():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Answer())
        call.hear(sip.InviteEnded, "timeout", None)
        assert (call.ended.cause, call.ended.ended_by) == (102, "network")


@run_virtual
async def test_an_ended_call_takes_no_command():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Hangup())
        with pytest.raises(CommandError) as caught:
            call.do(Answer())
        assert caught.value.code == "call_ended"


@run_virtual
async def test_hold_and_resume_are_answered_and_told():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Answer())
        call.hear(sip.ReinviteReceived, invite_request(body=offer(direction="sendonly")))
        call.hear(sip.ReinviteReceived, invite_request(body=offer(direction="sendrecv")))
        assert call.names[-2:] == ["channel.held", "channel.resumed"]
        assert [stream.direction.value for stream in call.media.streams] == ["sendrecv", "recvonly", "sendrecv"]
        assert call.invite.verbs == ["answer", "answer", "answer"]


@run_virtual
async def test_a_reinvite_that_cannot_be_leaves_the_session_as_it_was():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Answer())
        call.hear(sip.ReinviteReceived, invite_request(body=offer(codecs="3")))
        assert call.invite.verbs == ["answer", "reject 488"]
        assert len(call.media.streams) == 1
        assert call.channel.is_alive


@run_virtual
async def test_a_call_without_owner_waits_for_one():
    async with open_switch() as switch:
        switch.admission = Admission("reception", wait=3.0)
        call = switch.call()
        await trio.sleep(2)
        call.channel.give(switch.owner("s9"))
        await trio.sleep(10)
        assert call.names == ["channel.created", "channel.owner_changed"]
        assert switch.log.entries[-1].owner == "s9"
        call.do(Answer())


@run_virtual
async def test_a_call_that_gets_no_owner_in_time_is_503_with_retry_after():
    async with open_switch() as switch:
        switch.admission = Admission("reception", wait=3.0)
        call = switch.call()
        await trio.sleep(3.1)
        assert call.invite.verbs == ["reject 503"]
        assert ("Retry-After", "5") in call.invite.headers
        assert (call.ended.cause, call.ended.ended_by) == (41, "engine")
        assert switch.is_empty()


@run_virtual
async def test_a_lost_owner_ends_its_calls_and_no_others():
    async with open_switch() as switch:
        answered, early = switch.call(), switch.call()
        switch.admission = Admission("other", owner=switch.owner("s2"))
        other = switch.call()
        answered.do(Answer())
        switch.table.lose_owner("s1")
        assert answered.names[-2:] == ["channel.owner_lost", "channel.ended"]
        assert answered.invite.headers == [("Reason", 'Q.850;cause=41;text="temporary failure"')]
        assert early.invite.verbs == ["reject 503"]
        assert other.channel.is_alive


@run_virtual
async def test_variables_are_kept_read_and_removed():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Set(variables={"a": "1", "b": "2"}))
        call.do(Set(variables={"a": None, "c": "3"}))
        assert call.do(Get()) == {"b": "2", "c": "3"}
        assert call.do(Get(variables=("c", "x"))) == {"c": "3"}


@run_virtual
async def test_variables_are_bounded():
    async with open_switch(limits=Limits(variables=2, variable_name=3, variable_value=3)) as switch:
        call = switch.call()
        for variables in ({"abcd": "1"}, {"": "1"}, {"a": "1234"}):
            with pytest.raises(CommandError, match="expected"):
                call.do(Set(variables=variables))
        with pytest.raises(CommandError) as caught:
            call.do(Set(variables={"a": "1", "b": "1", "c": "1"}))
        assert caught.value.code == "overloaded"
        assert call.do(Get()) == {}


@pytest.mark.parametrize("headers", [{"Via": "x"}, {"X": "a\r\nVia: b"}, {"X y": "a"}, {"X": "a" * 2000}])
def test_headers_that_could_forge_a_message_are_refused(headers):
    @run_virtual
    async def test():
        async with open_switch() as switch:
            call = switch.call()
            with pytest.raises(CommandError) as caught:
                call.do(Answer(headers=headers))
            assert caught.value.code == "bad_argument"
            assert call.invite.sent == []

    test()


@run_virtual
async def test_running_commands_are_bounded(tmp_path):
    async with open_switch(tmp_path, limits=Limits(running_commands=2)) as switch:
        call = switch.call()
        call.do(Play(sources=(Silence(5),)), "p1")
        call.do(Play(sources=(Silence(5),)), "p2")
        with pytest.raises(CommandError) as caught:
            call.do(Play(sources=(Silence(5),)), "p3")
        assert caught.value.code == "overloaded"


@run_virtual
async def test_an_id_that_still_runs_is_not_taken_twice():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Play(sources=(Silence(5),)), "p")
        with pytest.raises(CommandError, match="still runs"):
            call.do(Play(sources=(Silence(5),)), "p")


@run_virtual
async def test_the_state_shows_the_channel():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Answer())
        call.do(Set(variables={"a": "1"}))
        (state,) = switch.table.states()
        assert (state.id, state.state, state.caller, state.to) == (call.id, "answered", "alice", "1000")
        assert (state.app, state.owner, state.call_seq, state.variables) == ("reception", "s1", 2, {"a": "1"})


@run_virtual
async def test_unbridge_without_a_bridge_and_bridge_without_a_partner_are_refused():
    async with open_switch() as switch:
        call = switch.call()
        with pytest.raises(CommandError, match="without a bridge"):
            call.do(Unbridge())
        with pytest.raises(CommandError, match="no channel 'x'"):
            call.do(Bridge(other="x"))
