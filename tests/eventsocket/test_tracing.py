"""The command `trace`: page by page, for those who may."""

from callflow.protocol.commands import Trace
from callflow.protocol.queries import WireMessages
from engine.eventsocket.tracing import trace_verbs
from engine.sip.events import Flow
from engine.sip.wire_log import WireLog
from tests.trio_tests import run_virtual

from .engine import ADMIN, READER, running_engine

UDP = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.9", 40000))
TCP6 = Flow("tcp", ("2001:db8::1", 5060), ("2001:db8::9", 40000), 7)


def message(call_id: str, size: int = 0) -> bytes:
    return f"OPTIONS sip:a SIP/2.0\r\nCall-ID: {call_id}\r\n\r\n{'x' * size}".encode()


async def traced(app, **arguments) -> WireMessages:
    return app.connection.data(await app.do(Trace(**arguments)), WireMessages)


@run_virtual
async def test_the_messages_of_a_call_are_told_with_their_way():
    wire = WireLog(iter((1.5, 2.5, 3.5)).__next__)
    async with running_engine() as engine:
        engine.sockets.add(trace_verbs(wire))
        app = await engine.app(token=ADMIN)
        wire.received(message("a"), UDP)
        wire.sent(message("b"), UDP)
        wire.sent(message("a"), TCP6)
        first, second = (reply := await traced(app, sip_call_ids=("a",))).messages
        assert (first.at, first.is_sent, first.transport, first.data) == (1.5, False, "udp", message("a"))
        assert (first.local, first.remote) == ("192.0.2.1:5060", "192.0.2.9:40000")
        assert (second.is_sent, second.remote) == (True, "[2001:db8::9]:40000")
        assert (reply.searched, reply.more) == (3, False)


@run_virtual
async def test_what_does_not_fit_a_reply_comes_with_the_next():
    wire = WireLog(lambda: 0.0)
    async with running_engine() as engine:
        engine.sockets.add(trace_verbs(wire))
        app = await engine.app(token=ADMIN)
        for _ in range(20):
            wire.received(message("a", 60_000), UDP)
        found, after, more = [], 0, True
        while more:
            reply = await traced(app, sip_call_ids=("a",), after=after)
            found += reply.messages
            after, more = reply.searched, reply.more
        assert [each.seq for each in found] == list(range(1, 21))
        assert len((await traced(app, sip_call_ids=("a",))).messages) < 20


@run_virtual
async def test_it_takes_the_scope_admin_and_says_whose_messages():
    async with running_engine() as engine:
        engine.sockets.add(trace_verbs(WireLog(lambda: 0.0)))
        reader, admin = await engine.app("reader", token=READER), await engine.app("admin", token=ADMIN)
        assert (await reader.do(Trace(sip_call_ids=("a",)))).error.code == "unauthorized"
        assert (await admin.do(Trace(sip_call_ids=()))).error.code == "bad_argument"
        too_many = tuple(str(number) for number in range(101))
        assert (await admin.do(Trace(sip_call_ids=too_many))).error.code == "bad_argument"
