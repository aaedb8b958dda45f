"""Codecs in offers and answers: which are chosen, under which numbers, and what is said of them."""

from __future__ import annotations

import pytest

from engine.sdp.codec import CODECS, WIDE, OpusFormat, read_opus
from engine.sdp.negotiation import Agreement, Negotiation, NotAcceptable

OPUS = ("m=audio 4000 RTP/AVP 107 0 101", "a=rtpmap:107 OPUS/48000/2")


def leg(codecs: tuple[str, ...] = WIDE) -> Negotiation:
    return Negotiation(local=("192.0.2.1", 5000), codecs=codecs, session_id=7)


def sdp(*lines: str) -> bytes:
    head = ("v=0", "o=- 1 1 IN IP4 192.0.2.2", "s=-", "c=IN IP4 192.0.2.2", "t=0 0")
    return "\r\n".join([*head, *lines, ""]).encode()


def answered(*lines: str, codecs: tuple[str, ...] = WIDE) -> tuple[Agreement, list[str]]:
    negotiation = leg(codecs)
    negotiation.receive_offer(sdp(*lines))
    answer = negotiation.create_answer().decode().splitlines()
    assert negotiation.agreed is not None
    return negotiation.agreed, answer


def test_an_offer_has_all_codecs_and_keys_by_each_of_their_clocks():
    assert leg(("opus", "G722", "L16/16000", "PCMU")).create_offer().decode().splitlines()[5:-3] == [
        "m=audio 5000 RTP/AVP 96 9 98 0 101 102 103",
        "a=rtpmap:96 opus/48000/2",
        "a=fmtp:96 maxplaybackrate=16000;sprop-maxcapturerate=16000;useinbandfec=1",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:98 L16/16000",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=rtpmap:102 telephone-event/48000",
        "a=fmtp:102 0-15",
        "a=rtpmap:103 telephone-event/16000",
        "a=fmtp:103 0-15",
    ]


def test_the_first_of_the_peer_that_is_ours_is_taken_under_its_number():
    agreed, answer = answered(
        *OPUS, "a=fmtp:107 useinbandfec=1; maxaveragebitrate=32000", "a=rtpmap:101 telephone-event/48000"
    )
    assert (agreed.codec, agreed.payload_type, agreed.telephone_event, agreed.event_rate) == ("opus", 107, 101, 48000)
    assert agreed.opus == OpusFormat(32_000, has_fec=True)
    assert "m=audio 5000 RTP/AVP 107 101" in answer
    assert "a=rtpmap:107 opus/48000/2" in answer
    assert any(line.startswith("a=fmtp:107 ") and "useinbandfec=1" in line for line in answer)


def test_keys_go_by_the_clock_of_the_codec_or_by_that_of_8_khz():
    agreed, answer = answered(*OPUS, "a=rtpmap:101 telephone-event/8000")
    assert (agreed.telephone_event, agreed.event_rate) == (101, 8000)
    assert "a=rtpmap:101 telephone-event/8000" in answer
    both = ("a=rtpmap:101 telephone-event/8000", "a=rtpmap:110 telephone-event/48000")
    agreed, _ = answered("m=audio 4000 RTP/AVP 107 101 110", OPUS[1], *both)
    assert (agreed.telephone_event, agreed.event_rate) == (110, 48000)
    agreed, _ = answered("m=audio 4000 RTP/AVP 9 101 110", *both)
    assert (agreed.codec, agreed.telephone_event, agreed.event_rate) == ("G722", 101, 8000)


def test_a_wide_band_peer_that_offers_narrow_band_first_has_what_it_likes():
    agreed, _ = answered("m=audio 4000 RTP/AVP 8 9 107", OPUS[1])
    assert (agreed.codec, agreed.opus) == ("PCMA", None)


@pytest.mark.parametrize("rtpmap", ["opus/48000", "opus/16000/2", "G722/16000", "L16/44100", "L16/16000/2"])
def test_what_only_sounds_like_a_codec_of_ours_is_none(rtpmap: str):
    with pytest.raises(NotAcceptable):
        answered("m=audio 4000 RTP/AVP 99", f"a=rtpmap:99 {rtpmap}", codecs=tuple(CODECS))


def test_opus_is_not_for_a_peer_that_wants_shorter_packets_than_it_has():
    agreed, _ = answered(*OPUS, "a=maxptime:10")
    assert (agreed.codec, agreed.ptime_ms) == ("PCMU", 10)


def test_what_is_offered_again_keeps_the_numbers_that_were_agreed_on():
    negotiation = leg()
    negotiation.receive_offer(sdp("m=audio 4000 RTP/AVP 107 96", OPUS[1], "a=rtpmap:96 telephone-event/48000"))
    negotiation.create_answer()
    assert b"m=audio 5000 RTP/AVP 107 9 0 8 101 96\r\n" in negotiation.create_offer()


def test_video_is_refused_and_the_voice_goes_on():
    _, answer = answered(*OPUS, "m=video 4002 RTP/AVP 97", "a=rtpmap:97 H264/90000")
    assert "m=video 0 RTP/AVP 97" in answer


@pytest.mark.parametrize(
    ("fmtp", "expected"),
    [
        (None, OpusFormat()),
        ("", OpusFormat()),
        ("usedtx=1;useinbandfec=0", OpusFormat(has_dtx=True)),
        (" UseInbandFEC = 1 ; stereo=1", OpusFormat(has_fec=True)),
        ("maxaveragebitrate=1", OpusFormat(6000)),
        ("maxaveragebitrate=99999999999999999999", OpusFormat(510_000)),
        ("maxaveragebitrate=-5", OpusFormat()),
        ("maxaveragebitrate=\u0663", OpusFormat()),
        (";;=;=1;a=b=c", OpusFormat()),
    ],
)
def test_what_a_peer_says_of_opus_is_read_or_is_as_if_unsaid(fmtp: str | None, expected: OpusFormat):
    assert read_opus(fmtp) == expected


PASSED = (*WIDE, "G729")
G729 = ("m=audio 4000 RTP/AVP 18 101", "a=fmtp:18 annexb=no", "a=rtpmap:101 telephone-event/8000")


def test_a_codec_that_can_only_be_passed_on_is_the_last_resort():
    agreed, answer = answered(*G729, codecs=PASSED)
    assert (agreed.codec, agreed.payload_type, agreed.telephone_event) == ("G729", 18, 101)
    assert "a=fmtp:18 annexb=no" in answer
    agreed, _ = answered("m=audio 4000 RTP/AVP 18 8", codecs=PASSED)
    assert agreed.codec == "PCMA"
    with pytest.raises(NotAcceptable):
        answered(*G729)


def test_beside_a_call_its_codec_is_proposed_first_and_one_that_is_passed_on_alone():
    def offered(beside: Agreement, codecs: tuple[str, ...]) -> list[str]:
        negotiation = Negotiation(local=("192.0.2.1", 5000), codecs=codecs, session_id=7, beside=beside)
        return negotiation.create_offer().decode().splitlines()

    narrow, _ = answered("m=audio 4000 RTP/AVP 8")
    assert "m=audio 5000 RTP/AVP 8 96 9 0 101 102" in offered(narrow, WIDE)
    assert "m=audio 5000 RTP/AVP 0 101" in offered(narrow, ("PCMU",))
    passed, _ = answered(*G729, codecs=PASSED)
    assert {"m=audio 5000 RTP/AVP 18 101", "a=fmtp:18 annexb=no"} <= set(offered(passed, PASSED))


def test_comfort_noise_is_agreed_on_beside_a_codec_of_its_clock_and_never_offered():
    agreed, answer = answered("m=audio 4000 RTP/AVP 0 13")
    assert agreed.comfort_noise == 13
    assert {"m=audio 5000 RTP/AVP 0 13", "a=rtpmap:13 CN/8000"} <= set(answer)
    agreed, _ = answered("m=audio 4000 RTP/AVP 107 13", OPUS[1])
    assert agreed.comfort_noise is None
    negotiation = leg()
    assert b" 13" not in negotiation.create_offer().partition(b"m=audio")[2].partition(b"\r\n")[0]
    negotiation.receive_answer(sdp("m=audio 4000 RTP/AVP 0 13"))
    assert negotiation.agreed is not None
    assert negotiation.agreed.comfort_noise is None
