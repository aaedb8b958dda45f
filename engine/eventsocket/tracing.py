"""The command `trace`: SIP messages as they were on the wire, found by the calls that they belong to."""

from __future__ import annotations

from collections.abc import Mapping

from callflow.protocol import commands, queries
from callflow.protocol.frames import MAX_MESSAGE
from engine.channels.errors import CommandError
from engine.sip.core import host_port
from engine.sip.wire_log import WireLog, WireMessage

from .dispatch import Verb
from .session import Session

MAX_CALLS = 100  # asked for at once
_SEARCH = 10_000  # messages looked at for one reply
_MAX_OCTETS = MAX_MESSAGE // 4  # of the messages in a reply; JSON takes more


def trace_verbs(wire: WireLog) -> Mapping[type[commands.Command], Verb]:
    """What does the command."""

    def trace(session: Session, command: commands.Command) -> queries.WireMessages:
        assert isinstance(command, commands.Trace)
        session.token.expect("admin")
        wanted = frozenset(command.sip_call_ids)
        if not 1 <= len(wanted) <= MAX_CALLS:
            raise CommandError("bad_argument", f"trace: expected 1 to {MAX_CALLS} Call-IDs, got {len(wanted)}")
        found, searched = wire.find(wanted, after=command.after, count=_SEARCH, max_octets=_MAX_OCTETS)
        return queries.WireMessages(tuple(map(_told, found)), searched, more=searched < wire.last_seq)

    return {commands.Trace: trace}


def _told(message: WireMessage) -> queries.WireMessage:
    flow = message.flow
    return queries.WireMessage(
        seq=message.seq,
        at=message.at,
        is_sent=message.is_sent,
        transport=flow.transport,
        local=host_port(flow.local),
        remote=host_port(flow.remote),
        data=message.data,
    )
