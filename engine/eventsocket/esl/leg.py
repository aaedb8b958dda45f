"""A channel as FreeSWITCH's clients see one: its states, times and variables. Kept true by translation.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from callflow.protocol.events import ChannelCreated

from .action import Action
from .execution import Executions
from .fork import Fork
from .vocabulary import CAUSES, q850

CONTEXT = "default"
_OF_HEADERS: Mapping[str, str] = MappingProxyType({
    "user-agent": "sip_user_agent", "allow": "sip_allow", "max-forwards": "max_forwards", "via": "sip_full_via",
    "from": "sip_full_from", "to": "sip_full_to", "subject": "sip_subject",
})  # fmt: skip
_RATES: Mapping[str, int] = MappingProxyType({"opus": 48000, "G722": 16000})
PROFILE = "internal"


@dataclass(slots=True, eq=False)
class Leg:
    """Times are seconds since the epoch. `variables` are those set, by whom ever; the others are made of the facts."""

    id: str
    facts: ChannelCreated
    created_at: float
    executions: Executions = field(default_factory=Executions)
    owner: str | None = None  # the session
    destination: str = ""
    state: str = "CS_NEW"
    call_state: str = "DOWN"
    answer_state: str = "ringing"
    codec: str = ""
    progress_at: float = 0.0
    early_at: float = 0.0
    answered_at: float = 0.0
    bridged_at: float = 0.0
    transferred_at: float = 0.0
    held_at: float = 0.0
    hangup_at: float = 0.0
    cause: str = ""  # why it ends, once it is known, or asked for
    sip_status: int = 0
    hung_up_by: str = ""
    bridge: str = ""
    other: str | None = None
    other_type: str = ""
    call_uuid: str = ""
    application: str = ""
    application_data: str = ""
    is_parked: bool = False
    course: int = 0  # another whenever what runs on it is ended
    is_over: bool = False
    flags: frozenset[str] = frozenset()  # in its conference
    actions: list[Action] = field(default_factory=list)  # of its keys, and what the engine watches for now
    bound: dict[str, Action] = field(default_factory=dict)
    realm: str = ""  # of the actions that count
    playbacks: dict[str, str] = field(default_factory=dict)  # what a command plays, as the client said it
    paused: frozenset[str] = frozenset()  # of these
    recordings: dict[str, str] = field(default_factory=dict)
    displacing: dict[str, tuple[str, str]] = field(default_factory=dict)  # by path: which leg hears it, by what command
    forks: dict[str, Fork] = field(default_factory=dict)  # streams, by their commands
    files: list[str] = field(default_factory=list)  # that are removed when the call has ended
    detecting: str | None = None  # the command that listens for a tone
    variables: dict[str, str] = field(default_factory=dict)
    headers: Mapping[str, list[str]] = field(default_factory=dict)  # of the INVITE that came
    # Variables that do not change, once they are known, and as headers.
    _facts: dict[str, str] = field(default_factory=dict)
    _fact_headers: dict[str, str] = field(default_factory=dict)

    @property
    def is_inbound(self) -> bool:
        return self.facts.direction == "inbound"

    @property
    def peer(self) -> str:
        """The number at the far end."""
        party = self.facts.caller if self.is_inbound else self.facts.callee
        return party.number

    @property
    def name(self) -> str:
        """`sofia/internal/1001@192.0.2.7`."""
        party = self.facts.caller if self.is_inbound else self.facts.callee
        host = host_of(party.uri)
        return f"sofia/{PROFILE}/{party.number or self.facts.to}{'@' + host if host else ''}"

    @property
    def call_id(self) -> str:
        """The channel that the call began with."""
        return self.call_uuid or self.id

    def variable(self, name: str) -> str | None:
        """A variable that was set, or is known."""
        return self.variables[name] if name in self.variables else dict(self.known()).get(name)

    def learn(self, headers: Mapping[str, list[str]]) -> None:
        """What the INVITE that came says."""
        self.headers = headers
        self._facts.clear()
        self._fact_headers.clear()

    def variable_headers(self) -> dict[str, str]:
        """All variables, as events tell them."""
        self._learn_facts()
        changing = {f"variable_{name}": value for name, value in self._changing() if value}
        return self._fact_headers | changing | {f"variable_{name}": value for name, value in self.variables.items()}

    def known(self) -> Iterator[tuple[str, str]]:
        """The variables that are facts."""
        self._learn_facts()
        yield from self._facts.items()
        yield from self._changing()

    def _learn_facts(self) -> None:
        if not self._facts:
            self._facts.update((name, value) for name, value in self._fixed() if value)
            self._fact_headers.update((f"variable_{name}", value) for name, value in self._facts.items())

    def _changing(self) -> Iterator[tuple[str, str]]:
        yield "call_uuid", self.call_id
        yield "endpoint_disposition", {"ringing": "", "early": "EARLY MEDIA"}.get(self.answer_state, "ANSWER")
        for way in ("read", "write") if self.codec else ():
            yield f"{way}_codec", codec_name(self.codec)
            yield f"{way}_rate", str(codec_rate(self.codec))
        yield "current_application", self.application
        yield "current_application_data", self.application_data
        if self.other is not None:
            yield "bridge_uuid", self.other
            yield "signal_bond", self.other
        if self.hangup_at:
            yield from self._at_the_end()

    def _fixed(self) -> Iterator[tuple[str, str]]:
        facts = self.facts
        yield "direction", facts.direction
        yield "uuid", self.id
        yield "session_id", str(int(self.created_at))
        yield "channel_name", self.name
        for prefix, party in (("sip_from", facts.caller), ("sip_to", facts.callee)):
            host = host_of(party.uri)
            yield f"{prefix}_user", party.number
            yield f"{prefix}_host", host
            yield f"{prefix}_uri", f"{party.number}@{host}" if host else party.number
        yield "sip_from_display", facts.caller.name
        yield "sip_req_user", facts.to
        yield "sip_req_host", host_of(facts.callee.uri)
        yield "sip_req_uri", f"{facts.to}@{host_of(facts.callee.uri)}"
        yield "sip_call_id", facts.sip_call_id
        yield "sofia_profile_name", PROFILE
        yield "user_name", facts.user or ""
        yield from self._from_headers()

    def _from_headers(self) -> Iterator[tuple[str, str]]:
        for name, values in self.headers.items():
            if name.lower().startswith("x-"):
                yield f"sip_h_{name}", values[0]
            elif (variable := _OF_HEADERS.get(name.lower())) is not None:
                yield variable, values[0]
            elif name.lower() == "contact":
                uri = values[0].rpartition("<")[2].partition(">")[0]
                yield "sip_contact_uri", uri.removeprefix("sip:")
                yield "sip_contact_user", uri.removeprefix("sip:").partition("@")[0] if "@" in uri else ""
                yield "sip_contact_host", host_of(uri).partition(":")[0]

    def _at_the_end(self) -> Iterator[tuple[str, str]]:
        times = {"start": self.created_at, "answer": self.answered_at, "end": self.hangup_at,
                 "progress": self.progress_at, "progress_media": self.early_at, "bridge": self.bridged_at}  # fmt: skip
        for name, at in times.items():
            yield f"{name}_epoch", str(int(at))
            yield f"{name}_uepoch", micro(at)
        duration, billed = self.hangup_at - self.created_at, self.hangup_at - (self.answered_at or self.hangup_at)
        waited = (self.answered_at or self.hangup_at) - self.created_at
        for name, seconds in (("duration", duration), ("billsec", billed), ("waitsec", waited)):
            base = name.removesuffix("sec")
            yield name, str(round(seconds))
            yield (f"{base}msec" if name != "duration" else "mduration"), str(round(seconds * 1000))
            yield (f"{base}usec" if name != "duration" else "uduration"), micro(seconds)
        yield "answersec", str(round(waited if self.answered_at else 0))
        yield "hangup_cause", self.cause
        yield "hangup_cause_q850", str(q850(self.cause))
        yield "sip_term_status", str(self.sip_status or "")
        yield "proto_specific_hangup_cause", f"sip:{self.sip_status}" if self.sip_status else ""
        yield "sip_term_cause", str(CAUSES.get(self.cause, 16))
        yield "sip_hangup_disposition", self._disposition()
        yield "digits_dialed", "none"

    def _disposition(self) -> str:
        is_theirs = self.hung_up_by == ("caller" if self.is_inbound else "callee")
        if self.answered_at:
            return "recv_bye" if is_theirs else "send_bye"
        if is_theirs:
            return "recv_cancel" if self.is_inbound else "recv_refuse"
        return "send_refuse" if self.is_inbound else "send_cancel"


def host_of(uri: str) -> str:
    """The host of a SIP URI, with its port if it has one."""
    rest = uri.partition(":")[2] if uri.lower().startswith(("sip:", "sips:")) else uri
    return rest.rpartition("@")[2].partition(";")[0].partition("?")[0].strip("<>")


def micro(seconds: float) -> str:
    """Microseconds."""
    return str(round(seconds * 1_000_000))


def codec_name(codec: str) -> str:
    return codec.partition("/")[0]


def codec_rate(codec: str) -> int:
    if codec in _RATES:
        return _RATES[codec]
    rate = codec.partition("/")[2].partition("/")[0]
    return int(rate) if rate.isascii() and rate.isdigit() and len(rate) < 7 else 8000
