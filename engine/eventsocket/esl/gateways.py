"""sofia: the state of the profile, of the registrations, and of the gateways, which are our trunks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, cast
from xml.sax.saxutils import escape

from callflow.protocol.commands import Registrations, TrunksCommand
from callflow.protocol.queries import RegistrationState, TrunkState

from .asked import Asked
from .hub import Hub
from .leg import PROFILE

_PAGE = 1000
_LINE = "=" * 97
_STATES = {"registered": "REGED", "registering": "TRYING", "failed": "FAIL_WAIT", "": "NOREG"}
_REFUSED = "-ERR {} is not done by this door: see callflow's configuration\n"


Spelling: TypeAlias = Callable[[str, str, Sequence[dict[str, str]]], str]  # a title, what an item is called, the items


async def sofia(asking: Asked, arguments: str) -> str:
    """`status [profile P [reg [USER]] | gateway [G]]`, as XML by `xmlstatus`; `profile P COMMAND`."""
    verb, *words = arguments.split() or [""]
    if verb == "profile":
        return _command(words)
    if verb not in ("status", "xmlstatus"):
        return "-USAGE: sofia status|xmlstatus [profile <name> [reg [<user>]]|gateway [<name>]]\n"
    kind, *names = words or [""]
    spelled = _xml if verb == "xmlstatus" else _plain
    match kind:
        case "":
            return _overview(asking.hub, await _trunks(asking.hub))
        case "profile":
            return await _profile(asking.hub, names, spelled)
        case "gateway" | "gateways":
            return await _gateways(asking.hub, names, spelled)
    return "Invalid Args!\n"


def _command(words: Sequence[str]) -> str:
    if not words or words[0] != PROFILE:
        return "Invalid Profile!\n"
    what = words[1] if len(words) > 1 else ""
    if what == "rescan":  # there is nothing that could have changed
        return "+OK scan complete\n"
    if what == "killgw":
        return "-ERR no such gateway.\n"
    return _REFUSED.format(f"sofia profile {what}".strip()[:64])


def _overview(hub: Hub, trunks: Sequence[TrunkState]) -> str:
    """Programs look for a line with the profile's name and `sip:mod_sofia@ADDRESS:PORT`."""
    lines = [f"{'Name':>25s}\t{'Type':>7s}\t{'Data':>39s}\tState", _LINE]
    for address in hub.addresses():
        lines.append(f"{PROFILE:>25s}\tprofile\t{'sip:mod_sofia@' + address:>39s}\tRUNNING ({len(hub.legs)})")
    for trunk in trunks:
        name = f"{PROFILE}::{trunk.id}"
        lines.append(f"{name:>25s}\tgateway\t{_target(trunk):>39s}\t{_STATES[trunk.registration]}")
    return "\n".join([*lines, _LINE]) + f"\n{len(hub.addresses())} profiles 0 aliases\n\n"


async def _profile(hub: Hub, names: Sequence[str], spelled: Spelling) -> str:
    if not names or names[0] != PROFILE:
        return "Invalid Profile!\n"
    if len(names) > 1 and names[1] == "reg":
        user = names[2] if len(names) > 2 else ""
        answer = await hub.steering.command(None, Registrations(limit=_PAGE))
        states = cast("list[RegistrationState]", answer)  # the protocol says so
        rows = [_registration(hub, state) for state in states if user.partition("@")[0] in ("", state.user)]
        return spelled("registrations", "registration", rows) + (
            f"Total items returned: {len(rows)}\n{_LINE}\n" if spelled is _plain else ""
        )
    address = next(iter(hub.addresses()), "")
    row = {
        "Name": PROFILE,
        "Domain Name": hub.domain,
        "Dialplan": "XML",
        "Context": "default",
        "SIP-IP": address.rpartition(":")[0],
        "URL": f"sip:mod_sofia@{address}",
        "BIND-URL": f"sip:mod_sofia@{address}",
        "CALLS-IN": str(sum(leg.is_inbound for leg in hub.legs.values())),
        "CALLS-OUT": str(sum(not leg.is_inbound for leg in hub.legs.values())),
    }
    return spelled("profile", "profile-info", [row])


async def _gateways(hub: Hub, names: Sequence[str], spelled: Spelling) -> str:
    trunks = await _trunks(hub)
    if names:
        trunks = [trunk for trunk in trunks if trunk.id == names[0].rpartition("::")[2]]
        if not trunks:
            return "Invalid Gateway!\n"
    return spelled("gateways", "gateway", [_gateway(trunk) for trunk in trunks])


async def _trunks(hub: Hub) -> Sequence[TrunkState]:
    return cast("list[TrunkState]", await hub.steering.command(None, TrunksCommand(limit=_PAGE)))


def _gateway(trunk: TrunkState) -> dict[str, str]:
    return {
        "Name": trunk.id,
        "Profile": PROFILE,
        "Proxy": _target(trunk),
        "State": _STATES[trunk.registration],
        "Status": "UP" if trunk.is_up else "DOWN",
        "PingState": str(int(trunk.is_up)),
        "CallsIN": "0",
        "CallsOUT": str(trunk.calls),
    }


def _target(trunk: TrunkState) -> str:
    return f"sip:{trunk.targets[0].target.partition(':')[2]}" if trunk.targets else ""


def _registration(hub: Hub, state: RegistrationState) -> dict[str, str]:
    _, _, address = state.source.partition(":")
    return {
        "Call-ID": state.id,
        "User": f"{state.user}@{hub.domain}",
        "Contact": f'"" <{state.contact}>',
        "Status": f"Registered(UDP)(unknown) EXP({int(state.expires_at)})",
        "IP": address.rpartition(":")[0],
        "Port": address.rpartition(":")[2],
        "Auth-User": state.user,
        "Auth-Realm": hub.domain,
    }


def _plain(title: str, item: str, rows: Sequence[dict[str, str]]) -> str:
    blocks = ["\n".join(f"{name:<16s}\t{value}" for name, value in row.items()) + "\n" for row in rows]
    return "\n".join([f"\n{title.capitalize()}:\n{_LINE}", *blocks]) + f"{'' if blocks else chr(10)}{_LINE}\n"


def _xml(title: str, item: str, rows: Sequence[dict[str, str]]) -> str:
    lines = ['<?xml version="1.0" encoding="ISO-8859-1"?>', f"<{title}>"]
    for row in rows:
        cells = [f"    <{_tag(name)}>{escape(value)}</{_tag(name)}>" for name, value in row.items()]
        lines += [f"  <{item}>", *cells, f"  </{item}>"]
    return "\n".join([*lines, f"</{title}>"]) + "\n"


def _tag(name: str) -> str:
    return name.lower().replace(" ", "-")
