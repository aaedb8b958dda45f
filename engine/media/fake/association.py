"""ICE and DTLS of fake sessions: two whose descriptions fit find each other after three ways, and others do not."""

from __future__ import annotations

from collections.abc import Callable

from engine.sdp.association import Association

from ..session import MediaEvent, MediaSecured, PeerLost, PeerReached
from .network import FakeMediaNetwork, Timer
from .voice import Address

PATIENCE = 30.0  # seconds, as on real media
PROFILE = "AEAD_AES_256_GCM"
_WAYS = 3


class FakeAssociation:
    """What one session knows of its peer. Without any it is open: nothing is awaited."""

    def __init__(
        self,
        network: FakeMediaNetwork,
        local: Address,
        fingerprint: str,
        post: Callable[[MediaEvent], None],
        on_open: Callable[[], None],
    ) -> None:
        self._network = network
        self._local = local
        self._fingerprint = fingerprint
        self._post = post
        self._on_open = on_open
        self._terms: Association | None = None
        self._peer: Address | None = None
        self._is_secured = False
        self._patience: Timer | None = None

    @property
    def is_open(self) -> bool:
        """Sound may come and go."""
        return self._terms is None or self._is_secured

    @property
    def peer(self) -> Address | None:
        """Where ICE has found the peer; None: it has not, or there is none."""
        return self._peer if self._is_secured and self._terms is not None and self._terms.local is not None else None

    def update(self, terms: Association, *, remote: Address | None) -> None:
        """More is known, or something else."""
        is_same = self._terms is not None and self._terms.fingerprints == terms.fingerprints
        self._terms = terms
        self._peer = remote if terms.local is None else self._where(terms) or remote
        self._network.associations[self._local] = self
        if not terms.fingerprints or (is_same and self._is_secured):
            return
        self._is_secured = False
        if self._patience is None:
            self._patience = self._network.call_at(self._network.now + PATIENCE, self._give_up)
        self._network.call_at(self._network.now + _WAYS * self._network.latency, self._meet)

    def close(self) -> None:
        """It is over."""
        self._network.associations.pop(self._local, None)
        self._calm()

    def _where(self, terms: Association) -> Address | None:
        for candidate in terms.candidates:
            match candidate.split():
                case [_, _, _, _, host, port, "typ", *_] if (host, int(port)) in self._network.associations:
                    return host, int(port)
        return None

    def _meet(self) -> None:
        """Does the peer's side fit ours?"""
        terms = self._terms
        if terms is None or self._is_secured or self._patience is None:
            return
        others = [each for each in self._network.associations.values() if each._fits(terms)]
        for other in others:
            if self._network.is_cut_off(self._local, other._local):
                continue
            if other._fingerprint not in terms.fingerprints:
                self._calm()
                self._post(PeerLost(f"expected the certificate that the peer's SDP told, got {other._fingerprint}"))
                return
            self._secure(other._local)
            other._secure(self._local)

    def _fits(self, theirs: Association) -> bool:
        ours = self._terms
        if ours is None or not ours.fingerprints or self._patience is None:
            return False
        return ours.local == theirs.remote and ours.remote == theirs.local and ours.is_client != theirs.is_client

    def _secure(self, peer: Address) -> None:
        self._calm()
        self._peer, self._is_secured = peer, True
        self._post(PeerReached(peer))
        self._post(MediaSecured(PROFILE))
        self._on_open()

    def _give_up(self) -> None:
        self._patience = None
        self._post(PeerLost("no address of the peer could be reached (ICE)"))

    def _calm(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
