"""Sessions that are associated: they find each other, have keys, and hear nothing before."""

from __future__ import annotations

from engine.media.session import MediaSecured, PeerLost, PeerReached, PlaybackStarted, ToneSource
from engine.sdp.association import IceCredentials, Presence
from engine.sdp.negotiation import Agreement, Negotiation

from .harness import Floor, Leg, on_both_engines, stream_to

TONE = ToneSource((1000.0,))


def negotiation(
    floor: Floor, leg: Leg, name: str, *, fingerprint: str | None = None, is_lite: bool = False
) -> Negotiation:
    presence = Presence(fingerprint or floor.engine.fingerprint, lambda: IceCredentials(name, name * 8), is_lite)
    return Negotiation(local=leg.session.local, session_id=1, presence=presence, offers_association=True)


def associate(floor: Floor, *, fingerprint: str | None = None, is_lite: bool = False) -> tuple[Leg, Leg]:
    """Two legs that agree by offer and answer. `fingerprint`: what the second says of itself."""
    one, other = floor.open(), floor.open()
    offerer = negotiation(floor, one, "abcd")
    answerer = negotiation(floor, other, "efgh", fingerprint=fingerprint, is_lite=is_lite)
    offer = offerer.create_offer()
    offered = offerer.offered_association
    assert offered is not None
    one.session.associate(offered)
    answerer.receive_offer(offer)
    answer = answerer.create_answer()
    begin(other, one, answerer.agreed)
    offerer.receive_answer(answer)
    begin(one, other, offerer.agreed)
    return one, other


def begin(leg: Leg, peer: Leg, agreed: Agreement | None) -> None:
    assert agreed is not None
    assert agreed.association is not None
    leg.session.associate(agreed.association, remote=agreed.remote)
    leg.session.update(stream_to(peer, is_muxed=True))


@on_both_engines
async def test_two_sessions_find_each_other_and_hear_what_was_to_be_played_before(floor: Floor):
    await find_and_hear(floor, *associate(floor))


@on_both_engines
async def test_a_lite_session_is_found_by_a_full_one(floor: Floor):
    await find_and_hear(floor, *associate(floor, is_lite=True))


async def find_and_hear(floor: Floor, one: Leg, other: Leg) -> None:
    one.session.play("p", [TONE])
    assert (await one.wait(PeerReached)).remote == other.session.local
    assert (await other.wait(PeerReached)).remote == one.session.local
    assert (await one.wait(MediaSecured)).profile == (await other.wait(MediaSecured)).profile
    await one.wait(PlaybackStarted)
    await floor.until(lambda: other.session.statistics().packets_received > 10)


@on_both_engines
async def test_a_session_with_another_certificate_than_its_description_tells_is_lost(floor: Floor):
    one, other = associate(floor, fingerprint=f"sha-256 {':'.join(['00'] * 32)}")
    one.session.play("p", [TONE])
    lost = await one.wait(PeerLost)
    assert lost.reason.startswith("expected the certificate that the peer's SDP told")
    assert not one.all(PlaybackStarted)
    assert other.session.statistics().packets_received == 0


@on_both_engines
async def test_the_same_agreement_again_changes_nothing(floor: Floor):
    one, other = associate(floor)
    await one.wait(MediaSecured)
    await other.wait(MediaSecured)
    again = negotiation(floor, one, "abcd")
    again.create_offer()
    answerer = negotiation(floor, other, "efgh")
    answerer.receive_offer(again.create_offer())
    again.receive_answer(answerer.create_answer())
    begin(one, other, again.agreed)
    one.session.play("p", [TONE])
    await floor.until(lambda: other.session.statistics().packets_received > 10)
    assert len(one.all(MediaSecured)) == 1
