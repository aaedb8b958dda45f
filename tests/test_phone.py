"""The phone: two of them over datagrams in memory and media by interval, and one with the registrar."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager

import pytest
import trio

from callflow.phone import (
    Answered,
    Calling,
    CallState,
    DigitHeard,
    DigitsPressed,
    EarlyMedia,
    Ended,
    Held,
    Phone,
    RegistrationRefused,
    Resumed,
    Ringing,
    SoundHeard,
)
from engine.media.fake import FakeMediaEngine, FakeMediaNetwork
from engine.media.session import SilenceSource, ToneSource
from engine.registrar.authentication import Authentication
from engine.registrar.locations import Locations
from engine.registrar.service import Registrar
from engine.registrar.users import User, Users
from engine.sip.digest import Credentials
from engine.sip.events import RequestReceived
from engine.sip.stack import SipStack
from engine.transport.endpoint import Endpoint
from engine.transport.memory import MemoryNetwork
from tests.trio_tests import run_virtual

ALICE, BOB, PBX = "10.0.0.1", "10.0.0.2", "10.0.0.9"


class Town:
    """Phones on one network."""

    def __init__(self, nursery, **network):
        self.rng = random.Random(7)
        self.network = MemoryNetwork(rng=self.rng, **network)
        self.media = FakeMediaNetwork()
        self.nursery = nursery

    def token(self) -> str:
        return f"{self.rng.getrandbits(64):016x}"

    def endpoint(self, host, on_event, **options) -> Endpoint:
        endpoint = Endpoint(SipStack(new_token=self.token, **options), on_event=on_event)
        self.network.attach(endpoint, host)
        self.nursery.start_soon(endpoint.run)
        return endpoint

    def phone(self, name, host, *, ports=(16384, 32767), **options) -> Phone:
        media = FakeMediaEngine(self.media, host, ports)
        self.nursery.start_soon(media.run)
        phone = Phone(
            lambda on_event: self.endpoint(host, on_event, request_methods=()),
            media,
            name=name,
            new_token=self.token,
            **options,
        )
        phone.media = media
        return phone


@asynccontextmanager
async def town(**network):
    async with trio.open_nursery() as nursery:
        yield Town(nursery, **network)
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def two_phones(**network):
    async with town(**network) as place:
        yield place.phone("alice", ALICE), place.phone("bob", BOB)


@asynccontextmanager
async def a_call(**network):
    async with two_phones(**network) as (alice, bob):
        ours = await alice.call(f"sip:bob@{BOB}")
        theirs = await bob.wait_call()
        theirs.answer()
        assert await ours.wait_answered()
        yield ours, theirs
        assert ours.is_closed
        assert theirs.is_closed
        assert alice.media.open_sessions == bob.media.open_sessions == 0
        assert alice.calls == bob.calls == ()


@run_virtual
async def test_a_call_is_made_and_hung_up():
    async with two_phones(latency=0.05) as (alice, bob):
        ours = await alice.call(f"sip:bob@{BOB}")
        theirs = await bob.wait_call()
        assert theirs.remote.uri.user == "alice"
        assert await ours.wait_ringing()
        await trio.sleep(2)
        theirs.answer()
        assert await ours.wait_answered()
        assert ours.state is CallState.ANSWERED
        await trio.sleep(5)
        ours.hang_up()
        ended = await theirs.wait_ended()
        assert ended == Ended("peer", True, 0, "normal_clearing")
        assert ours.ended == Ended("us", True, 0, "normal_clearing")
        calling, ringing, answered, over = ours.events
        assert calling == Calling(f"sip:bob@{BOB}")
        assert ringing == Ringing()
        assert isinstance(answered, Answered)
        assert answered.after == pytest.approx(2.15)
        assert over == ours.ended


@run_virtual
async def test_a_call_is_rejected():
    async with two_phones() as (alice, bob):
        ours = await alice.call(f"sip:bob@{BOB}")
        (await bob.wait_call()).reject(486)
        assert not await ours.wait_answered()
        assert ours.ended == Ended("peer", False, 486, "Busy Here")
        assert alice.media.open_sessions == bob.media.open_sessions == 0


@run_virtual
async def test_a_call_is_given_up_before_the_answer():
    async with two_phones() as (alice, bob):
        ours = await alice.call(f"sip:bob@{BOB}")
        theirs = await bob.wait_call()
        await ours.wait_ringing()
        ours.hang_up()
        ours.hang_up()
        assert (await theirs.wait_ended()).was_answered is False
        ended = await ours.wait_ended()
        assert (ended.by, ended.was_answered, ended.status) == ("us", False, 487)


@run_virtual
async def test_nobody_there_ends_the_call():
    async with two_phones() as (alice, _):
        ours = await alice.call("sip:nobody@10.0.0.77")
        ended = await ours.wait_ended()
        assert (ended.by, ended.was_answered, ended.status) == ("network", False, 408)
        assert not await ours.wait_sound()
        assert not await ours.wait_silence()
        assert alice.media.open_sessions == 0


@run_virtual
async def test_keys_are_heard():
    async with a_call() as (ours, theirs):
        ours.press("1#")
        assert await theirs.wait_digits(2) == "1#"
        assert [event.digit for event in theirs.events if isinstance(event, DigitHeard)] == ["1", "#"]
        assert await ours.wait_event(DigitsPressed)
        theirs.hang_up()
        await ours.wait_ended()


@run_virtual
async def test_the_end_of_a_prompt_is_noticed():
    async with a_call() as (ours, theirs):
        theirs.play(ToneSource((440.0,), duration_ms=2000), SilenceSource(300), ToneSource((440.0,), duration_ms=1000),
                    SilenceSource(9000))  # fmt: skip
        started_at = trio.current_time()
        assert await ours.wait_prompt(0.7)
        assert 3.9 < trio.current_time() - started_at < 4.6
        assert ours.events.count(SoundHeard()) == 2
        ours.hang_up()
        await theirs.wait_ended()


@run_virtual
async def test_what_is_heard_is_recorded(tmp_path):
    async with a_call() as (ours, theirs):
        ours.record(tmp_path / "heard.wav")
        theirs.play(ToneSource((440.0,)))
        await trio.sleep(2)
        theirs.hang_up()
        await ours.wait_closed()
        assert (tmp_path / "heard.wav").stat().st_size > 30_000
        await theirs.wait_closed()


@run_virtual
async def test_hold_and_resume():
    async with a_call() as (ours, theirs):
        theirs.play(ToneSource((440.0,)))
        assert await ours.wait_sound()
        assert ours.hold()
        assert await theirs.wait_event(Held)
        assert await ours.wait_silence()
        assert ours.resume()
        assert await theirs.wait_event(Resumed)
        assert await ours.wait_sound()
        ours.hang_up()
        await theirs.wait_ended()
        assert not ours.hold()


@run_virtual
async def test_without_room_for_media_a_call_is_refused():
    async with town() as place:
        alice = place.phone("alice", ALICE)
        place.phone("bob", BOB, ports=(20000, 20000))
        ours = await alice.call(f"sip:bob@{BOB}")
        assert (await ours.wait_ended()).status == 503


@run_virtual
async def test_an_offer_without_a_common_codec_is_refused():
    async with town() as place:
        bob = place.phone("bob", BOB)
        events = []
        endpoint = place.endpoint(ALICE, events.append)
        body = b"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 9\r\n"
        from engine.sip.messages import Address, Uri

        uri = Uri.parse(f"sip:bob@{BOB}")
        endpoint.invite(uri, flow=await endpoint.resolve(uri), from_=Address(Uri.parse("sip:a@b")), body=body)
        await trio.sleep(1)
        assert events[-1].status == 488
        assert bob.calls == ()


@asynccontextmanager
async def registered(password="secret"):
    async with town() as place:
        users = Users([User.of("alice", "secret")])
        locations, told = Locations(), []

        class Sink:
            def emit(self, event):
                told.append(event)
                return len(told)

        def handle(event):
            assert isinstance(event, RequestReceived)
            registrar.handle(event)

        endpoint = place.endpoint(PBX, handle)
        registrar = Registrar(
            sip=endpoint,
            authentication=Authentication(users, realm="callflow", new_token=place.token, clock=trio.current_time),
            locations=locations,
            events=Sink(),
        )
        phone = place.phone("alice", ALICE, credentials=Credentials("alice", password))
        yield phone, locations


@run_virtual
async def test_a_phone_registers_refreshes_and_takes_it_back():
    async with registered() as (phone, locations):
        assert await phone.register(f"sip:{PBX}", expires=120) == 120
        (contact,) = locations.contacts("alice")
        assert contact.flow.remote == (ALICE, 5060)
        await trio.sleep(60)
        assert await phone.register(f"sip:{PBX}", expires=90) == 90
        assert len(locations) == 1
        assert await phone.register(f"sip:{PBX}", expires=0) == 0
        assert len(locations) == 0


@run_virtual
async def test_a_wrong_password_is_told():
    async with registered("wrong") as (phone, locations):
        with pytest.raises(RegistrationRefused, match="401 Unauthorized"):
            await phone.register(f"sip:{PBX}")
        assert len(locations) == 0


@run_virtual
async def test_no_registrar_is_told():
    async with registered() as (phone, _):
        with pytest.raises(RegistrationRefused, match="408"):
            await phone.register("sip:10.0.0.77")


@run_virtual
async def test_early_media_is_heard_before_the_answer():
    async with town() as place:
        alice = place.phone("alice", ALICE)
        media = FakeMediaEngine(place.media, BOB)
        place.nursery.start_soon(media.run)
        legs = []

        def take(event):
            if type(event).__name__ == "InviteReceived":
                legs.append(answer_early(endpoint, media, event))

        endpoint = place.endpoint(BOB, take)
        ours = await alice.call(f"sip:bob@{BOB}")
        assert await ours.wait_event(EarlyMedia)
        assert ours.state is CallState.EARLY
        assert await ours.wait_sound()
        invite, body = legs[0]
        endpoint.answer(invite, body=body)
        assert await ours.wait_answered()
        ours.hang_up()
        await ours.wait_closed()


def answer_early(endpoint, media, event):
    """183 with an answer, and a tone."""
    from engine.media.session import Stream
    from engine.sdp.negotiation import Negotiation

    session = media.open(lambda event: None)
    negotiation = Negotiation(local=session.local, session_id=1)
    negotiation.receive_offer(event.request.body)
    body = negotiation.create_answer()
    agreed = negotiation.agreed
    session.update(Stream(agreed.remote, agreed.codec, agreed.payload_type, agreed.telephone_event))
    session.play("p", [ToneSource((440.0,))])
    endpoint.ring(event.invite, status=183, body=body)
    return event.invite, body
