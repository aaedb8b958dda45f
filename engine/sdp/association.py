"""What descriptions say of DTLS and ICE, which browsers want: who encrypts how, and where each is reached.

Keys by DTLS-SRTP (RFC 5763, RFC 8842), their owners known by fingerprints (RFC 8122); addresses by ICE (RFC 8839), some
of which may come later (RFC 8840); one m= line in a bundle (RFC 9143). Everything is on one port (RFC 5761).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from .description import MediaDescription, SessionDescription
from .errors import NotAcceptable

PROTOCOLS = ("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP")  # what is offered, and what is taken besides
Attribute: TypeAlias = tuple[str, str | None]
Setup: TypeAlias = Literal["actpass", "active", "passive"]

_HASHES = ("sha-256", "sha-384", "sha-512")  # RFC 8122 §5: the older ones prove nothing
_MOST_CANDIDATES = 64
_HOST_PREFERENCE: Final = (126 << 24) + (65535 << 8) + 255  # RFC 8445 §5.1.2, component 1


@dataclass(frozen=True, slots=True)
class IceCredentials:
    """By whom STUN is believed (RFC 8839 §5.4)."""

    ufrag: str
    password: str


@dataclass(frozen=True, slots=True)
class Presence:
    """What we bring along: our certificate's fingerprint, and how we do ICE. `new_credentials` makes them at random."""

    fingerprint: str
    new_credentials: Callable[[], IceCredentials]
    is_lite: bool = False


@dataclass(frozen=True, slots=True)
class PeerAssociation:
    """What the peer says. `setup` None: it did not say, which means active in an answer (RFC 4145 §4.1)."""

    protocol: str
    fingerprints: tuple[str, ...]
    setup: Setup | None
    ice: IceCredentials | None  # None: it is where c= and m= say
    candidates: tuple[str, ...]
    is_lite: bool
    mid: str | None
    is_bundled: bool


@dataclass(frozen=True, slots=True)
class Association:
    """What both agreed on, or what we offered: then `fingerprints` and `remote` are empty."""

    address: tuple[str, int]  # where the peer is told that we are
    local: IceCredentials | None  # None: no ICE
    remote: IceCredentials | None
    is_lite: bool  # we are
    is_controlling: bool
    candidates: tuple[str, ...]
    is_client: bool
    fingerprints: tuple[str, ...]

    def with_candidates(self, candidates: Sequence[str]) -> Association:
        """And those that came later."""
        known = dict.fromkeys((*self.candidates, *candidates))
        return replace(self, candidates=tuple(known)[:_MOST_CANDIDATES])


def read_association(description: SessionDescription, media: MediaDescription) -> PeerAssociation | None:
    """What an m= line says; None: it is for plain RTP. Raises NotAcceptable for what we cannot do."""
    if media.protocol not in PROTOCOLS:
        return None
    said = _Said(media.attributes, description.attributes)
    fingerprints = tuple(text for text in said.all("fingerprint") if text.partition(" ")[0].lower() in _HASHES)
    if not fingerprints:
        raise NotAcceptable(f"expected a=fingerprint of {', '.join(_HASHES)} with {media.protocol}, got none")
    if not said.has("rtcp-mux"):
        raise NotAcceptable(f"expected a=rtcp-mux with {media.protocol}, got none")
    mid = said.one("mid")
    return PeerAssociation(
        protocol=media.protocol,
        fingerprints=tuple(" ".join(text.split()) for text in fingerprints),
        setup=_setup(said.one("setup")),
        ice=_credentials(said.one("ice-ufrag"), said.one("ice-pwd")),
        candidates=tuple(f"candidate:{text}" for text in said.all("candidate"))[:_MOST_CANDIDATES],
        is_lite=said.has("ice-lite"),
        mid=mid,
        is_bundled=any(
            name == "group" and (value or "").split()[:1] == ["BUNDLE"] and mid in (value or "").split()[1:]
            for name, value in description.attributes
        ),
    )


def read_candidates(fragment: str) -> tuple[str, ...]:
    """The candidates in the body of an INFO (RFC 8840 §9)."""
    lines = (line.strip() for line in fragment.splitlines())
    return tuple(line[2:] for line in lines if line.startswith("a=candidate:"))[:_MOST_CANDIDATES]


def answer_role(setup: Setup | None, *, before: bool | None) -> bool:
    """Are we the client, to an offer of this? The role that we have is kept where the offer lets us (RFC 8842 §5.3)."""
    if setup == "active":
        return False
    if setup == "passive":
        return True
    return before if before is not None else True


def offer_attributes(
    presence: Presence, local: IceCredentials | None, address: tuple[str, int], mid: str
) -> list[Attribute]:
    """What an offer says beside its codecs."""
    return _attributes(presence, local, address, mid, setup="actpass")


def answer_attributes(
    presence: Presence, agreed: Association, address: tuple[str, int], peer: PeerAssociation
) -> list[Attribute]:
    """What an answer says beside its codecs."""
    return _attributes(presence, agreed.local, address, peer.mid, setup="active" if agreed.is_client else "passive")


def session_attributes(*, mid: str | None, is_lite: bool) -> list[Attribute]:
    """What a description says of all its m= lines. `mid`: of the one that is bundled."""
    group: list[Attribute] = [("group", f"BUNDLE {mid}")] if mid is not None else []
    lite: list[Attribute] = [("ice-lite", None)] if is_lite else []
    return [*lite, *group]


def _attributes(
    presence: Presence, local: IceCredentials | None, address: tuple[str, int], mid: str | None, *, setup: str
) -> list[Attribute]:
    host, port = address
    attributes: list[Attribute] = [("rtcp-mux", None), ("setup", setup), ("fingerprint", presence.fingerprint)]
    if mid is not None:
        attributes += [("mid", mid), ("msid", "callflow audio")]
    if local is None:
        return attributes
    return [
        *attributes,
        ("ice-ufrag", local.ufrag),
        ("ice-pwd", local.password),
        ("ice-options", "trickle"),
        ("candidate", f"1 1 UDP {_HOST_PREFERENCE} {host} {port} typ host"),
        ("end-of-candidates", None),
    ]


class _Said:
    """Attributes of an m= line; what it does not say is said for all of them, if at all (RFC 8866 §5.13)."""

    def __init__(self, media: Sequence[Attribute], session: Sequence[Attribute]) -> None:
        self._levels = (media, session)

    def all(self, name: str) -> list[str]:
        for level in self._levels:
            values = [value.strip() for key, value in level if key == name and value is not None]
            if values:
                return values
        return []

    def one(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)

    def has(self, name: str) -> bool:
        return any(key == name for level in self._levels for key, _ in level)


def _setup(text: str | None) -> Setup | None:
    match text:
        case "actpass" | "active" | "passive":
            return text
        case None:
            return None
        case _:
            raise NotAcceptable(f"expected a=setup of actpass, active or passive, got {text}")


def _credentials(ufrag: str | None, password: str | None) -> IceCredentials | None:
    """RFC 8839 §5.4: 4 to 256 characters, and 22 to 256."""
    if ufrag is None or password is None:
        return None
    if not (re.fullmatch(r"[A-Za-z0-9+/]{4,256}", ufrag) and re.fullmatch(r"[A-Za-z0-9+/]{22,256}", password)):
        raise NotAcceptable("expected a=ice-ufrag and a=ice-pwd of letters, digits, + and /, got others")
    return IceCredentials(ufrag, password)
