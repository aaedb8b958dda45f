"""SIP over WebSocket without a browser: the library's client against our side of the connection, and real sockets."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from websockets.client import ClientProtocol
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Origin, Subprotocol
from websockets.uri import parse_uri

from engine.eventsocket.certificate import ServerCertificate, trusting
from engine.sip.events import InviteEnded, InviteReceived
from engine.sip.messages import Uri
from engine.transport.errors import Unreachable
from engine.transport.tcp import TcpLimits
from engine.transport.tls import TlsContexts
from engine.transport.websocket import MAX_MESSAGE, WebSocketSession
from tests.eventsocket.test_tls import Authority
from tests.sip.messages_by_hand import request
from tests.transport.agents import ANSWER, OFFER, Agent, answer_everything, running
from tests.trio_tests import run_trio

VIA = "SIP/2.0/WS df7jal23ls0d.invalid"


class Browser:
    """The client's side: `received` are messages of the other, `response` what it said to the handshake."""

    def __init__(self, *, subprotocols: tuple[str, ...] = ("sip",), origin: str | None = None) -> None:
        self.protocol = ClientProtocol(
            parse_uri("ws://127.0.0.1:5080/"),
            origin=Origin(origin) if origin is not None else None,
            subprotocols=[Subprotocol(name) for name in subprotocols] or None,
        )
        self.protocol.send_request(self.protocol.connect())
        self.received: list[bytes] = []
        self.pongs: list[bytes] = []
        self.response: Response | None = None

    def take(self) -> bytes:
        return b"".join(self.protocol.data_to_send())

    def feed(self, data: bytes) -> None:
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            if isinstance(event, Response):
                self.response = event
            elif isinstance(event, Frame) and event.opcode is Opcode.PONG:
                self.pongs.append(event.data)
            elif isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY):
                self.received.append(event.data)


def open_session(browser: Browser, **options) -> WebSocketSession:
    session = WebSocketSession(**options)
    _, answer = session.receive(browser.take())
    browser.feed(answer)
    return session


def test_a_browser_that_speaks_sip_is_welcome():
    browser = Browser(subprotocols=("chat", "sip"))
    open_session(browser)
    assert browser.protocol.state is State.OPEN
    assert browser.protocol.subprotocol == "sip"


@pytest.mark.parametrize("subprotocols", [(), ("chat",)])
def test_who_does_not_speak_sip_is_not(subprotocols):
    browser = Browser(subprotocols=subprotocols)
    session = open_session(browser)
    assert browser.response is not None
    assert browser.response.status_code == 400
    assert session.is_closed


@pytest.mark.parametrize(
    ("origin", "allowed", "status"),
    [
        (None, (), 101),
        ("https://phone.example.net", ("https://phone.example.net",), 101),
        ("https://phone.example.net", ("*",), 101),
        ("https://evil.example.org", (), 403),
        ("https://evil.example.org", ("https://phone.example.net",), 403),
    ],
)
def test_only_pages_that_were_named_may_call(origin, allowed, status):
    browser = Browser(origin=origin)
    session = open_session(browser, origins=allowed)
    assert browser.response is not None
    assert browser.response.status_code == status
    assert session.is_closed == (status != 101)


def test_a_message_in_fragments_is_one_message():
    browser = Browser()
    session = open_session(browser)
    browser.protocol.send_text(b"OPTIONS ", fin=False)
    assert session.receive(browser.take()) == ([], b"")
    browser.protocol.send_continuation(b"sip:a", fin=True)
    assert session.receive(browser.take()) == ([b"OPTIONS sip:a"], b"")


def test_a_frame_octet_by_octet_is_one_message():
    browser = Browser()
    session = open_session(browser)
    browser.protocol.send_text(b"OPTIONS")
    got = [message for octet in browser.take() for message in session.receive(bytes([octet]))[0]]
    assert got == [b"OPTIONS"]


@pytest.mark.parametrize("is_fragmented", [False, True])
def test_a_message_that_is_too_long_ends_the_connection(is_fragmented: bool):
    browser = Browser()
    session = open_session(browser)
    if is_fragmented:
        browser.protocol.send_text(b"x" * 40_000, fin=False)
        browser.protocol.send_continuation(b"x" * 40_000, fin=True)
    else:
        browser.protocol.send_text(b"x" * (MAX_MESSAGE + 1))
    messages, answer = session.receive(browser.take())
    browser.feed(answer)
    assert messages == []
    assert session.is_closed
    assert browser.protocol.close_rcvd is not None
    assert browser.protocol.close_rcvd.code == CloseCode.MESSAGE_TOO_BIG


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"OPTIONS sip:a SIP/2.0\r\n\r\n", b"\0" * 10_000])
def test_what_is_no_websocket_ends(data: bytes):
    session = WebSocketSession()
    session.receive(data)
    assert session.is_closed


def test_a_ping_is_answered():
    browser = Browser()
    session = open_session(browser)
    browser.protocol.send_ping(b"there?")
    browser.feed(session.receive(browser.take())[1])
    assert browser.pongs == [b"there?"]


@pytest.mark.parametrize("message", [b"SIP/2.0 200 OK", "SIP/2.0 200 Schön".encode(), b"\xff\xfe"])
def test_what_we_send_is_one_frame(message: bytes):
    browser = Browser()
    session = open_session(browser)
    browser.feed(session.send(message))
    assert browser.received == [message]


def test_nothing_is_sent_on_a_connection_that_closes():
    browser = Browser()
    session = open_session(browser)
    browser.feed(session.close())
    assert browser.protocol.close_rcvd is not None
    assert browser.protocol.close_rcvd.code == CloseCode.GOING_AWAY
    with pytest.raises(OSError, match="not open"):
        session.send(b"SIP/2.0 200 OK")


# On real sockets.


class Connection:
    """A browser with a socket."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.browser = Browser()
        self._stream = stream

    async def say(self, message: bytes) -> None:
        self.browser.protocol.send_text(message)
        await self._stream.send_all(self.browser.take())

    async def shake_hands(self) -> None:
        await self._stream.send_all(self.browser.take())
        while self.browser.protocol.state is State.CONNECTING:
            self.browser.feed(await self._stream.receive_some())

    async def trickle(self, data: bytes) -> bool:
        """Send one octet after the other, with pauses; whether the other side took them all."""
        try:
            for octet in data:
                await self._stream.send_all(bytes([octet]))
                await trio.sleep(0.01)
        except trio.BrokenResourceError:
            return False
        return True

    async def hear(self) -> bytes:
        """The next message that is no provisional response."""
        while True:
            while not self.browser.received:
                data = await self._stream.receive_some()
                if not data:
                    return b""
                self.browser.feed(data)
            message = self.browser.received.pop(0)
            if not message.startswith(b"SIP/2.0 1"):
                return message


@asynccontextmanager
async def connected(
    transport: str = "ws", address: str = "127.0.0.1", authority: Authority | None = None, **limits
) -> AsyncIterator[tuple[Agent, Connection]]:
    """`authority` is who certifies the address, with `wss`."""
    certificate = None if authority is None else ServerCertificate(*authority.issue(address)).context
    tls = TlsContexts(ssl.create_default_context, certificate)
    agent = Agent("bob", react=answer_everything, tcp_limits=TcpLimits(**limits), tls=tls)
    async with running(agent):
        host, port = await agent.endpoint.listen(transport, address, 0)
        if authority is None:
            stream: trio.abc.Stream = await trio.open_tcp_stream(host, port)
        else:
            context = trusting(authority.file)
            stream = await trio.open_ssl_over_tcp_stream(host, port, ssl_context=context)
        yield agent, Connection(stream)
        await trio.aclose_forcefully(stream)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("transport", ["ws", "wss"])
@run_trio
async def test_a_call_over_a_websocket_is_answered_and_hung_up_on_its_connection(
    tmp_path: Path, transport: str, address: str
):
    authority = Authority(tmp_path) if transport == "wss" else None
    async with connected(transport, address, authority) as (agent, browser):
        await browser.shake_hands()
        await browser.say(request(via=VIA, body=OFFER))
        received = await agent.wait_for(InviteReceived)
        assert (received.flow.transport, received.flow.local[0]) == (transport, address)
        ok = await browser.hear()
        assert ANSWER in ok
        assert b";transport=ws>" in ok
        tag = ok.partition(b"To: ")[2].partition(b"tag=")[2].partition(b"\r\n")[0].decode()
        await browser.say(request("ACK", via=VIA, to=f"<sip:bob@192.0.2.1>;tag={tag}", branch="z9hG4bKack"))
        await browser.say(request("OPTIONS", via=VIA, to=f"<sip:bob@192.0.2.1>;tag={tag}", branch="z9hG4bKo", cseq=2))
        assert (await browser.hear()).startswith(b"SIP/2.0 200")  # the ACK has been read before
        agent.endpoint.hang_up(received.invite)
        bye = await browser.hear()
        assert bye.startswith(b"BYE ")
        host = f"[{address}]" if ":" in address else address
        assert f"Via: SIP/2.0/{transport.upper()} {host}:".encode() in bye


@run_trio
async def test_a_keep_alive_in_a_frame_is_answered():
    async with connected() as (_, browser):
        await browser.shake_hands()
        await browser.say(b"\r\n\r\n")
        assert await browser.hear() == b"\r\n"


@run_trio
async def test_a_call_ends_with_its_websocket():
    agent = Agent("bob", react=answer_everything)
    async with running(agent):
        host, port = await agent.endpoint.listen("ws", "127.0.0.1", 0)
        async with await trio.open_tcp_stream(host, port) as stream:
            browser = Connection(stream)
            await browser.shake_hands()
            await browser.say(request(via=VIA, body=OFFER))
            await browser.hear()
        assert (await agent.wait_for(InviteEnded)).by == "transport"


@run_trio
async def test_who_opens_a_websocket_and_says_nothing_is_closed():
    async with connected(silent_timeout=0.3) as (_, browser):
        await browser.shake_hands()
        assert await browser.hear() == b""


@run_trio
async def test_who_trickles_the_handshake_is_closed():
    async with connected(silent_timeout=0.3) as (_, browser):
        assert not await browser.trickle(b"GET / HTTP/1.1\r\n" + b"X-Slow: and so on\r\n" * 120)


@run_trio
async def test_who_trickles_a_message_after_the_handshake_is_closed():
    async with connected(silent_timeout=0.3) as (_, browser):
        await browser.shake_hands()
        browser.browser.protocol.send_text(b"x" * 10_000)
        assert not await browser.trickle(browser.browser.take())


@pytest.mark.parametrize("transport", ["ws", "wss"])
@run_trio
async def test_we_open_no_websocket(transport: str):
    agent = Agent("bob")
    async with running(agent):
        with pytest.raises(Unreachable, match="expected sip over udp, tcp or tls"):
            await agent.endpoint.resolve(Uri.parse(f"sip:alice@127.0.0.1:5080;transport={transport}"))
