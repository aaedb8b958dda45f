"""SRTP with keys in SDP (RFC 4568): what of a=crypto we offer, take and answer, by policy. Pure: keys are passed in.

An `optional` offer is of RTP/AVP with a=crypto: whoever does not know the attribute answers without, and the call is
plain. That is what Asterisk (optimistic encryption), FreeSWITCH, snom and baresip offer and take; two m= lines, one of
RTP/SAVP and one of RTP/AVP, are answered in too many ways. A `required` offer is of RTP/SAVP, as RFC 4568 has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias

from .description import Crypto, MediaDescription, ParseError
from .errors import NotAcceptable

Policy: TypeAlias = Literal["off", "optional", "required"]
POLICIES: tuple[Policy, ...] = ("off", "optional", "required")
Attribute: TypeAlias = tuple[str, str | None]

PLAIN, SECURE = "RTP/AVP", ("RTP/SAVP", "RTP/SAVPF")

# Octets of master key and salt of what we can do (RFC 4568 6.2, RFC 6188 4, RFC 7714 14.2).
SUITES: Mapping[str, int] = MappingProxyType({
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AES_CM_128_HMAC_SHA1_32": 30,
    "AES_256_CM_HMAC_SHA1_80": 46,
    "AES_256_CM_HMAC_SHA1_32": 46,
    "AEAD_AES_128_GCM": 28,
    "AEAD_AES_256_GCM": 44,
})
# The strongest, and what every phone has. More would make INVITEs too long for UDP (RFC 3261 18.1.1).
OFFERED = ("AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80")
_MOST_TRIED = 16  # attributes of one stream


@dataclass(frozen=True, slots=True)
class Protection:
    """What both ends now do. Keys are with their salts."""

    tag: int
    suite: str
    local: bytes = field(repr=False)
    remote: bytes = field(repr=False)
    remote_mki: bytes = field(default=b"", repr=False)

    def __str__(self) -> str:
        return f"srtp {self.suite}"


class Security:
    """The a=crypto of one leg. `new_key` gives so many octets that nobody can guess; without it the policy is off."""

    def __init__(self, policy: Policy, new_key: Callable[[int], bytes] | None) -> None:
        self._policy: Policy = policy if new_key is not None else "off"
        self._new_key = new_key
        self._offered: tuple[Crypto, ...] = ()

    def offer(self, agreed: Protection | None, *, protocol: str | None) -> tuple[str, list[Attribute]]:
        """Protocol and attributes of an offer; of a stream that there is already, those that it has."""
        if protocol is not None:  # what is agreed stays: a key that is the same counts on
            self._offered = (Crypto(agreed.tag, agreed.suite, agreed.local),) if agreed is not None else ()
        elif self._policy == "off":
            protocol = PLAIN
        else:
            protocol = SECURE[0] if self._policy == "required" else PLAIN
            self._offered = self._offered or tuple(
                Crypto(tag, suite, self._key_for(suite)) for tag, suite in enumerate(OFFERED, 1)
            )
        return protocol, [_attribute(crypto) for crypto in self._offered]

    def read(self, media: MediaDescription) -> Crypto | None:
        """The first attribute of an m= line that we can do; None: it is to be plain. Raises NotAcceptable."""
        is_secure = media.protocol in SECURE
        if media.protocol != PLAIN and not is_secure:
            raise NotAcceptable(f"expected {self._expected}, got {media.protocol}")
        if self._policy == "off":
            if is_secure:
                raise NotAcceptable(f"expected {self._expected}, got {media.protocol}")
            return None
        crypto, came = _first(media)
        if crypto is None and (is_secure or self._policy == "required"):
            raise NotAcceptable(f"expected {self._expected}, got {media.protocol} with {came}")
        return crypto

    def take_answer(self, crypto: Crypto | None, agreed: Protection | None) -> Protection | None:
        """The answer to our offer. Raises NotAcceptable."""
        if crypto is None:
            if agreed is not None:
                raise NotAcceptable("expected an answer with a=crypto, as was agreed before, got none")
            return None
        ours = next((each for each in self._offered if (each.tag, each.suite) == (crypto.tag, crypto.suite)), None)
        if ours is None:
            offered = ", ".join(f"{each.tag} {each.suite}" for each in self._offered) or "no a=crypto"
            raise NotAcceptable(f"expected an answer to {offered}, got {crypto.tag} {crypto.suite}")
        return Protection(ours.tag, ours.suite, ours.key, crypto.key, crypto.mki)

    def take_offer(self, crypto: Crypto | None, agreed: Protection | None, *, is_moved: bool) -> Protection | None:
        """What our answer to an offer makes of it.

        Our key stays while nothing else changes, so that what is on its way is heard; a peer that has another key at
        another address is somebody else, who gets another.
        """
        if crypto is None:
            return None
        is_same = agreed is not None and agreed.suite == crypto.suite
        is_somebody_else = agreed is not None and is_moved and agreed.remote != crypto.key
        local = agreed.local if agreed is not None and is_same and not is_somebody_else else self._key_for(crypto.suite)
        return Protection(crypto.tag, crypto.suite, local, crypto.key, crypto.mki)

    def answer(self, agreed: Protection | None) -> list[Attribute]:
        """The attribute of our answer."""
        return [_attribute(Crypto(agreed.tag, agreed.suite, agreed.local))] if agreed is not None else []

    @property
    def _expected(self) -> str:
        expected: Mapping[Policy, str] = {
            "off": 'RTP/AVP (srtp = "off")',
            "optional": f"RTP/AVP, or RTP/SAVP with an a=crypto of {', '.join(SUITES)}",
            "required": f'RTP/SAVP with an a=crypto of {", ".join(SUITES)} (srtp = "required")',
        }
        return expected[self._policy]

    def _key_for(self, suite: str) -> bytes:
        assert self._new_key is not None, "a key is wanted, but the policy is off"
        return self._new_key(SUITES[suite])


def keys_from(new_token: Callable[[], str]) -> Callable[[int], bytes]:
    """Keys out of tokens of 64 random bits or more, in hex."""

    def new_key(length: int) -> bytes:
        octets = b""
        while len(octets) < length:
            octets += bytes.fromhex(new_token()[:16])
        return octets[:length]

    return new_key


def read_plain(media: MediaDescription) -> None:
    """That an m= line is plain RTP. Raises NotAcceptable."""
    Security("off", None).read(media)


def _attribute(crypto: Crypto) -> Attribute:
    return "crypto", str(crypto)


def _first(media: MediaDescription) -> tuple[Crypto | None, str]:
    """The first that we can do, or what came instead."""
    values = [value or "" for name, value in media.attributes if name == "crypto"]
    came: list[str] = []
    for value in values[:_MOST_TRIED]:
        try:
            crypto = Crypto.parse(value)
        except ParseError as error:
            came.append(str(error).removeprefix("Bad SDP: "))
            continue
        length = SUITES.get(crypto.suite)
        if length == len(crypto.key):
            return crypto, ""
        came.append(crypto.suite if length is None else f"{crypto.suite} with a key of {len(crypto.key)} octets")
    return None, _list(came)


def _list(came: Sequence[str]) -> str:
    return "; ".join(each[:100] for each in came[:4]) or "no a=crypto"
