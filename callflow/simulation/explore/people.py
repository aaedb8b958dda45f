"""Those whom a script dials: a phone for each target, made when it is dialled first, which fares as a walk wants."""

from __future__ import annotations

from callflow.simulation.phone import SimulatedPhone
from callflow.simulation.simulation import HOST, PORT, Simulation
from engine.channels.errors import CommandError
from engine.channels.origination import CHEAPEST, Enum, LeastCost, TrunkNumber, User, parse_target
from engine.sip.events import Flow
from engine.sip.messages import Uri
from engine.sip.next_hop import is_literal
from engine.sip.registration import Contact

from .option import Dialled, How

ANSWERS_AFTER = 2.0  # seconds
BUSY, UNAVAILABLE = 486, 503
_FOR_EVER = 1e9
_ENUM_HOST = "enum.invalid"  # where numbers are reached that DNS knows


class People:
    """They are found by what the script calls them."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._phones: dict[str, SimulatedPhone] = {}

    def prepare(self, targets: list[str], wanted: Dialled) -> None:
        """Have those that are about to be dialled do what is wanted; of several, the others do not answer."""
        for target in targets:
            is_meant = wanted.target in (target, None)
            self._prepare(target, wanted.how if is_meant else "does not answer")

    def find(self, target: str) -> SimulatedPhone | None:
        """The phone of that target."""
        return self._phones.get(target)

    def _prepare(self, target: str, how: How) -> None:
        try:
            number, _, trunk = target.rpartition("@")
            if number and ":" not in number and trunk != CHEAPEST:
                self._simulation.know_trunk(trunk)
            destination = parse_target(self._simulation.switch.table, target)
        except CommandError:  # the engine says so, too
            return
        match destination:
            case User(name):
                self._prepare_user(target, name, how)
            case LeastCost(trunks=(known, *_)) | TrunkNumber(trunk=known):
                self._prepare_host(target, known.spec.targets[0].uri(), how)
            case Enum(number):
                uri = Uri(user=number, host=_ENUM_HOST)
                self._simulation.numbers[number] = (str(uri),)
                self._prepare_host(target, uri, how)
            case Uri():
                self._prepare_host(target, destination, how)

    def _prepare_user(self, target: str, user: str, how: How) -> None:
        phone = self._phone(target, None)
        _behave(phone, how)
        contact = Contact(
            uri=Uri(user=user, host=phone.host, port=PORT),
            flow=Flow("udp", (HOST, PORT), (phone.host, PORT)),
            call_id=target,
            cseq=1,
            expires_at=_FOR_EVER,
        )
        self._simulation.switch.locations.store(user, [contact] if how != "is unreachable" else [])

    def _prepare_host(self, target: str, uri: Uri, how: How) -> None:
        if is_literal(uri.host):
            _behave(self._phone(target, uri.host), how)
            return
        phone = self._phone(target, self._simulation.names.get(uri.host))
        _behave(phone, how)
        self._simulation.names[uri.host] = phone.host
        if how == "is unreachable":
            del self._simulation.names[uri.host]

    def _phone(self, target: str, host: str | None) -> SimulatedPhone:
        if target not in self._phones:
            self._phones[target] = self._simulation.phone(target, registers=False, host=host)
        return self._phones[target]


def _behave(phone: SimulatedPhone, how: How) -> None:
    phone.behaves(
        answers_after=ANSWERS_AFTER if how == "answers" else None,
        rejects={"is busy": BUSY, "is unreachable": UNAVAILABLE}.get(how),
    )
