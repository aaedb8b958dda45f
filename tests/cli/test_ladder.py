"""The ladder: who stands where, which way the arrows go, what an event says."""

from callflow.cli.ladder import LANE, Ladder, name_of_leg, title, told
from callflow.cli.traced_call import Given, TracedCall
from callflow.protocol.queries import Decision, PastEvent, WireMessage

INVITE = b"INVITE sip:1000@192.0.2.1:5060 SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\n"
RINGING = b"SIP/2.0 180 Ringing\r\ncseq: 1 INVITE\r\n\r\n"


def message(seq: int, remote: str, data: bytes, *, is_sent: bool) -> WireMessage:
    return WireMessage(seq, float(seq), is_sent, "udp", "192.0.2.1:5060", remote, data)


def call(*messages: WireMessage, **legs: list[PastEvent]) -> TracedCall:
    return TracedCall(legs or {"one": []}, messages=list(messages))


def test_a_message_is_told_in_a_few_words():
    assert title(INVITE) == "INVITE 1000 +SDP"
    assert title(RINGING) == "180 Ringing (INVITE)"
    assert title(b"BYE sip:1000@192.0.2.1 SIP/2.0\r\n\r\n") == "BYE"
    assert title(b"SIP/2.0 200 OK\r\n\r\n") == "200 OK ()"
    assert title(b"\xff\x1b[2J garbage of\x00 somebody\r\nnext") == "\ufffd\ufffd[2J garbage of\ufffd somebody"


def test_arrows_go_from_who_sends_to_who_receives():
    a, b = "192.0.2.7:5060", "192.0.2.9:5060"
    traced = call(
        message(1, a, INVITE, is_sent=False),
        message(2, b, INVITE, is_sent=True),
        message(3, b, RINGING, is_sent=False),
    )
    ladder = Ladder(traced)
    assert ladder.head().split() == [a, "callflow", b]
    first, second, third = map(ladder.line, traced.rows)
    assert first.startswith("    0.000  ")
    arrow = first[11:]
    bars = [at for at, character in enumerate(arrow) if character == "|"]
    assert bars == [LANE // 2, LANE // 2 + LANE, LANE // 2 + 2 * LANE]
    assert arrow[bars[1] - 1] == ">"
    assert " INVITE 1000 +SDP " in arrow[bars[0] : bars[1]]
    assert second[11:][bars[2] - 1] == ">"
    assert third[11:][bars[1] + 1] == "<"


def test_an_arrow_across_another_lane_is_as_long_as_its_way():
    peers = [message(seq, f"192.0.2.{seq}:5060", RINGING, is_sent=True) for seq in (1, 2, 3)]
    line = Ladder(call(*peers)).line(peers[2])[11:]
    assert line.count("|") == 3
    assert line.index("|", LANE) == LANE + LANE // 2
    assert line.rindex(">") == LANE // 2 + 3 * LANE - 1


def test_events_stand_beside_the_lanes_and_say_whose_they_are():
    facts = {"to": "1000", "caller": {"uri": "sip:a@b", "number": "a"}}
    created = PastEvent(1, 1.0, "channel.created", "one", 1, facts)
    ended = PastEvent(2, 2.25, "channel.ended", "two", 1, {"cause": 16, "phase": "", "created_at": 5.0})
    alone, both = call(one=[created]), call(one=[created], two=[ended])
    assert Ladder(alone).line(created).endswith("|  channel.created  to=1000  caller=a")
    assert Ladder(both).line(ended).strip() == "1.250               |  b: channel.ended  cause=16"


def test_commands_stand_as_a_script_spells_them():
    play = Decision(1, 1.5, "c1", "play", args={"sources": ["welcome.wav"], "repeat": 2})
    odd = Decision(1, 2.5, "c2", "fly", args={"how": "high"}, error="unsupported")
    traced = TracedCall({"one": []}, [Given(1.5, "one", play), Given(2.5, "one", odd)])
    first, second = map(Ladder(traced).line, traced.rows)
    assert first.endswith("|  > play welcome.wav repeat=2")
    assert second.endswith("|  > fly  how=high  refused: unsupported")


def test_what_has_one_time_stands_message_command_event():
    created = PastEvent(1, 1.0, "channel.created", "one", 1)
    given = Given(1.0, "one", Decision(0, 1.0, "c1", "answer"))
    arrived = message(1, "192.0.2.7:5060", INVITE, is_sent=False)
    assert TracedCall({"one": [created]}, [given], [arrived]).rows == [arrived, given, created]


def test_a_party_or_a_leg_that_comes_later_needs_a_new_ladder():
    traced = call(message(1, "192.0.2.7:5060", INVITE, is_sent=False))
    ladder = Ladder(traced)
    assert ladder.has_room_for(traced)
    traced.messages.append(message(2, "192.0.2.9:5060", INVITE, is_sent=True))
    assert not ladder.has_room_for(traced)
    ladder = Ladder(traced)
    traced.legs["two"] = []
    assert not ladder.has_room_for(traced)


def test_details_are_on_one_line_and_without_what_is_empty():
    outcome = {"outcome": "played", "heard_ms": 2000, "digit": ""}
    assert (
        told({"outcome": outcome, "at": 1.50, "tags": ["x", "y"], "none": None})
        == "outcome=(outcome=played heard_ms=2000)  at=1.5  tags=x,y"
    )


def test_legs_are_named_by_letters():
    assert [name_of_leg(index) for index in (0, 25, 26, 53)] == ["a", "z", "a1", "b2"]
