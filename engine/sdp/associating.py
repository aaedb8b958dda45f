"""Our side of DTLS and ICE in offer and answer (RFC 8839 §4, RFC 8842 §5): what we say, what comes of the peer's."""

from __future__ import annotations

from collections.abc import Sequence

from .association import (
    PROTOCOLS,
    Association,
    Attribute,
    IceCredentials,
    PeerAssociation,
    Presence,
    answer_attributes,
    answer_role,
    offer_attributes,
    session_attributes,
)
from .stream import PROTOCOL

_OWN_MID = "0"


class Associating:
    """What one leg says of DTLS and ICE. Without a presence it says nothing, and takes nothing."""

    def __init__(self, presence: Presence | None, local: tuple[str, int], *, is_offered: bool) -> None:
        self._presence = presence
        self._local = local
        self._is_offered = is_offered and presence is not None
        self._is_lite = presence is not None and presence.is_lite
        self._credentials: IceCredentials | None = None  # ours, as long as the peer keeps its own
        self._mid: str | None = None  # of the m= line

    @property
    def protocols(self) -> Sequence[str]:
        """Those of m= lines that we take."""
        return (PROTOCOL, *PROTOCOLS) if self._presence is not None else (PROTOCOL,)

    @property
    def offered(self) -> Association | None:
        """What our offer says before there is an answer: the peer may come before that does."""
        if self._credentials is None:
            return None
        return self._associate(None, is_controlling=True, is_client=False)

    def offer(self, agreed: Association | None, *, protocol: str | None) -> tuple[str, Sequence[Attribute]]:
        """The protocol of our offer, and what its m= line says. `protocol` is what was agreed on, and stays so."""
        is_offered = self._is_offered if protocol is None else agreed is not None
        if self._presence is None or not is_offered:
            return PROTOCOL, ()
        if agreed is None or agreed.local is not None:
            self._credentials = self._credentials or self._presence.new_credentials()
        self._mid = self._mid or _OWN_MID
        attributes = offer_attributes(self._presence, self._credentials, self._local, self._mid)
        return protocol or PROTOCOLS[0], attributes

    def take_answer(self, peer: PeerAssociation | None) -> Association | None:
        """What an answer makes of our offer. A peer that does not say its role is the client (RFC 4145 §4.1)."""
        if peer is None:
            return None
        if peer.ice is None:
            self._credentials = None
        return self._associate(peer, is_controlling=True, is_client=peer.setup == "passive")

    def take_offer(self, peer: PeerAssociation | None, before: Association | None) -> Association | None:
        """What our answer makes of an offer. The peer's new credentials want new ones of ours (RFC 8445 §9)."""
        if peer is None or self._presence is None:
            return None
        if peer.ice is None:
            self._credentials = None
        elif self._credentials is None or (before is not None and before.remote != peer.ice):
            self._credentials = self._presence.new_credentials()
        self._mid = peer.mid
        # RFC 8445 §6.1.1: of a full and a lite end the full one controls, whoever offered.
        is_client = answer_role(peer.setup, before=before.is_client if before is not None else None)
        return self._associate(peer, is_controlling=peer.is_lite, is_client=is_client)

    def answer(self, agreed: Association | None, peer: PeerAssociation | None) -> Sequence[Attribute]:
        """What the m= line of our answer says."""
        if self._presence is None or agreed is None or peer is None:
            return ()
        return answer_attributes(self._presence, agreed, self._local, peer)

    def session(self, peer: PeerAssociation | None = None) -> Sequence[Attribute]:
        """What a description says of all m= lines. `peer`: whose offer it answers."""
        is_bundled = peer is None or peer.is_bundled
        is_lite = self._is_lite and self._credentials is not None
        return session_attributes(mid=self._mid if is_bundled else None, is_lite=is_lite)

    def _associate(self, peer: PeerAssociation | None, *, is_controlling: bool, is_client: bool) -> Association:
        # Two lite ends would wait for each other: we can do more, so we do.
        self._is_lite = self._presence is not None and self._presence.is_lite and not (peer and peer.is_lite)
        return Association(
            address=self._local,
            local=self._credentials,
            remote=peer.ice if peer is not None else None,
            is_lite=self._is_lite,
            is_controlling=is_controlling and not self._is_lite,
            candidates=peer.candidates if peer is not None else (),
            is_client=is_client,
            fingerprints=peer.fingerprints if peer is not None else (),
        )
